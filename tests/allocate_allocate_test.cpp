// SPDX-License-Identifier: Apache-2.0
#include "qfa/allocate/allocate.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/locate/bench_checkpoint.hpp"
#include "qfa/model/tensor_editor.hpp"
#include "qfa/report/allocation_json.hpp"
#include "scratch.hpp"
#include "thread_team.hpp"

namespace allocate_allocate_test {

using namespace qfa;
using namespace qfa_test;

namespace {

const std::string down = "model.layers.0.mlp.down_proj.weight", out = "model.layers.1.self_attn.o_proj.weight",
                  up = "model.layers.1.mlp.up_proj.weight";

/// The small Llama, of whose residual behind layer 1's attention the lower half of the channels hangs on the first
/// layer's down projection, and the upper half, a little, on layer 1's output projection.  Nothing there hears of layer
/// 1's MLP.
language_model planted_model() {
  language_model model = tiny_model("llama");
  const std::size_t d = model.config.hidden;
  detail::tensor_editor edit(model);
  const auto change = [&](const std::string& name, auto of) {
    const std::vector<std::size_t> shape = model.at(name).shape;
    const std::span<float> w = edit.change(name);
    for (std::size_t i = 0; i < w.size(); ++i)
      w[i] *= of(i / shape[1], i % shape[1]);
  };
  change(down, [&](std::size_t r, std::size_t) { return r < d / 2 ? 40.0f : 0.0f; });
  change(out, [&](std::size_t r, std::size_t) { return r < d / 2 ? 0.0f : 0.5f; });
  for (const char* part : {"q", "k", "v"})  // attention reads the upper half alone
    change("model.layers.1.self_attn." + std::string(part) + "_proj.weight",
           [&](std::size_t, std::size_t c) { return c < d / 2 ? 0.0f : 1.0f; });
  edit.finish();
  return model;
}

/// Two options, of which a budget lets one of the two matrices that matter have the better.
allocate_options planted_options(const language_model& model) {
  allocate_options options{.options = {rtn{.bits = 3}, rtn{.bits = 8}}, .keep_kl = false, .targets = {{down, out, up}}};
  options.fit_rows = options.held_out_rows = 60;
  std::uint64_t bits = 0, largest = 0;
  for (const std::string& name : {down, out, up}) {
    const std::vector<std::size_t>& shape = model.at(name).shape;
    bits += shape[0] * (shape[1] * 3 + 32);
    if (name != up) largest = std::max<std::uint64_t>(largest, shape[0] * shape[1] * 5);
  }
  options.bytes = (bits + largest + 7) / 8;
  return options;
}

allocation_result planted(const allocate_options& options, const progress& told = {}) {
  const language_model model = planted_model();
  audit_settings settings = tiny_settings(published);
  settings.hook = "blocks.1.hook_resid_mid";
  return allocate(model, lossless_sae(model.config.hidden), random_rows(160, 12, 97), settings, options, {}, told);
}

std::vector<std::string> policies_of(const allocation_result& a) {
  std::vector<std::string> names;
  for (const std::string& tensor : {down, out, up})
    names.push_back(a.plan.policy_of({.name = tensor}).name());
  return names;
}

}  // namespace

TEST_CASE("allocate: bits go to the matrix that features hang on, and not to one that they never hear of") {
  const language_model model = planted_model();
  const allocation_result found = planted(planted_options(model));
  CHECK(policies_of(found) == std::vector<std::string>{"rtn:bits=8", "rtn:bits=3", "rtn:bits=3"});
  REQUIRE(found.table.unheard().size() == 1);
  CHECK(found.table.units[found.table.unheard()[0]] == up);
  CHECK(found.table.options[found.uniform] == "rtn:bits=3");
  CHECK(found.predicted[1].exact);
  CHECK(found.fit_tokens == 720);
  CHECK(found.held_out_tokens == 720);
  CHECK(found.held_out_groups == 15);
  REQUIRE(found.mixes.size() == 4);
  for (const held_out_mix& mix : found.mixes)
    CHECK(mix.bits <= found.budget_bits);
  // On rows that chose nothing: fewer than a tenth of the objective, with an interval that says so.
  CHECK(found.comparisons[0].damage.range.upper < 0.1);
  CHECK(found.comparisons[0].survived.value > 0.0);
  CHECK(found.adds_up.holds());
  CHECK(found.adds_up.median.value == doctest::Approx(1.0));  // one matrix does it all
}

TEST_CASE("allocate: held-out rows that depend on each other are compared by fewer groups, with the same plan") {
  const language_model model = planted_model();
  const token_rows base = random_rows(40, 12, 97);
  token_rows rows{.context = 12};  // each row eight times
  for (std::size_t r = 0; r < 320; ++r) {
    const auto row = base.view().row(r / 8);
    rows.ids.insert(rows.ids.end(), row.begin(), row.end());
  }
  audit_settings settings = tiny_settings(published);
  settings.hook = "blocks.1.hook_resid_mid";
  allocate_options options = planted_options(model);
  options.held_out_rows = 160;
  const auto found_by = [&] { return allocate(model, lossless_sae(model.config.hidden), rows, settings, options); };
  const allocation_result kept = found_by();
  CHECK(!kept.halving);
  CHECK(kept.held_out_groups == 40);
  options.join_groups = true;
  const allocation_result joined = found_by();
  REQUIRE(joined.halving);
  CHECK(joined.halving->from == 40);
  CHECK(joined.halving->to < 40);
  CHECK(joined.held_out_groups == joined.halving->to);
  CHECK(joined.mixes[0].without.size() == joined.halving->to);
  CHECK(joined.halving->policy.starts_with("the plan \""));
  REQUIRE(joined.fit_halving);
  CHECK(joined.fit_halving->policy == "the plan \"features\"");
  CHECK(policies_of(joined) == policies_of(kept));
  CHECK(joined.mixes[1].whole.kl == doctest::Approx(kept.mixes[1].whole.kl).epsilon(1e-12));
  CHECK(joined.comparisons[0].damage.range.dof < kept.comparisons[0].damage.range.dof);
}

TEST_CASE("allocate: every rank of a team comes to the plan and the numbers of one process") {
  const std::size_t before = thread_count();
  set_thread_count(1);
  const language_model model = planted_model();
  const auto told = [&](const team& ranks) {
    allocate_options options = planted_options(model);
    options.fit_rows = options.held_out_rows = 24;
    options.bench.ranks = ranks;
    return to_json(planted(options)).dump();
  };
  const std::string alone = told({});
  CHECK(alone.size() > 1000);
  std::vector<int> same(2, 0);
  thread_team::run(2, [&](const team& ranks) { same[ranks.rank] = told(ranks) == alone; });
  CHECK(same == std::vector<int>{1, 1});
  set_thread_count(before);
}

TEST_CASE("allocate: interrupted on either half of the rows, it goes on to the same plan and numbers") {
  const scratch here;
  const language_model model = planted_model();
  allocate_options options = planted_options(model);
  options.fit_rows = options.held_out_rows = 24;
  options.bench.tokens_per_block = 120;
  std::size_t reports = 0, dies_at = 0;  // of what comes behind the references' passes
  const auto told = [&](bool resume, const std::filesystem::path& directory) {
    bench_checkpoint kept({.directory = directory, .seconds = 0.0, .resume = resume, .made_of = {}});
    options.bench.checkpoint = &kept;
    reports = 0;
    return to_json(planted(options,
                           [&](std::string_view stage, std::size_t, std::size_t) {
                             if (stage != "each unit alone" && stage != "additivity" && stage != "held-out") return;
                             if (++reports == dies_at) throw std::runtime_error("here");
                           }))
        .dump();
  };
  const std::string whole = told(false, {});
  const std::size_t all = reports;
  CHECK(all == 4 * (2 + 1 + 1));  // three blocks and the end of each call
  for (std::size_t n = 1; n <= all; n += 3) {
    CAPTURE(n);
    dies_at = n;
    CHECK_THROWS_AS(told(false, here.path()), std::runtime_error);
    dies_at = 0;
    CHECK((told(true, here.path()) == whole));
    CHECK(reports == all - n + (n % 4 == 0 ? 2 : 1));
  }
  options.held_out_rows = 20;  // which the first bench does not know
  check_refused([&] { told(true, here.path()); }, {"the number of rows is 24 there, and 20 here"});
}

TEST_CASE("allocate: a list of features to keep changes the choice") {
  const language_model model = planted_model();
  const std::size_t d = model.config.hidden;
  allocate_options options = planted_options(model);
  options.weighting.by = feature_weighting::listed;
  for (std::size_t f = d / 2; f < d; ++f)
    options.weighting.listed.push_back(static_cast<std::uint32_t>(f));
  const allocation_result found = planted(options);
  CHECK(policies_of(found) == std::vector<std::string>{"rtn:bits=3", "rtn:bits=8", "rtn:bits=3"});
  CHECK(found.listed == d / 2);
  CHECK(found.listed_measured == d / 2);
  CHECK(found.comparisons[0].damage.value < 0.5);
  options.weighting.listed = {static_cast<std::uint32_t>(2 * d)};
  check_refused([&] { planted(options); }, {"no feature that counts"});
}

TEST_CASE(
    "allocate: with KL kept, no more of it is predicted than of uniform precision, which the budget may be named by") {
  const language_model model = planted_model();
  allocate_options options = planted_options(model);
  options.options = {rtn{.bits = 3}, rtn{.bits = 4}, rtn{.bits = 6}, rtn{.bits = 8}};
  options.bytes = 0;
  options.like = rtn{.bits = 4};
  options.keep_kl = true;
  std::set<std::string> stages;
  const progress note = [&](std::string_view stage, std::size_t, std::size_t) { stages.insert(std::string(stage)); };
  const allocation_result found = planted(options, note);
  CHECK(stages.contains("each unit alone"));
  CHECK(found.table.options[found.uniform] == "rtn:bits=4");
  CHECK(found.budget_bits == found.predicted[0].bits);
  CHECK(found.predicted[1].kl <= found.predicted[0].kl);
  CHECK(found.predicted[1].damage <= found.predicted[0].damage);
  CHECK(found.predicted[2].damage <= found.predicted[1].damage);
  CHECK(found.predicted[3].kl <= found.predicted[1].kl);
  options.bytes = 10;
  stages.clear();
  check_refused([&] { planted(options, note); }, {"no option fits a budget of 10 bytes"});
  CHECK(stages.contains("reference"));
  CHECK_FALSE(stages.contains("each unit alone"));  // before any matrix is compressed by itself
}

TEST_CASE("halves_of: rows of even groups and of odd ones, thinned evenly") {
  token_rows rows{.context = 1};
  for (std::uint32_t r = 0; r < 64; ++r)
    rows.ids.push_back(r);  // 16 groups of 4
  const auto whole = halves_of(rows, 100, 100);
  CHECK(whole[0].rows() == 32);
  CHECK(whole[0].ids[4] == 8);
  CHECK(whole[1].ids[0] == 4);
  CHECK(whole[1].ids.back() == 63);
  const auto few = halves_of(rows, 4, 2);
  CHECK(few[0].ids == std::vector<std::uint32_t>{0, 16, 32, 48});
  CHECK(few[1].ids == std::vector<std::uint32_t>{4, 36});
}

}  // namespace allocate_allocate_test
