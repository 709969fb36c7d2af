// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/minifloat.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "number_formats.hpp"
#include "qfa/io/safetensors.hpp"

namespace compress_minifloat_test {

using qfa::specials;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

bool same(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

/// What each format is, written down once more for the bit-by-bit decoder.
template <class F>
struct facts;
template <>
struct facts<qfa::e4m3> {
  static constexpr int exponent = 4, mantissa = 3, bias = 7;
  static constexpr const char* name = "e4m3";
};
template <>
struct facts<qfa::e5m2> {
  static constexpr int exponent = 5, mantissa = 2, bias = 15;
  static constexpr const char* name = "e5m2";
};
template <>
struct facts<qfa::e4m3fnuz> {
  static constexpr int exponent = 4, mantissa = 3, bias = 8;
  static constexpr const char* name = "e4m3fnuz";
};
template <>
struct facts<qfa::e5m2fnuz> {
  static constexpr int exponent = 5, mantissa = 2, bias = 16;
  static constexpr const char* name = "e5m2fnuz";
};
template <>
struct facts<qfa::e2m1> {
  static constexpr int exponent = 2, mantissa = 1, bias = 1;
  static constexpr const char* name = "e2m1";
};
template <>
struct facts<qfa::e2m3> {
  static constexpr int exponent = 2, mantissa = 3, bias = 1;
  static constexpr const char* name = "e2m3";
};
template <>
struct facts<qfa::e3m2> {
  static constexpr int exponent = 3, mantissa = 2, bias = 3;
  static constexpr const char* name = "e3m2";
};

/// A code's number, bit after bit from the lowest.
template <class F>
double decoded_bit_by_bit(unsigned code) {
  using is = facts<F>;
  double fraction = 0.0;
  for (int b = 0; b < is::mantissa; ++b)
    if (code >> b & 1U) fraction += std::pow(2.0, b - is::mantissa);
  int exponent = 0;
  for (int b = 0; b < is::exponent; ++b)
    if (code >> (is::mantissa + b) & 1U) exponent += 1 << b;
  const bool negative = code >> (is::mantissa + is::exponent) & 1U;
  const bool top = exponent == (1 << is::exponent) - 1;
  double value =
      exponent == 0 ? fraction * std::pow(2.0, 1 - is::bias) : (1.0 + fraction) * std::pow(2.0, exponent - is::bias);
  const double all_ones = 1.0 - std::pow(2.0, -is::mantissa);
  if (F::kind == specials::ieee && top) value = fraction == 0.0 ? std::numeric_limits<double>::infinity() : NAN;
  if (F::kind == specials::fn && top && fraction == all_ones) value = NAN;
  if (F::kind == specials::fnuz && negative && exponent == 0 && fraction == 0.0) value = NAN;
  return negative ? -value : value;
}

/// The finite numbers that are not negative, ascending: their codes are 0, 1, 2 ..
template <class F>
std::vector<double> magnitudes() {
  std::vector<double> all;
  for (unsigned code = 0; code < 1U << (F::bits - 1); ++code)
    if (const double x = decoded_bit_by_bit<F>(code); std::isfinite(x)) all.push_back(x);
  return all;
}

}  // namespace

#define QFA_TEST_FORMATS qfa::e4m3, qfa::e5m2, qfa::e4m3fnuz, qfa::e5m2fnuz, qfa::e2m1, qfa::e2m3, qfa::e3m2

TEST_CASE_TEMPLATE("minifloat: every code is decoded as bit by bit, and as by numpy", F, QFA_TEST_FORMATS) {
  const std::vector<float> oracle = qfa_test::number_floats(std::string("decode.") + facts<F>::name);
  REQUIRE(oracle.size() == std::size_t{1} << F::bits);
  for (unsigned code = 0; code < oracle.size(); ++code) {
    CAPTURE(code);
    const float x = F::decode(static_cast<std::uint8_t>(code));
    CHECK(same(x, static_cast<float>(decoded_bit_by_bit<F>(code))));
    CHECK(same(x, oracle[code]));
  }
}

TEST_CASE_TEMPLATE("minifloat: every number keeps its code, and every NaN stays one", F, QFA_TEST_FORMATS) {
  for (unsigned code = 0; code < 1U << F::bits; ++code)
    for (const bool saturating : {false, true}) {
      CAPTURE(code);
      const float x = F::decode(static_cast<std::uint8_t>(code));
      if (std::isnan(x)) {
        CHECK(std::isnan(F::decode(F::encode(x, saturating))));
      } else if (std::isfinite(x) || !saturating) {
        CHECK(F::encode(x, saturating) == code);
        CHECK(same(F::round(x, saturating), x));
      } else {
        CHECK(F::round(x) == std::copysign(F::limit(), x));
      }
    }
}

TEST_CASE_TEMPLATE("minifloat: halfway points go to the even code, their neighbors to the nearer one", F,
                   QFA_TEST_FORMATS) {
  const std::vector<double> all = magnitudes<F>();
  CHECK(static_cast<double>(F::limit()) == all.back());
  for (unsigned code = 0; code + 1 < all.size(); ++code) {
    const auto halfway = static_cast<float>((all[code] + all[code + 1]) / 2.0);
    const unsigned even = code % 2 == 0 ? code : code + 1;
    for (const float sign : {1.0f, -1.0f}) {
      CAPTURE(code);
      const auto expect = [&](float x, unsigned expected) {
        const float rounded = static_cast<float>(all[expected]) * sign;
        CHECK(same(F::round(x * sign), F::kind == specials::fnuz && expected == 0 ? 0.0f : rounded));
        const unsigned negative = sign < 0.0f && !(F::kind == specials::fnuz && expected == 0) ? 1U : 0U;
        CHECK(F::encode(x * sign) == (expected | negative << (F::bits - 1)));
      };
      expect(halfway, even);
      expect(std::nextafter(halfway, 0.0f), code);
      expect(std::nextafter(halfway, infinity), code + 1);
    }
  }
}

TEST_CASE_TEMPLATE("minifloat: beyond the largest number it saturates, or leaves the format at the next halfway point",
                   F, QFA_TEST_FORMATS) {
  const std::vector<double> all = magnitudes<F>();
  const double step = all.back() - all[all.size() - 2];
  const auto edge = static_cast<float>(all.back() + step / 2.0);
  const bool edge_stays = all.size() % 2 == 1;  // the largest number's code is even
  for (const float x : {edge, std::nextafter(edge, 0.0f), std::nextafter(edge, infinity), 2.0f * edge, 1e30f, infinity})
    for (const float sign : {1.0f, -1.0f}) {
      CAPTURE(x);
      CHECK(F::round(x * sign) == F::limit() * sign);
      const float plain = F::round(x * sign, false);
      if (F::kind == specials::finite || x < edge || (x == edge && edge_stays))
        CHECK(plain == F::limit() * sign);
      else if (F::kind == specials::ieee)
        CHECK(plain == infinity * sign);
      else
        CHECK(std::isnan(plain));
    }
}

TEST_CASE_TEMPLATE("minifloat: numpy's roundings of thousands of numbers, with and without saturation", F,
                   QFA_TEST_FORMATS) {
  const std::vector<float> probe = qfa_test::number_floats("probe");
  const std::string name = std::string("round.") + facts<F>::name;
  const std::vector<float> saturating = qfa_test::number_floats(name + ".saturating");
  REQUIRE(saturating.size() == probe.size());
  REQUIRE(probe.size() > 6000);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < probe.size(); ++i) {
    wrong += same(F::round(probe[i]), saturating[i]) ? 0U : 1U;
    if (!std::isnan(probe[i])) wrong += same(F::decode(F::encode(probe[i])), saturating[i]) ? 0U : 1U;
  }
  CHECK(wrong == 0);
  if constexpr (F::kind != specials::finite) {
    const std::vector<float> plain = qfa_test::number_floats(name + ".plain");
    for (std::size_t i = 0; i < probe.size(); ++i) {
      wrong += same(F::round(probe[i], false), plain[i]) ? 0U : 1U;
      wrong += same(F::decode(F::encode(probe[i], false)), plain[i]) ? 0U : 1U;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE_TEMPLATE("minifloat: rounding is monotone, odd and idempotent over all bfloat16 numbers", F,
                   QFA_TEST_FORMATS) {
  float last = 0.0f;
  std::size_t wrong = 0;
  for (std::uint32_t b = 0; b < 0x7f80U; ++b) {
    const float x = std::bit_cast<float>(b << 16);
    const float r = F::round(x);
    wrong += r < last || F::round(-x) != -r || F::round(r) != r ? 1U : 0U;
    last = r;
  }
  CHECK(wrong == 0);
  CHECK(last == F::limit());
}

TEST_CASE("minifloat: codes that are no numbers are those of torch and PTX") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(qfa::e4m3::encode(nan) == 0x7f);
  CHECK(qfa::e4m3::encode(-infinity, false) == 0xff);
  CHECK(qfa::e5m2::encode(nan) == 0x7f);
  CHECK(qfa::e5m2::encode(-infinity, false) == 0xfc);
  CHECK(qfa::e4m3fnuz::encode(nan) == 0x80);
  CHECK(qfa::e4m3fnuz::encode(-infinity, false) == 0x80);
  CHECK(qfa::e4m3fnuz::encode(-0.0f) == 0);
  CHECK(qfa::e2m1::encode(nan) == 7);
  CHECK(qfa::e2m1::encode(-0.0f) == 8);
  CHECK(std::isnan(qfa::e2m1::round(nan)));
}

TEST_CASE("e8m0: every code is a power of two and keeps its code, 255 is NaN") {
  const std::vector<float> oracle = qfa_test::number_floats("decode.e8m0");
  REQUIRE(oracle.size() == 256);
  for (unsigned code = 0; code < 255; ++code) {
    const int exponent = static_cast<int>(code) - 127;
    CHECK(qfa::e8m0::decode(static_cast<std::uint8_t>(code)) == oracle[code]);
    CHECK(oracle[code] == std::ldexp(1.0f, exponent));
    CHECK(qfa::e8m0::encode(exponent) == code);
  }
  CHECK(std::isnan(qfa::e8m0::decode(255)));
  CHECK(qfa::e8m0::encode(-128) == 0);
  CHECK(qfa::e8m0::encode(128) == 254);
}

TEST_CASE("floor_log2 and ceil_log2: exact at powers of two and beside them, subnormal ones included") {
  for (int e = -149; e <= 127; ++e) {
    CAPTURE(e);
    const float x = std::ldexp(1.0f, e);
    CHECK(qfa::power_of_two(e) == x);
    CHECK(qfa::floor_log2(x) == e);
    CHECK(qfa::ceil_log2(x) == e);
    const float above = std::nextafter(x, infinity);
    if (e == -149) continue;  // twice the smallest float lies above it
    CHECK(qfa::floor_log2(above) == e);
    CHECK(qfa::ceil_log2(above) == e + 1);
    const float below = std::nextafter(x, 0.0f);
    CHECK(qfa::floor_log2(below) == e - 1);
    CHECK(qfa::ceil_log2(below) == (e == -148 ? e - 1 : e));
  }
}

TEST_CASE_TEMPLATE("minifloat: encodes every bfloat16 to the byte that torch gives it", F, qfa::e4m3, qfa::e5m2,
                   qfa::e4m3fnuz, qfa::e5m2fnuz) {
  CAPTURE(facts<F>::name);
  const qfa::safetensors file(std::filesystem::path(QFA_TEST_DATA) / "torch_fp8.safetensors");
  const auto bytes = file.at(facts<F>::name).bytes.read();
  REQUIRE(bytes.size() == 65536);
  std::size_t nans = 0;
  for (std::uint32_t b = 0; b < 65536; ++b) {
    const float x = std::bit_cast<float>(b << 16);
    const auto expected = static_cast<std::uint8_t>(bytes[b]);
    const std::uint8_t code = F::encode(x, false);
    if (std::isnan(F::decode(expected))) {
      ++nans;
      if (!std::isnan(F::decode(code))) CHECK_MESSAGE(std::isnan(F::decode(code)), x);
    } else if (code != expected) {
      CHECK_MESSAGE(int{code} == int{expected}, x);
    }
  }
  CHECK(nans >= 254);  // what is NaN stays NaN
}

}  // namespace compress_minifloat_test
