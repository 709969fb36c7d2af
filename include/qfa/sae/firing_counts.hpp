// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_FIRING_COUNTS_HPP
#define QFA_SAE_FIRING_COUNTS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/reconstruction_sums.hpp"

namespace qfa {

/// Tokens on which each feature of a dictionary fired.  Counts: exact in any order.
class firing_counts {
 public:
  /// Adds a batch of tokens.  Throws for codes of another width than before.
  void operator()(const sparse_codes& codes) {
    if (fired_.empty()) fired_.assign(codes.width(), 0);
    require(fired_.size() == codes.width(), "firings are counted of one dictionary at a time");
    tokens_ += codes.tokens();
    for (std::size_t t = 0; t < codes.tokens(); ++t)
      for (const std::uint32_t feature : codes[t].features)
        ++fired_[feature];
  }

  /// Throws for counts of another width.
  firing_counts& operator+=(const firing_counts& other) {
    if (other.fired_.empty()) return *this;
    if (fired_.empty()) return *this = other;
    require(fired_.size() == other.fired_.size(), "the health of two SAEs of different shapes cannot be merged");
    tokens_ += other.tokens_;
    for (std::size_t j = 0; j < fired_.size(); ++j)
      fired_[j] += other.fired_[j];
    return *this;
  }

  std::uint64_t tokens() const noexcept { return tokens_; }
  std::span<const std::uint64_t> of_features() const noexcept { return fired_; }

  /// Features that fire on a token, on average.
  double l0() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t n : fired_)
      all += n;
    return detail::quotient(static_cast<double>(all), static_cast<double>(tokens_));
  }

  /// Share of the features that never fired.
  double dead_share() const noexcept {
    const auto dead = std::count(fired_.begin(), fired_.end(), std::uint64_t{0});
    return detail::quotient(static_cast<double>(dead), static_cast<double>(fired_.size()));
  }

  bool operator==(const firing_counts&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.tokens_, self.fired_);
  }

 private:
  std::uint64_t tokens_ = 0;
  std::vector<std::uint64_t> fired_;
};

static_assert(mergeable<firing_counts, sparse_codes>);

}  // namespace qfa

#endif
