// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_ADDITIVITY_HPP
#define QFA_LOCATE_ADDITIVITY_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/budget/choice_table.hpp"
#include "qfa/core/error.hpp"
#include "qfa/locate/feature_noise.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Whether damage adds up: A_j = nu_j(all units compressed) / sum_t nu_j(unit t alone) over features.
struct unit_additivity {
  /// Within these, sums over units may stand for the whole.
  static constexpr double least = additive_range::least, most = additive_range::most;

  estimate median;  ///< of A_j, the lower one; interval on log
  double lower_quartile = std::numeric_limits<double>::quiet_NaN();
  double upper_quartile = std::numeric_limits<double>::quiet_NaN();
  std::size_t features = 0;  ///< with an A_j, infinite ones included: lost by all, by no unit alone
  std::size_t undefined =
      0;  ///< nothing happens to them, or a unit alone loses them and so do all: A_j is 0/0 or inf/inf

  /// Whether the median and both quartiles lie within: the middle half of the features, not the one in the middle.
  bool holds() const noexcept {
    return additive_range::holds(lower_quartile) && additive_range::holds(median.value) &&
           additive_range::holds(upper_quartile);
  }
};

namespace detail {

/// The value that a share q of the sorted values lies below, and of the two next to that place the lower: an order
/// statistic, since values may be infinite.  NaN of none.
inline double lower_quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

/// A_j of the features that have one.  Noise counts as `gone` at most, and a feature that is so far gone on both sides
/// has none.
inline std::vector<double> additivities(std::span<const double> all, std::span<const double> sum,
                                        double gone = std::numeric_limits<double>::infinity()) {
  std::vector<double> out;
  for (std::size_t f = 0; f < all.size(); ++f) {
    if (all[f] >= gone && sum[f] >= gone) continue;
    const bool from_nothing = sum[f] == 0.0 && all[f] > 0.0;
    const double a = from_nothing     ? std::numeric_limits<double>::infinity()
                     : all[f] >= gone ? ratio(gone, sum[f])
                                      : ratio(all[f], sum[f] >= gone ? gone : sum[f]);
    if (!std::isnan(a)) out.push_back(a);
  }
  return out;
}

}  // namespace detail

/// Adds up nu over units, feature by feature, for `measure_additivity`.
class noise_total {
 public:
  /// Throws for other features or groups than those of the units before.
  void operator()(const feature_noise& unit) {
    if (units_++ == 0) {
      all_ = unit.all;
      without_ = unit.without;
      return;
    }
    require(unit.all.size() == all_.size() && unit.without.size() == without_.size(),
            "units of one total are measured on the same features and groups");
    for (std::size_t f = 0; f < all_.size(); ++f)
      all_[f] += unit.all[f];
    for (std::size_t i = 0; i < without_.size(); ++i)
      without_[i] += unit.without[i];
  }

  std::span<const double> all() const noexcept { return all_; }
  std::span<const double> without_group(std::size_t group) const noexcept {
    return std::span(without_).subspan(group * all_.size(), all_.size());
  }

 private:
  std::size_t units_ = 0;
  std::vector<double> all_;      // (features)
  std::vector<double> without_;  // (groups, features)
};

namespace detail {

inline unit_additivity describe_additivities(const std::vector<double>& a, std::size_t features) {
  unit_additivity out;
  out.features = a.size();
  out.undefined = features - a.size();
  out.lower_quartile = lower_quantile(a, 0.25);
  out.median.value = lower_quantile(a, 0.5);
  out.upper_quartile = lower_quantile(a, 0.75);
  return out;
}

}  // namespace detail

/// Noise counts as `gone` at most.  Where nothing is limited, medians and quartiles take infinite values as they are.
/// Throws where the two differ in features.
inline unit_additivity measure_additivity(const feature_noise& all, const noise_total& units,
                                          double gone = std::numeric_limits<double>::infinity()) {
  require(units.all().size() == all.features(),
          "a total of units is of the features that all of them were measured on");
  const auto median = [](std::vector<double> a) { return detail::lower_quantile(std::move(a), 0.5); };
  unit_additivity out = detail::describe_additivities(detail::additivities(all.all, units.all(), gone), all.features());
  out.median = jackknife(
      out.median.value, all.groups,
      [&](std::size_t g) { return median(detail::additivities(all.without_group(g), units.without_group(g), gone)); },
      {.scale = interval_scale::log});
  return out;
}

}  // namespace qfa

#endif
