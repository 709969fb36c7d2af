// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/encode_options.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "qfa/sae/encode.hpp"
#include "sae_made_up.hpp"

namespace sae_encode_options_test {

using namespace qfa_test;
using qfa::activation_kind;
using qfa::matrix_view;

TEST_CASE("encode_options: some features alone have the codes that they have among all") {
  const std::size_t tokens = 21, d = 18, features = 120;
  const auto x = random_floats(tokens * d, 5);
  const matrix_view<const float> view(x.data(), tokens, d);
  for (activation_kind activation : {activation_kind::relu, activation_kind::jump_relu, activation_kind::gated}) {
    const auto s = random_sae(activation, d, features);
    const auto all = qfa::encoder<>(s)(view);
    struct range {
      std::size_t first, last;
    };
    for (const range& r : {range{0, 120}, range{0, 1}, range{33, 90}, range{119, 120}, range{64, 1000}})
      for (qfa::screen_kind screen : {qfa::screen_kind::none, qfa::screen_kind::int8}) {
        const qfa::encoder<> encode(s, {.screen = screen, .first_feature = r.first, .last_feature = r.last});
        const auto part = encode(view);
        CHECK(part.width() == features);
        qfa::sparse_codes expected(features);
        for (std::size_t t = 0; t < tokens; ++t) {
          for (std::size_t i = 0; i < all[t].features.size(); ++i)
            if (all[t].features[i] >= r.first && all[t].features[i] < r.last)
              expected.push(all[t].features[i], all[t].values[i]);
          expected.end_token();
        }
        CHECK(part == expected);
      }
  }
}

TEST_CASE("encode_options: features that do not exist are refused, and part of a ranking is none") {
  const auto s = random_sae(activation_kind::relu, 4, 10);
  CHECK_THROWS_WITH_AS(qfa::encoder<>(s, {.first_feature = 10}),
                       "features [10, 10) are asked for, expected some of [0, 10)", qfa::error);
  CHECK_THROWS_AS(qfa::encoder<>(s, {.first_feature = 7, .last_feature = 5}), qfa::error);
  const auto ranked = random_sae(activation_kind::top_k, 4, 10);
  CHECK_THROWS_WITH_AS(qfa::encoder<>(ranked, {.last_feature = 9}),
                       "a top_k SAE ranks all its features, and some of them cannot be encoded alone", qfa::error);
}

}  // namespace sae_encode_options_test
