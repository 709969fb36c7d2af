// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_TOP_CONTEXTS_HPP
#define QFA_MEANING_TOP_CONTEXTS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/meaning/placed_tokens.hpp"
#include "qfa/sae/firings_by_feature.hpp"

namespace qfa {

/// One firing of a feature, and where.
struct context {
  float value = 0.0f;
  std::uint32_t row = 0;       ///< in the whole
  std::uint32_t position = 0;  ///< in the row

  /// The same token, however strongly it fires.
  constexpr bool same_place(const context& other) const noexcept {
    return row == other.row && position == other.position;
  }
  /// The stronger comes before the weaker, equals by row, then position.
  constexpr bool before(const context& other) const noexcept {
    return std::tuple(-value, row, position) < std::tuple(-other.value, other.row, other.position);
  }
  constexpr bool operator==(const context&) const = default;
};

/// The strongest firings of every feature, 50 of each, strongest first.
///
/// Which they are does not depend on how the rows are cut or merged.  Memory: 600 bytes a feature.
class top_contexts {
 public:
  static constexpr std::size_t most = 50;

  /// The empty one: merging into it adopts the other's features.
  top_contexts() = default;
  explicit top_contexts(std::size_t features) : of_(features) {}

  std::size_t features() const noexcept { return of_.size(); }
  std::span<const context> operator[](std::size_t feature) const noexcept { return of_[feature]; }

  /// A block's firings, at the places of its tokens.  Throws for another width.
  void operator()(const firings_by_feature& fired, const placed_tokens& places) {
    require(fired.width() == features(), "contexts are kept of one dictionary at a time");
    parallel_for((features() + block - 1) / block, [&](std::size_t b) {
      for (std::size_t j = b * block; j < (std::min)(features(), (b + 1) * block); ++j)
        for (const auto& [t, value] : fired[j])
          offer(of_[j], {value, static_cast<std::uint32_t>(places.first_row + places.row_of(t)),
                         static_cast<std::uint32_t>(places.position_of(t))});
    });
  }

  /// Throws for contexts of another number of features.
  top_contexts& operator+=(const top_contexts& other) {
    if (other.of_.empty()) return *this;
    if (of_.empty()) return *this = other;
    require(features() == other.features(), "contexts merge only with those of as many features");
    for (std::size_t j = 0; j < features(); ++j)
      for (const context& c : other.of_[j])
        offer(of_[j], c);
    return *this;
  }

  bool operator==(const top_contexts&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.of_);
  }

 private:
  static constexpr std::size_t block = 64;  // features that a thread takes at a time

  static void offer(std::vector<context>& kept, const context& c) {
    if (kept.size() == most) {
      if (!c.before(kept.back())) return;
      kept.pop_back();
    }
    kept.insert(std::ranges::lower_bound(kept, c, [](const context& a, const context& b) { return a.before(b); }), c);
  }

  std::vector<std::vector<context>> of_;
};

static_assert(mergeable<top_contexts, const firings_by_feature&, const placed_tokens&>);

/// How many places the first k of two lists have in common.
inline std::size_t shared_contexts(std::span<const context> a, std::span<const context> b, std::size_t k) {
  a = a.first((std::min)(k, a.size()));
  b = b.first((std::min)(k, b.size()));
  return static_cast<std::size_t>(std::ranges::count_if(
      a, [&](const context& c) { return std::ranges::any_of(b, [&](const context& d) { return c.same_place(d); }); }));
}

/// The share of the k strongest that both sides have, |A and B| / k, however short the lists; NaN where neither side
/// fires.
inline double context_overlap(std::span<const context> a, std::span<const context> b,
                              std::size_t k = top_contexts::most) {
  if (a.empty() && b.empty()) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(shared_contexts(a, b, k)) / static_cast<double>(k);
}

}  // namespace qfa

#endif
