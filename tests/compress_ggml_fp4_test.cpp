// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_fp4.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "ggml_blocks.hpp"

namespace compress_ggml_fp4_test {

namespace ggml = qfa::ggml;
using qfa_test::packed;
using qfa_test::round_trip;
using qfa_test::row_of;

TEST_CASE("nearest_e2m1: halfway the smaller magnitude wins, beyond 6 it is 6, and code 8 never comes") {
  const auto value = [](float x) { return 0.5f * static_cast<float>(ggml::doubled_e2m1[ggml::nearest_e2m1(x, 0.5f)]); };
  CHECK(value(0.25f) == 0.0f);
  CHECK(value(0.26f) == 0.5f);
  CHECK(value(-0.75f) == -0.5f);
  CHECK(value(2.5f) == 2.0f);
  CHECK(value(-5.0f) == -4.0f);
  CHECK(value(100.0f) == 6.0f);
  for (float x = -7.0f; x <= 7.0f; x += 0.125f)
    CHECK(ggml::nearest_e2m1(x, 0.5f) != 8);
  CHECK(ggml::nearest_e2m1(-0.1f, 0.5f) == 0);
}

TEST_CASE("half_e8m0: half a power of two for every code, subnormal ones too") {
  for (int e = 0; e < 256; ++e)
    CHECK(ggml::half_e8m0(static_cast<std::uint8_t>(e)) == std::ldexp(1.0f, e - 128));
}

TEST_CASE("to_ue4m3: every number of the format is its own code, and halves round up") {
  for (unsigned code = 0; code < 127; ++code) {
    const float number = 2.0f * ggml::half_ue4m3(static_cast<std::uint8_t>(code));
    const float next = code < 126 ? 2.0f * ggml::half_ue4m3(static_cast<std::uint8_t>(code + 1)) : number;
    CAPTURE(code);
    CHECK(ggml::to_ue4m3(number) == (number >= 248.0f ? 126U : code));
    if (code != 7 && number < 240.0f) CHECK(ggml::to_ue4m3(0.5f * (number + next)) == code + 1);
  }
  CHECK(ggml::to_ue4m3(247.9f) == 0x77);
  CHECK(ggml::to_ue4m3(248.0f) == 0x7e);
  CHECK(ggml::to_ue4m3(1e30f) == 0x7e);
  CHECK(ggml::to_ue4m3(-1.0f) == 0);
  CHECK(ggml::to_ue4m3(0.4f / 512.0f) == 0);
  CHECK(ggml::to_ue4m3(0.5f / 512.0f) == 1);
  CHECK(ggml::to_ue4m3(7.9f / 512.0f) == 7);  // 8 would be the smallest normal number
}

TEST_CASE("half_ue4m3: subnormals, normals, and nothing for the code of NaN") {
  CHECK(ggml::half_ue4m3(1) == std::ldexp(1.0f, -10));
  CHECK(ggml::half_ue4m3(8) == std::ldexp(1.0f, -7));
  CHECK(ggml::half_ue4m3(0x38) == 0.5f);
  CHECK(ggml::half_ue4m3(0x7e) == 224.0f);
  CHECK(ggml::half_ue4m3(0x7f) == 0.0f);
}

TEST_CASE("mxfp4: the scale is the power of two two below the peak's") {
  const auto x = row_of(32, {{0, 6.0f}, {1, -1.5f}, {16, 0.5f}});
  const auto bytes = packed<ggml::mxfp4>(x);
  CHECK(bytes[0] == std::byte{127});
  CHECK(bytes[1] == std::byte{0x17});
  CHECK(bytes[2] == std::byte{0x0b});
  CHECK(round_trip<ggml::mxfp4>(x) == x);
  CHECK(packed<ggml::mxfp4>(row_of(32, {{0, 4.0f}}))[0] == std::byte{127});
  CHECK(packed<ggml::mxfp4>(row_of(32, {{0, 3.99f}}))[0] == std::byte{126});
  CHECK(packed<ggml::mxfp4>(row_of(32, {{0, 1e-44f}}))[0] == std::byte{0});
  CHECK(packed<ggml::mxfp4>(std::vector<float>(32, 0.0f)) == std::vector<std::byte>(17, std::byte{0}));
}

TEST_CASE("mxfp4: the logarithm is a float, as the C library's for floats") {
  for (int exponent = -40; exponent <= 40; ++exponent)
    for (int below = 0; below <= 8; ++below) {
      const float peak = std::ldexp(1.0f - static_cast<float>(below) * 0x1p-24f, exponent);
      const int expected = static_cast<int>(std::floor(std::log2(peak))) + 125;
      CAPTURE(exponent);
      CAPTURE(below);
      CHECK(static_cast<int>(packed<ggml::mxfp4>(row_of(32, {{7, peak}}))[0]) == expected);
    }
}

TEST_CASE("nvfp4: sixteen elements share a scale, and each half of them eight bytes") {
  const auto x = row_of(64, {{0, 6.0f}, {8, -3.0f}, {17, 12.0f}, {63, -0.375f}});
  const auto bytes = packed<ggml::nvfp4>(x);
  CHECK(bytes[0] == std::byte{0x38});  // 1
  CHECK(bytes[1] == std::byte{0x40});  // 2
  CHECK(bytes[2] == std::byte{0});
  CHECK(bytes[3] == std::byte{0x18});  // 1/16
  CHECK(bytes[4] == std::byte{0xd7});
  CHECK(bytes[4 + 8 + 1] == std::byte{0x07});
  CHECK(bytes[35] == std::byte{0xf0});
  CHECK(round_trip<ggml::nvfp4>(x) == x);
}

}  // namespace compress_ggml_fp4_test
