// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/evidence.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "law_oracle.hpp"
#include "qfa/law/fit_degradation.hpp"

namespace law_evidence_test {

TEST_CASE("find_law: counts what is left out, and shows at which bits the form fails") {
  const qfa::ptq_degradation planted{.c = 0.02, .gamma_d = 0.45, .gamma_n = 0.3, .gamma_post = 0.7};
  std::vector<qfa::observation> rows = qfa_test::made_up_family(planted, 0.0, 0.0, 1);
  for (qfa::observation& row : rows) {
    if (row.bits == 3.0) row.value *= 2.0;
    if (row.bits == 8.0 && row.parameters < 5e4) row.value = -row.value;
  }
  const qfa::law_place places[] = {{1e5, 2e6, 4.5}, {1e9, 2e6, 4.5}};
  const auto found = qfa::find_law(
      rows,
      {{"C", qfa::interval_scale::log},
       {"gamma_D", qfa::interval_scale::identity},
       {"gamma_N", qfa::interval_scale::identity},
       {"gamma_post", qfa::interval_scale::log}},
      places, [](std::span<const qfa::observation> some) { return qfa::fit_degradation(some); },
      [](const qfa::ptq_degradation& law) {
        return std::vector<double>{law.c, law.gamma_d, law.gamma_n, law.gamma_post};
      },
      [](const qfa::ptq_degradation& law, const qfa::observation& at) {
        return law(at.parameters, at.tokens, at.bits);
      });
  const qfa::law_evidence& e = found.evidence;
  CHECK(e.rows == 68);
  CHECK(e.left_out == 4);
  CHECK(e.checkpoints == 12);
  REQUIRE(e.by_bits.size() == 6);
  CHECK(e.by_bits[0].mean_log == doctest::Approx(std::log(2.0)).epsilon(1e-3));
  CHECK(e.by_bits[0].rows == 12);
  CHECK(std::fabs(e.by_bits[3].mean_log) < 1e-3);
  CHECK(e.by_bits[5].rows == 8);
  // 12 rows of 68 miss by log 2, the others not at all.
  CHECK(e.log_error == doctest::Approx(std::log(2.0) * std::sqrt(12.0 / 68.0)).epsilon(1e-3));
  CHECK(e.r2 > 0.97);
  CHECK(e.r2 < 0.995);
  REQUIRE(e.parameters.size() == 4);
  REQUIRE(e.predictions.size() == 2);
  CHECK(e.predictions[0].within);
  CHECK_FALSE(e.predictions[1].within);
  CHECK(e.predictions[0].value.value == doctest::Approx(planted(1e5, 2e6, 4.5)).epsilon(1e-3));
  CHECK(e.predictions[1].value.value == doctest::Approx(planted(1e9, 2e6, 4.5)).epsilon(1e-2));
}

}  // namespace law_evidence_test
