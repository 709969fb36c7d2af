// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_STEERING_SUMS_HPP
#define QFA_STEERING_STEERING_SUMS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "qfa/core/error.hpp"
#include "qfa/core/exact.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/model/soft_maximum.hpp"
#include "qfa/stats/feature_statistics.hpp"

namespace qfa {

/// How one edit of activations moves two models' logits on the same tokens:
///
///   delta = logits(h + a v) - logits(h), less its mean over the vocabulary, in the reference (d) and compressed (d~)
///   gain      g   = E<d, d~> / E|d|^2                   1 where the compressed model responds as strongly
///   fidelity  cos = E<d, d~> / sqrt(E|d|^2 E|d~|^2)     1 where it responds in the same direction
///   shift         = E d[target], E d~[target]           of one token's logit
///
/// Products of floats are exact in double and summed in one order; the means are taken out of the sums, which costs no
/// digits as long as an edit does not raise all logits by more than it tells them apart.
struct steering_sums {
  double product = 0.0;           ///< sum of <d, d~>
  double reference = 0.0;         ///< sum of |d|^2
  double compressed = 0.0;        ///< sum of |d~|^2
  double reference_shift = 0.0;   ///< sum of d[target]
  double compressed_shift = 0.0;  ///< sum of d~[target]
  std::uint64_t tokens = 0;

  /// One token's changes of logits, (vocabulary) each, not centered.  Throws unless both are of one vocabulary, which
  /// has the target.
  void operator()(std::span<const float> ours, std::span<const float> theirs, std::size_t target) {
    require(ours.size() == theirs.size() && target < ours.size(),
            "changes of logits are compared over one vocabulary, in which the target is a token");
    const auto n = static_cast<double>(ours.size());
    const auto sum = [&](auto term) { return detail::sum_in_lanes(ours.size(), term); };
    const auto a = [&](std::size_t i) { return static_cast<double>(ours[i]); };
    const auto b = [&](std::size_t i) { return static_cast<double>(theirs[i]); };
    const double sum_a = sum(a), sum_b = sum(b);
    product += sum([&](std::size_t i) { return a(i) * b(i); }) - rounded_product(sum_a, sum_b / n);
    reference += sum([&](std::size_t i) { return a(i) * a(i); }) - rounded_product(sum_a, sum_a / n);
    compressed += sum([&](std::size_t i) { return b(i) * b(i); }) - rounded_product(sum_b, sum_b / n);
    reference_shift += a(target) - sum_a / n;
    compressed_shift += b(target) - sum_b / n;
    ++tokens;
  }

  steering_sums& operator+=(const steering_sums& other) noexcept {
    product += other.product;
    reference += other.reference;
    compressed += other.compressed;
    reference_shift += other.reference_shift;
    compressed_shift += other.compressed_shift;
    tokens += other.tokens;
    return *this;
  }
  bool operator==(const steering_sums&) const = default;

  /// NaN where the reference does not respond.
  double gain() const noexcept { return ratio(product, reference); }
  /// In [-1, 1]; NaN where one of the models does not respond.
  double fidelity() const noexcept {
    const double cosine = ratio(product, std::sqrt(reference * compressed));
    return std::isnan(cosine) ? cosine : std::clamp(cosine, -1.0, 1.0);
  }
  /// Means over tokens; NaN of none.
  double mean_reference_shift() const noexcept { return ratio(reference_shift, static_cast<double>(tokens)); }
  double mean_compressed_shift() const noexcept { return ratio(compressed_shift, static_cast<double>(tokens)); }
};

static_assert(mergeable<steering_sums, std::span<const float>, std::span<const float>, std::size_t>);

/// The least dose at which a model's shift, linear between (0, 0) and the doses, reaches `wanted`: infinite where it
/// never does.  `doses` increase from above 0, with a shift each.  Throws where the two differ in length.
inline double equal_dose(std::span<const double> doses, std::span<const double> shifts, double wanted) {
  require(doses.size() == shifts.size(), "a dose curve needs one shift for each dose");
  double x0 = 0.0, y0 = 0.0;
  for (std::size_t i = 0; i < doses.size(); ++i) {
    const double x1 = doses[i], y1 = shifts[i];
    if ((std::min)(y0, y1) <= wanted && wanted <= (std::max)(y0, y1))
      return y0 == y1 ? x0 : x0 + (wanted - y0) / (y1 - y0) * (x1 - x0);
    x0 = x1;
    y0 = y1;
  }
  return std::numeric_limits<double>::infinity();
}

/// The exchange rate of steering at a dose: the compressed model's equal dose for what the reference does there, over
/// the reference's own.  Above 1, the compressed model needs more of the vector for the same effect; infinite where no
/// dose does as much, NaN where the reference does not shift.
///
/// Where the reference's shifts rise with the doses, its own equal dose is the dose itself.  Where they saturate or
/// turn back, a lesser dose does as much, and that is the one to divide by: of two models alike the rate is 1 at every
/// dose.  Throws where `dose` is beyond `doses`, and where these have not one shift each.
inline double exchange_rate(std::span<const double> doses, std::span<const double> reference_shifts,
                            std::span<const double> compressed_shifts, std::size_t dose) {
  require(dose < doses.size() && reference_shifts.size() == doses.size(),
          "an exchange rate is of one of the doses, of which each has the reference's shift");
  const double wanted = reference_shifts[dose];
  if (std::isnan(wanted)) return wanted;
  return ratio(equal_dose(doses, compressed_shifts, wanted), equal_dose(doses, reference_shifts, wanted));
}

}  // namespace qfa

#endif
