// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/codebook.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_codebook_test {

using qfa::codebook;

TEST_CASE("codebook: the nearest level, of two as near the lower one") {
  const codebook book{.levels = {-1.0f, -0.25f, 0.25f, 1.0f}};
  CHECK(book.nearest(-7.0f) == 0);
  CHECK(book.nearest(0.0f) == 1);
  CHECK(book.nearest(0.001f) == 2);
  CHECK(book.nearest(0.625f) == 2);
  CHECK(book.nearest(0.63f) == 3);
  CHECK(book.nearest(9.0f) == 3);
  CHECK(book.decoded(2) == 0.25f);
  CHECK(codebook{.levels = {2.0f}, .scale = 1.5f, .offset = -0.5f}.decoded(0) == 2.5f);
}

TEST_CASE("normalization: a range becomes -1 to 1 and comes back, and a constant becomes 0") {
  const qfa::normalization to({.low = -2.0f, .high = 6.0f});
  CHECK(to(-2.0f) == -1.0f);
  CHECK(to(6.0f) == 1.0f);
  CHECK(to(3.0f) == 0.25f);
  CHECK(to.back(0.25f) == 3.0f);
  const qfa::normalization constant({.low = 3.0f, .high = 3.0f});
  CHECK(constant(3.0f) == 0.0f);
  CHECK(constant.back(1.0f) == 3.0f);
}

TEST_CASE("fit_norm: what comes back has the sample's mean and deviation") {
  const std::vector<float> sample = qfa_test::random_matrix(1, 500).values;
  codebook book{.levels = {-0.4f, 0.0f, 0.1f, 0.3f}};
  qfa::fit_norm(book, sample);
  double mean[2] = {}, squares[2] = {};
  for (const float x : sample) {
    const double both[2] = {static_cast<double>(x), static_cast<double>(book.decoded(book.nearest(x)))};
    for (int i = 0; i < 2; ++i) {
      mean[i] += both[i] / 500;
      squares[i] += both[i] * both[i] / 500;
    }
  }
  CHECK(mean[1] == doctest::Approx(mean[0]).epsilon(1e-5));
  CHECK(squares[1] - mean[1] * mean[1] == doctest::Approx(squares[0] - mean[0] * mean[0]).epsilon(1e-5));
  CHECK(book.scale != 1.0f);

  codebook one{.levels = {0.5f, 0.5f}};
  qfa::fit_norm(one, sample);
  CHECK(one.scale == 1.0f);
  CHECK(one.offset == 0.0f);
}

}  // namespace cache_codebook_test
