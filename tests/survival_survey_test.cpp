// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/survey.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "statistics_oracle.hpp"

namespace survival_survey_test {

using qfa::outcome;

namespace {

/// Compares an estimate with a row of the oracle.  Where the oracle has no interval, there may be none on two sides but
/// the delta method's, or, of a count that no group moves by a whole step, the smoothed count's.
void check_estimate(const qfa::estimate& e, const double* row) {
  using namespace qfa_test;
  CHECK(e.value == doctest::Approx(row[oracle_value]).epsilon(1e-10));
  const bool two_sided = e.range.kind == qfa::interval_kind::two_sided;
  if (std::isnan(row[oracle_error]) && two_sided) {
    CHECK(e.range.lower < e.value);
    CHECK(e.value < e.range.upper);
    // No group moves it by a step: the oracle knows no bias, but for rounding.
    if (std::fabs(row[oracle_corrected] - row[oracle_value]) < 1e-12) return;
  }
  CHECK(std::fabs(e.bias_corrected - row[oracle_corrected]) <= 1e-7);
  if (std::isnan(row[oracle_error])) return;
  CHECK(e.range.kind == qfa::interval_kind::two_sided);
  // r without a group is kept to 6e-8 of its difference from r; scipy's t quantile is right to 4e-10.
  CHECK(e.range.scale_error == doctest::Approx(row[oracle_error]).epsilon(1e-6));
  CHECK(e.range.lower == doctest::Approx(row[oracle_lower]).epsilon(1e-6));
  CHECK(e.range.upper == doctest::Approx(row[oracle_upper]).epsilon(1e-6));
  CHECK(e.range.dof == row[oracle_dof]);
}

}  // namespace

TEST_CASE("take_survey: every aggregate of the published protocol agrees with the oracle, intervals included") {
  const qfa_test::statistics_oracle oracle;
  const qfa::survey s = qfa::take_survey(oracle.table("a"), qfa::published);
  CHECK(s.counted == oracle.chosen("active"));
  CHECK(s.active_count() == s.counted.size());
  CHECK(s.undefined == 0);
  check_estimate(s.mean_r, oracle.doubles("published.mean_r").data());
  check_estimate(s.median_r, oracle.doubles("published.median_r").data());
  for (const outcome o : {outcome::survived, outcome::blurred, outcome::destroyed}) {
    const std::string name(qfa::name(o));
    CAPTURE(name);
    check_estimate(s.share(o), oracle.doubles("published." + name).data());
    CHECK(s.bands.share(o) == s.share(o).value);
  }
  const std::vector<double> curve = oracle.doubles("published.survival_curve");
  for (std::size_t i = 0; i < qfa::curve_points; ++i) {
    CAPTURE(i);
    check_estimate(s.curve[i], curve.data() + 6 * i);
  }
}

TEST_CASE("estimate_over: the honest aggregates agree with the oracle, and so does the overlap of two conditions") {
  const qfa_test::statistics_oracle oracle;
  const qfa::leave_one_out a = qfa::leave_groups_out(oracle.table("a"), qfa::pearson);
  const qfa::leave_one_out b = qfa::leave_groups_out(oracle.table("b"), qfa::pearson);
  const std::vector<std::uint32_t> features = oracle.chosen("measured_and_defined");
  const qfa::jackknife_options on_atanh{.scale = qfa::interval_scale::atanh};
  const qfa::jackknife_options on_logit{.scale = qfa::interval_scale::logit};
  check_estimate(qfa::estimate_over(a, features, qfa::mean_correlation, on_atanh),
                 oracle.doubles("honest.mean_r").data());
  check_estimate(qfa::estimate_median(a, features), oracle.doubles("honest.median_r").data());
  const qfa::countable of_a(a, features), of_b(b, features);
  for (const outcome o : {outcome::survived, outcome::blurred, outcome::destroyed})
    check_estimate(qfa::count_outcome(of_a, {o, {}}).concluded(on_logit),
                   oracle.doubles("honest." + std::string(qfa::name(o))).data());
  const std::vector<double> curve = oracle.doubles("honest.survival_curve");
  const auto curve_of_a = qfa::estimate_curve(a, features);
  for (std::size_t i = 0; i < qfa::curve_points; ++i)
    check_estimate(curve_of_a[i], curve.data() + 6 * i);
  const auto fails = [](double r, double h) { return 1.0 - qfa::outcome_chance{outcome::survived, {}}(r, h); };
  check_estimate(qfa::count_over(of_a, of_b, fails, qfa::jaccard_of_chances).concluded(on_logit),
                 oracle.doubles("honest.jaccard").data());

  const qfa::survey pa = qfa::take_survey(oracle.table("a"), qfa::published);
  const qfa::survey pb = qfa::take_survey(oracle.table("b"), qfa::published);
  const std::vector<std::uint32_t> both = qfa::counted_by_both(pa, pb);
  check_estimate(qfa::count_over(qfa::countable(pa.correlations, both), qfa::countable(pb.correlations, both), fails,
                                 qfa::jaccard_of_chances)
                     .concluded(on_logit),
                 oracle.doubles("published.jaccard").data());
}

TEST_CASE("take_survey: the honest census counts the unmeasured, and the dead among the destroyed") {
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_table table = oracle.table("a");
  const qfa::survey s = qfa::take_survey(table, qfa::honest);
  const std::vector<std::uint32_t> active = oracle.chosen("active"), measured = oracle.chosen("measured");
  CHECK(s.active_count() == active.size());
  std::vector<std::uint32_t> expected;
  for (const std::uint32_t f : active)
    if (std::binary_search(measured.begin(), measured.end(), f) && qfa::evidence_of(table, f).effective >= 5.0 &&
        table.total(f).all.xx > 0.0)
      expected.push_back(f);
  CHECK(s.counted == expected);
  CHECK(s.bands[outcome::unmeasured] == active.size() - expected.size());
  CHECK(s.bands[outcome::unmeasured] > 0);
  // Feature 3 dies under a: r has no value, and nothing is left of it.
  CHECK(std::isnan(s.correlations.r[3]));
  CHECK(s.outcomes[3] == outcome::destroyed);
  std::size_t undefined = 0;
  for (const std::uint32_t f : expected)
    undefined += std::isnan(s.correlations.r[f]);
  CHECK(s.undefined == undefined);
  CHECK(s.undefined >= 1);
  for (std::uint32_t f = 0; f < oracle.features; ++f) {
    const bool in = std::binary_search(active.begin(), active.end(), f);
    CHECK((s.active[f] != 0) == in);
    if (!in || !std::binary_search(expected.begin(), expected.end(), f)) CHECK(s.outcomes[f] == outcome::unmeasured);
  }
}

TEST_CASE("take_survey: mass counts features by how strongly they fire, and loses it with the group") {
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_table table = oracle.table("b");
  std::vector<float> norms(oracle.features);
  for (std::size_t f = 0; f < norms.size(); ++f)
    norms[f] = 0.5f + 0.1f * static_cast<float>(f % 7);
  const qfa::survey s = qfa::take_survey(table, qfa::published, norms);
  const auto share = [&](std::size_t left_out, bool smooth) {
    double kept = 0.0, all = 0.0;
    for (const std::uint32_t f : s.counted) {
      double mass = 0.0;
      for (std::size_t g = 0; g < oracle.groups; ++g)
        if (g != left_out) mass += table.cell(f, g).either.sum_x() * static_cast<double>(norms[f]);
      const double r = left_out < oracle.groups ? s.correlations.without(left_out, f) : s.correlations.r[f];
      const double h = smooth ? qfa::bandwidth_of(s.correlations.ranges[f]).broad : 0.0;
      all += mass;
      kept += mass * qfa::outcome_chance{outcome::survived, {}}(r, h);
    }
    return kept / all;
  };
  CHECK(s.mass.value == doctest::Approx(share(oracle.groups, false)).epsilon(1e-12));
  double corrected = 0.0;
  for (std::size_t g = 0; g < oracle.groups; ++g)
    corrected += share(g, true) - share(oracle.groups, true);
  const double n = static_cast<double>(oracle.groups);
  CHECK(s.mass.bias_corrected == doctest::Approx(s.mass.value - (n - 1.0) * corrected / n).epsilon(1e-9));
  CHECK(s.mass.range.kind == qfa::interval_kind::two_sided);
  CHECK(s.mass_covered > 0.5);
  CHECK(s.mass_covered <= 1.0);
  const qfa::survey unweighted = qfa::take_survey(table, qfa::published);
  CHECK(unweighted.mass.value != s.mass.value);
  CHECK_THROWS_AS(qfa::take_survey(table, qfa::published, std::vector<float>(3, 1.0f)), qfa::error);
}

TEST_CASE("take_survey: the reference against itself survives whole, with one-sided statements") {
  const qfa_test::statistics_oracle oracle;
  for (const qfa::protocol& rules : {qfa::published, qfa::honest}) {
    const qfa::survey s = qfa::take_survey(oracle.table("x"), rules);
    // Published: the one feature that is always on at one value has r = 0 against itself, the tiny one is guarded.
    if (rules.guarded_r) continue;
    CHECK(s.bands.share(outcome::survived) == 1.0);
    CHECK(s.mean_r.value == 1.0);
    CHECK(s.median_r.value == 1.0);
    CHECK(s.mean_r.range.kind == qfa::interval_kind::at_least);
    CHECK(s.share(outcome::survived).range.kind == qfa::interval_kind::at_least);
    CHECK(s.share(outcome::destroyed).range.kind == qfa::interval_kind::at_most);
    CHECK(s.share(outcome::destroyed).range.upper == doctest::Approx(1.0 - std::pow(0.05, 1.0 / 24.0)));
    CHECK(s.area.value == 1.0);
    CHECK(s.curve[99].value == 1.0);
    CHECK(s.curve[100].value == 0.0);  // r > 1 never
  }
}

TEST_CASE("take_survey: half as many groups count survivors over the bandwidths of all of them") {
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_table table = oracle.table("a");
  const qfa::survey s = qfa::take_survey(table, qfa::honest);
  const qfa::leave_one_out pairs = qfa::leave_groups_out(
      table, [](const qfa::comoments& c) { return qfa::pearson(c); }, 0.95,
      qfa::blocks_of(table, qfa::group_selection::all, 2));
  const auto ratio = [&](const qfa::countable& in_pairs) {
    const qfa::estimate e =
        qfa::count_outcome(in_pairs, {outcome::survived, {}}).concluded({.scale = qfa::interval_scale::logit});
    return e.range.scale_error / s.share(outcome::survived).range.scale_error;
  };
  CHECK(s.survived_halved.error_ratio ==
        doctest::Approx(ratio({pairs, s.counted, qfa::bandwidths_of(s.correlations, s.counted)})).epsilon(1e-12));
  CHECK(s.survived_halved.error_ratio != doctest::Approx(ratio({pairs, s.counted})).epsilon(1e-6));
}

TEST_CASE("take_survey: on a short stream point estimates stand and intervals are refused") {
  const qfa_test::statistics_oracle oracle;
  std::vector<std::uint32_t> groups = oracle.group_of_token;
  for (std::uint32_t& g : groups)
    g = g < 4 ? g : qfa::skipped;
  qfa::feature_table table(oracle.features, oracle.groups);
  table(oracle.codes("x"), oracle.codes("a"), groups);
  const qfa::survey s = qfa::take_survey(table, qfa::published);
  CHECK(s.correlations.groups == 4);
  CHECK(std::isfinite(s.mean_r.value));
  CHECK(s.mean_r.range.kind == qfa::interval_kind::refused);
  CHECK(s.mean_r.range.reason == "fewer than 8 groups of rows");
  CHECK(s.bands.counted() > 0);
  const qfa::survey none = qfa::take_survey(table, qfa::honest);
  CHECK(none.bands.counted() == 0);
  CHECK(none.bands[outcome::unmeasured] > 0);
  CHECK(std::isnan(none.mean_r.value));

  const qfa::survey empty = qfa::take_survey(qfa::feature_table(5, 1), qfa::published);
  CHECK(empty.active_count() == 0);
  CHECK(std::isnan(empty.mean_r.value));
  CHECK(std::isnan(empty.share(outcome::survived).value));
}

TEST_CASE("take_survey: the same numbers on 1, 2, 3 and 8 threads") {
  const qfa_test::statistics_oracle oracle;
  const std::size_t before = qfa::thread_count();
  const auto numbers_of = [&](std::size_t threads) {
    qfa::set_thread_count(threads);
    const qfa::survey s = qfa::take_survey(oracle.table("a"), qfa::honest);
    std::vector<double> out;
    for (const qfa::estimate& e : {s.mean_r, s.median_r, s.shares[0], s.shares[1], s.shares[2], s.area, s.mass})
      out.insert(out.end(), {e.value, e.bias_corrected, e.range.lower, e.range.upper});
    for (const qfa::estimate& e : s.curve)
      out.push_back(e.bias_corrected);
    // A refused interval has NaN ends, which equal nothing.
    std::replace_if(
        out.begin(), out.end(), [](double x) { return std::isnan(x); }, -2.0);
    return out;
  };
  const std::vector<double> expected = numbers_of(1);
  for (const std::size_t threads : {2U, 3U, 8U})
    CHECK(numbers_of(threads) == expected);
  qfa::set_thread_count(before);
}

TEST_CASE("counted_by_both: features that both conditions count") {
  qfa::survey a, b;
  a.counted = {1, 3, 5, 8};
  b.counted = {0, 3, 8, 9};
  CHECK(qfa::counted_by_both(a, b) == std::vector<std::uint32_t>{3, 8});
}

// Coverage of aggregates.  40 features of different noise, over 960 rows of 64 tokens, groups of 15; documents of three
// rows share a rate, a strength and a noise that all features feel.  150 streams: the share of intervals at 95 % that
// covers the truth, known from 10,000 documents, has a standard error of .018; accepted within 1.96 of them and .01.
namespace {

constexpr std::size_t rows = 960;
constexpr std::size_t row_tokens = 64;
constexpr std::size_t document_rows = 3;
constexpr std::size_t document_tokens = document_rows * row_tokens;
constexpr std::uint32_t features = 40;

/// Calls `fires(token, feature, x, y)` for one document, tokens and features increasing.
template <class Random, class Fires>
void document(Random& random, Fires fires) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::gamma_distribution<double> burst(2.0, 0.5), magnitude(4.0, 0.25);
  const double rate = (std::min)(0.001 + 0.03 * burst(random), 0.9), strength = std::exp(0.3 * normal(random));
  const double noise = std::exp(0.5 * normal(random));
  // From one firing to the next: a geometric number of silent (token, feature) pairs.
  std::geometric_distribution<std::size_t> gap(rate);
  for (std::size_t i = gap(random); i < document_tokens * features; i += 1 + gap(random)) {
    const auto f = static_cast<std::uint32_t>(i % features);
    const double own = 0.15 + 0.9 * static_cast<double>(f) / features;
    const double x = strength * magnitude(random);
    fires(i / features, f, static_cast<float>(x),
          static_cast<float>((std::max)(0.0, x + noise * own * normal(random))));
  }
}

}  // namespace

TEST_CASE("take_survey: intervals of the mean and of the median cover the truth as often as they promise") {
  std::mt19937_64 random(303);
  std::vector<qfa::comoments> whole(features);
  constexpr std::size_t documents = 10000;
  for (std::size_t d = 0; d < documents; ++d)
    document(random, [&](std::size_t, std::uint32_t f, float x, float y) {
      whole[f](static_cast<double>(x), static_cast<double>(y));
    });
  std::vector<double> truth;
  for (qfa::comoments& c : whole) {
    c.add_zeros(documents * document_tokens - c.count);
    truth.push_back(qfa::pearson(c));
  }
  const double true_mean = qfa::mean_correlation(truth), true_median = qfa::lower_median(truth);

  // One thread: on a machine at work, hundreds of small parallel regions would wait for each other.
  const std::size_t before = qfa::thread_count();
  qfa::set_thread_count(1);
  constexpr std::size_t streams = 150;
  double mean_covered = 0.0, median_covered = 0.0;
  const auto covers = [](const qfa::estimate& e, double value) {
    return e.range.lower <= value && value <= e.range.upper ? 1.0 : 0.0;
  };
  for (std::size_t s = 0; s < streams; ++s) {
    qfa::sparse_codes reference(features), compressed(features);
    for (std::size_t d = 0; d < rows / document_rows; ++d) {
      std::size_t at = 0;
      const auto pass = [&](std::size_t token) {
        for (; at < token; ++at) {
          reference.end_token();
          compressed.end_token();
        }
      };
      document(random, [&](std::size_t t, std::uint32_t f, float x, float y) {
        pass(t);
        if (x > 0.0f) reference.push(f, x);
        if (y > 0.0f) compressed.push(f, y);
      });
      pass(document_tokens);
    }
    const qfa::row_groups groups(rows);
    qfa::feature_table table(features, groups.groups());
    table(reference, compressed, groups.of_tokens(0, rows, row_tokens));
    const qfa::survey survey = qfa::take_survey(table, qfa::honest);
    REQUIRE(survey.counted.size() == features);
    mean_covered += covers(survey.mean_r, true_mean) / streams;
    median_covered += covers(survey.median_r, true_median) / streams;
  }
  CAPTURE(true_mean);
  CAPTURE(true_median);
  qfa::set_thread_count(before);
  CAPTURE(mean_covered);
  CAPTURE(median_covered);
  const double accepted = 1.96 * std::sqrt(0.95 * 0.05 / streams) + 0.01;
  CHECK(std::fabs(mean_covered - 0.95) <= accepted);
  CHECK(std::fabs(median_covered - 0.95) <= accepted);
}

}  // namespace survival_survey_test
