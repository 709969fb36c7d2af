// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/survival_gap.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "laws.hpp"
#include "qfa/io/json.hpp"
#include "statistics_oracle.hpp"

namespace audit_survival_gap_test {

using namespace qfa;

namespace {

/// r of features with what leaving out each of 8 groups moves them by: `shared` in every survey, `own` times a pattern.
survey made_survey(const std::vector<double>& r, float shared, float own) {
  survey s;
  s.rules = honest;
  s.correlations.groups = 8;
  s.correlations.r = r;
  for (std::size_t g = 0; g < 8; ++g)
    for (std::size_t f = 0; f < r.size(); ++f)
      s.correlations.shift.push_back((g % 2 == 0 ? shared : -shared) + (g / 2 % 2 == 0 ? own : -own));
  for (std::uint32_t f = 0; f < r.size(); ++f)
    s.counted.push_back(f);
  return s;
}

void check_gap(const estimate& e, const json& expected) {
  CHECK(e.value == doctest::Approx(expected["value"].get<double>()).epsilon(1e-10));
  CHECK(e.range.kind == interval_kind::two_sided);
  CHECK(e.range.scale == interval_scale::identity);
  // r without a group is kept to 6e-8 of its difference from r; scipy's t quantile is right to 4e-10.
  CHECK(e.range.standard_error == doctest::Approx(expected["error"].get<double>()).epsilon(1e-6));
  CHECK(e.range.lower == doctest::Approx(expected["lower"].get<double>()).epsilon(1e-6));
  CHECK(e.range.upper == doctest::Approx(expected["upper"].get<double>()).epsilon(1e-6));
  CHECK(e.bias_corrected == doctest::Approx(expected["corrected"].get<double>()).epsilon(1e-6));
}

}  // namespace

TEST_CASE("compare_survival: share and mean r of one condition less those of another, as the oracle has them") {
  const qfa_test::statistics_oracle oracle;
  const json expected = read_json(std::filesystem::path(QFA_TEST_DATA) / "survival_gap.json");
  const survey a = take_survey(oracle.table("a"), honest), b = take_survey(oracle.table("b"), honest);
  const survival_gap gap = compare_survival(a, b), back = compare_survival(b, a);
  CHECK(gap.features == expected["features"]);
  check_gap(gap.survived, expected["survived"]);
  check_gap(gap.mean_r, expected["mean_r"]);
  CHECK(back.survived.value == -gap.survived.value);
  CHECK(back.mean_r.range.lower == doctest::Approx(-gap.mean_r.range.upper));
  // Pairing shows: two independent means would have another standard error.
  const double unpaired = std::hypot(a.mean_r.range.standard_error, b.mean_r.range.standard_error);
  CHECK(unpaired == doctest::Approx(expected["unpaired_mean_error"].get<double>()).epsilon(1e-6));
  CHECK(std::fabs(gap.mean_r.range.standard_error / unpaired - 1.0) > 0.03);
}

TEST_CASE("compare_survival: what groups do to both is in no interval, and an equal gap is not known exactly") {
  const std::vector<double> high(40, 0.8), low(40, 0.7);
  const survival_gap gap = compare_survival(made_survey(high, 0.05f, 0.001f), made_survey(low, 0.05f, -0.001f));
  CHECK(gap.features == 40);
  CHECK(gap.mean_r.value == doctest::Approx(0.1));
  // (G - 1)/G sum of 8 squares of 2 own: the shared .05 would make 0.13 of it.
  CHECK(gap.mean_r.range.standard_error == doctest::Approx(std::sqrt(7.0 / 8.0 * 8.0) * 0.002).epsilon(1e-5));
  const survey same = made_survey(high, 0.05f, 0.0f);
  const survival_gap none = compare_survival(same, same);
  CHECK(none.mean_r.value == 0.0);
  CHECK(none.mean_r.range.kind == interval_kind::refused);
  CHECK(none.survived.range.kind == interval_kind::refused);
}

TEST_CASE("compare_survival: a silent feature counts among the lost of its side, and is in neither mean") {
  std::vector<double> r(10, 0.95), silent = r;
  silent[3] = std::nan("");
  silent[4] = 0.85;
  const survival_gap gap = compare_survival(made_survey(r, 0.01f, 0.001f), made_survey(silent, 0.01f, 0.002f));
  CHECK(gap.survived.value == doctest::Approx(0.2));
  CHECK(gap.mean_r.value == doctest::Approx(0.1 / 9.0));
  survey other = made_survey(r, 0.01f, 0.001f);
  other.counted = {0, 1, 2};
  CHECK(compare_survival(other, made_survey(silent, 0.01f, 0.002f)).features == 3);
  other.rules = published;
  CHECK_THROWS_AS(compare_survival(other, made_survey(r, 0.01f, 0.001f)), error);
}

}  // namespace audit_survival_gap_test
