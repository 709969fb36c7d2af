// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/unit_bench.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/core/parallel.hpp"
#include "thread_team.hpp"

namespace locate_unit_bench_test {

using namespace qfa;
using namespace qfa_test;

namespace {

unit_bench tiny_bench(const bench_options& options = {}, std::size_t rows = 40) {
  return unit_bench(tiny_model(), lossless_sae(64), random_rows(rows, 12, 97), tiny_settings(published), options);
}

/// Rounds to a few bits and shows tokens other inputs than they have.
struct shaking {
  void operator()(matrix_view<float> w) const { rtn{.bits = 4}(w); }
  void activations(matrix_view<float> x, const linear_input&) const { x(0, 0) += 1.0f; }
  std::string name() const { return "shaking"; }
};

/// The effects of every unit by itself and of all but it, whose trunk is the compressed model, and that of the trunk.
std::vector<unit_effect> everything(const unit_bench& bench, unit_kind kind) {
  const auto units = bench.units(kind);
  const std::vector<unit_option> options{bench.compress(rtn{.bits = 4})};
  const auto take_to = [](std::vector<unit_effect>& out) {
    return [&](std::size_t i, unit_effect effect) {
      CHECK(i == out.size() % 100);
      out.push_back(std::move(effect));
    };
  };
  std::vector<unit_effect> out, rest;
  bench.measure(
      nullptr, units.size(),
      [&](std::size_t u) {
        std::vector<std::size_t> choice(units.size(), left_alone);
        choice[u] = 0;
        return bench.assembled(options, units, choice);
      },
      take_to(out));
  const std::vector<std::size_t> all(units.size(), 0);
  const runnable_model compressed = bench.ready(bench.assembled(options, units, all));
  unit_effect trunk = bench.measure(
      &compressed, units.size(),
      [&](std::size_t u) {
        std::vector<std::size_t> choice = all;
        choice[u] = left_alone;
        return bench.assembled(options, units, choice);
      },
      take_to(rest));
  for (unit_effect& effect : rest)
    out.push_back(std::move(effect));
  out.push_back(std::move(trunk));
  return out;
}

/// Bit by bit: NaN is the same as NaN.
bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, [](double x, double y) { return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y); });
}
bool same(const feature_noise& a, const feature_noise& b) {
  return a.groups == b.groups && same(a.all, b.all) && same(a.half[0], b.half[0]) && same(a.half[1], b.half[1]) &&
         same(a.without, b.without) && same(a.half_without, b.half_without);
}
bool same(const std::vector<unit_effect>& a, const std::vector<unit_effect>& b) {
  return std::ranges::equal(a, b, [](const unit_effect& x, const unit_effect& y) {
    return same(x.noise, y.noise) && x.losses == y.losses && same(std::vector{x.fvu}, std::vector{y.fvu});
  });
}

}  // namespace

TEST_CASE("unit_bench: what it measures has the bits of whole audits of the same models") {
  const unit_bench bench = tiny_bench();
  const auto units = bench.units(unit_kind::tensors);
  const auto effects = everything(bench, unit_kind::tensors);
  REQUIRE(effects.size() == 2 * units.size() + 1);
  CHECK(bench.features().size() > 100);
  const auto check = [&](const unit_effect& effect, const condition_result& audited) {
    comparison_sum loss;
    for (const comparison_sum& group : effect.losses)
      loss += group;
    CHECK(loss.mean_kl() == doctest::Approx(audited.loss->kl.value).epsilon(1e-12));
    CHECK(loss.compressed.mean() == doctest::Approx(audited.loss->loss).epsilon(1e-12));
    for (std::size_t i = 0; i < bench.features().size(); ++i) {
      const double r = audited.by_honest.correlations.r[bench.features()[i]];
      REQUIRE(effect.noise.all[i] == noise_to_signal(r));
    }
  };
  model_audit audit = tiny_audit();
  check(effects.back(), audit.run(rtn{.bits = 4}));
  for (const std::size_t u : {0U, 5U, 6U, 9U}) {  // the last ones before the hook, behind it, and in the last layer
    CAPTURE(units[u].name);
    const std::string name = units[u].parts.front().tensor.info.name;
    check(effects[u], audit.run(rtn{.bits = 4}, name, {.include = {name}}));
    check(effects[units.size() + u], audit.run(rtn{.bits = 4}, "but " + name, {.exclude = {name}}));
  }
  CHECK(effects.back().noise.all != effects[units.size()].noise.all);
}

TEST_CASE("unit_bench: no number depends on memory, on where blocks are cut, or on threads") {
  const unit_kind kind = unit_kind::layers;
  const auto expected = everything(tiny_bench(), kind);
  CHECK(same(everything(tiny_bench({.memory = 0}), kind), expected));
  CHECK(same(everything(tiny_bench({.memory = 200'000, .tokens_per_block = 36}), kind), expected));
  const std::size_t before = thread_count();
  for (const std::size_t threads : {std::size_t{1}, std::size_t{3}}) {
    set_thread_count(threads);
    CHECK(same(everything(tiny_bench(), kind), expected));
  }
  set_thread_count(before);
}

TEST_CASE("unit_bench: every rank of a team gets the numbers of one process, also where some have no rows") {
  const std::size_t before = thread_count();
  set_thread_count(1);
  const auto check = [](const bench_options& options, std::size_t rows, std::size_t size) {
    CAPTURE(rows);
    CAPTURE(size);
    const unit_bench alone = tiny_bench(options, rows);
    const auto expected = everything(alone, unit_kind::layers);
    const std::vector<double> masses = alone.masses();
    std::vector<int> right(size, 0);
    thread_team::run(size, [&](const team& ranks) {
      bench_options mine = options;
      mine.ranks = ranks;
      const unit_bench bench = tiny_bench(mine, rows);
      const auto found = everything(bench, unit_kind::layers);
      right[ranks.rank] = same(found, expected) && bench.features() == alone.features() && bench.masses() == masses &&
                          to_bytes(bench.reference().reference()) == to_bytes(alone.reference().reference());
    });
    CHECK(right == std::vector<int>(size, 1));
  };
  check({}, 45, 2);  // 11 groups
  check({.fits = true, .memory = 0}, 45, 3);
  check({.losses = false}, 40, 3);
  check({.fits = true}, 9, 3);  // two groups
  set_thread_count(before);
}

TEST_CASE("unit_bench: joined groups decide which features are measured, and every rank has the same numbers of them") {
  unit_bench bench(tiny_model(), lossless_sae(64), random_rows(90, 12, 97), tiny_settings(honest));
  const std::vector<std::uint32_t> before = bench.features();
  const auto effects_before = everything(bench, unit_kind::layers);
  bench.join_groups(2.0);  // two blocks fit into a group
  CHECK(bench.groups().whole().groups() == 22);
  CHECK(!bench.groups().joined());
  bench.join_groups(4.0);
  CHECK(bench.groups().whole().groups() == 11);
  CHECK(bench.groups().halves().groups() == 22);
  CHECK(bench.table().groups() == 11);
  CHECK(bench.features() == counted_features(bench.table(), honest));
  const auto effects = everything(bench, unit_kind::layers);
  REQUIRE(effects.size() == effects_before.size());
  CHECK(effects[0].noise.groups == 11);
  CHECK(effects[0].noise.half_groups() == 22);
  CHECK(effects[0].losses.size() == 22);
  REQUIRE(bench.features() == before);
  CHECK(effects[0].noise.half == effects_before[0].noise.half);
  CHECK(effects[0].noise.half_without == effects_before[0].noise.half_without);
  CHECK(effects[0].losses == effects_before[0].losses);
  const std::size_t threads = thread_count();
  set_thread_count(1);
  std::vector<int> right(3, 0);
  thread_team::run(3, [&](const team& ranks) {
    unit_bench mine(tiny_model(), lossless_sae(64), random_rows(90, 12, 97), tiny_settings(honest), {.ranks = ranks});
    mine.join_groups(4.0);
    right[ranks.rank] = mine.features() == bench.features() && same(everything(mine, unit_kind::layers), effects);
  });
  CHECK(right == std::vector<int>{1, 1, 1});
  set_thread_count(threads);
}

TEST_CASE("unit_bench: a feature whose evidence lies in too few joined groups is measured no more") {
  sae rare = lossless_sae(64);
  for (float& b : rare.b_enc)
    b = -0.9f;  // most features fire a few times in all
  unit_bench bench(tiny_model(), rare, random_rows(64, 12, 97), tiny_settings(honest), {.allow_bad_sae = true});
  const std::vector<std::uint32_t> before = bench.features();
  bench.join_groups(4.0);
  CHECK(bench.groups().whole().groups() == 8);
  CHECK(bench.features().size() < before.size());
  CHECK(bench.features() == counted_features(bench.table(), honest));
  bench.join_groups(0.0);
  CHECK(bench.features() == before);
}

TEST_CASE("unit_bench: units behind the hook leave the features alone, and are not run where no losses are asked for") {
  const unit_bench bench = tiny_bench({.losses = false});
  const auto effects = everything(bench, unit_kind::layers);  // the hook is behind layer 1 of 3
  REQUIRE(effects.size() == 7);
  CHECK(effects[2].noise.all == std::vector<double>(bench.features().size(), 0.0));
  CHECK(effects[1].noise.all != effects[2].noise.all);
  CHECK(effects[5].noise == effects[6].noise);
  CHECK(effects[0].losses.empty());
  const auto with_losses = everything(tiny_bench(), unit_kind::layers);
  for (std::size_t i = 0; i < 7; ++i)
    CHECK(with_losses[i].noise == effects[i].noise);
  CHECK(with_losses[2].losses[0].mean_kl() > 0.0);
  CHECK(with_losses[2].losses.size() == bench.groups().whole().groups());
}

TEST_CASE("unit_bench: weights that are processed after compressing are those that audits see") {
  audit_settings settings = tiny_settings(published);
  settings.weight_processing = transformer_lens_processing;
  for (const compression_order order :
       {compression_order::compress_then_process, compression_order::process_then_compress}) {
    settings.order = order;
    const unit_bench bench(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), settings);
    const auto effects = everything(bench, unit_kind::tensors);
    model_audit audit = tiny_audit({}, settings);
    const std::string name = "gpt_neox.layers.1.attention.query_key_value.weight#v";
    const auto units = bench.units(unit_kind::tensors);
    REQUIRE(units[8].name == name);
    const condition_result& audited = audit.run(rtn{.bits = 4}, name, {.include = {name}});
    for (std::size_t i = 0; i < bench.features().size(); ++i)
      REQUIRE(effects[8].noise.all[i] == noise_to_signal(audited.by_honest.correlations.r[bench.features()[i]]));
  }
}

TEST_CASE("unit_bench: policies that change activations and rows without firing features are refused") {
  const unit_bench bench = tiny_bench();
  CHECK_THROWS_WITH(bench.compress(shaking{}), doctest::Contains("the policy shaking changes activations"));
  CHECK_THROWS_WITH(unit_bench(tiny_model(), lossless_sae(64), random_rows(4, 12, 97), tiny_settings(honest)),
                    doctest::Contains("no feature of the SAE fires often enough"));
}

}  // namespace locate_unit_bench_test
