// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_BENCH_GROUPS_HPP
#define QFA_LOCATE_BENCH_GROUPS_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/locate/feature_noise.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// By which groups of rows a bench concludes what it gathers: the same, or neighbors joined where rows depend on each
/// other for longer than half a group.  What even groups choose and odd ones judge is by 16 of them at fewest
/// (stats/row_groups.hpp: groups_for_halves).  Records are gathered by the shortest, so that processes that share rows
/// merge them without rounding, whatever is joined later.
class bench_groups {
 public:
  bench_groups() = default;
  /// As they are gathered, or joined until a group holds two blocks of `block_length` rows, 8 at fewest.
  explicit bench_groups(const row_groups& gathered, double block_length = 0.0)
      : gathered_(gathered), whole_(lengthen(gathered, block_length)), halves_(groups_for_halves(gathered, whole_)) {}

  const row_groups& gathered() const noexcept { return gathered_; }
  const row_groups& whole() const noexcept { return whole_; }    ///< that intervals leave out
  const row_groups& halves() const noexcept { return halves_; }  ///< `whole`, or shorter ones
  bool joined() const noexcept { return !(whole_ == gathered_); }

  /// Noise of a table by gathered groups.
  feature_noise noise(const noise_table& table) const {
    if (!joined()) return table.noise();
    feature_noise out = table.joined(gathered_.places_among(whole_)).noise();
    if (halves_ == whole_) return out;
    feature_noise halves = table.joined(gathered_.places_among(halves_)).noise();
    out.half = std::move(halves.half);
    out.half_without = std::move(halves.half_without);
    return out;
  }

  /// Sums by gathered groups, by those of halves.
  std::vector<comparison_sum> by_halves(std::span<const comparison_sum> sums) const {
    return add_up(sums, gathered_.places_among(halves_));
  }
  /// Sums by groups of halves, by the whole's.
  std::vector<comparison_sum> by_whole(std::span<const comparison_sum> sums) const {
    return add_up(sums, halves_.places_among(whole_));
  }

 private:
  static std::vector<comparison_sum> add_up(std::span<const comparison_sum> sums,
                                            std::span<const std::uint32_t> places) {
    require(sums.size() == places.size(), "sums of losses are joined with a place for each of their groups");
    std::vector<comparison_sum> out(std::size_t{places.back()} + 1);
    for (std::size_t g = 0; g < sums.size(); ++g)
      out[places[g]] += sums[g];
    return out;
  }

  row_groups gathered_, whole_, halves_;
};

}  // namespace qfa

#endif
