// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/loss_law.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "law_oracle.hpp"
#include "qfa/law/kumar_2024.hpp"

namespace law_loss_law_test {

TEST_CASE("loss_law: 30 million parameters and 26 billion tokens come to 3.72 nats") {
  CHECK(qfa::kumar_2024::loss(30e6, 26e9) == doctest::Approx(3.72).epsilon(0.002));
}

TEST_CASE("effective_share: undoes the loss of few bits") {
  for (const qfa::json& f : qfa_test::law_oracle()["forms"]) {
    const double n = f["n"], d = f["d"], effective = f["effective"], low = qfa::kumar_2024::loss(effective, d);
    CHECK(low == doctest::Approx(f["loss"].get<double>()).epsilon(1e-12));
    const double share = qfa::effective_share(qfa::kumar_2024::loss, n, low, qfa::kumar_2024::loss(n, d));
    CHECK(share == doctest::Approx(f["share"].get<double>()).epsilon(1e-6));
    CHECK(share == doctest::Approx(effective / n).epsilon(1e-6));
  }
}

TEST_CASE("effective_share: a loss lower than any size would have is no share") {
  CHECK(std::isnan(qfa::effective_share(qfa::kumar_2024::loss, 1e8, 2.0, 3.0)));
}

}  // namespace law_loss_law_test
