// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/pruned_runs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "controls_made_up.hpp"
#include "qfa/controls/conclude_controls.hpp"
#include "scratch.hpp"

namespace controls_pruned_runs_test {

using namespace qfa;
using namespace qfa_test;

namespace {

group_deletions cost(double whole, double step = 0.0) {
  group_deletions out{whole, {}};
  for (int g = 0; g < 16; ++g)
    out.without.push_back(whole + step * g);
  return out;
}

pruned_runs made_runs() {
  return {{.sparsity = 0.25, .gap = 0.001, .across = 0.5},
          {lossy_sample({0.1f, 0.3f, 0.6f}, 1, "nearest"), cost(1.0)},
          {lossy_sample({0.3f, 0.6f, 1.2f}, 2, "across"), cost(2.0)}};
}

}  // namespace

TEST_CASE("at_equal_loss: each feature's r on the line, of all groups, of halves and without each group") {
  pruned_runs runs = made_runs();
  const damage_sample &a = runs.nearest.damage, &b = runs.across.damage;
  const damage_sample at = at_equal_loss(runs, cost(1.25, 0.01));
  CHECK(runs.match.place == 0.25);
  CHECK(runs.match.sparsity_at_equal_loss == 0.3125);
  CHECK(runs.match.reason.empty());
  CHECK(at.groups == a.groups);
  CHECK(at.in_odd == a.in_odd);
  for (std::size_t f = 0; f < 3; ++f) {
    CHECK(at.r[f] == a.r[f] + 0.25 * (b.r[f] - a.r[f]));
    CHECK(at.even[f] == a.even[f] + 0.25 * (b.even[f] - a.even[f]));
    CHECK(at.odd[f] == a.odd[f] + 0.25 * (b.odd[f] - a.odd[f]));
    const double x = a.without(3)[f], y = b.without(3)[f];
    CHECK(at.without(3)[f] == doctest::Approx(x + 0.28 * (y - x)).epsilon(1e-7));
  }
}

TEST_CASE("at_equal_loss: without a line the nearest run stands, and the report says why") {
  pruned_runs far_off = made_runs();
  CHECK(at_equal_loss(far_off, cost(4.5)).r == far_off.nearest.damage.r);
  CHECK(far_off.match.reason == unknown_place);
  CHECK(far_off.match.place == 3.5);
  CHECK(std::isnan(far_off.match.sparsity_at_equal_loss));
  pruned_runs alone = made_runs();
  alone.match.across.reset();
  CHECK(at_equal_loss(alone, cost(1.25)).r == alone.nearest.damage.r);
  CHECK(alone.match.reason.find("all sparsities") == 0);
  damage_sample other = lossy_sample({0.1f}, 1);
  check_refused([&] { interpolate(alone.nearest.damage, other, cost(0.5)); }, {"same features"});
}

TEST_CASE("carry_to_equal_loss: each seed becomes a control, with how it was matched") {
  controlled_samples samples;
  samples.excess = cost(1.5);
  samples.pruned.push_back(made_runs());
  samples.pruned.push_back(made_runs());
  carry_to_equal_loss(samples);
  CHECK(samples.of(control_kind::random_pruning).size() == 2);
  CHECK(samples.matches.size() == 2);
  CHECK(samples.matches[1].place == 0.5);
  CHECK(samples.pruned.empty());
}

}  // namespace controls_pruned_runs_test
