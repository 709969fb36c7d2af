// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/findings.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "laws.hpp"
#include "meaning_parts.hpp"

namespace meaning_findings_test {

using qfa_test::close;
using qfa_test::meaning_doubles;

/// Features that fire on the reference at least 50 times, as the oracle measures them.
std::vector<std::uint8_t> measured(const std::vector<qfa::feature_summary>& summaries) {
  std::vector<std::uint8_t> out;
  for (const auto& s : summaries)
    out.push_back(s.reference_firings >= 50.0);
  return out;
}

void check_census(const qfa::drift_census& found, const qfa::json& expected) {
  CHECK(close(found.threshold, expected["quantile_99"].get<double>(), 1e-11));
  CHECK(found.controls == expected["defined"].get<std::size_t>());
  CHECK(found.changed == expected["changed"].size());
  CHECK(found.left_out == expected["left_out"].get<std::size_t>());
  for (std::size_t changed = 0; changed < 2; ++changed)
    for (std::size_t high = 0; high < 2; ++high)
      CHECK(found.table[changed][high] == expected["table"][changed][high].get<std::size_t>());
}

/// What is found of two sides' codes of whole rows, every feature taken for measured.
qfa::meaning_findings findings_of(const qfa::sae& s, const qfa::sparse_codes& x, const qfa::sparse_codes& y,
                                  const std::vector<std::uint32_t>& ids, const qfa::row_groups& groups,
                                  std::size_t rows, std::vector<std::uint32_t> family_of) {
  const std::size_t features = family_of.size(), row_tokens = ids.size() / rows;
  const std::vector<std::uint32_t> group_of_row = groups.of_rows(0, rows);
  const qfa::feature_relations relations(s, qfa::similar_features(s, 0.5), std::move(family_of));
  const qfa::placed_tokens places{{ids.data(), rows, row_tokens}, 0, 0, group_of_row};
  qfa::side_meanings reference(features);
  reference(x, places);
  qfa::meaning_record record{qfa::side_meanings(features), qfa::moved_firings(groups, relations)};
  record.side(y, places);
  (*record.pair)(x, y, relations, group_of_row);
  qfa::feature_table table(features, groups.groups());
  table(x, y, groups.of_tokens(0, rows, row_tokens));
  std::vector<qfa::feature_summary> summaries;
  for (std::size_t j = 0; j < features; ++j)
    summaries.push_back(qfa::summarize(table, j));
  return qfa::find_meanings(reference, record, relations, summaries, std::vector<std::uint8_t>(features, 1));
}

TEST_CASE("find_meanings: contexts, divergences and censuses are the oracle's, with even and odd groups cut two ways") {
  const qfa_test::meaning_case c;
  const auto& a7 = qfa_test::meaning_numbers()["a7"];
  const auto& families = qfa_test::meaning_numbers()["a11"]["families"];
  const qfa::feature_relations relations =
      qfa_test::relations_of(c, families[0]["family"].get<std::vector<std::uint32_t>>());
  for (std::size_t cut = 0; cut < 2; ++cut) {
    const auto& current = a7["current"]["controls"][cut];
    const auto& previous = a7["previous"]["controls"][cut];
    const qfa::row_groups groups(16, current["groups"].get<std::size_t>());
    CAPTURE(groups.groups());
    const auto summaries = qfa_test::summaries_of(c, groups);
    const qfa::side_meanings reference = qfa_test::side_of(c, c.x, groups);
    const qfa::meaning_record record = qfa_test::record_of(c, relations, groups);
    const auto check = [&](const char* what, const qfa::json& expected, double qfa::feature_meaning::*member,
                           const qfa::meaning_findings& found) {
      const std::vector<double> numbers = meaning_doubles(expected);
      for (std::size_t j = 0; j < 40; ++j) {
        CAPTURE(what);
        CAPTURE(j);
        CHECK(close(found.features[j].*member, numbers[j], 1e-11));
      }
    };
    const auto found = qfa::find_meanings(reference, record, relations, summaries, measured(summaries));
    check("overlap", a7["overlap_50"], &qfa::feature_meaning::overlap, found);
    check("rbo", a7["rbo_50"], &qfa::feature_meaning::rank_overlap, found);
    check("jsd", a7["current"]["jsd"], &qfa::feature_meaning::divergence, found);
    check("control", current["jsd_even_odd"], &qfa::feature_meaning::control, found);
    check("previous jsd", a7["previous"]["jsd"], &qfa::feature_meaning::previous_divergence, found);
    check("previous control", previous["jsd_even_odd"], &qfa::feature_meaning::previous_control, found);
    check_census(found.current, current["measured"]);
    check_census(found.previous, previous["measured"]);
    const auto all = qfa::find_meanings(reference, record, relations, summaries, std::vector<std::uint8_t>(40, 1));
    check_census(all.current, current["all"]);
    check_census(all.previous, previous["all"]);
  }
}

TEST_CASE("find_meanings: births, moves, family-aware r and its ICC are the oracle's") {
  const qfa_test::meaning_case c;
  const auto& a11 = qfa_test::meaning_numbers()["a11"];
  const qfa::row_groups groups(16, 4);
  const auto summaries = qfa_test::summaries_of(c, groups);
  const qfa::side_meanings reference = qfa_test::side_of(c, c.x, groups);
  for (const auto& cut : a11["families"]) {
    const qfa::feature_relations relations = qfa_test::relations_of(c, cut["family"].get<std::vector<std::uint32_t>>());
    const auto found = qfa::find_meanings(reference, qfa_test::record_of(c, relations, groups), relations, summaries,
                                          std::vector<std::uint8_t>(40, 1), 3);
    const std::vector<double> family_r = meaning_doubles(cut["r_family"]), moved = meaning_doubles(a11["moved"]);
    for (std::size_t j = 0; j < 40; ++j) {
      CAPTURE(j);
      const qfa::feature_meaning& m = found.features[j];
      CHECK(close(m.family_r, family_r[j], 1e-11));
      CHECK(close(m.moved, moved[j], 1e-15));
      CHECK(m.moved_to.has_value() == !a11["moved_to"][j].is_null());
      if (m.moved_to) CHECK(*m.moved_to == a11["moved_to"][j].get<std::uint32_t>());
      REQUIRE(m.born_instead.size() == a11["top_5"][j].size());
      for (std::size_t i = 0; i < m.born_instead.size(); ++i) {
        CHECK(m.born_instead[i].feature == a11["top_5"][j][i][0].get<std::uint32_t>());
        CHECK(m.born_instead[i].count == a11["top_5"][j][i][1].get<std::uint32_t>());
        CHECK(close(m.born_instead[i].lift, a11["top_5"][j][i][2].get<double>(), 1e-12));
      }
    }
    CHECK(found.icc_features == a11["nu_features"].size());
    CHECK(close(found.icc, cut["icc"].get<double>(), 1e-9));
    CHECK(found.icc_p < 0.02);
    CHECK(close(found.icc_of_kin, cut["icc_without_singletons"].get<double>(), 1e-9));
    CHECK(found.kin < found.icc_features);
    CHECK(found.icc_of_kin_p < 0.05);
  }
}

TEST_CASE("drift_beyond: the other compression's divergences are the control, of the measured features") {
  qfa::meaning_findings found, rounded;
  found.features.resize(3);
  rounded.features.resize(3);
  found.measured = {1, 1, 0};
  for (std::size_t j = 0; j < 3; ++j) {
    found.features[j].divergence = 0.1 * static_cast<double>(j);
    found.features[j].control = 1.0;
    rounded.features[j].divergence = j == 2 ? 0.9 : 0.05;
  }
  const qfa::drift_census c = qfa::drift_beyond(found, rounded, std::vector<qfa::feature_summary>(3));
  CHECK(c.threshold == 0.05);
  CHECK(c.changed == 1);
  CHECK(c.compared == 2);
}

TEST_CASE("find_meanings: a side against itself means the same, down to the last bit") {
  qfa_test::meaning_case c;
  c.y = c.x;
  const qfa::row_groups groups(16, 4);
  std::vector<std::uint32_t> families(40);
  for (std::uint32_t j = 0; j < 40; ++j)
    families[j] = j / 2 * 2;
  const qfa::feature_relations relations = qfa_test::relations_of(c, families);
  const auto summaries = qfa_test::summaries_of(c, groups);
  const auto found = qfa::find_meanings(qfa_test::side_of(c, c.x, groups), qfa_test::record_of(c, relations, groups),
                                        relations, summaries, measured(summaries));
  CHECK(found.current.changed == 0);
  CHECK(found.changed.empty());
  CHECK(found.families == 20);
  CHECK(found.in_families == 40);
  for (std::size_t j = 0; j < 40; ++j) {
    CAPTURE(j);
    const qfa::feature_meaning& m = found.features[j];
    if (summaries[j].reference_firings == 0.0) continue;
    CHECK(m.overlap == static_cast<double>(std::min(50.0, summaries[j].reference_firings)) / 50.0);
    CHECK(close(m.rank_overlap, 1.0));
    CHECK(m.divergence == 0.0);
    CHECK(std::isnan(m.moved));
    CHECK(m.born_instead.empty());
  }
}

TEST_CASE("find_meanings: tells new tokens from lost magnitude, and where a duplicate took over") {
  // Over 64 rows of 4 tokens, ids 0 to 3 by position.  Feature 0 fires on id 1, then twice as often on id 3 as well;
  // 1 fires on id 2 and is replaced by 2, of the same direction; 3 keeps its tokens and loses its magnitudes.
  qfa::sae s;
  s.d_in = 2;
  s.d_sae = 4;
  s.w_dec = {1.0f, 0.0f, 0.0f, 1.0f, 0.0f, 2.0f, 1.0f, -1.0f};
  const std::size_t rows = 64;
  qfa::sparse_codes x(4), y(4);
  std::vector<std::uint32_t> ids;
  for (std::uint32_t row = 0; row < rows; ++row)
    for (std::uint32_t position = 0; position < 4; ++position) {
      ids.push_back(position);
      const float value = static_cast<float>(1 + (row * 37) % 64);
      if (position == 1) x.push(0, value);
      if (position == 1 || position == 3) y.push(0, position == 1 ? value : 3.0f * value);
      if (position == 2) x.push(1, value);
      if (position == 2) y.push(2, value);
      if (position == 0 || position == 3) x.push(3, value);
      if (position == 0 || position == 3) y.push(3, static_cast<float>(1 + (row * 11) % 64));
      x.end_token();
      y.end_token();
    }
  const auto found = findings_of(s, x, y, ids, qfa::row_groups(rows, 16), rows, {0, 1, 1, 3});
  REQUIRE(found.changed.size() == 1);
  CHECK(found.changed[0].feature == 0);
  CHECK(close(found.changed[0].common_support_r, 1.0));
  CHECK(found.changed_on_even == 1);
  CHECK(found.changed_on_both == 1);
  CHECK(found.changed[0].reference_tokens == std::vector<qfa::token_share>{{1, 1.0}});
  CHECK(found.changed[0].compressed_tokens == std::vector<qfa::token_share>{{3, 0.75}, {1, 0.25}});
  CHECK(found.current.table[1][1] == 1);
  CHECK(found.current.table[0][0] == 1);  // feature 3
  const qfa::feature_meaning& replaced = found.features[1];
  CHECK(replaced.moved == 1.0);
  CHECK(replaced.moved_to == 2U);
  REQUIRE(!replaced.born_instead.empty());
  CHECK(replaced.born_instead[0].feature == 2);
  CHECK(replaced.born_instead[0].lift == 4.0);  // on a quarter of the tokens, always
  CHECK(close(replaced.family_r, 1.0));
  CHECK(replaced.overlap == 0.0);
  CHECK(found.moved_on_even == 1);
  CHECK(found.moved_on_both == 1);
  REQUIRE(found.moved.size() == 1);
  CHECK(found.moved[0].feature == 1);
  CHECK(found.moved[0].to == 2);
  CHECK(found.moved[0].chosen_by == 1.0);
  CHECK(found.moved[0].share == 1.0);
  CHECK(found.moved[0].misses == 32);
}

TEST_CASE("find_meanings: what the even groups choose is shown as the odd groups have it") {
  // 64 rows of 3 tokens in 16 groups.  Feature 0 moves from id 0 to id 1 in the even groups alone, 1 in the odd ones
  // alone; 2 moves half of itself to id 1 everywhere.  In the even groups 3 is missed for 4, in the odd ones for none.
  qfa::sae s;
  s.d_in = 2;
  s.d_sae = 5;
  s.w_dec = {1.0f, 0.0f, 0.0f, 1.0f, 1.0f, -1.0f, 3.0f, 4.0f, 6.0f, 8.0f};
  const std::size_t rows = 64;
  const qfa::row_groups groups(rows, 16);
  const std::vector<std::uint32_t> group_of_row = groups.of_rows(0, rows);
  qfa::sparse_codes x(5), y(5);
  std::vector<std::uint32_t> ids;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::uint32_t position = 0; position < 3; ++position) {
      const bool even = group_of_row[row] % 2 == 0;
      ids.push_back(position);
      if (position == 0) x.push(0, 1.0f), x.push(1, 1.0f), x.push(2, 1.0f);
      if (position == 2) x.push(3, 2.0f);
      if (position == (even ? 1 : 0)) y.push(0, 1.0f);
      if (position == (even ? 0 : 1)) y.push(1, 1.0f);
      if (position < 2) y.push(2, 1.0f);
      if (position == 2 && even) y.push(4, 2.0f);
      x.end_token();
      y.end_token();
    }
  const auto found = findings_of(s, x, y, ids, groups, rows, {0, 1, 2, 3, 4});
  CHECK(found.current.changed == 3);  // by all rows 1 as well as 0 and 2
  CHECK(found.changed_on_even == 2);  // 0 and 2
  CHECK(found.changed_on_both == 1);  // 2
  REQUIRE(found.changed.size() == 2);
  CHECK(found.changed[0].feature == 0);
  CHECK(found.changed[0].chosen_by == 1.0);
  CHECK(found.changed[0].divergence == 0.0);
  CHECK(found.changed[0].compressed_tokens == std::vector<qfa::token_share>{{0, 1.0}});
  CHECK(found.changed[1].feature == 2);
  // Of {1} and {1/2, 1/2} the mean is {3/4, 1/4}: (log2 4/3 + log2(2/3) / 2 + 1/2) / 2.
  CHECK(close(found.changed[1].divergence, 0.5 * (std::log2(4.0 / 3.0) + 0.5 * std::log2(2.0 / 3.0) + 0.5)));
  CHECK(found.changed[1].divergence == found.changed[1].chosen_by);
  CHECK(found.moved_on_even == 1);
  CHECK(found.moved_on_both == 0);
  REQUIRE(found.moved.size() == 1);
  CHECK(found.moved[0].feature == 3);
  CHECK(found.moved[0].to == 4);
  CHECK(found.moved[0].chosen_by == 1.0);
  CHECK(found.moved[0].share == 0.0);
  CHECK(found.moved[0].misses == 32);
  CHECK(found.features[3].moved == 0.5);
}

}  // namespace meaning_findings_test
