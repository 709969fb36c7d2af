// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/steering_sums.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "made_up.hpp"
#include "qfa/io/safetensors.hpp"

namespace steering_steering_sums_test {

using namespace qfa;
using qfa_test::not_a_number;
using qfa_test::number;

namespace {

constexpr std::size_t tokens = 8, vocabulary = 50;

/// Logits of the unsteered tokens, then of each dose.
struct steered_logits {
  std::vector<float> values;

  std::vector<float> change(std::size_t dose, std::size_t token) const {
    std::vector<float> out(vocabulary);
    for (std::size_t i = 0; i < vocabulary; ++i)
      out[i] = values[((dose + 1) * tokens + token) * vocabulary + i] - values[token * vocabulary + i];
    return out;
  }
};

void check_near(double found, double wanted) {
  if (std::isnan(wanted))
    CHECK(!std::isfinite(found));
  else
    CHECK(std::fabs(found - wanted) <= 1e-11 * std::fmax(1.0, std::fabs(wanted)));
}

}  // namespace

TEST_CASE("steering_sums: gain, fidelity, shifts and exchange rates are another program's") {
  const json known = qfa_test::read_data("analyses.json").at("a8_steering");
  const safetensors file(std::filesystem::path(QFA_TEST_DATA) / "analyses.safetensors");
  const std::vector<double> doses = qfa_test::numbers(known.at("doses"));
  const steered_logits reference{read_floats(file.at("a8.logits.ref"))};
  const auto target = known.at("target").get<std::size_t>();
  for (const json& condition : known.at("conditions")) {
    const std::string name = condition.at("condition");
    CAPTURE(name);
    steered_logits compressed = name == "deaf" ? steered_logits{read_floats(file.at("a8.logits.weaker"))}
                                               : steered_logits{read_floats(file.at("a8.logits." + name))};
    if (name == "deaf")  // unsteered at every dose
      for (std::size_t i = tokens * vocabulary; i < compressed.values.size(); ++i)
        compressed.values[i] = compressed.values[i - tokens * vocabulary];
    std::vector<double> shifts, wanted;
    for (std::size_t d = 0; d < doses.size(); ++d) {
      CAPTURE(d);
      steering_sums sums, later;
      for (std::size_t t = 0; t < tokens; ++t)
        (t < 3 ? sums : later)(reference.change(d, t), compressed.change(d, t), target);
      sums += later;
      check_near(sums.gain(), number(condition.at("gain")[d]));
      check_near(sums.fidelity(), number(condition.at("fidelity")[d]));
      check_near(sums.mean_compressed_shift(), number(condition.at("shift")[d]));
      check_near(sums.mean_reference_shift(), number(known.at("shift_ref")[d]));
      if (name == "ref") {
        CHECK(sums.gain() == 1.0);
        CHECK(sums.fidelity() == 1.0);
      }
      shifts.push_back(sums.mean_compressed_shift());
      wanted.push_back(sums.mean_reference_shift());
    }
    for (std::size_t d = 0; d < doses.size(); ++d) {
      CAPTURE(d);
      const double dose = equal_dose(doses, shifts, wanted[d]);
      check_near(dose, number(condition.at("equal_dose")[d]));
      check_near(exchange_rate(doses, wanted, shifts, d), number(condition.at("exchange_rate")[d]));
    }
  }
}

TEST_CASE("steering_sums: what raises all logits alike is no change, and silence has no fidelity") {
  const std::vector<float> ours{1.0f, 2.0f, 0.0f, 1.0f}, raised{5.0f, 6.0f, 4.0f, 5.0f}, flat(4, 3.0f);
  steering_sums sums;
  sums(ours, raised, 1);
  CHECK(sums.gain() == 1.0);
  CHECK(sums.fidelity() == 1.0);
  CHECK(sums.mean_reference_shift() == 1.0);
  CHECK(sums.mean_compressed_shift() == 1.0);
  steering_sums silent;
  silent(ours, flat, 1);
  CHECK(silent.gain() == 0.0);
  CHECK(std::isnan(silent.fidelity()));
  steering_sums against;
  against(ours, std::vector<float>{-2.0f, -4.0f, 0.0f, -2.0f}, 0);
  CHECK(against.gain() == -2.0);
  CHECK(against.fidelity() == -1.0);
  CHECK(std::isnan(steering_sums{}.gain()));
  CHECK_THROWS_WITH(silent(ours, flat, 4), doctest::Contains("the target is a token"));
}

TEST_CASE("equal_dose: the least dose that does as much, on straight lines from nothing") {
  const std::vector<double> doses{0.5, 1.0, 2.0}, rises{1.0, 3.0, 2.0}, falls{-1.0, -2.0, -4.0};
  CHECK(equal_dose(doses, rises, 0.5) == 0.25);
  CHECK(equal_dose(doses, rises, 2.5) == 0.875);  // and not on the way down
  CHECK(equal_dose(doses, rises, 3.0) == 1.0);
  CHECK(equal_dose(doses, falls, -3.0) == 1.5);
  CHECK(equal_dose(doses, rises, 0.0) == 0.0);
  CHECK(equal_dose(doses, rises, 3.5) == std::numeric_limits<double>::infinity());
  CHECK(equal_dose(doses, rises, -0.1) == std::numeric_limits<double>::infinity());
  CHECK_THROWS_WITH(equal_dose(doses, std::vector<double>{1.0}, 1.0), doctest::Contains("one shift for each dose"));
}

TEST_CASE("exchange_rate: 1 at every dose of two models alike, also where the shifts turn back") {
  const std::vector<double> doses{0.25, 0.5, 1.0, 2.0, 4.0}, turning{1.0, 2.0, 3.0, 2.5, 1.5}, four(4, 1.0);
  for (std::size_t d = 0; d < doses.size(); ++d)
    CHECK(exchange_rate(doses, turning, turning, d) == 1.0);
  // Half the strength: 1.5 needs dose 1, and the reference's least dose for it is 0.375, not 4.
  const std::vector<double> weaker{0.5, 1.0, 1.5, 1.25, 0.75};
  CHECK(exchange_rate(doses, turning, weaker, 4) == doctest::Approx(1.0 / 0.375));
  CHECK(exchange_rate(doses, turning, weaker, 0) == 2.0);
  CHECK(exchange_rate(doses, turning, weaker, 2) == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(exchange_rate(doses, std::vector<double>(5, not_a_number), weaker, 2)));
  CHECK(std::isnan(exchange_rate(doses, std::vector<double>(5, 0.0), weaker, 2)));
  CHECK_THROWS_WITH(exchange_rate(doses, four, weaker, 2), doctest::Contains("each has the reference's shift"));
}

}  // namespace steering_steering_sums_test
