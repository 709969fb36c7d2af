// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/codes.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "scratch.hpp"

namespace sae_codes_test {

namespace {

qfa::sparse_codes three_tokens() {
  qfa::sparse_codes codes(10);
  codes.push(2, 0.5f);
  codes.push(9, 1.5f);
  codes.end_token();
  codes.end_token();  // silent
  codes.push(0, 2.5f);
  codes.end_token();
  return codes;
}

}  // namespace

TEST_CASE("sparse_codes: a token gives back what was written to it") {
  const auto codes = three_tokens();
  REQUIRE(codes.tokens() == 3);
  CHECK(codes.width() == 10);
  CHECK(codes.firings() == 3);
  CHECK(codes[0].features[1] == 9);
  CHECK(codes[0].values[1] == 1.5f);
  CHECK(codes[1].features.empty());
  CHECK(codes[2].features[0] == 0);
}

TEST_CASE("sparse_codes: append_token equals writing entry by entry") {
  qfa::sparse_codes codes(10);
  codes.append_token(std::vector<std::uint32_t>{2, 9}, std::vector<float>{0.5f, 1.5f});
  codes.append_token({}, {});
  codes.append_token(std::vector<std::uint32_t>{0}, std::vector<float>{2.5f});
  CHECK(codes == three_tokens());
}

TEST_CASE("sparse_codes: appending batches keeps the tokens in order, empty batches included") {
  qfa::sparse_codes twice(10);
  twice.append(qfa::sparse_codes(10));
  twice.append(three_tokens());
  CHECK(twice == three_tokens());
  twice.append(three_tokens());
  REQUIRE(twice.tokens() == 6);
  for (std::size_t t = 0; t < 6; ++t) {
    const auto got = twice[t];
    const auto codes = three_tokens();
    const auto expected = codes[t % 3];
    CHECK(std::vector<std::uint32_t>(got.features.begin(), got.features.end()) ==
          std::vector<std::uint32_t>(expected.features.begin(), expected.features.end()));
  }
}

TEST_CASE("sparse_codes: values that lack, and batches of another dictionary, are refused") {
  qfa::sparse_codes codes(10);
  const std::vector<std::uint32_t> features{2, 9};
  qfa_test::check_refused([&] { codes.append_token(features, std::vector<float>{0.5f}); }, {"a value for each"});
  qfa_test::check_refused([&] { codes.append(qfa::sparse_codes(9)); }, {"the same dictionary"});
  CHECK(codes.tokens() == 0);
}

}  // namespace sae_codes_test
