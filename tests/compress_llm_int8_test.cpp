// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/llm_int8.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"

namespace compress_llm_int8_test {

using qfa::llm_int8;
using qfa::outlier_source;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::oracle_layer;
using qfa_test::same_bits;
using qfa_test::with_changed_activations;

namespace {

/// x w^T against the oracle's.  Each factor was rounded to float, which moves a product by 2^-23 of itself; a code of x
/// or w that is off by one moves the sum by some 1e-4.
void check_outputs(const matrix& x, const matrix& w, const std::string& name) {
  CAPTURE(name);
  const std::vector<double> expected = qfa_test::oracle(name);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    double y = 0.0, sizes = 0.0;
    for (std::size_t j = 0; j < x.columns; ++j) {
      const double product =
          static_cast<double>(x.view()(i / w.rows, j)) * static_cast<double>(w.view()(i % w.rows, j));
      y += product;
      sizes += std::fabs(product);
    }
    if (!(std::fabs(y - expected[i]) <= std::ldexp(sizes, -23) + 1e-12)) ++wrong;
  }
  CHECK(wrong == 0);
}

const llm_int8 by_text{.outliers = outlier_source::text};

}  // namespace

TEST_CASE("llm_int8: outputs are the float64 reference's, outlier columns of the weights kept or int8 as well") {
  const auto& of = oracle_layer();
  check_outputs(with_changed_activations(of.x, llm_int8{}, &of.known), compressed(of.weights, llm_int8{}, of.known),
                "llm_int8.y");
  check_outputs(with_changed_activations(of.x, by_text), compressed(of.weights, by_text, of.known),
                "llm_int8.y_dequantized");
}

TEST_CASE("llm_int8: outlier columns stay as they are, in weights and activations alike") {
  const auto& of = oracle_layer();
  const std::vector<double> outlier = qfa_test::oracle("llm_int8.outlier");
  const matrix x = with_changed_activations(of.x, llm_int8{}, &of.known);
  const matrix w = compressed(of.weights, llm_int8{}, of.known);
  for (std::size_t j = 0; j < outlier.size(); ++j) {
    std::size_t changed_x = 0, changed_w = 0;
    for (std::size_t t = 0; t < x.rows; ++t)
      changed_x += x.view()(t, j) != of.x.view()(t, j) ? 1U : 0U;
    for (std::size_t r = 0; r < w.rows; ++r)
      changed_w += w.view()(r, j) != of.weights.view()(r, j) ? 1U : 0U;
    CHECK((changed_w == 0) == (outlier[j] != 0.0));
    if (outlier[j] != 0.0) CHECK(changed_x == 0);
  }
}

TEST_CASE("llm_int8: known values, the threshold itself an outlier, and scales without outliers") {
  const matrix x{2, 3, {6, 1, 127, -1, 0.4f, 63.6f}};
  const matrix w{1, 3, {1000, 127, 0.6f}};
  auto known = qfa_test::calibrated_by(matrix{1, 3, {6, 5.9f, 5.9f}}, w, false);
  CHECK(compressed(w, llm_int8{}, known).values == std::vector<float>{1000, 127, 1});
  CHECK(with_changed_activations(x, llm_int8{}, &known).values[0] == 6.0f);
  CHECK(with_changed_activations(x, llm_int8{}, &known).values[2] == 127.0f);
  // Columns 0 and 2 of this text reach 6; column 1 has its own scales, 1 / 127 and 0.4 / 127.
  CHECK(with_changed_activations(x, by_text).values == x.values);
  // Above 6 only column 2 does: a token's scale is 6 / 127 or 1 / 127, over the other two.
  const std::vector<float> one = with_changed_activations(x, llm_int8{6.5, outlier_source::text}).values;
  CHECK(one[0] == 6.0f);
  CHECK(one[1] == doctest::Approx(21 * 6.0 / 127.0));
  CHECK(one[2] == 127.0f);
  CHECK(one[4] == doctest::Approx(51.0 / 127.0));
  CHECK(one[5] == 63.6f);
  // By text all columns of a row are int8 on one scale, here 1000 / 127.
  const std::vector<float> all_int8 = compressed(w, by_text, known).values;
  CHECK(all_int8[0] == 1000.0f);
  CHECK(all_int8[1] == doctest::Approx(16 * 1000.0 / 127.0));
  CHECK(all_int8[2] == 0.0f);
}

TEST_CASE("llm_int8: by text, what one text spares is of no concern to another") {
  const matrix calm{1, 3, {1, 2, 0.013f}}, loud{1, 3, {1, 2, 7}};
  CHECK(with_changed_activations(calm, by_text).values[2] == doctest::Approx(2.0 / 127.0));
  CHECK(with_changed_activations(loud, by_text).values[2] == 7.0f);
}

TEST_CASE(
    "llm_int8: half of the largest weight is halfway between two codes whatever it is, and goes to the even one") {
  // Dividing by a step of peak / 127 would miss 63.5 by that step's rounding now and then.
  std::size_t missed = 0;
  for (int i = 0; i < 200; ++i) {
    const float peak = 1.0f + static_cast<float>(i) / 256.0f;
    const matrix got =
        compressed(qfa_test::row_matrix({peak, peak / 2.0f, -peak / 2.0f, 0.0f}), by_text, qfa::calibration{});
    const float expected = static_cast<float>(64.0 * static_cast<double>(peak) / 127.0);
    CHECK(got.values == std::vector<float>{peak, expected, -expected, 0.0f});
    const double step = static_cast<double>(peak) / 127.0;
    missed += std::nearbyint(static_cast<double>(peak) / 2.0 / step) == 64.0 ? 0U : 1U;
  }
  CHECK(missed > 10);
}

TEST_CASE("llm_int8: it keeps the laws of calibrated policies") {
  qfa_test::check_calibrated_laws(llm_int8{}, "llm_int8");
  qfa_test::check_calibrated_laws(llm_int8{.threshold = 15.0}, "llm_int8");
  qfa_test::check_calibrated_laws(by_text, "llm_int8");
}

TEST_CASE("llm_int8: activations without calibration, of another width or not finite are refused") {
  matrix x = qfa_test::random_matrix(3, 24);
  const qfa::calibration other = qfa_test::made_up_layer(5, 25).known;
  check_refused([&] { qfa::apply_to_activations(llm_int8{}, x.view(), {.layer = 3}); }, {"layer 3", "calibration"});
  check_refused([&] { qfa::apply_to_activations(llm_int8{}, x.view(), {.layer = 3}, &other); },
                {"layer 3", "24 columns", "25 channels"});
  x.view()(2, 2) = std::numeric_limits<float>::infinity();
  check_refused([&] { qfa::apply_to_activations(by_text, x.view(), {.layer = 3}); }, {"token 2", "not finite"});
}

TEST_CASE("llm_int8: it says what it is, what it needs, how many bits it takes, and refuses what makes no sense") {
  CHECK(llm_int8{}.name() == "llm_int8:threshold=6");
  CHECK(by_text.name() == "llm_int8:threshold=6,outliers=text");
  CHECK(llm_int8{}.needs() == qfa::calibration_needs{.channels = true});
  CHECK_FALSE(by_text.needs().any());
  CHECK(by_text.stored_bits(10, 64) == 10 * 64 * 8 + 10 * 32);
  CHECK(std::isnan(llm_int8{}.stored_bits(10, 64)));
  for (const double threshold : {0.0, -1.0, std::nan("")})
    check_refused([&] { llm_int8{.threshold = threshold}.validate(); }, {"llm_int8's threshold"});
}

}  // namespace compress_llm_int8_test
