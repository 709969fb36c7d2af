// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/gemm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "simd_archs.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace simd_gemm_test {

using qfa::matrix_view;
using qfa_test::random_floats;
using qfa_test::same_bits;
namespace simd = qfa::simd;

namespace {

constexpr float untouched = 12345.0f;

/// Same bits where Arch rounds a multiply-add once; elsewhere within k roundings of the largest term.
template <class Arch>
bool agrees(float got, float expected, std::size_t depth) {
  if (simd::has_fma<Arch>) return same_bits(got, expected);
  return std::fabs(got - expected) <= 1e-6f * static_cast<float>(depth + 1) * 4096.0f;
}

template <class Arch>
void check_multiply(std::size_t m, std::size_t k, std::size_t n, bool with_bias) {
  CAPTURE(m);
  CAPTURE(k);
  CAPTURE(n);
  CAPTURE(with_bias);
  const auto x = random_floats(m * k, 1);
  const auto b = random_floats(k * n, 2);
  const auto bias = with_bias ? random_floats(n, 3) : std::vector<float>{};
  // The row stride leaves a gap, which must stay as it is.
  std::vector<float> out(m * (n + 3), untouched);
  std::vector<float> expected(m * (n + 3), untouched);
  const matrix_view<const float> x_view(x.data(), m, k);
  const matrix_view<const float> b_view(b.data(), k, n);
  simd::ref::multiply(x_view, b_view, matrix_view<float>(expected.data(), m, n, n + 3), bias);
  simd::multiply(x_view, simd::pack<Arch>(b_view), matrix_view<float>(out.data(), m, n, n + 3), bias);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < out.size(); ++i)
    wrong += agrees<Arch>(out[i], expected[i], k) ? 0u : 1u;
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE_TEMPLATE("multiply: equals its scalar twin at every shape around a tile", Arch, QFA_TEST_ARCHS) {
  constexpr std::size_t rows = simd::tile_shape<Arch>::rows;
  constexpr std::size_t columns = simd::tile_shape<Arch>::columns;
  for (std::size_t m = 0; m <= 2 * rows + 2; ++m)
    check_multiply<Arch>(m, 7, columns + 5, true);
  for (std::size_t n = 0; n <= 2 * columns + 1; ++n)
    check_multiply<Arch>(rows + 1, 5, n, n % 2 == 0);
  for (std::size_t k = 0; k <= 9; ++k)
    check_multiply<Arch>(rows + 1, k, columns + 1, true);
  check_multiply<Arch>(rows + 1, 0, columns + 1, false);  // nothing is summed: plus zero
}

TEST_CASE_TEMPLATE("multiply: equals its scalar twin over many blocks of rows", Arch, QFA_TEST_ARCHS) {
  check_multiply<Arch>(197, 3, 40, true);
  check_multiply<Arch>(1543, 2, 35, false);  // more rows than are packed at once
  check_multiply<Arch>(41, 9001, 3, true);   // so deep that a block is one tile
}

TEST_CASE("multiply: has the same bits on 1, 2, 3 and 8 threads") {
#ifdef _OPENMP
  const std::size_t m = 150, k = 65, n = 333;
  const auto x = random_floats(m * k, 1);
  const auto b = random_floats(k * n, 2);
  const auto packed = simd::pack(matrix_view<const float>(b.data(), k, n));
  const int before = omp_get_max_threads();
  std::vector<float> first;
  for (int threads : {1, 2, 3, 8}) {
    omp_set_num_threads(threads);
    std::vector<float> out(m * n);
    simd::multiply(matrix_view<const float>(x.data(), m, k), packed, matrix_view<float>(out.data(), m, n));
    if (first.empty()) first = out;
    CHECK(out == first);
  }
  omp_set_num_threads(before);
#endif
}

TEST_CASE("multiply: reads and writes views in blocks") {
  const std::size_t m = 15, k = 6, n = 9;
  const auto x = random_floats(3 * 7 * 8, 6);
  const auto b = random_floats(k * n, 7);
  const matrix_view<const float> x_view(x.data(), m, k, 8, 5, 7 * 8);
  const matrix_view<const float> b_view(b.data(), k, n);
  std::vector<float> out(3 * 6 * 10, untouched), expected(3 * 6 * 10, untouched);
  simd::multiply(x_view, simd::pack(b_view), matrix_view<float>(out.data(), m, n, 10, 5, 60));
  simd::ref::multiply(x_view, b_view, matrix_view<float>(expected.data(), m, n, 10, 5, 60));
  for (std::size_t i = 0; i < out.size(); ++i)
    CHECK(agrees<simd::best_arch>(out[i], expected[i], k));
}

TEST_CASE_TEMPLATE("gemm: calls the epilogue once for each register, and says how much of it counts", Arch,
                   QFA_TEST_ARCHS) {
  const std::size_t m = 29, k = 3, n = simd::packed_matrix<Arch>::panel_width * 3 + simd::width<Arch> + 1;
  const auto x = random_floats(m * k, 8);
  const auto b = random_floats(k * n, 9);
  const auto packed = simd::pack<Arch>(matrix_view<const float>(b.data(), k, n));
  std::vector<int> visits(m * n, 0);
  simd::gemm(matrix_view<const float>(x.data(), m, k), packed,
             [&](std::size_t row, std::size_t column, simd::floats<Arch>, std::size_t valid) {
               for (std::size_t i = 0; i < valid; ++i)
                 ++visits[row * n + column + i];
             });
  for (int v : visits)
    CHECK(v == 1);
}

TEST_CASE_TEMPLATE("gemm_block: meets each row's columns in increasing order, and stops where it is told", Arch,
                   QFA_TEST_ARCHS) {
  const std::size_t m = 31, k = 8, n = 100;
  const auto x = random_floats(m * k, 8);
  const auto b = random_floats(k * n, 9);
  const auto packed = simd::pack<Arch>(matrix_view<const float>(b.data(), k, n));
  for (std::size_t columns : {0u, 1u, 7u, 32u, 33u, 99u, 100u}) {
    std::vector<std::size_t> next(m, 0);
    simd::gemm_block(matrix_view<const float>(x.data(), m, k), packed, columns,
                     [&](std::size_t row, std::size_t column, simd::floats<Arch>, std::size_t valid) {
                       CHECK(next[row] == column);
                       next[row] = column + valid;
                     });
    for (std::size_t end : next)
      CHECK(end == columns);
  }
}

TEST_CASE("gemm_block: a shallower left factor counts as one that ends in zeros") {
  const std::size_t m = 5, k = 12, n = 20, shallow = 7;
  auto x = random_floats(m * k, 8);
  for (std::size_t r = 0; r < m; ++r)
    for (std::size_t i = shallow; i < k; ++i)
      x[r * k + i] = 0.0f;
  const auto b = random_floats(k * n, 9);
  const auto packed = simd::pack(matrix_view<const float>(b.data(), k, n));
  std::vector<float> whole(m * n), part(m * n);
  const auto store_in = [&](std::vector<float>& to) {
    return [&to](std::size_t row, std::size_t column, simd::floats<> z, std::size_t valid) {
      simd::store_first<simd::best_arch>(z, to.data() + row * n + column, valid);
    };
  };
  simd::gemm_block(matrix_view<const float>(x.data(), m, k), packed, n, store_in(whole));
  simd::gemm_block(matrix_view<const float>(x.data(), m, shallow, k), packed, n, store_in(part));
  CHECK(whole == part);
}

TEST_CASE_TEMPLATE("multiply_rows: reads the part of the matrix that it is told to", Arch, QFA_TEST_ARCHS) {
  constexpr std::size_t panel = simd::packed_matrix<Arch>::panel_width;
  const std::size_t m = 2 * simd::tile_shape<Arch>::rows + 1, k = 11, n = 3 * panel + 5;
  const auto b = random_floats(k * n, 9);
  const auto packed = simd::pack<Arch>(matrix_view<const float>(b.data(), k, n));
  for (const std::size_t first_depth : {0u, 3u, 10u})
    for (const std::size_t depth : {1u, 7u, 11u}) {
      if (first_depth + depth > k) continue;
      const auto x = random_floats(m * depth, 8);
      const simd::packed_rows<Arch> rows(matrix_view<const float>(x.data(), m, depth));
      std::vector<float> expected(m * n);
      simd::ref::multiply(matrix_view<const float>(x.data(), m, depth),
                          matrix_view<const float>(b.data() + first_depth * n, depth, n),
                          matrix_view<float>(expected.data(), m, n));
      for (const std::size_t first : {std::size_t{0}, panel, 3 * panel})
        for (const std::size_t last : {panel + 1, 2 * panel, n, 2 * n}) {
          std::vector<float> out(m * n, untouched);
          simd::multiply_rows(rows, packed,
                              [&](std::size_t row, std::size_t column, const simd::floats<Arch>& z, std::size_t valid) {
                                simd::store_valid<Arch>(z, out.data() + row * n + column, valid);
                              },
                              {.first_depth = first_depth, .first_column = first, .last_column = last});
          std::size_t wrong = 0;
          for (std::size_t i = 0; i < out.size(); ++i) {
            const bool inside = i % n >= first && i % n < last;
            wrong += (inside ? agrees<Arch>(out[i], expected[i], depth) : out[i] == untouched) ? 0u : 1u;
          }
          CHECK(wrong == 0);
        }
    }
}

TEST_CASE("multiply_rows: tiles that take turns for the cache's sake are all multiplied") {
  const std::size_t m = 100, k = 3000, n = 37;  // four tiles at a time
  const auto x = random_floats(m * k, 8);
  const auto b = random_floats(k * n, 9);
  const matrix_view<const float> x_view(x.data(), m, k), b_view(b.data(), k, n);
  std::vector<float> out(m * n, untouched), expected(m * n);
  simd::multiply_rows(simd::packed_rows<>(x_view), simd::pack(b_view),
                      [&](std::size_t row, std::size_t column, const simd::floats<>& z, std::size_t valid) {
                        simd::store_valid<simd::best_arch>(z, out.data() + row * n + column, valid);
                      });
  simd::multiply(x_view, simd::pack(b_view), matrix_view<float>(expected.data(), m, n));
  CHECK(out == expected);
}

TEST_CASE_TEMPLATE("multiply_rows_by_both: gives both products, each where it belongs", Arch, QFA_TEST_ARCHS) {
  const std::size_t m = simd::tile_shape<Arch>::rows + 2, k = 9, n = simd::packed_matrix<Arch>::panel_width + 3;
  const auto x = random_floats(m * k, 8), a = random_floats(k * n, 9), b = random_floats(k * n, 10);
  const matrix_view<const float> x_view(x.data(), m, k), a_view(a.data(), k, n), b_view(b.data(), k, n);
  std::vector<float> out[2], expected[2];
  for (auto* sides : {out, expected})
    sides[0] = sides[1] = std::vector<float>(m * n, untouched);
  simd::multiply_rows_by_both(simd::packed_rows<Arch>(x_view), simd::pack<Arch>(a_view), simd::pack<Arch>(b_view),
                              [&](std::size_t row, std::size_t column, const simd::floats<Arch>& of_a,
                                  const simd::floats<Arch>& of_b, std::size_t valid) {
                                simd::store_valid<Arch>(of_a, out[0].data() + row * n + column, valid);
                                simd::store_valid<Arch>(of_b, out[1].data() + row * n + column, valid);
                              });
  simd::multiply(x_view, simd::pack<Arch>(a_view), matrix_view<float>(expected[0].data(), m, n));
  simd::multiply(x_view, simd::pack<Arch>(b_view), matrix_view<float>(expected[1].data(), m, n));
  CHECK(out[0] == expected[0]);
  CHECK(out[1] == expected[1]);
}

TEST_CASE("multiply: a NaN or an infinity stays in its own row and column") {
  const std::size_t m = 14, k = 4, n = 37;
  auto x = random_floats(m * k, 8);
  x[3 * k + 1] = std::numeric_limits<float>::quiet_NaN();
  const auto b = random_floats(k * n, 9);
  std::vector<float> out(m * n);
  simd::multiply(matrix_view<const float>(x.data(), m, k), simd::pack(matrix_view<const float>(b.data(), k, n)),
                 matrix_view<float>(out.data(), m, n));
  for (std::size_t r = 0; r < m; ++r)
    for (std::size_t c = 0; c < n; ++c)
      CHECK(std::isnan(out[r * n + c]) == (r == 3));
}

TEST_CASE("multiply: refuses factors that do not fit") {
  const std::vector<float> x(6), b(6);
  std::vector<float> out(4);
  const auto packed = simd::pack(matrix_view<const float>(b.data(), 3, 2));
  CHECK_THROWS_WITH_AS(
      simd::multiply(matrix_view<const float>(x.data(), 3, 2), packed, matrix_view<float>(out.data(), 3, 2, 1)),
      "a matrix product needs as many columns on the left (2) as rows on the right (3)", qfa::error);
  CHECK_THROWS_AS(
      simd::multiply(matrix_view<const float>(x.data(), 2, 3), packed, matrix_view<float>(out.data(), 1, 2)),
      qfa::error);
  CHECK_THROWS_AS(simd::multiply(matrix_view<const float>(x.data(), 2, 3), packed, matrix_view<float>(out.data(), 2, 2),
                                 std::span<const float>(b).first(1)),
                  qfa::error);
}

}  // namespace simd_gemm_test
