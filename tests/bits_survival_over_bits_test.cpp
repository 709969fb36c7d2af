// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/survival_over_bits.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "qfa/core/parallel.hpp"

namespace bits_survival_over_bits_test {

using namespace qfa;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
const std::vector<double> rungs{3.0, 4.0, 5.0, 6.0};

/// Features whose rates and means go by their place.
std::vector<firing_profile> made_profiles(std::size_t n) {
  std::mt19937 random(9);
  std::vector<firing_profile> out;
  for (std::size_t f = 0; f < n; ++f) {
    const double rate = 0.002 * static_cast<double>(f + 1);
    const double size = 0.5 + static_cast<double>(random() % 1000) / 1000.0;
    out.push_back({.rate = rate, .mean = rate * size, .max = 3.0 * size + static_cast<double>(random() % 7)});
  }
  return out;
}

/// Bands that get better with bits and with the feature's place, by chance.
std::vector<outcome> made_bands(std::size_t n, double shift = 0.0) {
  std::mt19937 random(21);
  std::vector<outcome> out;
  for (std::size_t f = 0; f < n; ++f)
    for (const double b : rungs) {
      const double u = (static_cast<double>(random() % 9999) + 0.5) / 9999.0;
      const double latent =
          1.5 * (b - 4.5) + 2.0 * static_cast<double>(f) / static_cast<double>(n) + shift + std::log(u / (1.0 - u));
      out.push_back(latent > 1.5 ? outcome::survived : (latent > 0.0 ? outcome::blurred : outcome::destroyed));
    }
  return out;
}

}  // namespace

TEST_CASE("quarters_of: four quarters in increasing order, equal values by their places") {
  CHECK(quarters_of(std::vector<double>{5.0, 1.0, 7.0, 3.0}) == std::vector<std::uint8_t>{2, 0, 3, 1});
  CHECK(quarters_of(std::vector<double>{1.0, 1.0, 1.0, 1.0, 1.0}) == std::vector<std::uint8_t>{0, 0, 1, 2, 3});
  CHECK(quarters_of({}).empty());
}

TEST_CASE("curves_by_quartile: the share that survives each rung, by quarter, with the jackknife over groups") {
  const std::vector<firing_profile> profiles = made_profiles(40);  // rarity falls with the place
  const auto brackets = [](std::size_t g) {
    std::vector<censored_value> out;
    for (std::size_t f = 0; f < 40; ++f)
      out.push_back(f >= 30   ? censored_value{-infinite, 3.0}
                    : f >= 15 ? censored_value{4.0, 5.0}
                              : censored_value{6.0, infinite});
    if (g < 16) out[30 - g % 3] = {3.0, 4.0};
    return out;
  };
  const std::vector<predictor> by{predictor::rarity};
  const auto curves = curves_by_quartile(profiles, rungs, 16, brackets, by);
  REQUIRE(curves.size() == 1);
  const auto& quarters = curves[0].quarters;
  const auto at = [&](std::size_t q, std::size_t s) { return quarters[q].survive[s].value; };
  CHECK(quarters[0].features == 10);
  CHECK(quarters[0].lowest == evaluate(predictor::rarity, profiles[39]));
  CHECK(quarters[0].highest == evaluate(predictor::rarity, profiles[30]));
  CHECK(quarters[1].lowest == evaluate(predictor::rarity, profiles[29]));
  CHECK(at(0, 0) == 1.0);  // the most frequent ones
  CHECK(at(1, 1) == 0.0);
  CHECK(at(1, 2) == 1.0);
  CHECK(at(2, 2) == 0.5);
  CHECK(at(2, 3) == 0.5);
  CHECK(at(3, 3) == 0.0);
  CHECK(quarters[0].survive[0].range.kind == interval_kind::at_least);
  CHECK(quarters[1].survive[1].range.kind == interval_kind::at_most);
  set_thread_count(3);
  const auto again = curves_by_quartile(profiles, rungs, 16, brackets, by);
  CHECK(again[0].quarters[1].survive[1].range.upper == quarters[1].survive[1].range.upper);
}

TEST_CASE("fit_bands_over_bits: planted proportional odds are found, and called proportional") {
  const std::size_t n = 400;
  const bands_over_bits got = fit_bands_over_bits(made_profiles(n), rungs, made_bands(n));
  REQUIRE(got.model.has_value());
  CHECK(got.rows == 1600);
  CHECK(got.clusters == n);
  CHECK(got.model->coefficients.size() == 7);
  CHECK(std::fabs(got.per_bit.log_odds - 1.5) < 3.0 * got.per_bit.error);
  CHECK(got.per_bit.error < 0.15);
  CHECK(got.per_bit.lower < got.per_bit.ratio());
  CHECK(got.per_bit.ratio() < got.per_bit.upper);
  CHECK(got.blurred->log_odds > 1.0);
  CHECK(got.gap_p > 0.01);
  // Rarity is the column before log mean: it lowers the odds, the place raises them.
  CHECK(got.model->coefficients[1] + 4.5 * got.model->coefficients[4] < 0.0);
}

TEST_CASE("fit_bands_over_bits: odds that differ between the limits are called so, and families widen the error") {
  const std::size_t n = 400;
  std::vector<outcome> bands = made_bands(n);
  for (std::size_t i = 0; i < bands.size(); ++i)  // into "survived" only by chance, whatever the bits
    if (bands[i] != outcome::destroyed) bands[i] = i * 7 % 5 < 2 ? outcome::survived : outcome::blurred;
  const bands_over_bits got = fit_bands_over_bits(made_profiles(n), rungs, bands);
  CHECK(got.gap_p < 1e-4);
  CHECK(got.blurred->log_odds > got.survived->log_odds);
  CHECK(got.gap_z < 0.0);
  // Both limits are fitted to the same rows: the error of their difference is less than that of two independent fits.
  const double apart = std::hypot(got.blurred->error, got.survived->error);
  CHECK((got.survived->log_odds - got.blurred->log_odds) / got.gap_z < 0.95 * apart);

  // Every feature four times over: the same estimate, and errors that only the families keep from being halved.
  const std::vector<outcome> one = made_bands(100);
  std::vector<outcome> four;
  std::vector<firing_profile> profiles;
  std::vector<std::uint32_t> family;
  for (std::uint32_t f = 0; f < 100; ++f)
    for (int copy = 0; copy < 4; ++copy) {
      four.insert(four.end(), one.begin() + 4 * f, one.begin() + 4 * (f + 1));
      profiles.push_back(made_profiles(100)[f]);
      family.push_back(f);
    }
  const bands_over_bits single = fit_bands_over_bits(made_profiles(100), rungs, one);
  const bands_over_bits copied = fit_bands_over_bits(profiles, rungs, four, family);
  const bands_over_bits naive = fit_bands_over_bits(profiles, rungs, four);
  CHECK(copied.clusters == 100);
  CHECK(copied.per_bit.error == doctest::Approx(single.per_bit.error).epsilon(0.01));
  CHECK(naive.per_bit.error == doctest::Approx(single.per_bit.error / 2.0).epsilon(0.02));
}

TEST_CASE("fit_bands_over_bits: without one of the bands there is a reason, and the limits that there are") {
  const std::size_t n = 50;
  std::vector<outcome> bands = made_bands(n);
  for (outcome& band : bands)
    if (band == outcome::destroyed) band = outcome::blurred;
  const bands_over_bits got = fit_bands_over_bits(made_profiles(n), rungs, bands);
  CHECK_FALSE(got.model.has_value());
  CHECK(got.reason == "no feature is destroyed on any rung");
  CHECK_FALSE(got.blurred.has_value());
  CHECK(got.survived->log_odds > 0.5);
  CHECK_THROWS_AS(fit_bands_over_bits(made_profiles(n), rungs, std::vector<outcome>(3)), error);
}

}  // namespace bits_survival_over_bits_test
