// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/jackknife.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <string_view>
#include <vector>

#include "qfa/core/parallel.hpp"

namespace stats_jackknife_test {

using doctest::Approx;
using qfa::interval_kind;
using qfa::interval_scale;

namespace {

const std::vector<double> values{3.0, 1.5, 4.0, 1.0, 5.5, 9.0, 2.0, 6.5, 3.5, 5.0};

double mean(const std::vector<double>& xs) {
  double sum = 0.0;
  for (const double x : xs)
    sum += x;
  return sum / static_cast<double>(xs.size());
}

/// Spread with n below, the classical biased one.
double variance(const std::vector<double>& xs) {
  const double m = mean(xs);
  double sum = 0.0;
  for (const double x : xs)
    sum += (x - m) * (x - m);
  return sum / static_cast<double>(xs.size());
}

template <class Theta>
std::vector<double> without_each(Theta theta) {
  std::vector<double> out;
  for (std::size_t g = 0; g < values.size(); ++g) {
    std::vector<double> rest = values;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(g));
    out.push_back(theta(rest));
  }
  return out;
}

}  // namespace

TEST_CASE("jackknife: of a mean, the textbook standard error and Student interval") {
  const qfa::estimate e = qfa::jackknife(mean(values), without_each(mean));
  const double n = static_cast<double>(values.size());
  const double error = std::sqrt(variance(values) * n / (n - 1.0) / n);
  CHECK(e.value == mean(values));
  CHECK(e.bias_corrected == Approx(mean(values)).epsilon(1e-14));
  CHECK(e.range.standard_error == Approx(error).epsilon(1e-14));
  CHECK(e.range.scale_error == Approx(error).epsilon(1e-14));
  CHECK(e.range.dof == n - 1.0);
  CHECK(e.range.kind == interval_kind::two_sided);
  CHECK(e.range.reason.empty());
  CHECK(e.range.lower == Approx(mean(values) - 2.2621571627982055 * error).epsilon(1e-12));  // t(.975, 9)
  CHECK(e.range.upper == Approx(mean(values) + 2.2621571627982055 * error).epsilon(1e-12));
}

TEST_CASE("jackknife: of the biased variance, the corrected value is the unbiased one") {
  const qfa::estimate e = qfa::jackknife(variance(values), without_each(variance));
  const double n = static_cast<double>(values.size());
  CHECK(e.bias_corrected == Approx(variance(values) * n / (n - 1.0)).epsilon(1e-12));
  CHECK(e.value == variance(values));
}

TEST_CASE("jackknife: covers_bias moves the end outward on whose side the value without bias lies") {
  const std::vector<double> rest = without_each(variance);
  const qfa::estimate plain = qfa::jackknife(variance(values), rest);
  const qfa::estimate covering = qfa::jackknife(variance(values), rest, {.covers_bias = true});
  const double bias = plain.value - plain.bias_corrected;
  REQUIRE(bias < 0.0);
  CHECK(covering.range.lower == plain.range.lower);
  CHECK(covering.range.upper == Approx(plain.range.upper - bias).epsilon(1e-12));
}

TEST_CASE("jackknife: skewed moves the end of the longer tail by the skewness of what groups add") {
  const qfa::estimate plain = qfa::jackknife(mean(values), without_each(mean));
  const qfa::estimate skewed = qfa::jackknife(mean(values), without_each(mean), {.skewed = true});
  double squares = 0.0, cubes = 0.0;
  for (const double x : values) {
    squares += (x - mean(values)) * (x - mean(values));
    cubes += std::pow(x - mean(values), 3.0);
  }
  const double skewness = cubes / std::pow(squares, 1.5), t = 2.2621571627982055;  // t(.975, 9)
  REQUIRE(skewness > 0.0);
  CHECK(skewed.range.skewness == Approx(skewness).epsilon(1e-12));
  CHECK(skewed.range.lower == plain.range.lower);
  CHECK(skewed.range.upper ==
        Approx(plain.range.upper + skewness * (2.0 * t * t + 1.0) / 6.0 * plain.range.scale_error).epsilon(1e-12));
}

TEST_CASE("jackknife: level and degrees of freedom widen and narrow") {
  const double m = mean(values);
  const std::vector<double> rest = without_each(mean);
  const auto width = [&](const qfa::jackknife_options& options) {
    const qfa::interval range = qfa::jackknife(m, rest, options).range;
    return range.upper - range.lower;
  };
  CHECK(width({.level = 0.99}) > width({}));
  CHECK(width({.dof = 5.0}) > width({}));
  CHECK(width({.dof = 5.0}) / width({}) == Approx(2.5705818356363155 / 2.2621571627982055).epsilon(1e-12));
}

TEST_CASE("jackknife: a callable gives what its values give, on any number of threads") {
  const std::vector<double> rest = without_each(mean);
  const qfa::estimate expected = qfa::jackknife(mean(values), rest);
  const std::size_t before = qfa::thread_count();
  for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
    qfa::set_thread_count(threads);
    const qfa::estimate e = qfa::jackknife(mean(values), rest.size(), [&](std::size_t g) { return rest[g]; });
    CHECK(e.range.lower == expected.range.lower);
    CHECK(e.range.upper == expected.range.upper);
    CHECK(e.bias_corrected == expected.bias_corrected);
  }
  qfa::set_thread_count(before);
}

TEST_CASE("jackknife: on a scale, the interval of the scaled values carried back") {
  struct row {
    interval_scale scale;
    double low, high;  // where the values lie
    double (*to)(double);
    double (*back)(double);
  };
  const std::vector<row> rows{
      {interval_scale::atanh, -0.5, 0.9, [](double x) { return std::atanh(x); }, [](double z) { return std::tanh(z); }},
      {interval_scale::logit, 0.1, 0.8, [](double x) { return std::log(x / (1 - x)); },
       [](double z) { return 1 / (1 + std::exp(-z)); }},
      {interval_scale::log, 0.2, 30.0, [](double x) { return std::log(x); }, [](double z) { return std::exp(z); }}};
  for (const row& r : rows) {
    std::vector<double> rest, scaled;
    for (const double v : values) {
      rest.push_back(r.low + (r.high - r.low) * v / 9.0);
      scaled.push_back(r.to(rest.back()));
    }
    const double whole = mean(rest);
    const qfa::estimate on_scale = qfa::jackknife(whole, rest, {.scale = r.scale});
    const qfa::estimate plain = qfa::jackknife(r.to(whole), scaled);
    CHECK(on_scale.range.lower == Approx(r.back(plain.range.lower)).epsilon(1e-12));
    CHECK(on_scale.range.upper == Approx(r.back(plain.range.upper)).epsilon(1e-12));
    CHECK(on_scale.range.scale_error == Approx(plain.range.standard_error).epsilon(1e-12));
    // The value's own error and the corrected value know no scale.
    CHECK(on_scale.range.standard_error == Approx(qfa::jackknife(whole, rest).range.standard_error));
    CHECK(on_scale.bias_corrected == Approx(qfa::jackknife(whole, rest).bias_corrected));
    CHECK(qfa::from_scale(r.scale, qfa::to_scale(r.scale, 0.3)) == Approx(0.3).epsilon(1e-14));
    const double step = 1e-6;
    CHECK(qfa::scale_slope(r.scale, 0.3) == Approx((r.to(0.3 + step) - r.to(0.3 - step)) / (2.0 * step)).epsilon(1e-8));
  }
}

TEST_CASE("jackknife: fewer than eight groups, or five effective ones, are refused") {
  const std::vector<double> seven(values.begin(), values.begin() + 7), eight(values.begin(), values.begin() + 8);
  const auto kind = [](const std::vector<double>& rest, double dof) {
    return qfa::jackknife(3.0, rest, {.dof = dof}).range.kind;
  };
  const double all = std::numeric_limits<double>::quiet_NaN();
  CHECK(kind(seven, all) == interval_kind::refused);
  CHECK(kind(eight, all) == interval_kind::two_sided);
  CHECK(kind(eight, 4.0) == interval_kind::two_sided);
  CHECK(kind(eight, 3.99) == interval_kind::refused);
  const qfa::estimate e = qfa::jackknife(3.0, seven);
  CHECK(std::isnan(e.range.lower));
  CHECK(std::isnan(e.range.upper));
  CHECK(e.range.reason == "fewer than 8 groups of rows");
  CHECK(e.value == 3.0);  // the point estimate stands
}

TEST_CASE("jackknife: what is undefined, whole or in part, is refused with its reason") {
  std::vector<double> rest = values;
  CHECK(qfa::jackknife(std::nan(""), rest).range.reason == "the value is undefined");
  rest[3] = std::nan("");
  CHECK(qfa::jackknife(3.0, rest).range.reason == "the value is undefined without one of the groups");
  CHECK(qfa::jackknife(3.0, rest).range.kind == interval_kind::refused);
  CHECK(std::isnan(qfa::jackknife(3.0, rest).bias_corrected));
}

TEST_CASE("jackknife: a value that no group moves never gets a zero-width interval") {
  const std::vector<double> same(64, 0.25), ones(64, 1.0), zeros(64, 0.0);
  const qfa::interval inside = qfa::jackknife(0.25, same, {.scale = interval_scale::logit}).range;
  CHECK(inside.kind == interval_kind::refused);
  CHECK(inside.reason == "no group moves the value");

  // 0 of 64 groups: 1 - .05^(1/64).
  const double unseen = 1.0 - std::pow(0.05, 1.0 / 64.0);
  const qfa::interval none = qfa::jackknife(0.0, zeros, {.scale = interval_scale::logit}).range;
  CHECK(none.kind == interval_kind::at_most);
  CHECK(none.lower == 0.0);
  CHECK(none.upper == Approx(unseen).epsilon(1e-12));
  const qfa::interval all = qfa::jackknife(1.0, ones, {.scale = interval_scale::logit}).range;
  CHECK(all.kind == interval_kind::at_least);
  CHECK(all.lower == Approx(1.0 - unseen).epsilon(1e-12));
  CHECK(all.upper == 1.0);
  const qfa::interval r =
      qfa::jackknife(1.0, ones, {.scale = interval_scale::atanh, .dof = 9.0, .effective_groups = 10.0}).range;
  CHECK(r.kind == interval_kind::at_least);
  CHECK(r.lower == Approx(std::sqrt(std::pow(0.05, 0.1))).epsilon(1e-12));
  CHECK(r.upper == 1.0);
  CHECK(qfa::jackknife(-1.0, std::vector<double>(64, -1.0), {.scale = interval_scale::atanh}).range.upper < -0.9);
  CHECK(qfa::jackknife(0.0, zeros, {.scale = interval_scale::log}).range.kind == interval_kind::refused);
  CHECK(qfa::jackknife(1.0, ones).range.kind == interval_kind::refused);
}

TEST_CASE("jackknife: correlations that differ from 1 by rounding count as 1") {
  std::vector<double> rest(64, 1.0);
  rest[5] = 1.0 - 3e-16;
  const qfa::interval range = qfa::jackknife(1.0 - 2e-16, rest, {.scale = interval_scale::atanh}).range;
  CHECK(range.kind == interval_kind::at_least);
  CHECK(range.upper == 1.0);
  CHECK(range.lower < 0.99);
}

TEST_CASE("jackknife: at a bound that a group moves it from, the plain interval is cut there") {
  std::vector<double> rest(10, 1.0);
  rest[2] = 0.9;
  const qfa::interval range = qfa::jackknife(1.0, rest, {.scale = interval_scale::logit}).range;
  CHECK(range.kind == interval_kind::at_least);
  CHECK(range.upper == 1.0);
  CHECK(range.lower == Approx(1.0 - 2.2621571627982055 * std::sqrt(0.9 * 0.01)).epsilon(1e-12));
}

TEST_CASE("jackknife: one deletion at the bound leaves the interval to the delta method") {
  std::vector<double> rest(10, 0.9);
  rest[2] = 1.0;
  const qfa::interval range = qfa::jackknife(0.9, rest, {.scale = interval_scale::logit}).range;
  const double error = std::sqrt(0.9 * 0.01);
  CHECK(range.kind == interval_kind::two_sided);
  CHECK(range.scale_error == Approx(error / (0.9 * 0.1)).epsilon(1e-12));
  CHECK(range.upper < 1.0);
  CHECK(range.lower > 0.0);
}

TEST_CASE("interval names are distinct and complete") {
  const std::set<std::string_view> scales(qfa::interval_scale_names.begin(), qfa::interval_scale_names.end());
  const std::set<std::string_view> kinds(qfa::interval_kind_names.begin(), qfa::interval_kind_names.end());
  CHECK(scales.size() == 4);
  CHECK(kinds.size() == 4);
  CHECK(qfa::interval_kind_names[static_cast<std::size_t>(interval_kind::refused)] == "refused");
  CHECK(qfa::interval_scale_names[static_cast<std::size_t>(interval_scale::log)] == "log");
}

}  // namespace stats_jackknife_test
