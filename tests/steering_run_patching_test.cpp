// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/run_patching.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/rtn.hpp"

namespace steering_run_patching_test {

using namespace qfa;
using namespace qfa_test;

namespace {

/// The tiny model, but what block 1's MLP adds to channel 5 is lost.
language_model without_channel_5() {
  language_model model = tiny_model();
  for (const char* name : {"gpt_neox.layers.1.mlp.dense_4h_to_h.weight", "gpt_neox.layers.1.mlp.dense_4h_to_h.bias"}) {
    shared_tensor& tensor = model.tensors.at(name);
    std::vector<float> values = *tensor.values;
    const std::size_t columns = values.size() / 64;
    for (std::size_t i = 0; i < columns; ++i)
      values[5 * columns + i] = 0.0f;
    tensor = share(tensor.shape, values);
  }
  return model;
}

struct patched_audit {
  sae dictionary = lossless_sae(64);
  audit_settings settings = tiny_settings();
  token_rows rows = random_rows(128, 12, 97);
  audited_model models{tiny_model(), dictionary, settings, false, {}};
  audit_result result{};
  std::vector<compression_recipe> recipes{};

  template <class Run, class Make>
  void add(const std::string& name, Run run, Make make) {
    model_audit audit(tiny_model(), dictionary, rows, settings);
    run(audit);
    result = audit.result();
    recipes = {{name, make}};
  }
  finished_models view() const { return {models, dictionary, rows, settings, result, recipes}; }
};

}  // namespace

TEST_CASE("choose_patched_rows: features are told apart on even groups, and restored on odd ones") {
  const token_rows all = random_rows(128, 12, 97);  // 32 groups of 4
  const patched_rows some = choose_patched_rows(all, {.tokens = 240, .choosing_tokens = 100'000});
  CHECK(some.measured.tokens.rows() == 20);
  CHECK(some.choosing.tokens.rows() == 64);
  CHECK(std::ranges::all_of(some.measured.group_of_row, [](std::uint32_t g) { return g % 2 == 1; }));
  CHECK(std::ranges::all_of(some.choosing.group_of_row, [](std::uint32_t g) { return g % 2 == 0; }));
  // Of long rows there would be two, and no interval.
  const patched_rows long_ones = choose_patched_rows(all, {.tokens = 24, .choosing_tokens = 24});
  CHECK(long_ones.measured.tokens.rows() == 16);
  CHECK(std::ranges::is_sorted(long_ones.measured.group_of_row));
  CHECK(long_ones.measured.filled_groups() == 16);
  CHECK(long_ones.choosing.tokens.rows() == 2);
  // 64 groups of 4 or 5 rows: those of 5 lie together among the odd ones, and evenly spread rows miss some.
  for (const std::size_t rows : {267U, 290U, 291U})
    CHECK(choose_patched_rows(random_rows(rows, 2, 97), {.tokens = 64}).measured.filled_groups() == 32);
  CHECK_THROWS_WITH(choose_patched_rows(random_rows(4, 12, 97), {}), doctest::Contains("two groups of rows"));
  // By the audit's groups: odd ones of 16, of eight rows each.
  const patched_rows joined = choose_patched_rows(all, {.tokens = 100'000}, row_groups(128, 16));
  CHECK(joined.measured.tokens.rows() == 64);
  CHECK(joined.measured.groups == 16);
  CHECK(joined.measured.filled_groups() == 8);
  CHECK(joined.measured.tokens.view()(0, 0) == all.view()(8, 0));
}

TEST_CASE("run_patching: damage of one channel comes back with its features, which r finds") {
  patched_audit a;
  a.add(
      "one channel", [](model_audit& audit) { audit.run_model(without_channel_5(), "one channel"); },
      [&a] { return a.models.take(without_channel_5(), {}, {}); });
  const patching_findings found = run_patching(a.view(), {.shares = {0.02, 0.5}, .seeds = 2});
  CHECK(found.groups == 16);
  CHECK(found.tokens == 64 * 12);
  REQUIRE(found.conditions.size() == 1);
  const patched_condition& c = found.conditions.front();
  CHECK(c.kl.value > 1e-4);
  CHECK(c.kl.range.dof == 15.0);
  CHECK(c.activations.value == doctest::Approx(1.0).epsilon(1e-9));
  CHECK(c.everything.value == doctest::Approx(1.0).epsilon(1e-6));
  const auto at = [&](const std::string& what) {
    const auto point = std::ranges::find(c.points, what, &restored_point::what);
    REQUIRE(point != c.points.end());
    return *point;
  };
  // Features 5 and 69 are channel 5's two signs; nothing else is changed.
  const restored_point few = at("2 %");
  CHECK(few.features >= 2);
  CHECK(few.worst.value > 0.99);
  CHECK(few.loudest.value > 0.99);
  CHECK(std::fabs(few.all_but_worst.value) < 1e-4);
  CHECK(few.energy_share == doctest::Approx(1.0));
  CHECK(few.random.value < 0.7);
  CHECK(few.worst_over_random.value > 0.3);
  // As much energy takes all until both are in.
  CHECK(few.random_features > 10.0);
  CHECK(few.random_energy.value > 0.99);
  CHECK(found.notes.empty());
  // By the groups of an audit that joined its own: features are told apart on the even ones of these 16.
  a.result.groups = row_groups(128, 8);
  a.result.halves = row_groups(128, 16);
  const patching_findings joined = run_patching(a.view(), {.shares = {0.02}, .seeds = 1});
  CHECK(joined.groups == 8);
  CHECK(joined.conditions.front().kl.range.dof == 7.0);
  REQUIRE(joined.notes.size() == 1);
  CHECK(joined.notes[0].find("halves are of 16 groups of rows, since half of the audit's 8") == 0);
}

TEST_CASE("run_patching: what is lost behind the hook does not come back, whatever is restored before it") {
  patched_audit a;
  const target_patterns last{.include = {"*layers.2.*"}};
  a.add(
      "rtn:bits=3", [&](model_audit& audit) { audit.run(rtn{.bits = 3}, last); },
      [&] { return a.models.compress_by(any_policy(rtn{.bits = 3}), last); });
  const patching_findings found = run_patching(a.view(), {.tokens = 300, .shares = {0.1}, .seeds = 1});
  const patched_condition& c = found.conditions.front();
  CHECK(c.kl.value > 1e-4);
  CHECK(c.everything.value == 0.0);
  CHECK(c.activations.value == 0.0);
  CHECK(c.bands[0] == c.ordered);
  for (const restored_point& p : c.points)
    CHECK(p.worst.value == 0.0);
}

TEST_CASE("run_patching: the same bytes for every number of threads, and nothing to restore is said so") {
  patched_audit a;
  a.add(
      "rtn:bits=3", [](model_audit& audit) { audit.run(rtn{.bits = 3}); },
      [&a] { return a.models.compress_by(any_policy(rtn{.bits = 3}), {}); });
  const any_encoder encode(a.dictionary);
  const any_decoder compressed = a.models.ready(a.recipes.front().make());
  const patched_rows rows = choose_patched_rows(a.rows, {.tokens = 300});
  const std::vector<std::vector<std::uint8_t>> sets{flags_of({}, 0, 128, true)};
  const std::size_t before = thread_count();
  set_thread_count(1);
  const std::vector<group_comparisons> alone = patch_features(a.view(), encode, compressed, rows.measured, sets);
  for (const std::size_t threads : {2U, 3U}) {
    set_thread_count(threads);
    CHECK(patch_features(a.view(), encode, compressed, rows.measured, sets) == alone);
  }
  set_thread_count(before);
  const measured_features measured = measure_features(a.view(), encode, compressed, rows.choosing);
  // All rows were audited, half of them measured here.
  double apart = 0.0;
  for (const std::uint32_t f : a.view().counted())
    apart = std::max(apart, std::fabs(measured.r[f] - a.result.conditions[1].features[f].r));
  CHECK(apart > 0.0);
  CHECK(apart < 0.2);
  for (condition_result& c : a.result.conditions)
    c.by_honest.counted.clear();
  CHECK(run_patching(a.view()).notes.size() == 1);
}

}  // namespace steering_run_patching_test
