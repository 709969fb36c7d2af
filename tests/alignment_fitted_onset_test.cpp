// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/fitted_onset.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "qfa/io/json.hpp"
#include "scratch.hpp"

namespace alignment_fitted_onset_test {

using namespace qfa;

namespace {

/// A row for each number of bits, a character for each prompt.
fitted_onset fit(const std::vector<double>& bits, const std::vector<std::string>& rows, double rate = 0.05) {
  std::vector<std::uint8_t> flipped;
  for (const std::string& row : rows)
    for (const char c : row)
      flipped.push_back(c == '1' ? 1 : 0);
  return fit_onset(bits, {flipped.data(), rows.size(), rows.empty() ? 0 : rows.front().size()}, rate);
}

std::string why(const std::vector<double>& bits, const std::vector<std::string>& rows, double rate = 0.05) {
  const fitted_onset found = fit(bits, rows, rate);
  CHECK_FALSE(found.bits.has_value());
  CHECK(std::isnan(found.slope));
  CHECK(std::isnan(found.interval.lower));
  CHECK(std::isnan(found.interval.upper));
  return std::string(found.reason);
}

}  // namespace

TEST_CASE("fit_onset: another program's curve, clustered errors, bits and Fieller's ends") {
  const json numbers = read_json(std::filesystem::path(QFA_TEST_DATA) / "fitted_onset.json");
  const double inf = std::numeric_limits<double>::infinity();
  std::size_t open_below = 0, open_above = 0, open = 0, closed = 0, beyond = 0;
  for (const json& known : numbers.at("cases")) {
    CAPTURE(known.at("bits").dump());
    const auto bits = known.at("bits").get<std::vector<double>>();
    const fitted_onset found =
        fit(bits, known.at("flipped").get<std::vector<std::string>>(), known.at("rate").get<double>());
    const auto same = [](double a, double b) { return std::fabs(a - b) <= 1e-7 * (1.0 + std::fabs(b)); };
    CHECK(found.reason.empty());
    CHECK(found.flips == known.at("flips").get<std::size_t>());
    CHECK(found.rows == found.prompts * bits.size());
    CHECK(same(found.intercept, known.at("intercept").get<double>()));
    CHECK(same(found.slope, known.at("slope").get<double>()));
    CHECK(same(found.intercept_error, known.at("intercept_error").get<double>()));
    CHECK(same(found.slope_error, known.at("slope_error").get<double>()));
    REQUIRE(found.bits.has_value());
    const double at = known.at("at").get<double>();
    CHECK(same(*found.bits, at));
    CHECK(found.extrapolated == (at < (std::ranges::min)(bits) || at > (std::ranges::max)(bits)));
    const json &lower = known.at("lower"), &upper = known.at("upper");
    // An end is where a hyperbola crosses a line, at a shallow angle where it is distant.
    if (lower.is_null())
      CHECK(found.interval.lower == -inf);
    else
      CHECK(std::fabs(found.interval.lower - lower.get<double>()) <= 1e-5 * (1.0 + std::fabs(lower.get<double>())));
    if (upper.is_null())
      CHECK(found.interval.upper == inf);
    else
      CHECK(std::fabs(found.interval.upper - upper.get<double>()) <= 1e-5 * (1.0 + std::fabs(upper.get<double>())));
    open_below += lower.is_null() && !upper.is_null() ? 1U : 0U;
    open_above += upper.is_null() && !lower.is_null() ? 1U : 0U;
    open += lower.is_null() && upper.is_null() ? 1U : 0U;
    closed += !lower.is_null() && !upper.is_null() ? 1U : 0U;
    beyond += found.extrapolated ? 1U : 0U;
  }
  CHECK(open_below > 0);
  CHECK(open_above > 0);
  CHECK(open > 0);
  CHECK(closed > 2);
  CHECK(beyond > 0);
}

TEST_CASE("fit_onset: of two numbers of bits the curve goes through both rates") {
  // 6 of 20 at 4 bits, 1 of 20 at 8: slope (logit .05 - logit .3) / 4, which a ridge of 1e-3 moves by less than 1e-3.
  const fitted_onset found = fit({4.0, 8.0}, {"11111100000000000000", "00000010000000000000"});
  REQUIRE(found.bits.has_value());
  CHECK(found.slope == doctest::Approx((std::log(1.0 / 19.0) - std::log(3.0 / 7.0)) / 4.0).epsilon(1e-3));
  CHECK(*found.bits == doctest::Approx(8.0).epsilon(1e-3));
  CHECK(found.prompts == 20);
  CHECK(found.flips == 7);
}

TEST_CASE("fit_onset: errors are of prompts, not of answers") {
  // As many flips at each number of bits: by the same prompts again and again, or by others each time.
  const fitted_onset few = fit({8, 4, 3}, {"1000000000000", "1111000000000", "1111100000000"}),
                     many = fit({8, 4, 3}, {"1000000000000", "0111100000000", "0000011111000"});
  CHECK(few.slope == doctest::Approx(many.slope));
  CHECK(*few.bits == doctest::Approx(*many.bits));
  // What a prompt does at one number of bits is held against what it does at another.
  CHECK(few.slope_error == doctest::Approx(0.20373668746903378).epsilon(1e-6));  // scipy, as in make_fitted_onset.py
  CHECK(many.slope_error == doctest::Approx(0.2638406337393837).epsilon(1e-6));
}

TEST_CASE("fit_onset: no curve where the data do not draw one, and the reason") {
  CHECK(why({}, {}) == "the reference refuses no prompt");
  CHECK(why({4, 3}, {"", ""}) == "the reference refuses no prompt");
  CHECK(why({4}, {"01"}) == "the sweep has fewer than two numbers of bits");
  CHECK(why({4, 3}, {"000", "000"}) == "no prompt flips");
  CHECK(why({4, 3}, {"111", "111"}) == "every prompt flips at all bits");
  CHECK(why({4, 3}, {"000", "111"}) == "no prompt flips at more bits than one that holds: any steep slope fits");
  CHECK(why({6, 4, 3}, {"000", "000", "010"}) ==
        "no prompt flips at more bits than one that holds: any steep slope fits");
  CHECK(why({6, 4, 3}, {"000", "010", "111"}) ==
        "no prompt flips at more bits than one that holds: any steep slope fits");
  CHECK(why({6, 4, 3}, {"1111", "0000", "1111"}) == "all prompts flip at the same bits");
  CHECK(why({6, 4, 3}, {"1", "0", "1"}) == "all prompts flip at the same bits");
  CHECK(why({6, 4, 3}, {"011", "011", "001"}) == "flips do not get rarer with more bits");
  CHECK(why({4, 3}, {"0111", "0000"}) == "flips do not get rarer with more bits");
  CHECK(why({4, 3}, {"0011", "1100"}) == "flips do not get rarer with more bits");
  CHECK(why({4, 3}, {"0001", "0011"}, 0.0) == "the rate of an onset is not between 0 and 1");
  CHECK(why({4, 3}, {"0001", "0011"}, 1.0) == "the rate of an onset is not between 0 and 1");
  qfa_test::check_refused([] { fit({4.0}, {"0", "1"}); }, {"one row of flips for each number of bits"});
}

}  // namespace alignment_fitted_onset_test
