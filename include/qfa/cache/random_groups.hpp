// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_RANDOM_GROUPS_HPP
#define QFA_CACHE_RANDOM_GROUPS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/groups.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/cache/rows.hpp"
#include "qfa/cache/uniform_grid.hpp"
#include "qfa/compress/counter_random.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The group of each of `elements` elements, at random: `groups` groups, at least 1, whose sizes differ by one at most.
/// By Fisher's and Yates' shuffle, from the last element down, with the random numbers of elements `first` on.  Throws
/// for 0 groups.
inline std::vector<std::size_t> random_partition(std::size_t elements, std::size_t groups, const counter_random& random,
                                                 std::size_t first) {
  require(groups > 0, "elements need at least one group");
  std::vector<std::size_t> order(elements);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = elements; i-- > 1;)
    std::swap(order[i], order[static_cast<std::size_t>(random.below(i + 1, first + i))]);
  std::vector<std::size_t> group(elements);
  for (std::size_t i = 0; i < elements; ++i)
    group[order[i]] = i % groups;
  return group;
}

/// The control of granularity: as many scales as a scale for each channel takes, over groups that mean nothing.
///
/// The elements of one call, tokens and channels together, fall at random into `groups` groups of equal size, which
/// `uniform_grid` quantizes each by its own range.  What uniform with keys=channel,values=channel spares beyond this is
/// owed to channels and not to the number of scales:
///
///   PCR_dir = 1 - F(channel) / F(random groups)     flips F
///
/// Scales are those of one call, as with uniform's lifetime=call: of one token at a time each element has its own, and
/// comes back as it was, as with a scale for each channel.  Groups depend on seed, layer, side and positions alone;
/// texts whose calls are cut alike share them.  Keys before RoPE, as published; attention reads what it leaves.
struct random_groups {
  int bits = 4;
  std::size_t groups = 0;  ///< 0: as many as there are channels; never more than elements
  std::uint64_t seed = 0;
  cache_range range = cache_range::symmetric;
  float_format arithmetic = float_format::fp32;

  static constexpr cache_point point = cache_point::before_rope;
  static constexpr attention_reads reads = attention_reads::stored;

  /// Throws where shapes disagree, on new values that are not finite, and on those too far apart for the arithmetic;
  /// keys and values are then unchanged.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) const {
    validate();
    check_arrivals(keys, values, update);
    with_format(arithmetic, [&](auto format) { quantize<decltype(format)::value>(keys, values, update); });
  }

  /// As uniform's with a scale for each channel: of a text that came in one call.  The seed stands for the groups.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const noexcept {
    const std::size_t elements = tokens * info.width();
    const int zero = range == cache_range::asymmetric ? bits : 0;
    const double side = static_cast<double>(elements) * bits +
                        static_cast<double>(groups_of(elements, info.width())) * (bits_of(arithmetic) + zero);
    return {.keys = side, .values = side};
  }

  /// How many scales the keys of so many tokens of a layer have, where they came in one call.
  std::size_t key_scales(std::size_t tokens, const cache_info& info) const noexcept {
    return groups_of(tokens * info.width(), info.width());
  }

  static constexpr std::string_view spec_name = "random_groups";
  static constexpr std::string_view summary = "control: as many scales as channels, for random groups of elements";
  static constexpr auto fields() {
    return std::tuple{field{"bits", &random_groups::bits, "2 to 8", true},
                      field{"groups", &random_groups::groups, "how many, 0 for as many as channels"},
                      field{"seed", &random_groups::seed, "of the groups", true},
                      field{"range", &random_groups::range, "which values codes span"},
                      field{"arithmetic", &random_groups::arithmetic, "what each operation is rounded to"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits outside 2 to 8.
  void validate() const {
    if (bits < 2 || bits > 8) fail("random_groups' bits must lie between 2 and 8, not " + std::to_string(bits));
  }

 private:
  std::size_t groups_of(std::size_t elements, std::size_t channels) const noexcept {
    return (std::min)(groups == 0 ? channels : groups, elements);
  }

  template <float_format F>
  void quantize(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) const {
    if (update.first_new == keys.rows()) return;
    const matrix_view<float> k = keys.rows_between(update.first_new, keys.rows());
    const matrix_view<float> v = values.rows_between(update.first_new, values.rows());
    const std::vector<float> new_k = quantized<F>(k, cache_side::keys, update);
    const std::vector<float> new_v = quantized<F>(v, cache_side::values, update);
    write_rows(new_k, k);
    write_rows(new_v, v);
  }

  template <float_format F>
  std::vector<float> quantized(matrix_view<const float> x, cache_side side, const cache_update& update) const {
    const uniform_grid<F> grid{.bits = bits, .range = range};
    std::vector<float> result = copied_rows(x);
    const std::size_t count = groups_of(result.size(), x.columns());
    const counter_random random(seed, name_of(side, update.info), random_use::permutation);
    const std::vector<std::size_t> group =
        random_partition(result.size(), count, random, update.first_new * x.columns());
    std::vector<cache_extent> extents(count);
    for (std::size_t i = 0; i < result.size(); ++i)
      extents[group[i]].take(round_to<F>(result[i]));
    std::vector<uniform_step> steps;
    for (const cache_extent& e : extents)
      steps.push_back(grid.step(e.smallest, e.largest));
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = grid(steps[group[i]], result[i]);
    if (magnitude_bits(absmax(result)) >= infinity_bits)
      fail("the " + name_of(side, update.info) +
           " are too large for random_groups with arithmetic=" + std::string(name_of(arithmetic)));
    return result;
  }
};

static_assert(named_cache_policy<random_groups> && described<random_groups>);

}  // namespace qfa

#endif
