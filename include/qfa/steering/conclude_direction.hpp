// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_CONCLUDE_DIRECTION_HPP
#define QFA_STEERING_CONCLUDE_DIRECTION_HPP

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/steering/conclude_steering.hpp"
#include "qfa/steering/steer.hpp"
#include "qfa/steering/steering_findings.hpp"
#include "qfa/steering/steering_sums.hpp"
#include "qfa/steering/steering_vectors.hpp"

namespace qfa {

/// Vector number `number` of a record, beside a random one of equal length of the same number in `random`.  Intervals
/// are over the groups that were steered, and are refused below 8 of them.  Throws where the records differ in doses or
/// groups, or have no such vector.
inline steered_direction conclude_direction(std::string name, const steering_vector& vector, std::size_t number,
                                            std::span<const double> doses, const steering_record& own,
                                            const steering_record& random) {
  require(own.doses == doses.size() && random.doses == doses.size() && number < own.vectors &&
              number < random.vectors && own.groups == random.groups,
          "a direction is concluded from records of the same doses and groups, in which it has a number");
  const std::vector<std::size_t> filled = own.filled_groups(number);
  const auto over_groups = [&](auto statistic, interval_scale scale) {
    const auto without = [&](std::size_t i) { return statistic(filled[i]); };
    return jackknife(statistic(own.groups), filled.size(), without, {.scale = scale});
  };
  steered_direction out{std::move(name), vector.target, vector.length(), {}};
  for (std::size_t d = 0; d < doses.size(); ++d) {
    const auto of = [&](const steering_record& record, double (steering_sums::*number_of)() const noexcept,
                        interval_scale scale) {
      return over_groups([&](std::size_t g) { return (record.without(number, d, g).*number_of)(); }, scale);
    };
    direction_dose& at = out.doses.emplace_back();
    at.dose = doses[d];
    at.gain = of(own, &steering_sums::gain, interval_scale::identity);
    at.fidelity = of(own, &steering_sums::fidelity, interval_scale::atanh);
    at.reference_shift = of(own, &steering_sums::mean_reference_shift, interval_scale::identity);
    at.exchange =
        over_groups([&](std::size_t g) { return curve_of(own, number, doses, g).exchange[d]; }, interval_scale::log);
    at.random_gain = of(random, &steering_sums::gain, interval_scale::identity);
    at.random_fidelity = of(random, &steering_sums::fidelity, interval_scale::atanh);
  }
  return out;
}

}  // namespace qfa

#endif
