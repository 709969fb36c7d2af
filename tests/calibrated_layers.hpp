// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_CALIBRATED_LAYERS_HPP
#define QFA_TESTS_CALIBRATED_LAYERS_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/compress/calibration.hpp"
#include "qfa/compress/output_error.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/core/parallel.hpp"
#include "scratch.hpp"

namespace qfa_test {

/// A linear layer with what calibration knows of it.
struct layer {
  matrix weights;
  matrix x;  // (tokens, columns)
  qfa::calibration known;
};

inline qfa::calibration calibrated_by(const matrix& x, const matrix& weights, bool gram = true) {
  qfa::calibration known{qfa::input_statistics(x.columns, gram), std::vector<float>(weights.columns, 0.0f)};
  known.inputs(x.view());
  for (std::size_t i = 0; i < weights.values.size(); ++i) {
    float& peak = known.column_peaks[i % weights.columns];
    peak = (std::max)(peak, std::fabs(weights.values[i]));
  }
  return known;
}

/// Inputs that hang together, a channel with large ones, one without any.
inline layer made_up_layer(std::size_t rows, std::size_t columns, std::size_t tokens = 200, unsigned seed = 3) {
  layer all{random_matrix(rows, columns, seed), random_matrix(tokens, columns, seed + 1), {}};
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto token = all.x.view().row(t);
    for (std::size_t j = 1; j < columns; ++j)
      token[j] += 0.6f * token[j - 1];
    token[columns / 2] *= 5.0f;
    token[columns / 3] = 0.0f;
  }
  all.known = calibrated_by(all.x, all.weights);
  return all;
}

/// A compressed copy, by a policy that is told what is known.
template <qfa::weight_policy P>
matrix compressed(matrix m, const P& policy, const qfa::calibration& known, const qfa::tensor_info& info = {}) {
  qfa::apply_policy(policy, m.view(), info, &known);
  return m;
}
template <qfa::weight_policy P>
matrix with_changed_activations(matrix x, const P& policy, const qfa::calibration* known = nullptr) {
  qfa::apply_to_activations(policy, x.view(), {}, known);
  return x;
}

inline double error_of(const layer& of, const matrix& q) {
  return qfa::output_error(of.weights.view(), q.view(), of.known.inputs.gram());
}

// ---- tests/data/calibrated.safetensors

inline const qfa::stored_tensor& oracle_tensor(const std::string& name) {
  static const qfa::safetensors file(QFA_TEST_DATA "/calibrated.safetensors");
  return file.at(name);
}
inline std::vector<double> oracle(const std::string& name) { return qfa::read_doubles(oracle_tensor(name)); }
inline const layer& oracle_layer() {
  static const layer all = [] {
    const auto read = [](const std::string& name) {
      const qfa::stored_tensor& tensor = oracle_tensor(name);
      return matrix{tensor.shape.at(0), tensor.shape.at(1), qfa::read_floats(tensor)};
    };
    layer of{read("weights"), read("x"), {}};
    of.known = calibrated_by(of.x, of.weights);
    return of;
  }();
  return all;
}

/// The values are those of the oracle, rounded to float once.  A relative 2^-24 is that rounding; 1e-10 is far above
/// what two orders of summation in double leave (1e-13 was seen), and far below the step of any grid here (1e-4 at
/// least), so that every code is the oracle's.
inline void check_values(const std::vector<float>& values, const std::string& name, std::size_t count = 0) {
  CAPTURE(name);
  const std::vector<double> expected = oracle(name);
  if (count == 0) count = expected.size();
  REQUIRE(values.size() >= count);
  REQUIRE(expected.size() >= count);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double off = std::fabs(static_cast<double>(values[i]) - expected[i]);
    if (!(off <= std::ldexp(std::fabs(expected[i]), -24) + 1e-10)) ++wrong;
  }
  CHECK(wrong == 0);
}

// ---- what every calibrated policy owes

/// Strided views, threads, and refusals that leave the weights alone.  The layers have 24 columns.
template <qfa::weight_policy P>
void check_calibrated_laws(const P& policy, std::string_view spec_name) {
  const std::string name = policy.name();
  CAPTURE(name);
  const qfa::tensor_info info{.name = "w"};
  const layer made = made_up_layer(40, 24);
  const matrix whole = compressed(made.weights, policy, made.known, info);

  // A view in blocks and strides: every second block of 8 rows, 24 of 29 columns.
  matrix fused = random_matrix(80, 29, 11);
  const matrix before = fused;
  const qfa::matrix_view<float> part(fused.values.data() + 8 * 29 + 2, 40, 24, 29, 8, 16 * 29);
  for (std::size_t r = 0; r < 40; ++r)
    for (std::size_t c = 0; c < 24; ++c)
      part(r, c) = made.weights.view()(r, c);
  qfa::apply_policy(policy, part, info, &made.known);
  for (std::size_t r = 0; r < 40; ++r)
    if (!same_bits(part.row(r), whole.view().row(r))) FAIL_CHECK("row ", r, " of a strided view differs");
  for (std::size_t r = 0; r < 80; ++r)
    for (std::size_t c = 0; c < 29; ++c)
      if (!(r / 8 % 2 == 1 && c >= 2 && c < 26) && fused.view()(r, c) != before.view()(r, c))
        FAIL_CHECK("row ", r, " column ", c, " was touched");

  const std::size_t threads = qfa::thread_count();
  for (const std::size_t n : {1U, 2U, 3U, 8U}) {
    qfa::set_thread_count(n);
    CHECK(same_bits(compressed(made.weights, policy, made.known, info).values, whole.values));
  }
  qfa::set_thread_count(threads);

  const auto refuses = [&](const layer& of, std::initializer_list<std::string_view> parts) {
    matrix m = of.weights;
    check_refused([&] { qfa::apply_policy(policy, m.view(), info, &of.known); }, parts);
    CHECK(same_bits(m.values, of.weights.values));
  };
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    layer spoiled = made;
    spoiled.weights.view()(7, 23) = bad;
    refuses(spoiled, {"\"w\"", "row 7", "not finite"});
  }
  if (policy.needs().any()) {
    matrix m = made.weights;
    check_refused([&] { qfa::apply_policy(policy, m.view(), info); }, {"\"w\"", "calibration"});
    layer other = made;
    other.known = {};
    refuses(other, {spec_name, "\"w\"", "calibration tokens", "none"});
    other.known = made_up_layer(40, 25).known;
    refuses(other, {"\"w\"", "24 columns", "25 channels"});
    if (policy.needs().gram) {
      other.known = calibrated_by(made.x, made.weights, false);
      refuses(other, {spec_name, "Gram matrix", "\"w\""});
    }
  }
  CHECK(compressed(matrix{0, 24, {}}, policy, made.known).values.empty());
}

}  // namespace qfa_test

#endif
