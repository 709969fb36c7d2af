// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/hadamard.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <vector>

#include "pruner_laws.hpp"

namespace compress_hadamard_test {

using qfa::fold_rotation;
using qfa::hadamard_rotation;
using qfa::unfold_rotation;
using qfa_test::matrix;
using qfa_test::random_matrix;

/// Sylvester's H_ij is (-1) to the number of ones that i and j have in common.
double sylvester(std::size_t i, std::size_t j) { return std::popcount(i & j) % 2 == 0 ? 1.0 : -1.0; }

TEST_CASE("walsh_hadamard: it is the product with Sylvester's matrix") {
  for (const std::size_t n : {1U, 2U, 4U, 8U, 64U})
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<double> unit(n, 0.0);
      unit[i] = 3.0;
      qfa::walsh_hadamard(unit);
      for (std::size_t j = 0; j < n; ++j)
        CHECK(unit[j] == 3.0 * sylvester(i, j));
    }
  std::vector<double> x{1, 2, 4, 8};
  qfa::walsh_hadamard(x);
  CHECK(x == std::vector<double>{15, -5, -9, 3});
}

TEST_CASE("largest_power_of_two_in: it divides the columns, and twice it does not") {
  for (std::size_t columns = 1; columns <= 3000; ++columns) {
    const std::size_t size = qfa::largest_power_of_two_in(columns);
    if (!std::has_single_bit(size) || columns % size != 0 || columns % (2 * size) == 0) FAIL_CHECK(columns);
  }
  CHECK(qfa::largest_power_of_two_in(4096) == 4096);
  CHECK(qfa::largest_power_of_two_in(11008) == 256);
}

TEST_CASE("fold_rotation: each block of columns is rotated by itself, orthonormally") {
  matrix m = random_matrix(3, 24);
  const matrix before = m;
  fold_rotation({.size = 8}, m.view());
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 24; ++c) {
      double expected = 0.0;
      for (std::size_t i = 0; i < 8; ++i)
        expected += static_cast<double>(before.view()(r, c / 8 * 8 + i)) * sylvester(i, c % 8) / std::sqrt(8.0);
      CHECK(m.view()(r, c) == doctest::Approx(expected).epsilon(1e-6));
    }
}

TEST_CASE("fold_rotation: unfolding gives back the weights, within two roundings to float") {
  for (const std::size_t size : {2U, 16U, 128U, 1024U})
    for (const std::uint64_t seed : {0U, 5U}) {
      CAPTURE(size);
      matrix m = random_matrix(9, 1024, static_cast<unsigned>(size));
      const matrix before = m;
      fold_rotation({size, seed}, m.view());
      CHECK_FALSE(qfa_test::same_bits(m.values, before.values));
      unfold_rotation({size, seed}, m.view());
      for (std::size_t r = 0; r < m.rows; ++r)
        for (std::size_t first = 0; first < m.columns; first += size) {
          double square = 0.0;
          for (const float w : before.view().row(r).subspan(first, size))
            square += static_cast<double>(w) * static_cast<double>(w);
          for (std::size_t c = first; c < first + size; ++c) {
            const double w = static_cast<double>(before.view()(r, c));
            const double bound = 0x1p-24 * (std::sqrt(square) + std::fabs(w)) * (1.0 + 1e-6);
            if (!(std::fabs(static_cast<double>(m.view()(r, c)) - w) <= bound)) FAIL_CHECK("row ", r, " column ", c);
          }
        }
    }
}

TEST_CASE("fold_rotation: rotated inputs meet rotated weights in the same products") {
  for (const std::uint64_t seed : {0U, 3U}) {
    matrix w = random_matrix(4, 64, 1), x = random_matrix(5, 64, 2);
    const auto products = [&] {
      std::vector<double> all;
      for (std::size_t t = 0; t < 5; ++t)
        for (std::size_t r = 0; r < 4; ++r) {
          double sum = 0.0;
          for (std::size_t c = 0; c < 64; ++c)
            sum += static_cast<double>(x.view()(t, c)) * static_cast<double>(w.view()(r, c));
          all.push_back(sum);
        }
      return all;
    };
    const auto before = products();
    fold_rotation({32, seed}, w.view());
    fold_rotation({32, seed}, x.view());
    const auto after = products();
    for (std::size_t i = 0; i < before.size(); ++i)
      CHECK(std::fabs(after[i] - before[i]) < 1e-4);  // the products of norms of about 10 and 100, in floats
  }
}

TEST_CASE("fold_rotation: random signs are the seed's and the column's, alike in every row and matrix") {
  matrix ones{2, 32, std::vector<float>(64, 1.0f)};
  fold_rotation({2, 9}, ones.view());
  const qfa::counter_random random(9, "", qfa::random_use::signs);
  std::size_t negative = 0;
  for (std::size_t c = 0; c < 32; ++c) {
    const auto sign = [&](std::size_t column) { return random.bits(column) >> 63 == 0 ? 1.0 : -1.0; };
    negative += sign(c) < 0.0 ? 1U : 0U;
    const double a = sign(c / 2 * 2), b = sign(c / 2 * 2 + 1);
    for (std::size_t r = 0; r < 2; ++r)
      CHECK(ones.view()(r, c) == doctest::Approx((c % 2 == 0 ? a + b : a - b) / std::sqrt(2.0)).epsilon(1e-7));
  }
  CHECK(negative > 5);
  CHECK(negative < 27);
}

TEST_CASE("fold_rotation: sizes that are no power of two, or do not divide the columns, are refused") {
  matrix m = random_matrix(2, 24);
  for (const std::size_t bad : {0U, 1U, 3U, 16U, 24U}) {
    qfa_test::check_refused([&] { fold_rotation({.size = bad}, m.view()); }, {"power of two", "divides the columns"});
    qfa_test::check_refused([&] { unfold_rotation({.size = bad}, m.view()); }, {"power of two"});
  }
}

}  // namespace compress_hadamard_test
