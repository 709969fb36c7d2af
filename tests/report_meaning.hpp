// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_REPORT_MEANING_HPP
#define QFA_TESTS_REPORT_MEANING_HPP

#include <limits>
#include <string>

#include "qfa/audit/result.hpp"

namespace qfa_test {

/// Three features under one policy: the first means something else, the second moved, the third is unmeasured.
inline qfa::condition_result changed_condition() {
  qfa::condition_result c;
  c.policy = "made up";
  qfa::meaning_findings m;
  m.features.resize(3);
  m.measured = {1, 1, 0};
  m.features[0] = {.overlap = 0.5, .divergence = 0.75, .moved = 0.25, .moved_to = 2, .family_r = 0.5};
  m.features[0].born_instead = {{2, 9, 2, 1.5}};
  m.features[1] = {.overlap = 0.25, .divergence = 0.125, .moved = 1.0, .moved_to = 0, .family = 0, .family_r = 0.95};
  m.features[2].moved = 1.0;
  m.current = {
      .threshold = 0.25, .controls = 2, .compared = 2, .changed = 1, .table = {{{1, 0}, {0, 1}}}, .left_out = 0};
  m.changed_on_even = 2;
  m.changed_on_both = 1;
  m.changed = {{0, 0.8125, 0.75, 0.95, {{4, 0.75}, {1, 0.25}}, {{3, 1.0}}},
               {1, 0.5, std::numeric_limits<double>::quiet_NaN(), 0.5, {}, {}}};
  m.moved_on_even = 2;
  m.moved_on_both = 1;
  m.moved = {{1, 0, 1.0, 0.75, 60}, {0, 2, 0.5, std::numeric_limits<double>::quiet_NaN(), 0}};
  m.floor = "cast:to=bf16";
  // (Four counts that differ: each must come out under its own name.)
  m.beyond_floor = {
      .threshold = 0.0625, .controls = 2, .compared = 2, .changed = 2, .table = {{{1, 2}, {3, 4}}}, .left_out = 0};
  m.families = 1;
  m.in_families = 2;
  m.icc_of_kin = std::numeric_limits<double>::quiet_NaN();
  c.meaning = m;
  c.features.resize(3);
  c.features[0].r = c.features[1].r = 0.6;
  c.features[1].reference_firings = 100.0;
  c.features[1].both_firings = 40.0;
  return c;
}

}  // namespace qfa_test

#endif
