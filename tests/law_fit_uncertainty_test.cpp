// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/fit_uncertainty.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "law_oracle.hpp"
#include "qfa/law/fit_degradation.hpp"

namespace law_fit_uncertainty_test {

const std::vector<qfa::quantity> quantities{{"C", qfa::interval_scale::log},
                                            {"gamma_D", qfa::interval_scale::identity},
                                            {"gamma_N", qfa::interval_scale::identity},
                                            {"gamma_post", qfa::interval_scale::log}};

std::vector<double> read(const qfa::ptq_degradation& law) { return {law.c, law.gamma_d, law.gamma_n, law.gamma_post}; }
std::vector<double> measure(std::span<const qfa::observation> rows) { return read(qfa::fit_degradation(rows).law); }

TEST_CASE("jackknife_checkpoints: the intervals of numpy, checkpoints left out whole") {
  const auto found = qfa::jackknife_checkpoints(qfa_test::law_rows("table", "delta"), quantities, measure);
  const char* const keys[] = {"c", "gamma_d", "gamma_n", "gamma_post"};
  for (std::size_t q = 0; q < 4; ++q) {
    const qfa::json& oracle = qfa_test::law_oracle()["degradation"][keys[q]];
    CHECK(found[q].name == quantities[q].name);
    CHECK(found[q].value.range.kind == qfa::interval_kind::two_sided);
    CHECK(found[q].value.range.dof == 11.0);
    CHECK(found[q].value.range.lower == doctest::Approx(oracle["lower"].get<double>()).epsilon(1e-4));
    CHECK(found[q].value.range.upper == doctest::Approx(oracle["upper"].get<double>()).epsilon(1e-4));
  }
}

TEST_CASE("jackknife_checkpoints: planted exponents lie within their intervals about 95 times in 100") {
  // Errors of checkpoints are ten times those of rows: a jackknife of rows would cover about 4 in 10.
  const qfa::ptq_degradation planted{.c = 0.02, .gamma_d = 0.45, .gamma_n = 0.3, .gamma_post = 0.7};
  int covered[2] = {0, 0};
  constexpr int tables = 200;
  for (unsigned seed = 1; seed <= tables; ++seed) {
    const auto found =
        qfa::jackknife_checkpoints(qfa_test::made_up_family(planted, 0.2, 0.02, seed), quantities, measure);
    const double truth[2] = {planted.gamma_d, planted.gamma_n};
    for (std::size_t q = 0; q < 2; ++q) {
      const qfa::interval& range = found[q + 1].value.range;
      covered[q] += range.lower <= truth[q] && truth[q] <= range.upper ? 1 : 0;
    }
  }
  // Binomial deviation of 200: 1.5 points; the jackknife of a fit near the median is somewhat wide.
  for (const int hits : covered) {
    CHECK(hits >= 0.90 * tables);
    CHECK(hits <= tables);
  }
}

TEST_CASE("jackknife_checkpoints: no interval where some checkpoint is indispensable, or there are few") {
  std::vector<qfa::observation> rows = qfa_test::law_rows("table", "delta");
  // All but one checkpoint of one length: without that one no exponent of D is left.
  for (qfa::observation& row : rows)
    row.tokens = row.checkpoint == 3 ? 2e6 : 1e6;
  CHECK(qfa::jackknife_checkpoints(rows, quantities, measure)[1].value.range.reason ==
        "the other checkpoints do not determine it");
  std::vector<qfa::observation> few = qfa_test::law_rows("table", "delta");
  std::erase_if(few, [](const qfa::observation& row) { return row.checkpoint > 6; });
  const auto found = qfa::jackknife_checkpoints(few, quantities, measure);
  CHECK(found[1].value.range.kind == qfa::interval_kind::refused);
  CHECK(std::isfinite(found[1].value.value));
}

TEST_CASE("leave_out_each_size: the error of numpy, and what the other sizes say") {
  const std::vector<qfa::observation> rows = qfa_test::law_rows("table", "delta");
  const auto fit = [](std::span<const qfa::observation> some) { return qfa::fit_degradation(some).law; };
  const auto predict = [](const qfa::ptq_degradation& law, const qfa::observation& at) {
    return law(at.parameters, at.tokens, at.bits);
  };
  const auto found = qfa::leave_out_each_size(rows, fit, predict, read);
  // With two sizes left, the least sum can be that of a whole line of laws, as the median of an even count is; scipy's
  // way ends elsewhere on it.
  CHECK(found.log_error ==
        doctest::Approx(qfa_test::law_oracle()["degradation_without_each_size"].get<double>()).epsilon(0.05));
  REQUIRE(found.sizes.size() == 3);
  CHECK(found.sizes[0].rows == 24);
  CHECK(found.sizes[1].refitted ==
        measure(qfa::without<double>(rows, &qfa::observation::parameters, found.sizes[1].parameters)));

  // Two sizes: without one of them the other has no exponent of N.
  const auto two =
      qfa::leave_out_each_size(qfa::without<double>(rows, &qfa::observation::parameters, 25472.0), fit, predict, read);
  CHECK(std::isnan(two.log_error));
  CHECK(two.sizes[0].refitted.empty());
}

}  // namespace law_fit_uncertainty_test
