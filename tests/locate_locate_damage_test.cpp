// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/locate_damage.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/core/parallel.hpp"
#include "thread_team.hpp"

namespace locate_locate_damage_test {

using namespace qfa;
using namespace qfa_test;

namespace {

const std::string culprit = "gpt_neox.layers.1.mlp.dense_4h_to_h.weight";

/// A model in which rounding to 4 bits hurts one matrix alone: all others lie on the grid already.
language_model planted() {
  language_model model = tiny_model();
  const language_model rounded = compress(model, rtn{.bits = 4}, {.exclude = {culprit}}).model;
  // Rounding again moves nothing but the last bits of a few scales; twice, and it has settled.
  return compress(rounded, rtn{.bits = 4}, {.exclude = {culprit}}).model;
}

unit_bench bench_of(language_model model, const bench_options& options = {}) {
  return unit_bench(std::move(model), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(published), options);
}

/// A unit's measure on `groups` groups: the same in each, but for the last.
noise_sum made_sum(double all, std::size_t groups = 8) {
  noise_sum out{.all = all, .half = {all, all * 1.5}, .without = {}, .half_without = {}};
  for (std::size_t g = 0; g < groups; ++g) {
    out.without.push_back(all * (g + 1 == groups ? 0.75 : 1.0));
    out.half_without.push_back(all * (g + 1 == groups ? 0.75 : 1.5));
  }
  return out;
}

}  // namespace

TEST_CASE("locate_damage: one matrix that carries all damage is found, with a share of 1") {
  const unit_bench bench = bench_of(planted());
  const damage_location found = locate_damage(bench, rtn{.bits = 4});
  REQUIRE(found.units.size() == 3 * 6);
  CHECK(found.units[found.worst].name == culprit);
  for (const located_unit& unit : found.units) {
    CAPTURE(unit.name);
    const bool guilty = unit.name == culprit;
    CHECK(unit.reaches_hook == guilty);  // the others change nothing
    CHECK(unit.share.value == (guilty ? 1.0 : 0.0));
    CHECK(unit.left_out_share.value == (guilty ? 1.0 : 0.0));
    CHECK((unit.kl->value > 0.0) == guilty);
    CHECK((unit.excess_loss->value == 0.0) == !guilty);
  }
  CHECK(found.worst_share.value == 1.0);
  CHECK(found.noise.value > 0.0);
  CHECK(found.adds_up.median.value == 1.0);
  CHECK(found.adds_up.holds());
  REQUIRE(found.depths);
  CHECK(found.depths->depths[2].entering.value == 1.0);
  CHECK(found.policy == "rtn:bits=4");
  CHECK(found.features == bench.features().size());
  CHECK(std::fabs(found.compressed_fvu) < 1e-9);  // the SAE loses nothing, whatever the model
  CHECK(found.effective_groups[0] >= 1.0);
  CHECK(found.effective_groups[1] <= 10.0);
}

TEST_CASE("locate_damage: by head, the same bits for every number of threads and of ranks") {
  const auto numbers = [](const team& ranks = {}) {
    const damage_location found = locate_damage(bench_of(tiny_model(), {.ranks = ranks}), rtn{.bits = 4},
                                                {.kind = unit_kind::heads, .weighting = {feature_weighting::mass}});
    std::vector<double> out{found.noise.value, found.worst_share.value, found.adds_up.median.range.upper,
                            found.total_additivity.value, found.ranking.value};
    for (const located_unit& unit : found.units)
      out.insert(out.end(), {unit.share.value, unit.left_out_share.value, unit.kl->value, unit.excess_loss->value});
    for (const patched_depth& depth : found.depths->depths)
      out.push_back(depth.recovered.value);
    return out;
  };
  const std::vector<double> expected = numbers();
  CHECK(expected.size() == 5 + 15 * 4 + 4);
  CHECK(std::ranges::none_of(expected, [](double x) { return std::isnan(x); }));
  const std::size_t before = thread_count();
  for (const std::size_t threads : {std::size_t{1}, std::size_t{3}}) {
    set_thread_count(threads);
    CHECK(numbers() == expected);
  }
  set_thread_count(1);
  thread_team::run(2, [&](const team& ranks) { CHECK(numbers(ranks) == expected); });
  set_thread_count(before);
}

TEST_CASE("locate_damage: shares, totals and the choice of the worst from sums alone") {
  const std::vector<double> weights{1.0};
  feature_noise all{
      .groups = 8, .all = {6.0}, .half = {std::vector<double>{5.0}, {7.0}}, .without = {}, .half_without = {}};
  all.without = {6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 5.0};
  all.half_without = {5.0, 7.0, 5.0, 7.0, 5.0, 7.0, 5.0, 6.0};
  noise_total total;
  total(all);
  std::vector<located_unit> units(4);
  const double isolated[]{1.0, 3.0, 0.0, 0.0}, left_out[]{-0.5, 4.0, 0.0, 0.0};
  for (std::size_t u = 0; u < 4; ++u) {
    units[u].name = std::to_string(u);
    units[u].isolated = made_sum(isolated[u]);
    units[u].left_out = made_sum(left_out[u]);
  }
  units[3].reaches_hook = false;
  units[0].isolated.half[0] = 9.0;  // chosen on the even groups, by luck
  const damage_location found = conclude_location(units, total, all, weights);
  CHECK(found.units[0].share.value == 0.25);
  CHECK(found.units[1].share.value == 0.75);
  CHECK(found.units[0].left_out_share.value == doctest::Approx(-0.5 / 6.0));
  CHECK(found.units[3].share.value == 0.0);
  CHECK(found.units[3].share.range.reason == "nothing that the unit changes comes before the hook");
  CHECK(found.worst == 0);
  CHECK(found.second == 1);
  CHECK(found.worst_share.value == 0.25);  // on the odd ones
  CHECK(found.lead.value == -0.5);
  CHECK(found.carriers == 1);  // 9 of 12 there
  CHECK(found.carried.value == 0.25);
  units[0].isolated.half[0] = 2.5;
  const damage_location both = conclude_location(units, total, all, weights);
  CHECK(both.worst == 1);
  CHECK(both.carriers == 1);  // 3 of 5.5
  CHECK(both.carried.value == 0.75);
  units[2].isolated.half[0] = 1.0;
  CHECK(conclude_location(units, total, all, weights).carriers == 2);  // 3 of 6.5 are too few
  units[2].isolated.half[0] = 0.0;
  CHECK(found.total_additivity.value == 1.5);
  CHECK(found.noise.value == 6.0);
  CHECK(found.ranked == 2);
  CHECK(found.ranking.value == -1.0);
  CHECK_THROWS_WITH(conclude_location({}, total, all, weights), doctest::Contains("at least one unit"));
}

TEST_CASE("locate_damage: features weigh the same, or by what they add to the residual stream") {
  const unit_bench bench = bench_of(tiny_model(), {.losses = false});
  const auto uniform = feature_weights(bench, {});
  const auto mass = feature_weights(bench, {feature_weighting::mass});
  const std::vector<double> masses = bench.masses();
  CHECK(uniform.front() == uniform.back());
  double sum = 0.0;
  for (const double w : mass)
    sum += w;
  CHECK(sum == doctest::Approx(1.0));
  for (std::size_t i = 0; i < mass.size(); ++i)
    CHECK(mass[i] * masses[0] == doctest::Approx(mass[0] * masses[i]));
  // Two of the features, and none of them: the first two that are measured, and one that is not.
  const auto listed = [&](std::vector<std::uint32_t> list) {
    return feature_weights(bench, {feature_weighting::listed, std::move(list)});
  };
  CHECK(listed({bench.features()[0], bench.features()[1]})[1] == 0.5);
  CHECK_THROWS_WITH(listed({}), doctest::Contains("no feature that counts"));
  const auto logit = feature_weights(bench, {feature_weighting::logit});
  CHECK(logit != mass);
  CHECK(masses[0] == bench.reference().reference().table.total(bench.features()[0]).fired.either.sum_x());
  const damage_location found = locate_damage(bench, rtn{.bits = 4}, {.kind = unit_kind::layers});
  CHECK(!found.depths);
  for (const std::size_t u : {0U, 1U}) {  // sparing one of two layers saves something, and not everything
    CHECK(found.units[u].left_out_share.value > 0.05);
    CHECK(found.units[u].left_out_share.value < 0.95);
  }
}

}  // namespace locate_locate_damage_test
