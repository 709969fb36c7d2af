// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_COMPRESS_MATRICES_HPP
#define QFA_TESTS_COMPRESS_MATRICES_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/compress/policy.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/safetensors.hpp"

namespace qfa_test {

/// A matrix of a test's own.
struct matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;

  qfa::matrix_view<float> view() { return {values.data(), rows, columns}; }
  qfa::matrix_view<const float> view() const { return {values.data(), rows, columns}; }
};

/// Normal weights, each row on a scale of its own.
inline matrix random_matrix(std::size_t rows, std::size_t columns, unsigned seed = 7) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  matrix m{rows, columns, std::vector<float>(rows * columns)};
  for (std::size_t i = 0; i < m.values.size(); ++i)
    m.values[i] = normal(random) * (0.25f + static_cast<float>(i / columns % 5));
  return m;
}

inline matrix row_matrix(std::vector<float> values) {
  const std::size_t n = values.size();
  return {1, n, std::move(values)};
}

/// Equality to the bit: it tells -0 from 0, and a NaN equals itself.
inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) return false;
  return true;
}

/// A compressed copy.
template <qfa::weight_policy P>
matrix compressed(matrix m, const P& policy, const qfa::tensor_info& info = {}) {
  qfa::apply_policy(policy, m.view(), info);
  return m;
}

/// A matrix of tests/data/rtn.safetensors.
inline matrix torch_matrix(const std::string& name) {
  static const qfa::safetensors file(QFA_TEST_DATA "/rtn.safetensors");
  const qfa::stored_tensor& tensor = file.at(name);
  REQUIRE(tensor.shape.size() == 2);
  return {tensor.shape[0], tensor.shape[1], qfa::read_floats(tensor)};
}

/// Law "in place": on a view in blocks and strides a policy does what it does on a contiguous copy, and touches nothing
/// outside.  `heads` blocks of `head_dim` rows, each followed by as many rows and columns that belong to somebody else.
template <qfa::weight_policy P>
void check_in_place(const P& policy, std::size_t heads, std::size_t head_dim, const qfa::tensor_info& info = {}) {
  constexpr std::size_t columns = 24, row_stride = 29;
  matrix fused = random_matrix(3 * heads * head_dim, row_stride);
  const matrix before = fused;
  const qfa::matrix_view<float> part(fused.values.data() + head_dim * row_stride, heads * head_dim, columns, row_stride,
                                     head_dim, 3 * head_dim * row_stride);
  matrix copy{part.rows(), columns, {}};
  for (std::size_t r = 0; r < part.rows(); ++r)
    copy.values.insert(copy.values.end(), part.row(r).begin(), part.row(r).end());

  qfa::apply_policy(policy, part, info);
  qfa::apply_policy(policy, copy.view(), info);
  for (std::size_t r = 0; r < part.rows(); ++r) {
    CAPTURE(r);
    CHECK(same_bits(part.row(r), copy.view().row(r)));
  }
  for (std::size_t r = 0; r < fused.rows; ++r)
    for (std::size_t c = 0; c < row_stride; ++c) {
      const bool inside = r / head_dim % 3 == 1 && c < columns;
      if (!inside && fused.view()(r, c) != before.view()(r, c)) FAIL_CHECK("row ", r, " column ", c, " was touched");
    }
}

}  // namespace qfa_test

#endif
