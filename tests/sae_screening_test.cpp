// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/screening.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "qfa/sae/encode.hpp"
#include "sae_made_up.hpp"

namespace sae_screening_test {

using namespace qfa_test;
using qfa::matrix_view;
using qfa::detail::encoding_cost;
using qfa::detail::screening;

TEST_CASE("screening: pays where little is left undecided, and not where much is") {
  qfa::screen_counts seen{.products = 10000, .undecided = 130, .exact = 40, .fired = 40};
  CHECK(encoding_cost::screened(768, seen) < 0.5 * encoding_cost::plain(768));
  seen.undecided = 5000;
  CHECK(encoding_cost::screened(768, seen) > encoding_cost::plain(768));
}

TEST_CASE("screening: a rough product costs d / 8 + 40 cycles, an exact one d + 20") {
  // d = 64: 1.1 + 1.5 for the bytes, a tenth of 8 + 40, a twentieth of 64 + 20.
  const qfa::screen_counts seen{.products = 100, .undecided = 10, .exact = 5, .fired = 1};
  CHECK(encoding_cost::screened(64, seen) == doctest::Approx(2.6 + 4.8 + 4.2));
  CHECK(encoding_cost::plain(64) == 5.0);
}

TEST_CASE("screening: takes its sample once, and changes its mind where the screen does not pay") {
  const std::size_t d = 32, columns = 50;
  const auto w = random_floats(d * columns, 1);
  screening<qfa::simd::best_arch> s({w.data(), d, columns}, false);
  std::size_t samples = 0;
  const auto sample = [&] {
    ++samples;
    return random_floats(20 * d, 2);
  };
  CHECK(s.wanted(sample));
  s.count({.products = 64 * columns, .undecided = 64 * columns / 2, .exact = 64 * columns / 2});
  CHECK_FALSE(s.wanted(sample));
  CHECK(samples == 1);
  CHECK(s.counts().undecided == 64 * columns / 2);
  CHECK(s.packed()(3, 4) == w[3 * columns + 4]);
  screening<qfa::simd::best_arch> always({w.data(), d, columns}, true);
  always.count({.products = 64 * columns, .undecided = 64 * columns, .exact = 64 * columns});
  CHECK(always.wanted(sample));
}

TEST_CASE("screened_rows: whole tiles, fewer where inputs are wide") {
  CHECK(qfa::detail::screened_rows(64) == 384);
  CHECK(qfa::detail::screened_rows(2304) == 384);
  CHECK(qfa::detail::screened_rows(8192) == 120);
  CHECK(qfa::detail::screened_rows(std::size_t{1} << 20) == 24);
}

TEST_CASE("encoder: gives the same codes before and after it gives up its screen") {
  const std::size_t tokens = 100, d = 16, features = 90;
  const auto s = random_sae(qfa::activation_kind::relu, d, features);  // half of all features fire
  const qfa::encoder<qfa::simd::best_arch, qfa::simd::portable_bytes> encode(s);
  const auto copy = encode;
  const auto x = random_floats(tokens * d, 3);
  const matrix_view<const float> view(x.data(), tokens, d);
  const auto expected = qfa::encoder<>(s, {.screen = qfa::screen_kind::none})(view);
  CHECK(encode(view) == expected);
  const auto products = encode.screened().products;
  CHECK(encode(view) == expected);
  CHECK(copy(view) == expected);
  if (qfa::simd::has_fma<qfa::simd::best_arch>) {
    CHECK(products == tokens * features);
    CHECK(encode.screened().products == products);  // given up: the second time nothing was screened
  }
}

}  // namespace sae_screening_test
