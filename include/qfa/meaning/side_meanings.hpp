// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_SIDE_MEANINGS_HPP
#define QFA_MEANING_SIDE_MEANINGS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/meaning/placed_tokens.hpp"
#include "qfa/meaning/token_weights.hpp"
#include "qfa/meaning/top_contexts.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/firings_by_feature.hpp"

namespace qfa {

/// What the features of one model mean, gathered block by block: where each fires most, and on which tokens, the even
/// and the odd groups of rows apart.
///
/// Nothing here depends on how rows are cut or merged.  Memory: 600 bytes a feature for contexts, and 20 for every
/// distinct (feature, token id, half) that fires, of current and of previous tokens: at most 80 bytes for each firing,
/// and in practice a small part of that, since features fire on few ids; never tokens x features.
class side_meanings {
 public:
  /// The empty one: merging into it adopts the other's features.
  side_meanings() = default;
  explicit side_meanings(std::size_t features) : contexts_(features), weights_(kinds * features) {}

  /// Codes of whole rows, and where their tokens stand.  Throws where these differ in tokens, and for another width.
  void operator()(const sparse_codes& codes, const placed_tokens& places) {
    require(codes.tokens() == places.kept() && codes.width() == features(),
            "meanings are gathered of whole rows, of one dictionary");
    const firings_by_feature fired(codes);
    contexts_(fired, places);
    constexpr std::size_t block = 64;
    parallel_for((features() + block - 1) / block, [&](std::size_t b) {
      std::array<std::vector<token_weights::firing>, kinds> found;
      for (std::size_t j = b * block; j < (std::min)(features(), (b + 1) * block); ++j) {
        for (const auto& [t, value] : fired[j]) {
          const std::size_t half = places.group_of(t) % 2;
          found[half].push_back({places.current(t), value});
          if (const std::uint32_t id = places.previous(t); id != no_token) found[2 + half].push_back({id, value});
        }
        for (std::size_t kind = 0; kind < kinds; ++kind) {
          if (!found[kind].empty()) weights_[j * kinds + kind](found[kind]);
          found[kind].clear();
        }
      }
    });
  }

  side_meanings& operator+=(const side_meanings& other) {
    if (other.weights_.empty()) return *this;
    if (weights_.empty()) return *this = other;
    contexts_ += other.contexts_;
    for (std::size_t i = 0; i < weights_.size(); ++i)
      weights_[i] += other.weights_[i];
    return *this;
  }

  std::size_t features() const noexcept { return contexts_.features(); }
  const top_contexts& contexts() const noexcept { return contexts_; }
  /// Over the even (half 0) or odd (half 1) groups of rows, by the token that fires or the one before it.
  const token_weights& half(std::size_t feature, std::size_t half, bool of_previous = false) const noexcept {
    return weights_[feature * kinds + (of_previous ? 2 : 0) + half];
  }
  /// Over all rows.
  token_weights tokens(std::size_t feature, bool of_previous = false) const {
    token_weights all = half(feature, 0, of_previous);
    return all += half(feature, 1, of_previous);
  }
  /// How much the rows alone make of a difference: the divergence between even and odd groups.
  double divergence_of_halves(std::size_t feature, bool of_previous = false) const {
    return divergence(half(feature, 0, of_previous), half(feature, 1, of_previous));
  }

  bool operator==(const side_meanings&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.contexts_, self.weights_);
  }

 private:
  static constexpr std::size_t kinds = 4;  // current even, current odd, previous even, previous odd

  top_contexts contexts_;
  std::vector<token_weights> weights_;  // (features, kinds)
};

static_assert(mergeable<side_meanings, const sparse_codes&, const placed_tokens&>);

}  // namespace qfa

#endif
