// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/lengthen_groups.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/locate/locate_damage.hpp"
#include "thread_team.hpp"

namespace locate_lengthen_groups_test {

using namespace qfa;
using namespace qfa_test;

namespace {

/// 256 rows, of which each comes `copies` times in a row: what they have in common is as long.
token_rows repeated_rows(std::size_t copies) {
  const token_rows base = random_rows(256 / copies, 12, 97);
  token_rows out{.context = 12};
  for (std::size_t r = 0; r < 256; ++r) {
    const auto row = base.view().row(r / copies);
    out.ids.insert(out.ids.end(), row.begin(), row.end());
  }
  return out;
}

unit_bench bench_on(token_rows rows, const bench_options& options = {}) {
  return unit_bench(tiny_model(), lossless_sae(64), std::move(rows), tiny_settings(published), options);
}

group_halving lengthened(unit_bench& bench) {
  const unit_option option = bench.compress(rtn{.bits = 4});
  return lengthen_groups(bench, option, bench.units(unit_kind::tensors));
}

}  // namespace

TEST_CASE("lengthen_groups: b* is that of an audit of the same model on the same rows") {
  for (const std::size_t copies : {1U, 8U}) {
    CAPTURE(copies);
    unit_bench bench = bench_on(repeated_rows(copies), {.tokens_per_block = 500});
    const group_halving found = lengthened(bench);
    audit_options options;
    options.halve_groups = true;
    model_audit audit(tiny_model(), lossless_sae(64), repeated_rows(copies), tiny_settings(published), options);
    audit.run(rtn{.bits = 4});
    const group_halving expected = audit.result().made.halving.value();
    CHECK(found.block_length == expected.block_length);
    CHECK(found.from == 64);
    CHECK(found.to == expected.to);
    CHECK(found.for_halves == expected.for_halves);
    CHECK(found.long_enough == expected.long_enough);
    CHECK(found.policy == expected.policy);
    CHECK(found.series == expected.series);
    CHECK(bench.groups().whole().groups() == found.to);
    CHECK((copies == 1 || found.to < 64));
  }
}

TEST_CASE("lengthen_groups: without losses, or where nothing changes before the hook, the other series decides") {
  unit_bench features = bench_on(repeated_rows(8), {.losses = false});
  CHECK(lengthened(features).series == "the codes' cosine");
  unit_bench bench = bench_on(repeated_rows(8));
  const target_patterns last{.include = {"*layers.2.*"}};
  const unit_option option = bench.compress(rtn{.bits = 3}, last);
  const group_halving behind = lengthen_groups(bench, option, bench.units(unit_kind::layers, last));
  CHECK(behind.series == "excess loss");
  unit_bench deaf = bench_on(repeated_rows(8), {.losses = false});
  const group_halving nothing =
      lengthen_groups(deaf, deaf.compress(rtn{.bits = 3}, last), deaf.units(unit_kind::layers, last));
  CHECK(std::isnan(nothing.block_length));
  CHECK(nothing.to == 64);
  CHECK(nothing.long_enough);
}

TEST_CASE("measure_rows: each row has its own tokens, and the loss of a model that was run by itself") {
  const unit_bench bench = bench_on(repeated_rows(1), {.tokens_per_block = 500});
  const unit_option option = bench.compress(rtn{.bits = 3});
  const auto units = bench.units(unit_kind::tensors);
  const runnable_model compressed =
      bench.ready(bench.assembled({&option, 1}, units, std::vector<std::size_t>(units.size(), 0)));
  const row_series rows = measure_rows(bench, compressed);
  REQUIRE(rows.losses.size() == 256);
  loss_sum all;
  for (const comparison_sum& row : rows.losses) {
    REQUIRE(row.tokens() == 11);
    all += row.compressed;
  }
  CHECK(all.mean() == doctest::Approx(mean_loss(compressed.decoder, bench.tokens())).epsilon(1e-12));
  CHECK(rows.cosines.series()[255] < 1.0);
}

TEST_CASE("lengthen_groups: every rank comes to the groups of one process, and locates the same damage by them") {
  const std::size_t before = thread_count();
  set_thread_count(1);
  const auto numbers = [](const team& ranks) {
    unit_bench bench = bench_on(repeated_rows(8), {.ranks = ranks});
    const unit_option option = bench.compress(rtn{.bits = 4});
    const group_halving found = lengthen_groups(bench, option, bench.units(unit_kind::layers));
    const damage_location located = locate_damage(bench, option, {.kind = unit_kind::layers});
    std::vector<double> out{found.block_length, static_cast<double>(found.to), located.noise.range.lower,
                            located.worst_share.range.upper, located.depths->depths[1].entering_odd.range.upper};
    for (const located_unit& unit : located.units) {
      if (unit.reaches_hook) out.push_back(unit.share.range.lower);
      CHECK(unit.kl->range.dof == 7.0);
    }
    return out;
  };
  const std::vector<double> alone = numbers({});
  CHECK(alone[1] == 8.0);
  std::vector<int> same(3, 0);
  thread_team::run(3, [&](const team& ranks) { same[ranks.rank] = numbers(ranks) == alone; });
  CHECK(same == std::vector<int>{1, 1, 1});
  set_thread_count(before);
}

}  // namespace locate_lengthen_groups_test
