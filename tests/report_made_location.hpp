// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_REPORT_MADE_LOCATION_HPP
#define QFA_TESTS_REPORT_MADE_LOCATION_HPP

#include <cstddef>
#include <string>
#include <vector>

#include "qfa/locate/locate_damage.hpp"
#include "report_estimates.hpp"

namespace qfa_test {

/// Four layers, half of whose damage the second carries; the last lies behind the hook.
inline qfa::damage_location made_location() {
  qfa::damage_location out;
  out.policy = "rtn:bits=4";
  out.kind = qfa::unit_kind::layers;
  out.features = 200;
  out.effective_groups = {8.5, 40.0};
  const double shares[]{0.25, 0.5, 0.25, 0.0};
  for (std::size_t u = 0; u < 4; ++u) {
    qfa::located_unit unit;
    unit.name = "layer " + std::to_string(u);
    unit.weights = 1024;
    if (u == 1) unit.bits = 4096.0;
    unit.reaches_hook = u < 3;
    unit.isolated.all = shares[u];
    unit.share = unit.left_out_share = made_estimate(shares[u], 0.9 * shares[u], 1.1 * shares[u]);
    if (u == 3) unit.share.range = {};
    unit.kl = made_estimate(0.25, 0.2, 0.3);
    out.units.push_back(unit);
  }
  out.whole.all = 0.75;
  out.whole.limited = 3;
  out.whole.lost = 1;
  out.whole.silent = {0, 5};
  out.noise = made_estimate(0.75, 0.5, 1.25, qfa::interval_scale::log);
  out.adds_up = {made_estimate(1.0, 0.9, 1.1), 0.8, 1.2, 198, 2};
  out.total_additivity = made_estimate(0.75, 0.7, 0.8);
  out.ranking = made_estimate(1.0, 0.95, 1.0);
  out.ranked = 3;
  out.worst = 1;
  out.second = 2;
  out.lead = made_estimate(0.23, 0.2, 0.26, qfa::interval_scale::identity);
  out.worst_share = made_estimate(0.48, 0.44, 0.52);
  out.carriers = 2;
  out.carried = made_estimate(0.72, 0.6, 0.8);
  out.depths = qfa::depth_profile{.kl = made_estimate(0.125, 0.1, 0.15), .depths = {}};
  const double recovered[]{0.0, 0.25, 0.9};
  for (std::size_t d = 0; d < 3; ++d) {
    const double entering = recovered[d] - (d == 0 ? 0.0 : recovered[d - 1]);
    out.depths->depths.push_back({d, made_estimate(recovered[d], recovered[d] - 0.01, recovered[d] + 0.01),
                                  made_estimate(entering, entering - 0.02, entering + 0.02)});
  }
  return out;
}

}  // namespace qfa_test

#endif
