// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_CONCLUDE_STEERING_HPP
#define QFA_STEERING_CONCLUDE_STEERING_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compare/correlation.hpp"
#include "qfa/compare/partial_correlation.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/stats/row_groups.hpp"
#include "qfa/steering/steer.hpp"
#include "qfa/steering/steering_findings.hpp"
#include "qfa/steering/steering_sample.hpp"
#include "qfa/steering/steering_sums.hpp"
#include "qfa/survival/bands.hpp"
#include "qfa/survival/lower_median.hpp"

namespace qfa {

/// The dose curve of one vector without one group; of all groups where there is none of that number.
inline dose_curve curve_of(const steering_record& record, std::size_t vector, std::span<const double> doses,
                           std::size_t left_out) {
  dose_curve out;
  for (std::size_t d = 0; d < doses.size(); ++d) {
    const steering_sums sums = record.without(vector, d, left_out);
    out.gain.push_back(sums.gain());
    out.fidelity.push_back(sums.fidelity());
    out.reference_shift.push_back(sums.mean_reference_shift());
    out.compressed_shift.push_back(sums.mean_compressed_shift());
  }
  for (std::size_t d = 0; d < doses.size(); ++d)
    out.exchange.push_back(exchange_rate(doses, out.reference_shift, out.compressed_shift, d));
  return out;
}

namespace detail {

/// Everything of a condition without one group of rows: r and curves of the steered features, in their order.
struct steering_deletion {
  std::vector<double> r;
  std::vector<dose_curve> own, random;

  std::vector<double> values(std::vector<dose_curve> steering_deletion::*curves,
                             std::vector<double> dose_curve::*number, std::size_t dose) const {
    std::vector<double> out;
    for (const dose_curve& curve : this->*curves)
      out.push_back((curve.*number)[dose]);
    return out;
  }
};

inline std::vector<double> chosen_of(std::span<const double> values, std::span<const std::size_t> chosen) {
  std::vector<double> out;
  for (const std::size_t i : chosen)
    out.push_back(values[i]);
  return out;
}

inline double mean_of(std::span<const double> values) {
  double sum = 0.0;
  for (const double x : values)
    sum += x;
  return ratio(sum, static_cast<double>(values.size()));
}

}  // namespace detail

/// What a condition's record says.  `own` has the features' vectors, `random` one of equal length for each, first and
/// in the order of `features`; `r` is the condition's in the audit, by the same groups of rows.  Dose 1 must be among
/// `doses`.  Intervals are over the groups that were steered (with r: over all, which move r, with the steered ones'
/// degrees of freedom), and are refused below 8 of them.  The least faithful feature is chosen and judged by the groups
/// of `halves`, the record of the same vectors by more groups, where `own` has too few for two halves.  Throws without
/// dose 1, where a feature has no vector, and where a record is of other groups than r.
inline steered_condition conclude_steering(std::string policy, std::span<const std::uint32_t> features,
                                           std::span<const steering_vector> vectors, const leave_one_out& r,
                                           const correlation_bands& bands, std::span<const double> doses,
                                           const steering_record& own, const steering_record& random,
                                           const steering_record* halves = nullptr) {
  require(own.vectors >= features.size() && random.vectors >= features.size() && vectors.size() == features.size() &&
              own.groups == r.groups && random.groups == r.groups,
          "steering is concluded from a vector and a random one for each feature, by the audit's groups");
  const auto unit = static_cast<std::size_t>(std::ranges::find(doses, 1.0) - doses.begin());
  require(unit < doses.size(), "steering is compared at dose 1, which must be one of the doses");
  const std::size_t groups = r.groups;
  std::vector<detail::steering_deletion> all(groups + 1);  // the last: nothing left out
  parallel_for(groups + 1, [&](std::size_t g) {
    all[g].r = silent_as_zero(g < groups ? r.without(g, features) : r.of(features));
    for (std::size_t v = 0; v < features.size(); ++v) {
      all[g].own.push_back(curve_of(own, v, doses, g));
      all[g].random.push_back(curve_of(random, v, doses, g));
    }
  });
  const detail::steering_deletion& whole = all.back();
  // Groups without a steered row tell nothing of steering.
  std::vector<std::size_t> filled, every(groups);
  if (!features.empty()) filled = own.filled_groups(0);
  std::iota(every.begin(), every.end(), std::size_t{0});
  const auto over = [&](std::span<const std::size_t> left_out, auto statistic, interval_scale scale) {
    std::vector<double> without;
    for (const std::size_t g : left_out)
      without.push_back(statistic(all[g]));
    return jackknife(statistic(whole), without, {.scale = scale, .dof = static_cast<double>(filled.size()) - 1.0});
  };
  const auto over_groups = [&](auto statistic, interval_scale scale) { return over(filled, statistic, scale); };
  // r is of all groups, each of which moves it; degrees of freedom are those of fidelity, which has fewer.
  const auto over_r = [&](auto statistic, interval_scale scale) {
    return over(filled.size() < minimum_groups ? filled : every, statistic, scale);
  };
  using deletion = detail::steering_deletion;
  // Features whose fidelity is defined whatever group is left out, at each dose.
  const auto defined_at = [&](std::size_t dose) {
    std::vector<std::size_t> out;
    for (std::size_t v = 0; v < features.size(); ++v)
      if (std::ranges::none_of(all, [&](const deletion& d) {
            return std::isnan(d.own[v].fidelity[dose]) || std::isnan(d.random[v].fidelity[dose]);
          }))
        out.push_back(v);
    return out;
  };
  const auto fidelity = [&](const deletion& d, std::span<const std::size_t> chosen, std::size_t dose,
                            std::vector<dose_curve> deletion::*curves = &deletion::own) {
    return detail::chosen_of(d.values(curves, &dose_curve::fidelity, dose), chosen);
  };
  const auto predicted = [&](std::span<const std::size_t> chosen, std::size_t dose) {
    return over_r(
        [&](const deletion& d) { return spearman(detail::chosen_of(d.r, chosen), fidelity(d, chosen, dose)); },
        interval_scale::atanh);
  };

  steered_condition out;
  out.policy = std::move(policy);
  for (std::size_t dose = 0; dose < doses.size(); ++dose) {
    const auto median = [&](std::vector<dose_curve> deletion::*curves, std::vector<double> dose_curve::*number,
                            interval_scale scale) {
      return over_groups([&](const deletion& d) { return lower_median(d.values(curves, number, dose)); }, scale);
    };
    const std::vector<std::size_t> chosen = defined_at(dose);
    dose_finding& f = out.doses.emplace_back();
    f.dose = doses[dose];
    f.gain = median(&deletion::own, &dose_curve::gain, interval_scale::identity);
    f.fidelity = median(&deletion::own, &dose_curve::fidelity, interval_scale::atanh);
    f.exchange = median(&deletion::own, &dose_curve::exchange, interval_scale::log);
    f.unreached = static_cast<std::size_t>(
        std::ranges::count_if(whole.own, [&](const dose_curve& c) { return std::isinf(c.exchange[dose]); }));
    f.random_gain = median(&deletion::random, &dose_curve::gain, interval_scale::identity);
    f.random_fidelity = median(&deletion::random, &dose_curve::fidelity, interval_scale::atanh);
    f.excess = over_groups(
        [&](const deletion& d) {
          std::vector<double> gap = fidelity(d, chosen, dose);
          const std::vector<double> control = fidelity(d, chosen, dose, &deletion::random);
          for (std::size_t i = 0; i < gap.size(); ++i)
            gap[i] -= control[i];
          return lower_median(std::move(gap));
        },
        interval_scale::identity);
    f.predicted_by_r = predicted(chosen, dose);
  }

  const std::vector<std::size_t> chosen = defined_at(unit);
  out.without_fidelity = features.size() - chosen.size();
  out.predicted_by_r = out.doses[unit].predicted_by_r;
  const auto without_feature = [&](std::size_t left_out) {
    std::vector<std::size_t> rest(chosen);
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(left_out));
    return spearman(detail::chosen_of(whole.r, rest), fidelity(whole, rest, unit));
  };
  out.over_features =
      jackknife(out.predicted_by_r.value, chosen.size(), without_feature, {.scale = interval_scale::atanh});
  out.predicted_beyond_length = over_r(
      [&](const deletion& d) {
        const std::vector<double> control = fidelity(d, chosen, unit, &deletion::random);
        if (control.size() < 4) return std::numeric_limits<double>::quiet_NaN();
        const rank_controls held(matrix_view<const double>(control.data(), control.size(), 1));
        return partial_spearman(detail::chosen_of(d.r, chosen), fidelity(d, chosen, unit), held);
      },
      interval_scale::atanh);

  std::array<std::vector<std::size_t>, 3> members;
  for (const std::size_t v : chosen)
    members[static_cast<std::size_t>(bands(whole.r[v]))].push_back(v);
  const auto mean_fidelity = [&](std::span<const std::size_t> of) {
    return band_fidelity{
        of.size(),
        over_groups([&](const deletion& d) { return detail::mean_of(fidelity(d, of, unit)); }, interval_scale::atanh)};
  };
  for (std::size_t b = 0; b < members.size(); ++b)
    out.bands[b] = mean_fidelity(members[b]);
  const std::vector<std::size_t>& survivors = members[static_cast<std::size_t>(outcome::survived)];
  std::vector<std::size_t> others = members[static_cast<std::size_t>(outcome::blurred)];
  const std::vector<std::size_t>& destroyed = members[static_cast<std::size_t>(outcome::destroyed)];
  others.insert(others.end(), destroyed.begin(), destroyed.end());
  out.not_survived = mean_fidelity(others);
  out.survivors_lead = over_groups(
      [&](const deletion& d) {
        return detail::mean_of(fidelity(d, survivors, unit)) - detail::mean_of(fidelity(d, others, unit));
      },
      interval_scale::identity);

  const steering_record& by_halves = halves != nullptr ? *halves : own;
  out.halves_of = halves != nullptr ? halves->groups : 0;
  double least = std::numeric_limits<double>::infinity();
  for (const std::size_t v : chosen)
    if (const double on_even = by_halves.half_without(v, unit, 0, by_halves.groups).fidelity(); on_even < least) {
      least = on_even;
      out.least_faithful = v;
    }
  if (!chosen.empty()) {
    const auto odd_without = [&](std::size_t g) {
      return by_halves.half_without(out.least_faithful, unit, 1, g).fidelity();
    };
    std::vector<double> on_odd;
    for (const std::size_t g : by_halves.filled_groups(out.least_faithful))
      if (g % 2 == 1) on_odd.push_back(odd_without(g));
    out.least_fidelity = jackknife(odd_without(by_halves.groups), on_odd, {.scale = interval_scale::atanh});
  }

  for (std::size_t v = 0; v < features.size(); ++v)
    out.features.push_back({features[v], whole.r[v], bands(whole.r[v]), vectors[v].target, vectors[v].length(),
                            whole.own[v], whole.random[v]});
  return out;
}

}  // namespace qfa

#endif
