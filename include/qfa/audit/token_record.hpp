// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_TOKEN_RECORD_HPP
#define QFA_AUDIT_TOKEN_RECORD_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/audit/token_damage.hpp"
#include "qfa/core/error.hpp"
#include "qfa/stats/group_sums.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// By what tokens are sorted into buckets, and in which each is.
enum class token_sort : std::uint8_t { position, frequency, entropy, top_probability };
inline constexpr std::array<std::string_view, 4> token_sort_names{"position", "frequency", "entropy",
                                                                  "top_probability"};

namespace detail {

inline constexpr std::array<double, 5> entropy_edges{0.0, 0.5, 1.0, 2.0, 3.0};         // nats
inline constexpr std::array<double, 5> probability_edges{0.0, 0.25, 0.5, 0.75, 0.95};  // to 1, which the last holds
inline constexpr std::size_t powers_of_two = 40;  // 0, 1, 2 to 3, 4 to 7 and so on: more tokens than any audit has

inline std::span<const double> edges_of(token_sort by) noexcept {
  return by == token_sort::entropy ? std::span<const double>(entropy_edges) : probability_edges;
}

}  // namespace detail

constexpr std::size_t bucket_count(token_sort by) noexcept {
  return by == token_sort::position || by == token_sort::frequency ? detail::powers_of_two
                                                                   : detail::probability_edges.size();
}

/// Which bucket the token is in: positions and frequencies by powers of two, [low, high).
inline std::size_t bucket_of(token_sort by, const token_damage& token) noexcept {
  const auto by_power = [](std::uint64_t x) {
    return (std::min)(detail::powers_of_two - 1, static_cast<std::size_t>(std::bit_width(x)));
  };
  if (by == token_sort::position) return by_power(token.position);
  if (by == token_sort::frequency) return by_power(token.frequency);
  const auto edges = detail::edges_of(by);
  const double x = by == token_sort::entropy ? token.entropy : token.top_probability;
  return static_cast<std::size_t>((std::max)(std::ptrdiff_t{1}, std::ranges::upper_bound(edges, x) - edges.begin()) -
                                  1);
}

/// Where the bucket begins, and where it ends: infinity where it has no end.
inline std::array<double, 2> bucket_bounds(token_sort by, std::size_t bucket) noexcept {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (by == token_sort::position || by == token_sort::frequency)
    return {bucket == 0 ? 0.0 : std::ldexp(1.0, static_cast<int>(bucket) - 1),
            bucket + 1 == detail::powers_of_two ? infinite : std::ldexp(1.0, static_cast<int>(bucket))};
  const auto edges = detail::edges_of(by);
  if (bucket + 1 < edges.size()) return {edges[bucket], edges[bucket + 1]};
  return {edges[bucket], by == token_sort::entropy ? infinite : 1.0};
}

/// Damage of the tokens of one bucket, added up.
struct token_sums {
  std::uint64_t tokens = 0;
  double kl = 0.0;
  std::uint64_t cosines = 0, jaccards = 0, shifts = 0;       // tokens on which each is defined
  double cosine = 0.0, jaccard = 0.0, relative_shift = 0.0;  // sums over these

  void operator()(const token_damage& token) noexcept {
    const auto add = [](double value, double& sum, std::uint64_t& count) {
      if (std::isnan(value)) return;
      sum += value;
      ++count;
    };
    ++tokens;
    kl += token.kl;
    add(token.cosine, cosine, cosines);
    add(token.jaccard, jaccard, jaccards);
    add(token.relative_shift, relative_shift, shifts);
  }
  token_sums& operator+=(const token_sums& other) noexcept {
    tokens += other.tokens;
    kl += other.kl;
    cosines += other.cosines;
    jaccards += other.jaccards;
    shifts += other.shifts;
    cosine += other.cosine;
    jaccard += other.jaccard;
    relative_shift += other.relative_shift;
    return *this;
  }
  bool operator==(const token_sums&) const = default;
};

/// What ranks need of a token: 16 bytes.  The code's turn is 1 - cosine, of which a float holds more than of a cosine
/// near 1; NaN is undefined.
struct ranked_token {
  float kl = 0.0f;
  float turn = 0.0f;
  float jaccard = 0.0f;
  float relative_shift = 0.0f;
};

/// Damage token by token, gathered by groups of rows.
///
/// Means by bucket are sums, over all tokens.  Ranks need the tokens themselves: those of every `stride`-th row are
/// kept, so that they are at most about `most_ranked` (4 MiB), whatever the length of the stream; which rows these are
/// follows from their numbers alone.  Tokens are added in their order and a group is filled by one process: the bits do
/// not depend on where blocks are cut, and records of different groups merge without rounding.
class token_record {
 public:
  static constexpr std::size_t most_ranked = std::size_t{1} << 18;

  /// The empty one: merging into it adopts the other's groups.
  token_record() = default;
  /// Of rows with `per_row` tokens each that are analyzed and scored.
  token_record(const row_groups& rows, std::size_t per_row, std::size_t most = most_ranked)
      : rows_(rows),
        stride_((std::max<std::size_t>)(1, (rows.rows() * per_row + most - 1) / most)),
        groups_(rows.groups()) {}

  /// Whole rows from `first_row` on, equally many tokens of each.  Throws where they are not, or go beyond the last
  /// row.
  void operator()(std::size_t first_row, std::size_t rows, std::span<const token_damage> tokens) {
    require(rows > 0 && tokens.size() % rows == 0 && first_row + rows <= rows_.rows(),
            "damage of tokens comes in whole rows");
    const std::size_t step = tokens.size() / rows;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::size_t row = first_row + i / step;
      group_damage& into = groups_[rows_.group_of(row)];
      into.add(tokens[i]);
      if (row % stride_ == 0)
        into.ranked.push_back({static_cast<float>(tokens[i].kl), static_cast<float>(1.0 - tokens[i].cosine),
                               static_cast<float>(tokens[i].jaccard), static_cast<float>(tokens[i].relative_shift)});
    }
  }

  /// Throws for a record of other rows, or of other ones of their tokens.
  token_record& operator+=(const token_record& other) {
    if (other.groups() == 0) return *this;
    if (groups() == 0) return *this = other;
    require(rows_ == other.rows_ && stride_ == other.stride_,
            "damage of tokens merges only with that of the same rows");
    groups_ += other.groups_;
    return *this;
  }

  /// The same over fewer groups of the same rows.
  token_record joined(const row_groups& groups) const {
    token_record out = *this;
    out.rows_ = groups;
    out.groups_ = groups_.joined(rows_.places_among(groups));
    return out;
  }

  std::size_t groups() const noexcept { return groups_.groups(); }
  /// Every so many rows, counted from the first, are ranked.
  std::size_t stride() const noexcept { return stride_; }
  /// The sums of one bucket in one group.
  token_sums sums(token_sort by, std::size_t bucket, std::size_t group) const noexcept {
    const auto& all = groups_[group].buckets;
    return all.empty() ? token_sums{} : all[offset_of(by) + bucket];
  }
  std::span<const ranked_token> ranked(std::size_t group) const noexcept { return groups_[group].ranked; }

  /// For archives (io/archive.hpp): equal records give equal bytes.
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.rows_, self.stride_, self.groups_);
  }

 private:
  static constexpr std::array<token_sort, 4> sorts{token_sort::position, token_sort::frequency, token_sort::entropy,
                                                   token_sort::top_probability};
  static constexpr std::size_t offset_of(token_sort by) noexcept {
    std::size_t out = 0;
    for (const token_sort other : sorts)
      if (other < by) out += bucket_count(other);
    return out;
  }

  struct group_damage {
    std::vector<token_sums> buckets{};  // of all sorts, one after the other; empty before the first token
    std::vector<ranked_token> ranked{};

    void add(const token_damage& token) {
      if (buckets.empty()) buckets.resize(offset_of(sorts.back()) + bucket_count(sorts.back()));
      for (const token_sort by : sorts)
        buckets[offset_of(by) + bucket_of(by, token)](token);
    }
    group_damage& operator+=(const group_damage& other) {
      if (other.buckets.empty()) return *this;
      if (buckets.empty()) return *this = other;
      for (std::size_t i = 0; i < buckets.size(); ++i)
        buckets[i] += other.buckets[i];
      ranked.insert(ranked.end(), other.ranked.begin(), other.ranked.end());
      return *this;
    }

    template <class Self, class Archive>
    static void members(Self& self, Archive& archive) {
      archive(self.buckets, self.ranked);
    }
  };

  row_groups rows_;
  std::size_t stride_ = 1;
  group_sums<group_damage> groups_;
};

}  // namespace qfa

#endif
