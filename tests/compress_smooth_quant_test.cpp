// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/smooth_quant.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"

namespace compress_smooth_quant_test {

using qfa::smooth_quant;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::oracle_layer;
using qfa_test::same_bits;
using qfa_test::with_changed_activations;

TEST_CASE("smooth_quant: scales, weights and activations are the float64 reference's") {
  for (const auto& [name, alpha] : std::vector<std::pair<std::string, double>>{{"0.5", 0.5}, {"0.8", 0.8}}) {
    const smooth_quant policy{.alpha = alpha};
    const std::vector<double> s = policy.scales(oracle_layer().known),
                              expected = qfa_test::oracle("smooth." + name + ".s");
    REQUIRE(s.size() == expected.size());
    for (std::size_t j = 0; j < s.size(); ++j)
      CHECK(s[j] == doctest::Approx(expected[j]).epsilon(1e-13));
    qfa_test::check_values(compressed(oracle_layer().weights, policy, oracle_layer().known).values,
                           "smooth." + name + ".weights");
    qfa_test::check_values(with_changed_activations(oracle_layer().x, policy, &oracle_layer().known).values,
                           "smooth." + name + ".activations", 64 * 64);
  }
}

TEST_CASE("smooth_quant: matrices that share inputs share s, since their peaks are taken together") {
  auto known = oracle_layer().known;
  const std::vector<double> alone = smooth_quant{}.scales(known);
  for (float& peak : known.column_peaks)
    peak *= 4.0f;  // another matrix, of larger weights
  const std::vector<double> together = smooth_quant{}.scales(known);
  for (std::size_t j = 0; j < alone.size(); ++j)
    CHECK(together[j] == doctest::Approx(known.inputs.peak()[j] == 0.0f ? 1.0 : alone[j] / 2.0));
}

TEST_CASE("smooth_quant: fewer bits, and a channel that no weight reads") {
  const matrix x{2, 2, {4, 1, -2, 1}};
  const matrix w{1, 2, {1, 0}};
  const auto known = qfa_test::calibrated_by(x, w, false);
  const std::vector<double> s = smooth_quant{}.scales(known);
  CHECK(s[0] == 2.0);
  CHECK(s[1] == doctest::Approx(1.0 / std::sqrt(1e-5)));
  CHECK(compressed(w, smooth_quant{.bits = 2}, known).values == w.values);
  // x / s is (2, 0.003) and (-1, 0.003): at 2 bits -2, 0, 2 and -1, 0, 1.
  CHECK(with_changed_activations(x, smooth_quant{.bits = 2}, &known).values == std::vector<float>{4, 0, -2, 0});
}

TEST_CASE("smooth_quant: it keeps the laws of calibrated policies") {
  qfa_test::check_calibrated_laws(smooth_quant{}, "smooth_quant");
  qfa_test::check_calibrated_laws(smooth_quant{.alpha = 0.9, .bits = 4}, "smooth_quant");
}

TEST_CASE("smooth_quant: activations without peaks, of another width or not finite are refused and left alone") {
  const auto of = qfa_test::made_up_layer(5, 24);
  matrix x = of.x;
  auto known = of.known;
  known.column_peaks.clear();
  const auto refuses = [&](const qfa::calibration* told, std::initializer_list<std::string_view> parts) {
    check_refused([&] { qfa::apply_to_activations(smooth_quant{}, x.view(), {.layer = 3}, told); }, parts);
  };
  refuses(nullptr, {"attention inputs of layer 3", "calibration"});
  refuses(&known, {"smooth_quant", "largest weight", "layer 3", "holds 0"});
  const qfa::calibration other = qfa_test::made_up_layer(5, 25).known;
  refuses(&other, {"24 columns", "25 channels"});
  CHECK(same_bits(x.values, of.x.values));
  x.view()(4, 2) = std::numeric_limits<float>::quiet_NaN();
  refuses(&of.known, {"token 4", "layer 3", "not finite"});
  CHECK(x.view()(0, 0) == of.x.view()(0, 0));
}

TEST_CASE("smooth_quant: it says what it is, how many bits it takes, and refuses what makes no sense") {
  CHECK(smooth_quant{}.name() == "smooth_quant:alpha=0.5");
  CHECK(smooth_quant{.alpha = 0.75, .bits = 4}.name() == "smooth_quant:alpha=0.75,bits=4");
  CHECK(smooth_quant{}.stored_bits(10, 64) == 10 * 64 * 8 + 10 * 32);
  for (const double alpha : {-0.1, 1.1, std::nan("")})
    check_refused([&] { smooth_quant{.alpha = alpha}.validate(); }, {"smooth_quant's alpha"});
  for (const int bits : {1, 9})
    check_refused([&] { smooth_quant{.bits = bits}.validate(); }, {"smooth_quant's bits"});
}

}  // namespace compress_smooth_quant_test
