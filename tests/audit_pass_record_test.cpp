// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/pass_record.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/audit/conclude.hpp"
#include "scratch.hpp"

namespace audit_pass_record_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr std::size_t d = 3, rows = 18, context = 6;  // 4 groups, of 5, 4, 5 and 4 rows

/// Both sides' activations on all rows.
struct stream {
  std::vector<float> x = random_activations(rows * context, d), y = shaken(x, 0.4f);

  matrix_view<const float> block(const std::vector<float>& of, const token_layout& layout, std::size_t b) const {
    return matrix_view<const float>(of.data(), rows * context, d)
        .rows_between(layout.first_row(b) * context, layout.last_row(b) * context);
  }
};

std::vector<token_comparison> scores_of(std::size_t first_row, std::size_t last_row) {
  std::vector<token_comparison> out;
  for (std::size_t i = first_row * (context - 1); i < last_row * (context - 1); ++i) {
    const double s = 1.0 / static_cast<double>(i + 3);
    out.push_back({2.0 + s, 2.1 + s * s, 0.1 * s, i % 3 != 0});
  }
  return out;
}

struct both_sides {
  pass_record reference, compressed;
};

/// What a process leaves behind that is given the run of a layout.
both_sides records_of(const stream& s, const token_layout& layout) {
  feature_audit audit(lossless_sae(d), layout, true);
  for (std::size_t b = 0; b < layout.blocks(); ++b)
    audit.add_reference(s.block(s.x, layout, b));
  compressed_side side(audit, "moved");
  for (std::size_t b = 0; b < layout.blocks(); ++b) {
    side.add(s.block(s.y, layout, b));
    side.record().add_losses(layout.first_row(b), scores_of(layout.first_row(b), layout.last_row(b)), context - 1);
  }
  return {audit.reference(), std::move(side).record()};
}

const token_layout whole_layout{.rows = rows, .row_tokens = context, .skip_positions = 1};

}  // namespace

TEST_CASE("pass_record: any assignment of groups to processes, merged in any order, gives the bits of one pass") {
  const stream s;
  const row_groups groups(rows);
  REQUIRE(groups.groups() == 4);
  const both_sides whole = records_of(s, whole_layout);
  CHECK(whole.compressed.complete());
  const auto reference = to_bytes(whole.reference), compressed = to_bytes(whole.compressed);
  std::vector<both_sides> of_group;
  for (std::size_t g = 0; g < 4; ++g) {
    of_group.push_back(records_of(s, whole_layout.of_groups(groups, g, g + 1)));
    for (std::size_t other = 0; other < 4; ++other)
      CHECK(of_group.back().compressed.covers(other) == (other == g));
    CHECK_FALSE(of_group.back().compressed.complete());
  }
  // Four groups among three processes; each merges its own, then all are merged, last process first.
  for (std::size_t who = 0; who < 81; ++who) {
    std::array<both_sides, 3> parts;
    std::size_t rest = who;
    for (std::size_t g = 0; g < 4; ++g, rest /= 3) {
      parts[rest % 3].reference += of_group[g].reference;
      parts[rest % 3].compressed += of_group[g].compressed;
    }
    both_sides all;
    for (std::size_t p = 3; p-- > 0;) {
      all.reference += parts[p].reference;
      all.compressed += parts[p].compressed;
    }
    CHECK(to_bytes(all.reference) == reference);
    CHECK(to_bytes(all.compressed) == compressed);
  }
  // A process may hold several groups as one run.
  both_sides halves = records_of(s, whole_layout.of_groups(groups, 0, 3));
  halves.compressed += records_of(s, whole_layout.of_groups(groups, 3, 4)).compressed;
  CHECK(to_bytes(halves.compressed) == compressed);
  CHECK(halves.compressed.table == whole.compressed.table);
}

TEST_CASE("pass_record: the size of blocks moves no bit") {
  const stream s;
  const both_sides whole = records_of(s, whole_layout);
  for (const std::size_t block_rows : {1U, 2U, 5U, 17U}) {
    token_layout layout = whole_layout;
    layout.tokens_per_block = block_rows * context;
    REQUIRE(layout.blocks() == (rows + block_rows - 1) / block_rows);
    const both_sides cut = records_of(s, layout);
    CHECK(to_bytes(cut.reference) == to_bytes(whole.reference));
    CHECK(to_bytes(cut.compressed) == to_bytes(whole.compressed));
  }
}

TEST_CASE("pass_record: bytes bring everything back, and what is concluded from it") {
  const stream s;
  both_sides whole = records_of(s, whole_layout);
  whole.compressed.tensors.push_back(
      {.info = {.name = "w", .layer = 3, .role = tensor_role::down, .heads = 1, .head_dim = 2, .layers = 4},
       .weights = 6,
       .change = measure_distortion(s.block(s.x, whole_layout, 0), s.block(s.y, whole_layout, 0)),
       .stored_bits = 24.0});
  whole.compressed.match = pruning_match{.matched_to = "other",
                                         .method = "some",
                                         .target = 2.5,
                                         .reached = 2.25,
                                         .sparsity = 0.5,
                                         .rows = 9,
                                         .same_rows = true,
                                         .within_tolerance = false,
                                         .tolerance = 0.25,
                                         .trials = {{0.5, 2.25}, {0.25, 3.0}}};
  whole.compressed.warnings = {"one", "two"};
  whole.compressed.calibrated = true;
  const auto bytes = to_bytes(whole.compressed);
  const pass_record back = pass_record_from(bytes, "the record");
  CHECK(to_bytes(back) == bytes);
  CHECK(back.table == whole.compressed.table);
  CHECK(back.side == whole.compressed.side);
  CHECK(back.pair == whole.compressed.pair);
  CHECK(back.tensors[0].info.name == "w");
  CHECK(back.tensors[0].info.role == tensor_role::down);
  CHECK(back.tensors[0].info.layers == 4);
  CHECK(back.tensors[0].change == whole.compressed.tensors[0].change);
  CHECK(back.tensors[0].stored_bits == 24.0);
  CHECK(back.match->trials == whole.compressed.match->trials);
  CHECK(back.match->tolerance == 0.25);
  CHECK(back.match->same_rows);
  CHECK_FALSE(back.match->within_tolerance);
  CHECK(back.warnings.size() == 2);
  CHECK(back.calibrated);
  const sae dictionary = lossless_sae(d);
  const pass_record reference = pass_record_from(to_bytes(whole.reference), "the record");
  CHECK_FALSE(reference.pair.has_value());
  const condition_result a = conclude(whole.compressed, whole.reference, dictionary);
  const condition_result b = conclude(back, reference, dictionary);
  CHECK(a.fit.fvu == b.fit.fvu);
  CHECK(a.shift->relative.value == b.shift->relative.value);
  CHECK(a.loss->kl.value == b.loss->kl.value);
  CHECK(a.by_honest.correlations.r == b.by_honest.correlations.r);
}

TEST_CASE("pass_record: a pass that was interrupted goes on from its bytes to the same bits") {
  const stream s;
  token_layout layout = whole_layout;
  layout.tokens_per_block = 4 * context;
  const both_sides whole = records_of(s, layout);
  feature_audit audit(lossless_sae(d), layout, true);
  for (std::size_t b = 0; b < layout.blocks(); ++b)
    audit.add_reference(s.block(s.x, layout, b));
  for (std::size_t stop = 0; stop <= layout.blocks(); ++stop) {
    CAPTURE(stop);
    std::vector<std::byte> bytes;
    {
      compressed_side begun(audit, "moved");
      for (std::size_t b = 0; b < stop; ++b) {
        begun.add(s.block(s.y, layout, b));
        begun.record().add_losses(layout.first_row(b), scores_of(layout.first_row(b), layout.last_row(b)), context - 1);
      }
      bytes = to_bytes(begun.record());
    }
    compressed_side side(audit, pass_record_from(bytes, "the record"), stop);
    for (std::size_t b = stop; b < layout.blocks(); ++b) {
      side.add(s.block(s.y, layout, b));
      side.record().add_losses(layout.first_row(b), scores_of(layout.first_row(b), layout.last_row(b)), context - 1);
    }
    CHECK(to_bytes(side.record()) == to_bytes(whole.compressed));
  }
}

TEST_CASE("pass_record: what is said once of a condition comes from whoever says it") {
  const stream s;
  const row_groups groups(rows);
  pass_record first = records_of(s, whole_layout.of_groups(groups, 0, 2)).compressed;
  pass_record second = records_of(s, whole_layout.of_groups(groups, 2, 4)).compressed;
  second.tensors.resize(2);
  second.warnings = {"beware"};
  second.match.emplace().sparsity = 0.5;
  second.calibrated = true;
  pass_record nothing = records_of(s, whole_layout.of_groups(groups, 2, 2)).compressed;  // a process without rows
  CHECK(nothing.losses.empty());
  nothing += second;
  nothing += first;
  first += second;
  for (const pass_record* merged : {&first, &nothing}) {
    CHECK(merged->tensors.size() == 2);
    CHECK(merged->warnings.size() == 1);
    CHECK(merged->match->sparsity == 0.5);
    CHECK(merged->calibrated);
    CHECK(merged->shift.has_value());
    CHECK(merged->complete());
  }
  CHECK(to_bytes(first) == to_bytes(nothing));
}

TEST_CASE("pass_record: records that share a group, or belong to other passes, are refused") {
  const stream s;
  const row_groups groups(rows);
  pass_record first = records_of(s, whole_layout.of_groups(groups, 0, 2)).compressed;
  const pass_record over = records_of(s, whole_layout.of_groups(groups, 1, 4)).compressed;
  check_refused([&] { first += over; }, {"\"moved\"", "group 1"});
  pass_record other = records_of(s, whole_layout.of_groups(groups, 2, 4)).compressed;
  other.name = "else";
  check_refused([&] { first += other; }, {"\"moved\"", "\"else\"", "one pass"});
  check_refused([&] { first.add_losses(17, scores_of(0, 2), context - 1); }, {"whole rows"});
  const std::vector<token_comparison> scores = scores_of(0, 2);
  check_refused([&] { first.add_losses(0, std::span(scores).first(7), context - 1); }, {"whole rows"});
  check_refused([&] { pass_record_from({}, "the record"); }, {"the record"});
}

TEST_CASE("pass_record: one whose table is of other groups is refused as it is read") {
  pass_record r("p", {.rows = 8, .row_tokens = 3}, 5);
  CHECK(pass_record_from(to_bytes(r), "x").table.groups() == r.groups.groups());
  r.table = feature_table(5, r.groups.groups() + 1);
  qfa_test::check_refused([&] { pass_record_from(to_bytes(r), "x"); }, {"other groups"});
}

}  // namespace audit_pass_record_test
