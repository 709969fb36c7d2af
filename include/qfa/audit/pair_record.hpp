// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_PAIR_RECORD_HPP
#define QFA_AUDIT_PAIR_RECORD_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/reconstruction_sums.hpp"

namespace qfa {

/// What came or went between two models on the same tokens, gathered block by block: firings, counted, those on the
/// first analyzed position of the rows apart.
class pair_record {
 public:
  /// Codes of whole rows of equally many tokens, `rows` of them.  Throws where they are not.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed, std::size_t rows) {
    require(rows > 0 && reference.tokens() == compressed.tokens() && compressed.tokens() % rows == 0,
            "two sides are compared on whole rows of the same tokens");
    const std::size_t step = compressed.tokens() / rows;
    for (std::size_t t = 0; t < compressed.tokens(); ++t) {
      const std::uint64_t flips = flips_of(reference[t].features, compressed[t].features);
      flips_ += flips;
      if (t % step == 0) first_flips_ += flips;
    }
  }

  pair_record& operator+=(const pair_record& other) {
    flips_ += other.flips_;
    first_flips_ += other.first_flips_;
    return *this;
  }

  /// The first position's share of all firings that came or went; NaN where none did.
  double first_flip_share() const noexcept {
    return detail::quotient(static_cast<double>(first_flips_), static_cast<double>(flips_));
  }

  bool operator==(const pair_record&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.flips_, self.first_flips_);
  }

 private:
  /// Features in one of a token's two lists but not in both.
  static std::uint64_t flips_of(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) noexcept {
    std::size_t common = 0;
    for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
      common += a[i] == b[j];
      const bool step_a = a[i] <= b[j], step_b = b[j] <= a[i];
      i += step_a;
      j += step_b;
    }
    return a.size() + b.size() - 2 * common;
  }

  std::uint64_t flips_ = 0;
  std::uint64_t first_flips_ = 0;
};

static_assert(mergeable<pair_record, const sparse_codes&, const sparse_codes&, std::size_t>);

}  // namespace qfa

#endif
