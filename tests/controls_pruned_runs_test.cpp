// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/pruned_runs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <optional>
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
  runs.nearest.damage.changed = 3;
  runs.across.damage.changed = 2;
  const std::optional<damage_sample> carried = at_equal_loss(runs, cost(1.25, 0.01));
  REQUIRE(carried.has_value());
  const damage_sample& at = *carried;
  CHECK(runs.match.place == 0.25);
  CHECK(runs.match.sparsity_at_equal_loss == 0.3125);
  CHECK(runs.match.reason.empty());
  CHECK(at.groups == a.groups);
  CHECK(at.in_odd == a.in_odd);
  CHECK(at.changed == 3);
  for (std::size_t f = 0; f < 3; ++f) {
    CHECK(at.r[f] == a.r[f] + 0.25 * (b.r[f] - a.r[f]));
    CHECK(at.even[f] == a.even[f] + 0.25 * (b.even[f] - a.even[f]));
    CHECK(at.odd[f] == a.odd[f] + 0.25 * (b.odd[f] - a.odd[f]));
    const double x = a.without(3)[f], y = b.without(3)[f];
    CHECK(at.without(3)[f] == doctest::Approx(x + 0.28 * (y - x)).epsilon(1e-7));
  }
}

TEST_CASE("at_equal_loss: without a line there is no damage at equal loss, and the report says why") {
  pruned_runs far_off = made_runs();
  CHECK(!at_equal_loss(far_off, cost(4.5)).has_value());
  CHECK(far_off.match.reason == unknown_place);
  CHECK(far_off.match.place == 3.5);
  CHECK(std::isnan(far_off.match.sparsity_at_equal_loss));
  pruned_runs alone = made_runs();
  alone.match.across.reset();
  CHECK(!at_equal_loss(alone, cost(1.25)).has_value());
  CHECK(alone.match.reason.find("all sparsities") == 0);
  damage_sample other = lossy_sample({0.1f}, 1);
  check_refused([&] { interpolate(alone.nearest.damage, other, cost(0.5)); }, {"same features"});
}

TEST_CASE("carry_to_equal_loss: each seed at equal loss becomes a control, and all say how they were matched") {
  controlled_samples samples;
  samples.excess = cost(1.5);
  for (int seed = 0; seed < 3; ++seed)
    samples.pruned.push_back(made_runs());
  samples.pruned[1].match.across.reset();
  carry_to_equal_loss(samples);
  CHECK(samples.of(control_kind::random_pruning).size() == 2);
  REQUIRE(samples.matches.size() == 3);
  CHECK(samples.matches[2].place == 0.5);
  CHECK(!samples.matches[1].reason.empty());
  CHECK(samples.pruned.empty());
}

TEST_CASE("carry_to_equal_loss: pruning of another loss is no control, and J of pruning has no value") {
  std::vector<controlled_samples> all(2);
  for (controlled_samples& s : all) {
    s.itself = lossy_sample({0.1f, 1.5f, 1.5f}, 3);
    s.pruned.push_back(made_runs());
    s.excess = cost(7.0);
    carry_to_equal_loss(s);
    CHECK(!s.controls.contains(control_kind::random_pruning));
  }
  const null_overlap null = compare_with_null(all[0].itself, all[1].itself, all[0].of(control_kind::random_pruning),
                                              all[1].of(control_kind::random_pruning));
  CHECK(null.sizes.a > 0);
  CHECK(null.controls == 0);
  CHECK(std::isnan(null.null_jaccard.value));
}

TEST_CASE("search_equal_loss: as near as a tenth of what the policy costs, where that is less than the bar") {
  // Loss rises by 8 nats from sparsity 0 to 1: what costs .8 nats is met at .1.
  const auto loss = [](double sparsity) { return 2.0 + 8.0 * sparsity; };
  const matched_pruning dear = search_equal_loss(2.8, 2.0, 0.03, loss);
  CHECK(dear.tolerance == 0.03);
  CHECK(dear.within_tolerance);
  CHECK(std::fabs(dear.sparsity - 0.1) < 0.03 / 8.0);
  CHECK(dear.gap == doctest::Approx(8.0 * (dear.sparsity - 0.1)).epsilon(1e-9));
  REQUIRE(dear.across.has_value());
  CHECK((*dear.across < 0.1) != (dear.sparsity < 0.1));
  // .02 nats are met at .0025, which needs .002 nats and nine halvings of .95.
  const matched_pruning cheap = search_equal_loss(2.02, 2.0, 0.03, loss);
  CHECK(cheap.tolerance == doctest::Approx(0.002).epsilon(1e-9));
  CHECK(std::fabs(cheap.gap) > 0.002);
  CHECK(!cheap.within_tolerance);
  // A policy that costs nothing is met by no pruning that was tried.
  const matched_pruning none = search_equal_loss(2.0, 2.0, 0.03, loss);
  CHECK(!none.across.has_value());
  CHECK(!none.within_tolerance);
}

}  // namespace controls_pruned_runs_test
