// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/feature_statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "laws.hpp"
#include "qfa/stats/comoments.hpp"
#include "qfa/stats/feature_summary.hpp"
#include "qfa/stats/feature_table.hpp"
#include "statistics_oracle.hpp"

namespace stats_feature_statistics_test {

using qfa_test::close;

namespace {

/// A feature's totals from its columns, one group.
qfa::feature_totals totals(const std::vector<std::pair<float, float>>& tokens) {
  qfa::sparse_codes reference(1), compressed(1);
  for (const auto& [x, y] : tokens) {
    if (x > 0.0f) reference.push(0, x);
    if (y > 0.0f) compressed.push(0, y);
    reference.end_token();
    compressed.end_token();
  }
  qfa::feature_table table(1, 1);
  table(reference, compressed, std::vector<std::uint32_t>(tokens.size(), 0));
  return table.total(0);
}

struct oracle_statistic {
  const char* name;
  double (*value)(const qfa::feature_totals&);
};

double firings(std::uint64_t n) { return static_cast<double>(n); }

const std::vector<oracle_statistic> all_statistics{
    {"n_x", [](const qfa::feature_totals& t) { return firings(t.fired.reference_firings); }},
    {"n_y", [](const qfa::feature_totals& t) { return firings(t.fired.compressed_firings()); }},
    {"n_xy", [](const qfa::feature_totals& t) { return firings(t.fired.both_firings()); }},
    {"mean_x", [](const qfa::feature_totals& t) { return qfa::mean_activation(t); }},
    {"mean_y", [](const qfa::feature_totals& t) { return t.all.mean_y; }},
    {"max_x", [](const qfa::feature_totals& t) { return static_cast<double>(t.fired.reference_max); }},
    {"max_y", [](const qfa::feature_totals& t) { return static_cast<double>(t.fired.compressed_max); }},
    {"var_x", [](const qfa::feature_totals& t) { return t.all.xx / firings(t.tokens); }},
    {"var_y", [](const qfa::feature_totals& t) { return t.all.yy / firings(t.tokens); }},
    {"cov", [](const qfa::feature_totals& t) { return t.all.xy / firings(t.tokens); }},
    {"r", [](const qfa::feature_totals& t) { return qfa::pearson(t.all); }},
    {"r_published", [](const qfa::feature_totals& t) { return qfa::published_pearson(t.all); }},
    {"nu", [](const qfa::feature_totals& t) { return qfa::noise_to_signal(qfa::pearson(t.all)); }},
    {"beta", [](const qfa::feature_totals& t) { return qfa::regression_gain(t); }},
    {"recall", [](const qfa::feature_totals& t) { return qfa::firing_recall(t); }},
    {"precision", [](const qfa::feature_totals& t) { return qfa::firing_precision(t); }},
    {"j_fire", [](const qfa::feature_totals& t) { return qfa::firing_jaccard(t); }},
    {"phi", [](const qfa::feature_totals& t) { return qfa::firing_phi(t); }},
    {"mass_lost", [](const qfa::feature_totals& t) { return qfa::lost_mass_share(t); }},
    {"mass_ghost", [](const qfa::feature_totals& t) { return qfa::ghost_mass_share(t); }},
    {"r_on", [](const qfa::feature_totals& t) { return qfa::common_support_pearson(t); }},
    {"eflip", [](const qfa::feature_totals& t) { return t.fired.flip_energy; }},
    {"eon", [](const qfa::feature_totals& t) { return t.fired.on_energy; }},
    {"flip_share", [](const qfa::feature_totals& t) { return qfa::flip_share(t); }},
    {"mse", [](const qfa::feature_totals& t) { return qfa::error_energy(t); }},
    {"bias_sq", [](const qfa::feature_totals& t) { return qfa::split_error(t).bias; }},
    {"gain", [](const qfa::feature_totals& t) { return qfa::split_error(t).gain; }},
    {"noise", [](const qfa::feature_totals& t) { return qfa::split_error(t).noise; }},
    {"nmse", [](const qfa::feature_totals& t) { return qfa::normalized_error(t); }},
    {"repairable", [](const qfa::feature_totals& t) { return qfa::repairable_share(t); }},
};

}  // namespace

TEST_CASE("feature statistics: every one agrees with the oracle") {
  const qfa_test::statistics_oracle oracle;
  for (const std::string side : {"a", "b"}) {
    const qfa::feature_table table = oracle.table(side);
    const std::vector<double> mean_x = oracle.doubles(side + ".mean_x"), var_x = oracle.doubles(side + ".var_x"),
                              var_y = oracle.doubles(side + ".var_y");
    for (const oracle_statistic& statistic : all_statistics) {
      const std::string name = statistic.name;
      const std::vector<double> expected = oracle.doubles(side + "." + name);
      for (std::size_t f = 0; f < oracle.features; ++f) {
        CAPTURE(side);
        CAPTURE(name);
        CAPTURE(f);
        const double value = statistic.value(table.total(f));
        CAPTURE(value);
        CAPTURE(expected[f]);
        CHECK(std::isnan(value) == std::isnan(expected[f]));
        if (std::isnan(value)) continue;
        // Where r is 1 or beta 1, 1 - r^2 and beta - 1 are differences of rounded ones: the variance's own rounding,
        // 1e-15 of it, is all that is left.  With a mean of a million deviations beta itself is right to 1e-10.
        const double scale = name == "nu" ? 1.0 : name == "noise" ? var_y[f] : name == "gain" ? var_x[f] : 0.0;
        const double deviations = mean_x[f] * mean_x[f] > 1e10 * var_x[f] ? 1e-10 : 1e-14;
        const double rounding = scale == 0.0 ? 0.0 : deviations * scale;
        CHECK(std::fabs(value - expected[f]) <= 1e-9 * std::fabs(expected[f]) + rounding);
      }
    }
  }
}

TEST_CASE("split_error: bias, gain and noise add up to the energy of the errors, to 1e-12") {
  const qfa_test::statistics_oracle oracle;
  for (const std::string side : {"a", "b"}) {
    const qfa::feature_table table = oracle.table(side);
    for (std::size_t f = 0; f < oracle.features; ++f) {
      const qfa::feature_totals t = table.total(f);
      const qfa::error_parts parts = qfa::split_error(t);
      if (std::isnan(parts.gain)) continue;
      CAPTURE(side);
      CAPTURE(f);
      // The three come from sums about the means, the energy from the errors themselves: relative to what is summed.
      const double n = static_cast<double>(t.tokens);
      const double scale = qfa::error_energy(t) + t.all.xx / n + t.all.yy / n;
      // A mean of a million deviations leaves the means' own rounding, 1e-16 of it, in the bias.
      const double rounding = 4e-16 * std::fabs(t.all.mean_x - t.all.mean_y) * std::fabs(t.all.mean_x);
      CHECK(std::fabs(parts.sum() - qfa::error_energy(t)) <= 1e-12 * scale + rounding);
    }
  }
}

TEST_CASE("split_error: a constant, a factor and noise each show in their own part") {
  // Always firing, so that adding a constant stays a constant.
  std::vector<std::pair<float, float>> shifted, scaled, noisy;
  for (int i = 0; i < 64; ++i) {
    const float x = 1.0f + 0.25f * static_cast<float>(i % 8);
    const float sign = i % 16 < 8 ? 1.0f : -1.0f;  // uncorrelated with x
    shifted.emplace_back(x, x + 0.5f);
    scaled.emplace_back(x, 0.5f * x);
    noisy.emplace_back(x, x + 0.125f * sign);
  }
  const qfa::feature_totals a = totals(shifted), b = totals(scaled), c = totals(noisy);
  CHECK(close(qfa::split_error(a).bias, 0.25));
  CHECK(close(qfa::split_error(a).gain, 0.0));
  CHECK(close(qfa::split_error(a).noise, 0.0));
  CHECK(close(qfa::repairable_share(a), 1.0));
  CHECK(close(qfa::regression_gain(b), 0.5));
  CHECK(close(qfa::pearson(b.all), 1.0));
  CHECK(close(qfa::split_error(b).gain, 0.25 * b.all.xx / 64.0));
  CHECK(close(qfa::repairable_share(b), 1.0));
  CHECK(close(qfa::split_error(c).noise, 0.125 * 0.125));
  CHECK(close(qfa::split_error(c).bias, 0.0));
  CHECK(close(qfa::split_error(c).gain, 0.0));
  CHECK(close(qfa::repairable_share(c), 0.0));
}

TEST_CASE("feature statistics: the energies of flips and of common support add up to all errors") {
  const qfa::feature_totals t = totals({{1.0f, 2.0f}, {3.0f, 0.0f}, {0.0f, 4.0f}, {0.0f, 0.0f}, {2.0f, 1.5f}});
  CHECK(t.fired.flip_energy == 25.0);
  CHECK(t.fired.on_energy == 1.25);
  CHECK(qfa::error_energy(t) == 26.25 / 5.0);
  CHECK(qfa::flip_share(t) == 25.0 / 26.25);
  CHECK(qfa::lost_mass_share(t) == doctest::Approx(3.0 / 6.0));
  CHECK(qfa::ghost_mass_share(t) == doctest::Approx(4.0 / 7.5));
  CHECK(qfa::firing_recall(t) == 2.0 / 3.0);
  CHECK(qfa::firing_precision(t) == 2.0 / 3.0);
  CHECK(qfa::firing_jaccard(t) == 2.0 / 4.0);
  CHECK(qfa::firing_phi(t) == doctest::Approx((5.0 * 2.0 - 9.0) / 6.0));
  CHECK(qfa::mean_when_active(t) == doctest::Approx(2.0));
  CHECK(qfa::mean_activation(t) == doctest::Approx(1.2));
}

TEST_CASE("feature statistics: what has no value is NaN and says why") {
  const qfa::feature_totals silent = totals({{0.0f, 0.0f}, {0.0f, 0.0f}});
  for (const oracle_statistic& statistic : all_statistics) {
    const std::string name = statistic.name;
    CAPTURE(name);
    if (name == "r" || name == "nu" || name == "beta" || name == "recall" || name == "precision" || name == "j_fire" ||
        name == "phi" || name == "mass_lost" || name == "mass_ghost" || name == "r_on" || name == "flip_share" ||
        name == "gain" || name == "noise" || name == "nmse" || name == "repairable")
      CHECK(std::isnan(statistic.value(silent)));
    else
      CHECK(statistic.value(silent) == 0.0);
  }
  CHECK(qfa::why_no_pearson(silent) == qfa::reference_never_fires);
  CHECK(qfa::why_no_pearson(totals({{1.0f, 0.0f}, {1.0f, 2.0f}})) == qfa::reference_is_constant);
  CHECK(qfa::why_no_pearson(totals({{1.0f, 0.0f}, {0.0f, 0.0f}})) == qfa::compressed_never_fires);
  CHECK(qfa::why_no_pearson(totals({{1.0f, 2.0f}, {0.0f, 2.0f}})) ==
        "the feature does not vary on the compressed model");
  CHECK(qfa::why_no_pearson(totals({{1.0f, 2.0f}, {0.0f, 0.0f}})).empty());
  CHECK(std::isnan(qfa::firing_rate(qfa::feature_totals{})));
  CHECK(std::isnan(qfa::firing_rate_ratio(totals({{0.0f, 1.0f}}))));
}

TEST_CASE("noise_to_signal: zero for a perfect copy, infinite for an unrelated one, even in r") {
  CHECK(qfa::noise_to_signal(1.0) == 0.0);
  CHECK(qfa::noise_to_signal(0.6) == doctest::Approx(0.64 / 0.36));
  CHECK(qfa::noise_to_signal(-0.6) == qfa::noise_to_signal(0.6));
  CHECK(qfa::noise_to_signal(0.0) == std::numeric_limits<double>::infinity());
  CHECK(qfa::noise_to_signal(1e-200) == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(qfa::noise_to_signal(std::numeric_limits<double>::quiet_NaN())));
  CHECK(qfa::damage(0.25) == 0.75);
}

TEST_CASE("died and was_born: fifty firings and a tenth, both inclusive") {
  const auto with = [](std::size_t both, std::size_t reference_only, std::size_t compressed_only) {
    std::vector<std::pair<float, float>> tokens(2000, {0.0f, 0.0f});
    for (std::size_t i = 0; i < both; ++i)
      tokens[i] = {1.0f, 1.0f};
    for (std::size_t i = 0; i < reference_only; ++i)
      tokens[500 + i] = {1.0f, 0.0f};
    for (std::size_t i = 0; i < compressed_only; ++i)
      tokens[1000 + i] = {0.0f, 1.0f};
    return totals(tokens);
  };
  CHECK(qfa::died(with(0, 50, 0)));
  CHECK_FALSE(qfa::died(with(0, 49, 0)));
  CHECK_FALSE(qfa::died(with(0, 50, 1)));
  CHECK_FALSE(qfa::died(with(1, 50, 0)));
  CHECK(qfa::was_born(with(0, 0, 50)));
  CHECK_FALSE(qfa::was_born(with(0, 0, 49)));
  CHECK(qfa::was_born(with(5, 0, 45)));        // 5 of 50: a tenth
  CHECK_FALSE(qfa::was_born(with(6, 0, 44)));  // 6 of 50
  CHECK(qfa::was_born(with(0, 5, 50)));
  CHECK_FALSE(qfa::was_born(with(0, 6, 50)));
}

TEST_CASE("unseen_rate_bound: the rule of three, exactly") {
  CHECK(std::pow(1.0 - qfa::unseen_rate_bound(50.0), 50.0) == doctest::Approx(0.05).epsilon(1e-12));
  CHECK(qfa::unseen_rate_bound(1e6) == doctest::Approx(3e-6).epsilon(0.002));
  CHECK(qfa::unseen_rate_bound(50.0, 0.99) > qfa::unseen_rate_bound(50.0));
  CHECK(qfa::unseen_rate_bound(0.0) == 1.0);
}

TEST_CASE("evidence_of: groups that fire, and how many equal ones they are worth") {
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_table table = oracle.table("a");
  const std::vector<double> effective = oracle.doubles("m_eff");
  const std::vector<std::int64_t> groups = oracle.integers("groups_firing");
  for (std::size_t f = 0; f < oracle.features; ++f) {
    CAPTURE(f);
    const qfa::group_evidence evidence = qfa::evidence_of(table, f);
    CHECK(static_cast<std::int64_t>(evidence.groups) == groups[f]);
    if (groups[f] == 0)
      CHECK(evidence.effective == 0.0);
    else
      CHECK(evidence.effective == doctest::Approx(effective[f]).epsilon(1e-12));
  }
}

// Two identities that calibrate the bands.  n = 400,000 tokens, fixed seeds; the tolerance is three standard errors of
// r, taken from 40 batches of 10,000 tokens.
namespace {

struct simulation {
  double r = 0.0;
  double standard_error = 0.0;
};

template <class Draw>
simulation simulate(Draw draw) {
  qfa::comoments all;
  double sum = 0.0, squares = 0.0;
  constexpr int batches = 40;
  for (int b = 0; b < batches; ++b) {
    qfa::comoments batch;
    for (int t = 0; t < 10000; ++t) {
      const auto [x, y] = draw();
      batch(x, y);
    }
    const double r = qfa::pearson(batch);
    sum += r;
    squares += r * r;
    all += batch;
  }
  const double mean = sum / batches;
  return {qfa::pearson(all), std::sqrt((squares / batches - mean * mean) / (batches - 1))};
}

}  // namespace

TEST_CASE("pearson over all tokens is mostly support: r of two sides that fire together") {
  // r = ((1-p) + rho cx cy) / sqrt((1-p + cx^2)(1-p + cy^2)), with gamma magnitudes: c = 1/sqrt(shape).
  for (const double p : {0.3, 0.05}) {
    for (const double rho : {0.0, 0.6}) {
      CAPTURE(p);
      CAPTURE(rho);
      std::mt19937_64 random(static_cast<std::uint64_t>(1000.0 * p + 10.0 * rho));
      std::uniform_real_distribution<double> uniform;
      // Sums of gammas: a shared part of shape rho k gives the correlation rho to two of shape k.
      constexpr double shape = 4.0;
      std::gamma_distribution<double> shared(rho > 0.0 ? rho * shape : 1.0), own((1.0 - rho) * shape);
      const simulation got = simulate([&]() -> std::pair<double, double> {
        if (uniform(random) >= p) return {0.0, 0.0};
        const double common = rho > 0.0 ? shared(random) : 0.0;
        const double x = common + own(random);
        return {x, 3.0 * (common + own(random))};
      });
      const double c2 = 1.0 / shape;
      const double expected = ((1.0 - p) + rho * c2) / (1.0 - p + c2);
      CHECK(got.standard_error < 0.01);
      CHECK(std::fabs(got.r - expected) <= 3.0 * got.standard_error);
    }
  }
}

TEST_CASE("pearson bears lost firings: r is near the root of the share that is kept") {
  // r = sqrt(1-m) sqrt((1+c^2-p) / (1+c^2-(1-m)p))
  for (const double p : {0.4, 0.02}) {
    for (const double lost : {0.19, 0.75}) {
      CAPTURE(p);
      CAPTURE(lost);
      std::mt19937_64 random(static_cast<std::uint64_t>(1000.0 * p + 100.0 * lost));
      std::uniform_real_distribution<double> uniform;
      std::gamma_distribution<double> magnitude(4.0);
      const simulation got = simulate([&]() -> std::pair<double, double> {
        if (uniform(random) >= p) return {0.0, 0.0};
        const double x = magnitude(random);
        return {x, uniform(random) < lost ? 0.0 : x};
      });
      const double c2 = 0.25;
      const double expected = std::sqrt(1.0 - lost) * std::sqrt((1.0 + c2 - p) / (1.0 + c2 - (1.0 - lost) * p));
      CHECK(got.standard_error < 0.01);
      CHECK(std::fabs(got.r - expected) <= 3.0 * got.standard_error);
      if (p < 0.1) CHECK(expected == doctest::Approx(std::sqrt(1.0 - lost)).epsilon(0.01));
    }
  }
}

}  // namespace stats_feature_statistics_test
