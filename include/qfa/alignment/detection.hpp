// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_DETECTION_HPP
#define QFA_ALIGNMENT_DETECTION_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/alignment/direction.hpp"
#include "qfa/alignment/paired_activations.hpp"
#include "qfa/compare/correlation.hpp"
#include "qfa/core/error.hpp"
#include "qfa/stats/wilson.hpp"

namespace qfa {

/// d': the distance of two classes' means over their standard deviation within the classes, both classes together,
/// divided by the number of values.  NaN where nothing varies within the classes; throws without values of either.
inline double discriminability(std::span<const double> harmful, std::span<const double> harmless) {
  require(!harmful.empty() && !harmless.empty(), "d' needs values of both classes");
  double squares = 0.0;
  const auto mean_of = [&squares](std::span<const double> values) {
    double mean = 0.0;
    for (const double x : values)
      mean += x;
    mean /= static_cast<double>(values.size());
    for (const double x : values)
      squares += (x - mean) * (x - mean);
    return mean;
  };
  const double gap = mean_of(harmful) - mean_of(harmless);
  if (squares == 0.0) return std::numeric_limits<double>::quiet_NaN();
  return gap / std::sqrt(squares / static_cast<double>(harmful.size() + harmless.size()));
}

/// What compression does to a direction's power to tell the classes apart, the direction being the reference's.
struct detection_loss {
  double d_reference = std::numeric_limits<double>::quiet_NaN();  ///< d' along the direction
  double d_compressed = std::numeric_limits<double>::quiet_NaN();
  double correlation = std::numeric_limits<double>::quiet_NaN();  ///< Pearson's, of a prompt's two projections
  proportion sign_flips;                                          ///< prompts that change sides of the midpoint

  double loss() const noexcept { return d_reference - d_compressed; }
};

/// `prompts` must be others than those that the direction and its midpoint were fitted on.  A projection on the
/// midpoint itself is on neither side, and no flip.  Throws as paired_activations::validate does.
inline detection_loss compare_detection(const contrast_direction& direction, const paired_activations& prompts) {
  prompts.validate();
  const std::span<const double> unit(direction.unit);
  std::vector<double> before = projections(prompts.harmful, unit),
                      after = projections(prompts.harmful_compressed, unit);
  const std::vector<double> before_harmless = projections(prompts.harmless, unit),
                            after_harmless = projections(prompts.harmless_compressed, unit);
  detection_loss out;
  out.d_reference = discriminability(before, before_harmless);
  out.d_compressed = discriminability(after, after_harmless);
  before.insert(before.end(), before_harmless.begin(), before_harmless.end());
  after.insert(after.end(), after_harmless.begin(), after_harmless.end());
  out.correlation = pearson(before, after);
  out.sign_flips.trials = before.size();
  for (std::size_t i = 0; i < before.size(); ++i)
    if ((before[i] - direction.midpoint) * (after[i] - direction.midpoint) < 0.0) ++out.sign_flips.hits;
  return out;
}

/// How well the direction itself is kept where each model finds its own.  Keeping it does not mean keeping behavior:
/// cosines above 0.97 went with changed refusals (see detection_loss).
struct direction_stability {
  double cosine = std::numeric_limits<double>::quiet_NaN();      ///< of the two models' directions
  double split_half = std::numeric_limits<double>::quiet_NaN();  ///< the ceiling: of the reference's two halves
};

/// Of the prompts that directions are fitted on.  Throws as find_direction and split_half_cosine do.
inline direction_stability stability_of(const paired_activations& fitted) {
  fitted.validate();
  return {cosine(find_direction(fitted.harmful, fitted.harmless).unit,
                 find_direction(fitted.harmful_compressed, fitted.harmless_compressed).unit),
          split_half_cosine(fitted.harmful, fitted.harmless)};
}

}  // namespace qfa

#endif
