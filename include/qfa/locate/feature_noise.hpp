// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_FEATURE_NOISE_HPP
#define QFA_LOCATE_FEATURE_NOISE_HPP

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/stats/comoments.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// nu = (1 - r^2) / r^2 of a feature over some tokens, silent ones included.  Infinite where r is 0, and where the
/// compressed side does not vary (it never fires, as a rule): nothing of the feature is left.  NaN where the reference
/// does not vary: there is nothing to be lost.
inline double noise_to_signal(const comoments& all) noexcept {
  if (!(all.xx > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  if (!(all.yy > 0.0)) return std::numeric_limits<double>::infinity();
  return noise_to_signal(pearson(all));
}

/// nu of some features (stats/feature_statistics.hpp), over all groups of rows, over either half of them, and without
/// each group.  8 (3 + 2 groups) bytes a feature.
///
/// Halves may be of shorter groups, more of them (stats/row_groups.hpp: groups_for_halves).
struct feature_noise {
  std::size_t groups = 0;
  std::vector<double> all;                    ///< (features)
  std::array<std::vector<double>, 2> half{};  ///< (features) over the even groups, and over the odd ones
  std::vector<double> without;                ///< (groups, features): over all groups but one
  std::vector<double> half_without;           ///< (half_groups, features): over a group's half but the group itself

  std::size_t features() const noexcept { return all.size(); }
  /// Of which the even ones are one half of the rows, and the odd ones the other.
  std::size_t half_groups() const noexcept { return all.empty() ? 0 : half_without.size() / all.size(); }
  /// Precondition: group < groups; checked by assert.
  std::span<const double> without_group(std::size_t group) const noexcept {
    assert(group < groups);
    return std::span(without).subspan(group * features(), features());
  }
  /// Precondition: group < half_groups(); checked by assert.
  std::span<const double> half_without_group(std::size_t group) const noexcept {
    assert(group < half_groups());
    return std::span(half_without).subspan(group * features(), features());
  }
  bool operator==(const feature_noise&) const = default;

  /// For archives (io/archive.hpp).  Reading throws where numbers are missing for a feature, half or group.
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.groups, self.all, self.half[0], self.half[1], self.without, self.half_without);
    if constexpr (Archive::reads) {
      const std::size_t width = self.all.size();
      const auto rows = [&](const std::vector<double>& values) { return width == 0 ? 0 : values.size() / width; };
      require(self.half[0].size() == width && self.half[1].size() == width && rows(self.without) == self.groups &&
                  self.without.size() == rows(self.without) * width &&
                  self.half_without.size() == rows(self.half_without) * width,
              "noise of features holds a number for each feature, half and group");
    }
  }
};

/// Co-moments of two models' codes for some features and every group of rows, filled token by token.
///
/// Each cell takes its tokens in the stream's order, as feature_table's does, with the same bits whatever the threads
/// and the batches.  48 bytes for each of the features and groups, whether they fire or not.  Tables of different
/// groups merge without rounding.
class noise_table {
 public:
  /// The empty one: merging into it adopts the other's features and groups.
  noise_table() = default;
  /// `chosen`: features, increasing, of a dictionary of `width`.  Throws for 0 groups, and std::out_of_range for a
  /// feature that is not below `width`.
  noise_table(std::span<const std::uint32_t> chosen, std::size_t width, std::size_t groups)
      : places_(std::make_shared<std::vector<std::uint32_t>>(width, absent)),
        features_(chosen.size()),
        tokens_(groups, 0),
        cells_(features_ * groups) {
    require(groups > 0, "a table of noise needs at least one group of rows");
    for (std::size_t i = 0; i < chosen.size(); ++i)
      places_->at(chosen[i]) = static_cast<std::uint32_t>(i);
  }

  static constexpr std::size_t bytes(std::size_t features, std::size_t groups) noexcept {
    return features * groups * sizeof(comoments);
  }

  std::size_t features() const noexcept { return features_; }
  std::size_t groups() const noexcept { return tokens_.size(); }
  /// Precondition: group < groups(), feature < features(); checked by assert.
  const comoments& cell(std::size_t group, std::size_t feature) const noexcept {
    assert(feature < features_ && group < groups());
    return cells_[group * features_ + feature];
  }

  /// A batch of tokens, the same ones on both sides, and each one's group.  Throws where codes and groups differ in
  /// tokens, for codes of another width, and for a group beyond the table's.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed,
                  std::span<const std::uint32_t> group_of_token) {
    require(reference.tokens() == compressed.tokens() && group_of_token.size() == reference.tokens(),
            "a table of noise compares token by token, and needs one group for each");
    require(reference.width() == places_->size() && compressed.width() == places_->size(),
            "a table of noise was made for a dictionary of another width than the codes'");
    for (const std::uint32_t g : group_of_token) {
      require(g < groups(), "a table of noise got a token whose group lies beyond its groups");
      ++tokens_[g];
    }
    // Threads share the dictionary, never a cell.
    const std::size_t ranges = reference.firings() + compressed.firings() < 4096 ? 1 : thread_count();
    parallel_for(ranges, [&](std::size_t i) {
      const std::size_t first = places_->size() * i / ranges, last = places_->size() * (i + 1) / ranges;
      for (std::size_t t = 0; t < group_of_token.size(); ++t)
        add(reference[t], compressed[t], group_of_token[t], first, last);
    });
  }

  /// Throws unless both are of the same features and groups.
  noise_table& operator+=(const noise_table& other) {
    if (other.groups() == 0) return *this;
    if (groups() == 0) return *this = other;
    require(*places_ == *other.places_ && groups() == other.groups(),
            "tables of noise are merged where they are of the same features and groups");
    for (std::size_t g = 0; g < groups(); ++g) {
      if (other.tokens_[g] == 0) continue;
      tokens_[g] += other.tokens_[g];
      for (std::size_t i = g * features_; i < (g + 1) * features_; ++i)
        cells_[i] += other.cells_[i];
    }
    return *this;
  }

  /// By fewer groups: those of group g are merged into the one at `places[g]`, in the order of groups.  Throws
  /// unless there is a place for each.
  noise_table joined(std::span<const std::uint32_t> places) const {
    require(places.size() == groups() && !places.empty(), "a table of noise is joined with a place for each group");
    noise_table out;
    out.places_ = places_;
    out.features_ = features_;
    out.tokens_.assign(std::size_t{places.back()} + 1, 0);
    out.cells_.resize(features_ * out.groups());
    for (std::size_t g = 0; g < groups(); ++g) {
      out.tokens_.at(places[g]) += tokens_[g];
      for (std::size_t f = 0; f < features_; ++f)
        out.cells_[places[g] * features_ + f] += cells_[g * features_ + f];
    }
    return out;
  }

  /// All but group g is what comes before it, merged with what comes after.
  feature_noise noise() const {
    feature_noise out{.groups = groups(),
                      .all = std::vector<double>(features_),
                      .half = {std::vector<double>(features_), std::vector<double>(features_)},
                      .without = std::vector<double>(features_ * groups()),
                      .half_without = std::vector<double>(features_ * groups())};
    constexpr std::size_t block = 64;
    parallel_for((features_ + block - 1) / block, [&](std::size_t b) {
      for (std::size_t f = b * block; f < (std::min)(features_, (b + 1) * block); ++f) {
        out.all[f] = over(f, 0, 1, out.without);
        for (std::size_t parity = 0; parity < 2; ++parity)
          out.half[parity][f] = over(f, parity, 2, out.half_without);
      }
    });
    return out;
  }

  bool operator==(const noise_table& other) const {
    return *places_ == *other.places_ && tokens_ == other.tokens_ && cells_ == other.cells_;
  }

  /// For archives (io/archive.hpp).  Groups without tokens take no room there.  Reading throws where cells of the
  /// others are missing.
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    std::vector<std::uint32_t> places = *self.places_;
    std::vector<comoments> seen;
    if constexpr (!Archive::reads) {
      for (std::size_t g = 0; g < self.groups(); ++g)
        if (self.tokens_[g] > 0) seen.insert(seen.end(), self.begin_of(g), self.begin_of(g + 1));
    }
    archive(self.features_, self.tokens_, places, seen);
    if constexpr (Archive::reads) {
      const auto filled = static_cast<std::size_t>(
          std::ranges::count_if(self.tokens_, [](std::uint64_t tokens) { return tokens > 0; }));
      require(self.features_ <= places.size() && seen.size() == filled * self.features_,
              "a table of noise holds one cell for each feature and group");
      self.places_ = std::make_shared<std::vector<std::uint32_t>>(std::move(places));
      self.cells_.assign(self.features_ * self.groups(), {});
      auto from = seen.begin();
      for (std::size_t g = 0; g < self.groups(); ++g) {
        if (self.tokens_[g] == 0) continue;
        std::copy_n(from, self.features_, self.begin_of(g));
        from += static_cast<std::ptrdiff_t>(self.features_);
      }
    }
  }

 private:
  static constexpr std::uint32_t absent = (std::numeric_limits<std::uint32_t>::max)();

  auto begin_of(std::size_t group) { return cells_.begin() + static_cast<std::ptrdiff_t>(group * features_); }
  auto begin_of(std::size_t group) const { return cells_.begin() + static_cast<std::ptrdiff_t>(group * features_); }

  /// Walks both lists of a token at once, over the features in [first, last) of the dictionary.
  void add(sparse_codes::token a, sparse_codes::token b, std::size_t group, std::size_t first, std::size_t last) {
    const auto from = [first](const sparse_codes::token& token) {
      return static_cast<std::size_t>(std::ranges::lower_bound(token.features, first) - token.features.begin());
    };
    const auto at = [](const sparse_codes::token& token, std::size_t i) -> std::size_t {
      return i < token.features.size() ? token.features[i] : absent;
    };
    for (std::size_t i = from(a), j = from(b);;) {
      const std::size_t of_a = at(a, i), of_b = at(b, j), feature = (std::min)(of_a, of_b);
      if (feature >= last) return;
      const std::uint32_t place = (*places_)[feature];
      if (place != absent)
        cells_[group * features_ + place](of_a == feature ? static_cast<double>(a.values[i]) : 0.0,
                                          of_b == feature ? static_cast<double>(b.values[j]) : 0.0);
      i += of_a == feature;
      j += of_b == feature;
    }
  }

  /// nu of one feature over the groups first, first + step, ..., and in `without` its values without each of them.
  double over(std::size_t feature, std::size_t first, std::size_t step, std::vector<double>& without) const {
    const auto nu = [](comoments firing, std::uint64_t tokens) {
      firing.add_zeros(tokens - firing.count);
      return noise_to_signal(firing);
    };
    const std::size_t count = groups() > first ? (groups() - first + step - 1) / step : 0;
    std::uint64_t tokens = 0;
    std::vector<comoments> after(count + 1);
    for (std::size_t i = count; i-- > 0;) {
      after[i] = cell(first + i * step, feature);
      after[i] += after[i + 1];
      tokens += tokens_[first + i * step];
    }
    comoments before;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t g = first + i * step;
      comoments rest = before;
      rest += after[i + 1];
      without[g * features_ + feature] = nu(rest, tokens - tokens_[g]);
      before += cell(g, feature);
    }
    return nu(before, tokens);
  }

  std::shared_ptr<std::vector<std::uint32_t>> places_ =
      std::make_shared<std::vector<std::uint32_t>>();  // (width): of each feature among the chosen
  std::size_t features_ = 0;
  std::vector<std::uint64_t> tokens_;  // (groups)
  std::vector<comoments> cells_;       // (groups, features)
};

static_assert(mergeable<noise_table, const sparse_codes&, const sparse_codes&, std::span<const std::uint32_t>>);

}  // namespace qfa

#endif
