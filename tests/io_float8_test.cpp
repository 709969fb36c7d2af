// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/float8.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>

#include "qfa/core/half.hpp"

namespace io_float8_test {

using namespace qfa;

static_assert(from_e4m3(0x38) == 1.0f && from_e5m2(0x3c) == 1.0f);

TEST_CASE("float8: every byte of E4M3 is its sign, exponent and fraction") {
  int finite = 0;
  for (int code = 0; code < 256; ++code) {
    CAPTURE(code);
    const float x = from_e4m3(static_cast<std::uint8_t>(code));
    const int exponent = code / 8 % 16;
    const int fraction = code % 8;
    CHECK(std::signbit(x) == (code >= 128));
    if (code % 128 == 127) {
      CHECK(std::isnan(x));
      continue;
    }
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction / 8.0, -6) : std::ldexp(1.0 + fraction / 8.0, exponent - 7);
    CHECK(static_cast<double>(std::fabs(x)) == magnitude);
    finite += code < 128 ? 1 : 0;
  }
  CHECK(finite == 127);
  CHECK(from_e4m3(0x7e) == 448.0f);
  CHECK(from_e4m3(0x01) == 0x1p-9f);
  CHECK(from_e4m3(0x08) == 0x1p-6f);
  CHECK(from_e4m3(0xfe) == -448.0f);
}

TEST_CASE("float8: every byte of E5M2 is the upper half of a binary16") {
  int finite = 0;
  for (int code = 0; code < 256; ++code) {
    CAPTURE(code);
    const float x = from_e5m2(static_cast<std::uint8_t>(code));
    CHECK(std::bit_cast<std::uint32_t>(x) ==
          std::bit_cast<std::uint32_t>(from_f16(static_cast<std::uint16_t>(code << 8))));
    finite += code < 128 && std::isfinite(x) ? 1 : 0;
  }
  CHECK(finite == 124);
  CHECK(from_e5m2(0x7b) == 57344.0f);
  CHECK(from_e5m2(0x01) == 0x1p-16f);
  CHECK(from_e5m2(0x04) == 0x1p-14f);
  CHECK(std::isinf(from_e5m2(0x7c)));
  CHECK(std::isnan(from_e5m2(0x7d)));
}

}  // namespace io_float8_test
