// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/decoder_cosines.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "qfa/core/error.hpp"

namespace sae_decoder_cosines_test {

qfa::sae random_decoder(std::size_t features, std::size_t d, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  qfa::sae s;
  s.d_in = d;
  s.d_sae = features;
  for (std::size_t i = 0; i < features * d; ++i)
    s.w_dec.push_back(normal(random));
  return s;
}

TEST_CASE("similar_features: exactly the pairs above the threshold, by their numbers, across blocks of rows") {
  const qfa::sae s = random_decoder(1100, 5, 1);  // three blocks of 512, the last one short
  const std::vector<double> lengths = qfa::decoder_lengths(s);
  std::vector<qfa::decoder_pair> expected;
  for (std::uint32_t a = 0; a < 1100; ++a)
    for (std::uint32_t b = a + 1; b < 1100; ++b)
      if (const double cosine = qfa::decoder_cosine(s, lengths, a, b); cosine > 0.95)
        expected.push_back({a, b, cosine});
  REQUIRE(expected.size() > 100);
  CHECK(qfa::similar_features(s, 0.95) == expected);
}

TEST_CASE("similar_features: a cosine of the threshold itself is not above it, and a zero row is like nothing") {
  qfa::sae s;
  s.d_in = 2;
  s.d_sae = 4;
  s.w_dec = {3.0f, 4.0f, 0.0f, 2.0f, 0.0f, 0.0f, 6.0f, 8.0f};  // cosines 4/5 of row 1 with rows 0 and 3
  CHECK(qfa::similar_features(s, 0.8) == std::vector<qfa::decoder_pair>{{0, 3, 1.0}});
  CHECK(qfa::similar_features(s, 0.79).size() == 3);
  CHECK(std::isnan(qfa::decoder_cosine(s, qfa::decoder_lengths(s), 0, 2)));
  CHECK(qfa::decoder_lengths(s) == std::vector<double>{5.0, 2.0, 0.0, 10.0});
}

TEST_CASE("similar_features: rows that are all parallel are refused, not stored pair by pair") {
  qfa::sae s = random_decoder(600, 3, 2);
  for (std::size_t j = 0; j < 600; ++j)
    for (std::size_t i = 0; i < 3; ++i)
      s.w_dec[j * 3 + i] = 1.0f;
  CHECK_THROWS_AS(qfa::similar_features(s, 0.5), qfa::error);
}

}  // namespace sae_decoder_cosines_test
