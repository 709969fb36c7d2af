// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_NUMBER_FORMATS_HPP
#define QFA_TESTS_NUMBER_FORMATS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/safetensors.hpp"
#include "scratch.hpp"

namespace qfa_test {

/// Elements of an array of tests/data/number_formats.safetensors.
inline const qfa::stored_tensor& number_array(const std::string& name) {
  static const qfa::safetensors file(QFA_TEST_DATA "/number_formats.safetensors");
  return file.at(name);
}
inline std::vector<float> number_floats(const std::string& name) { return qfa::read_floats(number_array(name)); }
inline std::vector<std::uint8_t> number_codes(const std::string& name) {
  std::vector<std::uint8_t> codes;
  for (const float x : number_floats(name))
    codes.push_back(static_cast<std::uint8_t>(x));
  return codes;
}
inline matrix number_matrix(const std::string& name) {
  const qfa::stored_tensor& tensor = number_array(name);
  REQUIRE(tensor.shape.size() == 2);
  return {tensor.shape[0], tensor.shape[1], qfa::read_floats(tensor)};
}

/// Checks that `policy` makes of the array `weights` the array `expected`, to the bit.
template <class P>
void check_oracle(const P& policy, const std::string& expected, const std::string& weights = "weights") {
  CAPTURE(expected);
  const matrix before = number_matrix(weights);
  const matrix after = compressed(before, policy);
  const matrix oracle = number_matrix(expected);
  REQUIRE(oracle.values.size() == after.values.size());
  CHECK_FALSE(same_bits(after.values, before.values));
  for (std::size_t r = 0; r < after.rows; ++r) {
    CAPTURE(r);
    CHECK(same_bits(after.view().row(r), oracle.view().row(r)));
  }
}

/// Law: turning all signs turns the result's.  Zeros may lose theirs, for which `exact` is false.
template <class P>
void check_odd(const P& policy, bool exact = true) {
  matrix m = random_matrix(20, 100);
  const matrix once = compressed(m, policy);
  for (float& w : m.values)
    w = -w;
  m = compressed(m, policy);
  for (float& w : m.values)
    w = -w;
  if (exact)
    CHECK(same_bits(m.values, once.values));
  else
    CHECK(m.values == once.values);
}

/// Law: within the weights that share a scale, larger weights stay no smaller.
template <class P>
void check_monotone(const P& policy, std::size_t share) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    matrix m = random_matrix(1, share, seed);
    std::sort(m.values.begin(), m.values.end());
    m = compressed(m, policy);
    CHECK(std::is_sorted(m.values.begin(), m.values.end()));
    CHECK(m.values.front() < m.values.back());
  }
}

/// Law: the result does not depend on how many threads there are.
template <class P>
void check_threads(const P& policy, std::size_t rows = 300, std::size_t columns = 250) {
  const matrix weights = random_matrix(rows, columns);
  const std::size_t threads = qfa::thread_count();
  qfa::set_thread_count(1);
  const matrix alone = compressed(weights, policy);
  for (const std::size_t n : {2U, 3U, 8U}) {
    CAPTURE(n);
    qfa::set_thread_count(n);
    CHECK(same_bits(compressed(weights, policy).values, alone.values));
  }
  qfa::set_thread_count(threads);
}

/// Law: weights that are not finite, and with `bound` those that might not stay so, are refused by name before any has
/// changed.
template <class P>
void check_refuses_infinities(const P& policy, bool bound = true) {
  constexpr float largest = std::numeric_limits<float>::max();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, -largest}) {
    if (bad == -largest && !bound) continue;
    matrix m = random_matrix(24, 40);
    m.view()(5, 39) = bad;
    const matrix before = m;
    check_refused([&] { qfa::apply_policy(policy, m.view(), {.name = "up_proj"}); },
                  {"row 5", "\"up_proj\"", bad == -largest ? "a quarter of the largest float" : "not finite"});
    CHECK(same_bits(m.values, before.values));
  }
}

/// Law: an empty matrix is no trouble, and the largest and smallest weights give finite ones.
template <class P>
void check_extremes(const P& policy, float smallest = std::numeric_limits<float>::denorm_min()) {
  for (const matrix& m : {matrix{0, 5, {}}, matrix{5, 0, {}}})
    CHECK(compressed(m, policy).values.empty());
  constexpr float largest = std::numeric_limits<float>::max() / 4.0f;
  for (float x = smallest; x <= largest; x *= x < 1e-30f || x > 1e30f ? 1.09f : 1024.0f) {
    if (x * 1.09f == x) x *= 2.0f;  // among the smallest subnormals a twelfth more is no more
    const matrix m = compressed(row_matrix({x, -x / 2, 0.0f, x / 1024.0f, -0.0f, -x / 7.0f}), policy);
    for (std::size_t i = 0; i < m.values.size(); ++i) {
      const float w = m.values[i];
      if (!(w - w == 0.0f)) FAIL_CHECK(x, " gave ", w);
      if ((i == 2 || i == 4) && w != 0.0f) FAIL_CHECK("beside ", x, " a zero became ", w);
    }
  }
  CHECK(compressed(row_matrix({largest, 1.0f}), policy).values.front() <= 2.0f * largest);
  CHECK(compressed(row_matrix({0.0f, 0.0f}), policy).values == std::vector<float>{0.0f, 0.0f});
}

}  // namespace qfa_test

#endif
