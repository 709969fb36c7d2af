// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_REPORT_STEERING_HPP
#define QFA_TESTS_REPORT_STEERING_HPP

#include <limits>

#include "qfa/steering/recovery.hpp"
#include "qfa/steering/steering_findings.hpp"
#include "report_estimates.hpp"

namespace qfa_test {

/// Two features, of which one survives, steered at doses 0.5 and 1.
inline qfa::steering_findings made_up_steering() {
  qfa::steering_findings s;
  s.doses = {0.5, 1.0};
  s.hook = "blocks.2.hook_resid_post";
  s.counted = 100;
  s.rows = 64;
  s.positions = 32;
  s.tokens = 2048;
  s.groups = 16;
  s.pilot_tokens = 256;
  qfa::steered_condition& c = s.conditions.emplace_back();
  c.policy = "rtn:bits=4";
  for (const double dose : s.doses) {
    qfa::dose_finding& d = c.doses.emplace_back();
    d.dose = dose;
    d.gain = made_estimate(0.95, 0.9, 1.0);
    d.fidelity = made_estimate(0.75, 0.7, 0.8);
    d.exchange = made_estimate(1.125, 1.1, 1.2);
    d.random_gain = made_estimate(0.5, 0.4, 0.6);
    d.random_fidelity = made_estimate(0.25, 0.2, 0.3);
    d.excess = made_estimate(0.5, 0.4, 0.6);
    d.predicted_by_r = made_estimate(0.625, 0.5, 0.75);
  }
  c.doses[1].unreached = 1;
  c.predicted_by_r = c.doses[1].predicted_by_r;
  c.over_features = made_estimate(0.625, 0.25, 0.875);
  c.predicted_beyond_length = made_estimate(0.375, 0.25, 0.5);
  c.bands[0] = {1, made_estimate(0.875, 0.8, 0.9)};
  c.bands[2] = {1, made_estimate(0.625, 0.6, 0.7)};
  c.not_survived = c.bands[2];
  c.survivors_lead = made_estimate(0.25, 0.125, 0.375);
  constexpr double never = std::numeric_limits<double>::infinity();
  c.features.push_back(
      {7, 0.95, qfa::outcome::survived, 3, 2.5, {{0.9, 0.8}, {0.9, 0.875}, {1.0, 2.0}, {0.9, 1.6}, {1.1, never}}, {}});
  c.features.push_back(
      {9, 0.25, qfa::outcome::destroyed, 4, 1.5, {{0.9, 0.7}, {0.7, 0.625}, {1.0, 2.0}, {0.9, 1.6}, {1.1, 1.2}}, {}});
  c.directions.push_back({"refusal", 4, 2.5, {}});
  qfa::direction_dose& at = c.directions.back().doses.emplace_back();
  at.dose = 1.0;
  at.gain = made_estimate(0.875, 0.8, 0.9);
  at.fidelity = made_estimate(0.75, 0.7, 0.8);
  at.reference_shift = made_estimate(1.5, 1.4, 1.6);
  at.exchange = made_estimate(1.25, 1.2, 1.3);
  at.random_gain = made_estimate(0.5, 0.4, 0.6);
  at.random_fidelity = made_estimate(0.25, 0.2, 0.3);
  c.least_faithful = 1;
  c.least_fidelity = made_estimate(0.625, 0.5, 0.75);
  return s;
}

/// One set, of destroyed features.
inline qfa::patching_findings made_up_patching() {
  qfa::patching_findings p;
  p.hook = "blocks.2.hook_resid_post";
  p.counted = 100;
  p.tokens = 4096;
  p.groups = 32;
  p.choosing_tokens = 8192;
  qfa::patched_condition& c = p.conditions.emplace_back();
  c.policy = "rtn:bits=4";
  c.kl = made_estimate(0.0125, 0.01, 0.015);
  c.activations = made_estimate(0.75, 0.7, 0.8);
  c.everything = made_estimate(0.5, 0.45, 0.55);
  c.bands = {80, 15, 5};
  c.ordered = 100;
  qfa::restored_point& point = c.points.emplace_back();
  point.what = "destroyed";
  point.features = 5;
  point.energy_share = 0.125;
  point.random_features = 12.0;
  point.worst = made_estimate(0.0625, 0.05, 0.075);
  point.all_but_worst = made_estimate(0.4375, 0.4, 0.475);
  point.loudest = made_estimate(0.25, 0.2, 0.3);
  point.all_but_loudest = made_estimate(0.25, 0.2, 0.3);
  point.random = made_estimate(0.03125, 0.03, 0.0325);
  point.random_energy = made_estimate(0.125, 0.1, 0.15);
  point.worst_over_random = made_estimate(0.03125, 0.02, 0.04);
  point.worst_over_random_energy = made_estimate(-0.0625, -0.1, -0.03);
  return p;
}

}  // namespace qfa_test

#endif
