// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_block.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "ggml_blocks.hpp"
#include "qfa/compress/ggml_fp4.hpp"
#include "qfa/compress/ggml_iq4_nl.hpp"
#include "qfa/compress/ggml_k.hpp"
#include "qfa/compress/ggml_legacy.hpp"
#include "qfa/compress/ggml_q6_k.hpp"
#include "scratch.hpp"

namespace compress_ggml_block_test {

namespace ggml = qfa::ggml;

// The bytes themselves are held to the reference under three sets of compiler flags by tests/ggml_golden.

#define ALL_FORMATS                                                                                           \
  ggml::q4_0, ggml::q4_1, ggml::q5_0, ggml::q5_1, ggml::q8_0, ggml::q2_K, ggml::q3_K, ggml::q4_K, ggml::q5_K, \
      ggml::q6_K, ggml::iq4_nl, ggml::mxfp4, ggml::nvfp4

TEST_CASE_TEMPLATE("ggml blocks: the reference's values come back from its bytes, bit for bit", F, ALL_FORMATS) {
  const std::string name(F::name);
  const auto expected = qfa::read_floats(qfa_test::ggml_oracle().at(name + ".dequantized"));
  const auto values = qfa_test::unpacked<F>(qfa_test::ggml_oracle().at(name + ".bytes").bytes.read());
  REQUIRE(values.size() == expected.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    different += std::bit_cast<std::uint32_t>(values[i]) != std::bit_cast<std::uint32_t>(expected[i]) ? 1U : 0U;
  CHECK(different == 0);
}

TEST_CASE_TEMPLATE("ggml blocks: what is packed is the reference's, as numbers", F, ALL_FORMATS) {
  const auto expected = qfa::read_floats(qfa_test::ggml_oracle().at(std::string(F::name) + ".dequantized"));
  const auto values = qfa_test::round_trip<F>(qfa::read_floats(qfa_test::ggml_oracle().at("x")));
  CHECK(values == expected);
}

TEST_CASE_TEMPLATE("ggml blocks: every byte is written, and each block depends on its own elements", F, ALL_FORMATS) {
  const auto x = qfa::read_floats(qfa_test::ggml_oracle().at("x"));
  const std::span<const float> some(x.data(), 3 * F::elements);
  std::vector<std::byte> dirty(3 * F::bytes, std::byte{0xa5});
  qfa::pack_ggml_row<F>(some, dirty);
  CHECK(dirty == qfa_test::packed<F>(some));
  const auto second = qfa_test::packed<F>(some.subspan(F::elements, F::elements));
  CHECK(std::vector<std::byte>(dirty.begin() + F::bytes, dirty.begin() + 2 * F::bytes) == second);
}

TEST_CASE_TEMPLATE("ggml blocks: zeros, and numbers too small for a half, come back as zeros", F, ALL_FORMATS) {
  for (const float tiny : {0.0f, -0.0f, 1e-44f, -1e-40f, 1e-38f}) {
    CAPTURE(tiny);
    std::vector<float> x(F::elements, tiny);
    x[1] = -tiny;
    x[2] = tiny / 3.0f;
    for (const float y : qfa_test::round_trip<F>(x))
      CHECK(std::fabs(y) <= 1e-37f);  // MXFP4's scales reach down to 2^-127
  }
}

TEST_CASE_TEMPLATE("ggml blocks: floats up to 2^31 are packed without mishap", F, ALL_FORMATS) {
  std::vector<float> x(F::elements);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::ldexp(i % 3 == 0 ? -1.0f : 1.0f, 30 - static_cast<int>(i % 61));
  CHECK(qfa_test::packed<F>(x).size() == F::bytes);
}

TEST_CASE("nearest_int: ties go to even, and the product is rounded before") {
  CHECK(ggml::nearest_int(0.5f) == 0);
  CHECK(ggml::nearest_int(1.5f) == 2);
  CHECK(ggml::nearest_int(-2.5f) == -2);
  CHECK(ggml::nearest_int(-2.51f) == -3);
  CHECK(ggml::nearest_int(4194302.0f) == 4194302);
  // The product is 2.5 + 5.4e-8, which rounds to 2.5, a tie.
  volatile float a = 1.1343642473220825f, b = 2.2038776874542236f;
  CHECK(std::fma(a, b, 12582912.0f) - 12582912.0f == 3.0f);
  CHECK(ggml::nearest_int(a, b) == 2);
  CHECK(ggml::nearest_int(std::numeric_limits<float>::quiet_NaN()) == 0);
  CHECK(ggml::nearest_int(std::numeric_limits<float>::infinity()) == -4194304);
}

TEST_CASE("cut_to_byte: the fraction goes, whatever the sign, and so does what fits no int") {
  CHECK(ggml::cut_to_byte(7.99f) == 7);
  CHECK(ggml::cut_to_byte(-7.99f) == -7);
  CHECK(ggml::cut_to_byte(200.0f) == -56);
  CHECK(ggml::cut_to_byte(3e9f) == 0);
  CHECK(ggml::cut_to_byte(-std::numeric_limits<float>::infinity()) == 0);
  CHECK(ggml::cut_to_byte(std::numeric_limits<float>::quiet_NaN()) == 0);
}

TEST_CASE("peak_of: the first of several largest magnitudes, with its sign") {
  const std::vector<float> x{1.0f, -3.0f, 3.0f, 2.0f};
  CHECK(ggml::peak_of(x).value == -3.0f);
  CHECK(ggml::peak_of(x).magnitude == 3.0f);
  CHECK(ggml::peak_of({}).magnitude == 0.0f);
}

TEST_CASE("pack_ggml_row: a row that is no whole blocks, and too few bytes, are refused both ways") {
  std::vector<float> row(ggml::q4_0::elements, 1.0f), odd(ggml::q4_0::elements + 1, 1.0f);
  std::vector<std::byte> bytes(ggml::q4_0::bytes), few(ggml::q4_0::bytes - 1);
  qfa_test::check_refused([&] { qfa::pack_ggml_row<ggml::q4_0>(odd, bytes); }, {"whole blocks"});
  qfa_test::check_refused([&] { qfa::pack_ggml_row<ggml::q4_0>(row, few); }, {"whole blocks"});
  qfa_test::check_refused([&] { qfa::unpack_ggml_row<ggml::q4_0>(bytes, odd); }, {"whole blocks"});
  qfa_test::check_refused([&] { qfa::unpack_ggml_row<ggml::q4_0>(few, row); }, {"whole blocks"});
}

}  // namespace compress_ggml_block_test
