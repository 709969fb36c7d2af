// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/long_groups.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "laws.hpp"
#include "qfa/audit/activation_audit.hpp"
#include "qfa/audit/layout.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "scratch.hpp"

namespace audit_long_groups_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr std::size_t rows = 400, context = 12, d = 3;

/// The reference; and a side with errors as large on every row (run 0), or on runs of `run` rows drawn by lot.
struct sides {
  std::vector<float> x = random_activations(rows * context, d);

  std::vector<float> moved(std::size_t run, unsigned seed = 6) const {
    std::vector<float> y = x;
    std::mt19937 random(seed), lot(11);
    std::vector<bool> hurt;
    for (std::size_t row = 0; run > 0 && row < rows; row += run)
      hurt.push_back(lot() % 2 == 0);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t row = i / (context * d);
      y[i] += (run == 0 || hurt[row / run] ? 0.5f : 0.05f) * normal(random);
    }
    return y;
  }
};

/// An audit of them as dumped activations.
audit_result audited(const std::vector<std::size_t>& runs, bool halve, const audit_share& share = {}) {
  const scratch folder;
  const sides s;
  write_npy(folder.path() / "x.npy", {rows * context, d}, s.x);
  std::vector<dumped_activations> compressed;
  for (const std::size_t run : runs) {
    const std::string name = "run " + std::to_string(run);
    write_npy(folder.path() / (name + ".npy"), {rows * context, d}, s.moved(run));
    compressed.push_back({name, {folder.path() / (name + ".npy")}});
  }
  return audit_activations(lossless_sae(d), folder.path() / "x.npy", compressed, tiny_settings(),
                           {.halve_groups = halve, .paired = true, .share = share});
}

/// Whether two conclusions have the same bits, as far as groups decide them.
void check_same(const condition_result& a, const condition_result& b) {
  CHECK(a.policy == b.policy);
  CHECK(a.by_honest.correlations.r == b.by_honest.correlations.r);
  CHECK(a.by_honest.correlations.shift == b.by_honest.correlations.shift);
  CHECK(a.by_honest.mean_r.range.lower == b.by_honest.mean_r.range.lower);
  CHECK(a.fit.fvu == b.fit.fvu);
  if (a.shift) CHECK(a.shift->energy.range.lower == b.shift->energy.range.lower);
}

}  // namespace

TEST_CASE("long_groups: groups that are too short for one condition are joined for all of them") {
  const audit_result kept = audited({0, 20}, false), joined = audited({0, 20}, true);
  CHECK(kept.made.groups == 64);
  CHECK_FALSE(kept.made.halving.has_value());
  REQUIRE(joined.made.halving.has_value());
  const group_halving& found = *joined.made.halving;
  CHECK(found.from == 64);
  CHECK(found.policy == "run 20");
  CHECK(found.series == "the codes' cosine");
  // As the check of the condition by itself had it: halved until a group holds two blocks, or 8 are left.
  const group_length_check& alone = *kept.conditions[2].code_groups;
  CHECK(found.block_length == alone.block_length);
  CHECK(found.block_length > 6.0);
  CHECK(found.to == (alone.advised < 8 ? 8 : alone.advised));
  CHECK(found.long_enough == (alone.advised >= 8));
  CHECK(joined.made.groups == found.to);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(joined.conditions[c].by_honest.correlations.groups == found.to);
    CHECK(joined.conditions[c].by_published.correlations.groups == found.to);
    for (std::size_t f = 0; f < 2 * d; ++f)
      CHECK(close(joined.conditions[c].by_honest.correlations.r[f], kept.conditions[c].by_honest.correlations.r[f],
                  1e-13));
    CHECK(close(joined.conditions[c].fit.fvu, kept.conditions[c].fit.fvu, 1e-13));
  }
  CHECK(joined.conditions[2].code_groups->groups == found.to);
  // Errors in runs make neighbors alike: intervals with half as many groups and fewer are wider.
  CHECK(joined.conditions[2].by_honest.mean_r.range.standard_error >
        1.3 * kept.conditions[2].by_honest.mean_r.range.standard_error);
  CHECK(joined.conditions[2].shift->energy.range.standard_error >
        1.3 * kept.conditions[2].shift->energy.range.standard_error);
  CHECK(close(joined.conditions[2].shift->energy.value, kept.conditions[2].shift->energy.value, 1e-13));
}

TEST_CASE("long_groups: what half of the rows chooses has groups enough for an interval on the other half") {
  const audit_result joined = audited({0, 20}, true), kept = audited({0, 20}, false);
  REQUIRE(joined.made.groups < 16);
  CHECK(joined.made.halving->for_halves == 16);
  CHECK(joined.groups->groups() == joined.made.groups);
  REQUIRE(joined.halves.has_value());
  CHECK(*joined.halves == row_groups(rows, 16));
  CHECK(*kept.halves == *kept.groups);
  CHECK(joined.conditions[0].worst.chosen == 0);  // the reference's
  for (std::size_t c = 1; c < 3; ++c) {
    const condition_result& found = joined.conditions[c];
    CHECK(found.worst.groups == 16);
    REQUIRE(found.worst.chosen == 1);
    CHECK(found.worst.mean.range.kind == interval_kind::two_sided);
    CHECK(found.worst.mean.range.dof == 7.0);
    CHECK(found.worst.listed[0].r.range.kind == interval_kind::two_sided);
    CHECK(found.shift->carriers.groups == 16);
    CHECK(found.shift->carriers.share.range.dof == 7.0);
    CHECK(found.shift->energy.range.dof == static_cast<double>(joined.made.groups) - 1.0);
    CHECK(kept.conditions[c].worst.groups == 64);
  }
  // By hand: the even ones of 16 groups choose, the odd ones judge.
  const sides s;
  const std::vector<float> y = s.moved(20);
  const std::uint32_t worst = joined.conditions[2].worst.listed[0].feature;
  const auto r_of = [&](std::uint32_t feature, std::size_t half) {  // +-x of a dimension, by lossless_sae
    comoments all;
    const std::size_t dimension = feature % d;
    const float sign = feature < d ? 1.0f : -1.0f;
    for (std::size_t t = 0; t < rows * context; ++t)
      if (t / context * 16 / rows % 2 == half)
        all(std::fmax(0.0f, sign * s.x[t * d + dimension]), std::fmax(0.0f, sign * y[t * d + dimension]));
    return pearson(all);
  };
  CHECK(close(joined.conditions[2].worst.listed[0].chosen_r, r_of(worst, 0), 1e-5));
  CHECK(close(joined.conditions[2].worst.listed[0].r.value, r_of(worst, 1), 1e-5));
  for (std::uint32_t f = 0; f < 2 * d; ++f)
    CHECK(r_of(f, 0) >= r_of(worst, 0));
}

TEST_CASE("long_groups: groups that are long enough stay, to the bit") {
  const audit_result kept = audited({0}, false), looked_at = audited({0}, true);
  REQUIRE(looked_at.made.halving.has_value());
  CHECK(looked_at.made.halving->to == 64);
  CHECK(looked_at.made.halving->long_enough);
  CHECK(looked_at.made.groups == 64);
  check_same(kept.conditions[0], looked_at.conditions[0]);
  check_same(kept.conditions[1], looked_at.conditions[1]);
}

TEST_CASE("long_groups: the order of conditions moves no bit") {
  const audit_result first = audited({20, 0}, true), last = audited({0, 20}, true);
  REQUIRE(first.made.groups == last.made.groups);
  REQUIRE(first.made.groups < 64);
  check_same(first.conditions[0], last.conditions[0]);
  check_same(first.conditions[1], last.conditions[2]);
  check_same(first.conditions[2], last.conditions[1]);
}

TEST_CASE("long_groups: joined by twos, r without each pair is what leaving pairs out gives") {
  const sides s;
  const std::vector<float> y = s.moved(20);
  const token_layout layout{.rows = rows, .row_tokens = context};
  feature_audit audit(lossless_sae(d), layout);
  const auto each_block = [&](const std::vector<float>& of, auto take) {
    for (std::size_t b = 0; b < layout.blocks(); ++b)
      take(matrix_view<const float>(of.data(), rows * context, d)
               .rows_between(layout.first_row(b) * context, layout.last_row(b) * context));
  };
  each_block(s.x, [&](matrix_view<const float> block) { audit.add_reference(block); });
  compressed_side side(audit, "moved");
  each_block(y, [&](matrix_view<const float> block) { side.add(block); });
  const pass_record& record = side.record();
  const row_groups half = record.groups.halved();
  const pass_record joined = record.joined(half);
  CHECK(joined.complete());
  CHECK(joined.groups == half);
  const auto r = [](const comoments& c) { return pearson(c); };
  const leave_one_out pairs = leave_groups_out(record.table, r, 0.95, blocks_of(record.table, group_selection::all, 2));
  const leave_one_out by_joined = leave_groups_out(joined.table, r);
  REQUIRE(by_joined.groups == 32);
  for (std::size_t f = 0; f < 2 * d; ++f) {
    CHECK(close(by_joined.r[f], pairs.r[f], 1e-13));
    CHECK(close(by_joined.ranges[f].lower, pairs.ranges[f].lower, 1e-9));
    for (std::size_t g = 0; g < 32; ++g)
      CHECK(close(by_joined.without(g, f), pairs.without(g, f), 1e-12));
  }
  const condition_result by_halves = conclude_by(half, record, audit);
  CHECK(by_halves.by_honest.correlations.shift == by_joined.shift);
  CHECK(by_halves.first.flip_share == conclude_by(record.groups, record, audit).first.flip_share);
}

TEST_CASE("long_groups: a model's audit joins by excess loss, too, and keeps what belongs to no group") {
  const auto run = [](bool halve) {
    model_audit audit = tiny_audit({.halve_groups = halve, .token_damage = true}, tiny_settings(), 80);
    audit.run(rtn{.bits = 4});
    audit.run(rtn{.bits = 3});
    return audit.result();
  };
  const audit_result kept = run(false), joined = run(true);
  REQUIRE(joined.made.halving.has_value());
  CHECK(joined.made.halving->from == 20);
  double longest = 0.0;
  for (std::size_t c = 1; c < 3; ++c)
    longest = std::fmax(
        longest, std::fmax(kept.conditions[c].loss->groups.block_length, kept.conditions[c].code_groups->block_length));
  CHECK(joined.made.halving->block_length == longest);
  CHECK(joined.made.groups == lengthen(row_groups(80), longest).groups());
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(joined.conditions[c].policy == kept.conditions[c].policy);
    CHECK(joined.conditions[c].bits_per_weight == kept.conditions[c].bits_per_weight);
    CHECK(joined.conditions[c].loss->loss == kept.conditions[c].loss->loss);
    CHECK(joined.conditions[c].tokens.has_value() == kept.conditions[c].tokens.has_value());
    CHECK(joined.conditions[c].loss->groups.groups == joined.made.groups);
  }
}

TEST_CASE("long_groups: a process that makes no report knows how long blocks are, too") {
  const audit_result all = audited({0, 20}, true);
  const audit_result mute = audited({0, 20}, true, {.concludes = false});
  REQUIRE(mute.made.halving.has_value());
  CHECK(mute.made.halving->block_length == all.made.halving->block_length);
  CHECK(mute.made.halving->to == all.made.halving->to);
  CHECK(longest_block(mute) == all.made.halving->block_length);
  CHECK(longest_block(all) == all.made.halving->block_length);
  // Where groups are kept, the checks of the conditions say it.
  const audit_result kept = audited({0, 20}, false);
  CHECK(longest_block(kept) == longest_block(all));
}

TEST_CASE("long_groups: an audit that knows b* of its rows begins with groups that are long enough") {
  token_rows tokens = random_rows(320, 4, 97);
  const audit_settings settings = tiny_settings();
  const auto groups = [&](double length, bool halve = true) {
    return layout_of(tokens, settings, {.halve_groups = halve, .block_length = length}).groups();
  };
  CHECK(groups(0.0) == row_groups(320));
  CHECK(groups(5.0) == row_groups(320).halved());
  CHECK(groups(100.0).groups() == 8);
  CHECK(groups(100.0, false) == row_groups(320));
  // Shares of the rows end between the joined groups.
  const token_layout whole = layout_of(tokens, settings, {.halve_groups = true, .block_length = 100.0});
  const token_layout part = share_of(whole, {.part = 1, .parts = 3});
  CHECK(part.groups() == whole.groups());
  CHECK(part.first == whole.groups().first_row_of(2));
}

TEST_CASE("long_groups: groups of documents are those of conditions and processes, and are joined whole") {
  token_rows tokens = random_rows(80, 12, 97);
  for (std::size_t row = 0; row < 80; ++row)
    tokens.documents.push_back(static_cast<std::uint32_t>(row < 30 ? row / 3 : row / 5));
  const token_layout whole = layout_of(tokens, 0);
  const row_groups groups = row_groups::of_documents(80, document_begins(tokens.documents));
  REQUIRE(groups.groups() > 8);
  REQUIRE(groups != row_groups(80));
  CHECK(whole.groups() == groups);
  std::size_t at = 0;
  for (std::size_t part = 0; part < 3; ++part) {
    const token_layout share = share_of(whole, {.part = part, .parts = 3});
    CHECK(share.first == at);
    at = share.last;
    CHECK(groups.first_row_of(groups.group_of(share.first)) == share.first);
  }
  CHECK(at == 80);
  model_audit audit(tiny_model(), lossless_sae(64), tokens, tiny_settings());
  audit.run(rtn{.bits = 4});
  const audit_result out = audit.result();
  CHECK(out.made.groups == groups.groups());
  CHECK(out.made.documents == 20);
  CHECK(out.conditions[1].by_honest.correlations.groups == groups.groups());
  CHECK(rows_of(tokens, 28, 4).documents == std::vector<std::uint32_t>{9, 9, 6, 6});
  const row_groups half = groups.halved();
  for (std::size_t g = 0; g < half.groups(); ++g)
    CHECK(half.first_row_of(g) == groups.first_row_of(2 * g));
}

}  // namespace audit_long_groups_test
