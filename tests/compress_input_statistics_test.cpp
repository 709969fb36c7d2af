// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/input_statistics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "laws.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"

namespace compress_input_statistics_test {

using namespace qfa;

namespace {

/// Whole numbers, so that sums are exact in any order.
std::vector<float> tokens_of(std::size_t count, std::size_t channels) {
  std::vector<float> x(count * channels);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 23) - 11.0f;
  return x;
}

}  // namespace

TEST_CASE("input_statistics: sums and peaks by their definitions") {
  const std::size_t n = 9, d = 70;  // more channels than one thread takes at a time
  const auto x = tokens_of(n, d);
  input_statistics s(d, true);
  s(matrix_view<const float>(x.data(), n, d));
  CHECK(s.tokens() == n);
  for (std::size_t i = 0; i < d; ++i) {
    double sum_abs = 0.0, sum_square = 0.0;
    float peak = 0.0f;
    for (std::size_t t = 0; t < n; ++t) {
      const float v = x[t * d + i];
      sum_abs += v < 0 ? -v : v;
      sum_square += static_cast<double>(v) * v;
      peak = (std::max)(peak, v < 0 ? -v : v);
    }
    CHECK(s.sum_abs()[i] == sum_abs);
    CHECK(s.sum_square()[i] == sum_square);
    CHECK(s.gram()(i, i) == sum_square);
    CHECK(s.peak()[i] == peak);
    for (std::size_t j = 0; j < d; ++j) {
      double product = 0.0;
      for (std::size_t t = 0; t < n; ++t) product += static_cast<double>(x[t * d + i]) * x[t * d + j];
      CHECK(s.gram()(i, j) == product);
    }
  }
}

TEST_CASE("input_statistics: every sum has the bits of additions in the order of tokens, in whatever portions") {
  // Around the sides of a tile, and of what is packed at once.
  for (const std::size_t d : {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{17}, std::size_t{50}})
    for (const std::size_t n :
         {std::size_t{1}, std::size_t{255}, std::size_t{256}, std::size_t{257}, std::size_t{600}}) {
      CAPTURE(d);
      CAPTURE(n);
      auto x = tokens_of(n, d);
      for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = x[i] / 7.0f + 1e-3f * static_cast<float>(i % 101);
      std::vector<double> sum_square(d), gram(d * d);
      for (std::size_t t = 0; t < n; ++t)
        for (std::size_t i = 0; i < d; ++i) {
          const double v = x[t * d + i];
          sum_square[i] += v * v;
          for (std::size_t j = 0; j < d; ++j)
            gram[i * d + j] += v * x[t * d + j];
        }
      for (const std::size_t cut : {std::size_t{0}, n / 3, n}) {
        input_statistics s(d, true);
        s(matrix_view<const float>(x.data(), cut, d));
        s(matrix_view<const float>(x.data() + cut * d, n - cut, d));
        CHECK(std::equal(gram.begin(), gram.end(), s.gram().row(0).data()));
        CHECK(std::equal(sum_square.begin(), sum_square.end(), s.sum_square().begin()));
      }
    }
}

TEST_CASE("input_statistics: rows that lie apart are added as those that do not") {
  const std::size_t n = 20, d = 19, stride = 24;
  const auto x = tokens_of(n, stride);
  std::vector<float> dense;
  for (std::size_t t = 0; t < n; ++t)
    dense.insert(dense.end(), x.begin() + static_cast<std::ptrdiff_t>(t * stride),
                 x.begin() + static_cast<std::ptrdiff_t>(t * stride + d));
  input_statistics apart(d, true), together(d, true);
  apart(matrix_view<const float>(x.data(), n, d, stride));
  together(matrix_view<const float>(dense.data(), n, d));
  CHECK(apart == together);
}

TEST_CASE("input_statistics: any cut of the tokens, merged, gives the same sums") {
  const std::size_t n = 7, d = 5;
  const auto x = tokens_of(n, d);
  input_statistics whole(d, true);
  whole(matrix_view<const float>(x.data(), n, d));
  for (std::size_t cut = 0; cut <= n; ++cut) {
    CAPTURE(cut);
    input_statistics a(d, true), b(d, true), empty;
    a(matrix_view<const float>(x.data(), cut, d));
    b(matrix_view<const float>(x.data() + cut * d, n - cut, d));
    a += b;
    CHECK(a == whole);
    empty += a;
    CHECK(empty == whole);
    a += input_statistics{};
    CHECK(a == whole);
  }
}

TEST_CASE("input_statistics: the same bits on 1, 2, 3 and 8 threads") {
  const std::size_t n = 33, d = 200;
  auto x = tokens_of(n, d);
  for (float& v : x) v *= 0.1f;
  const std::size_t before = thread_count();
  input_statistics reference;
  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{8}}) {
    set_thread_count(threads);
    input_statistics s(d, true);
    s(matrix_view<const float>(x.data(), n, d));
    if (threads == 1) reference = s;
    CHECK(s == reference);
  }
  set_thread_count(before);
}

TEST_CASE("input_statistics: without a Gram matrix there is none, and other widths are refused") {
  input_statistics s(3);
  CHECK_FALSE(s.has_gram());
  CHECK(s.gram().rows() == 0);
  const std::vector<float> x(4, 1.0f);
  CHECK_THROWS_AS(s(matrix_view<const float>(x.data(), 1, 4)), error);
  CHECK_THROWS_AS(s += input_statistics(4), error);
  CHECK_THROWS_AS(s += input_statistics(3, true), error);
}

TEST_CASE("input_statistics: a NaN is the peak, whatever comes before or after it, and in whichever part") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x{1, nan, nan, 1, 5, -6};  // three tokens of two channels
  input_statistics all(2), first(2), rest(2);
  all(matrix_view<const float>(x.data(), 3, 2));
  CHECK(std::isnan(all.peak()[0]));
  CHECK(std::isnan(all.peak()[1]));
  first(matrix_view<const float>(x.data(), 1, 2));
  rest(matrix_view<const float>(x.data() + 4, 1, 2));
  CHECK(rest.peak()[1] == 6.0f);
  rest += first;
  CHECK(rest.peak()[0] == 5.0f);
  CHECK(std::isnan(rest.peak()[1]));
}

TEST_CASE("input_statistics: without the Gram matrix the rest is what it was") {
  const auto x = tokens_of(5, 3);
  input_statistics with(3, true), without(3);
  with(matrix_view<const float>(x.data(), 5, 3));
  without(matrix_view<const float>(x.data(), 5, 3));
  CHECK(with.without_gram() == without);
  CHECK_FALSE(with.without_gram().has_gram());
}

}  // namespace compress_input_statistics_test
