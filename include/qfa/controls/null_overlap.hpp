// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_NULL_OVERLAP_HPP
#define QFA_CONTROLS_NULL_OVERLAP_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "qfa/compare/overlap.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Whether two compressions fail the same features more than any two perturbations do.
///
/// Weak features fail first under whatever comes, so independence is no null for the Jaccard index J of what did not
/// survive A and B.  Unrelated noise of the same size is: B gives way to noise matched to it, of which the features
/// with the least r count as failed, as many as B fails, and J_null is the J of that with what A fails.  The same with
/// A's noise and B; J_null is the mean over sides and seeds.
struct null_overlap {
  set_sizes sizes;           ///< of what A and B fail
  estimate jaccard;          ///< interval on logit
  estimate null_jaccard;     ///< J_null, interval on logit
  estimate excess;           ///< J - J_null, the same groups left out of both; interval on no scale
  std::size_t controls = 0;  ///< overlaps that J_null is the mean of
};

/// `noise_of_a` and `noise_of_b` are the controls that there are of either, one may be empty; all samples are of the
/// same features and groups.  Values are NaN where A and B both fail nothing, and J_null where there is no control.
inline null_overlap compare_with_null(const damage_sample& a, const damage_sample& b,
                                      std::span<const damage_sample> noise_of_a,
                                      std::span<const damage_sample> noise_of_b, double limit = 0.9) {
  const auto fits = [&](const damage_sample& s) { return s.groups == a.groups && s.features() == a.features(); };
  require(fits(b) && std::ranges::all_of(noise_of_a, fits) && std::ranges::all_of(noise_of_b, fits),
          "an overlap is compared with its null on the same features and groups");
  null_overlap out;
  out.controls = noise_of_a.size() + noise_of_b.size();
  std::vector<double> real(a.groups + 1), null(a.groups + 1), excess(a.groups + 1);
  parallel_for(a.groups + 1, [&](std::size_t g) {  // the last is of all groups
    const std::vector<std::uint8_t> in_a = not_surviving(a.without(g), limit),
                                    in_b = not_surviving(b.without(g), limit);
    const set_sizes sizes = count_overlap(in_a, in_b);
    double sum = 0.0;
    for (const damage_sample& noise : noise_of_b)
      sum += jaccard(count_overlap(in_a, least_correlated(noise.without(g), sizes.b)));
    for (const damage_sample& noise : noise_of_a)
      sum += jaccard(count_overlap(least_correlated(noise.without(g), sizes.a), in_b));
    if (g == a.groups) out.sizes = sizes;
    real[g] = jaccard(sizes);
    null[g] = ratio(sum, static_cast<double>(out.controls));
    excess[g] = real[g] - null[g];
  });
  const auto estimated = [&](const std::vector<double>& values, interval_scale scale) {
    return jackknife(values.back(), std::span(values).first(a.groups), {.scale = scale});
  };
  out.jaccard = estimated(real, interval_scale::logit);
  out.null_jaccard = estimated(null, interval_scale::logit);
  out.excess = estimated(excess, interval_scale::identity);
  return out;
}

}  // namespace qfa

#endif
