// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/additivity.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace locate_additivity_test {

using namespace qfa;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN(), lost = std::numeric_limits<double>::infinity();

/// Noise that is the same without any group, but for a little.
feature_noise made(const std::vector<double>& nu, std::size_t groups = 8) {
  feature_noise out{.groups = groups, .all = nu, .half = {}, .without = {}, .half_without = {}};
  for (std::size_t g = 0; g < groups; ++g)
    for (const double x : nu)
      out.without.push_back(x * (1.0 + 0.01 * static_cast<double>(g)));
  return out;
}

}  // namespace

TEST_CASE("additivity: of what all units do to a feature, over the sum of what each does") {
  noise_total total;
  total(made({1.0, 1.0, 2.0, 0.0, 1.0, lost, 0.0}));
  total(made({1.0, 3.0, 2.0, 0.0, 0.0, 1.0, 0.0}));
  // A: 1, .5, 2, lost by all alone, nothing at all, lost by both, never there
  const unit_additivity a = measure_additivity(made({2.0, 2.0, 8.0, 1.0, 0.0, lost, none}), total);
  CHECK(a.features == 5);
  CHECK(a.undefined == 2);
  CHECK(a.lower_quartile == 0.5);
  CHECK(a.median.value == 1.0);
  CHECK(a.upper_quartile == 2.0);
  CHECK(!a.holds());
}

TEST_CASE("additivity: holds where the middle half of the features lies within .67 and 1.5") {
  const auto of = [](std::vector<double> ratios) {
    noise_total total;
    total(made(std::vector<double>(ratios.size(), 1.0)));
    return measure_additivity(made(ratios), total);
  };
  CHECK(of({0.1, 0.67, 1.0, 1.5, 9.0}).holds());
  CHECK(!of({0.1, 0.66, 1.0, 1.5, 9.0}).holds());
  CHECK(!of({0.1, 0.67, 1.0, 1.51, 9.0}).holds());
  CHECK(!of({}).holds());
}

TEST_CASE("additivity: the median's interval comes from leaving groups out of both sides") {
  noise_total total;
  total(made({1.0, 2.0, 4.0}));
  feature_noise all = made({1.0, 2.0, 4.0});
  CHECK(measure_additivity(all, total).median.range.reason == "no group moves the value");
  for (std::size_t i = 0; i < all.without.size(); ++i)
    all.without[i] *= i / 3 == 2 ? 1.25 : 1.0;
  const unit_additivity a = measure_additivity(all, total);
  CHECK(a.median.range.kind == interval_kind::two_sided);
  CHECK(a.median.range.standard_error == doctest::Approx(0.25 * std::sqrt(7.0 / 8.0)));
}

TEST_CASE("additivity: noise counts up to a limit where there is one") {
  const std::vector<double> alone{1.0, 2.0, 0.0, 4.0, 150.0, 1.0, 1.0, 150.0},
      together{1.0, 3.0, 5.0, 2.0, 1e9, 0.9, none, 49.5};
  const auto of = [](const std::vector<double>& all, const std::vector<double>& unit) {
    noise_total total;
    total(made(unit));
    return measure_additivity(made(all), total, 99.0);
  };
  const unit_additivity out = of(together, alone);
  CHECK(out.features == 6);  // ratios 0.5, 0.5 of the limit, 0.9, 1, 1.5, infinite
  CHECK(out.undefined == 2);
  CHECK(out.lower_quartile == 0.5);
  CHECK(out.median.value == 0.9);
  CHECK(out.upper_quartile == 1.0);
  CHECK(of({lost}, {49.5}).median.value == 2.0);
  CHECK(of({lost}, {lost}).undefined == 1);
}

TEST_CASE("additivity: totals of other features are refused") {
  noise_total total;
  total(made({1.0}));
  CHECK_THROWS_WITH(total(made({1.0, 2.0})), doctest::Contains("the same features"));
  CHECK_THROWS_WITH(measure_additivity(made({1.0, 2.0}), total), doctest::Contains("measured on"));
}

}  // namespace locate_additivity_test
