// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/mx.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "number_formats.hpp"

namespace compress_mx_test {

using qfa::fp8_format;
using qfa::mx_scale;
using qfa::mx_ties;
using qfa::mxfp4;
using qfa::mxfp8;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

namespace {

constexpr std::array all_scales{mx_scale::floor, mx_scale::even, mx_scale::ceil, mx_scale::rceil};
constexpr std::array all_ties{mx_ties::even, mx_ties::lower, mx_ties::away};

template <class E>
std::string text(E value) {
  return std::string(names_of(value)[static_cast<std::size_t>(value)]);
}

/// Calls `body` with every policy of this header.
template <class Body>
void for_each_policy(Body body) {
  for (const mx_scale scale : all_scales) {
    CAPTURE(text(scale));
    for (const mx_ties ties : all_ties)
      body(mxfp4{.scale = scale, .ties = ties});
    for (const fp8_format format : {fp8_format::e4m3, fp8_format::e5m2})
      body(mxfp8{.format = format, .scale = scale});
  }
}

}  // namespace

TEST_CASE("mxfp4: every scale and every tie gives numpy's bits") {
  const std::array ties_names{"half_even", "lower", "half_away"};
  for (const mx_scale scale : all_scales)
    for (const mx_ties ties : all_ties)
      qfa_test::check_oracle(mxfp4{.scale = scale, .ties = ties},
                             "mxfp4." + text(scale) + "." + ties_names[static_cast<std::size_t>(ties)] + ".values");
}

TEST_CASE("mxfp8: both formats give numpy's bits") {
  qfa_test::check_oracle(mxfp8{}, "mxfp8.e4m3.values");
  qfa_test::check_oracle(mxfp8{.format = fp8_format::e5m2}, "mxfp8.e5m2.values");
}

TEST_CASE("shared_exponent: numpy's, for each block") {
  const matrix weights = qfa_test::number_matrix("weights");
  const auto check = [&](const std::string& name, auto exponent) {
    const std::vector<std::uint8_t> codes = qfa_test::number_codes(name);
    REQUIRE(codes.size() == weights.values.size() / 32);
    for (std::size_t b = 0; b < codes.size(); ++b)
      CHECK(exponent(qfa::absmax(std::span(weights.values).subspan(32 * b, 32))) == static_cast<int>(codes[b]) - 127);
  };
  for (const mx_scale scale : all_scales)
    check("mxfp4." + text(scale) + ".scales", [&](float peak) { return qfa::shared_exponent<qfa::e2m1>(peak, scale); });
  check("mxfp8.e4m3.scales", [](float peak) { return qfa::shared_exponent<qfa::e4m3>(peak, mx_scale::floor); });
  check("mxfp8.e5m2.scales", [](float peak) { return qfa::shared_exponent<qfa::e5m2>(peak, mx_scale::floor); });
}

TEST_CASE("shared_exponent: the rules by their definitions, at and beside every place where they change") {
  const auto of = [](float peak, mx_scale rule) { return qfa::shared_exponent<qfa::e2m1>(peak, rule); };
  for (int e = -120; e <= 120; ++e) {
    CAPTURE(e);
    for (const float mantissa : {1.0f, 1.5f, 1.75f})
      for (const int nudge : {-1, 0, 1}) {
        float peak = std::ldexp(mantissa, e);
        if (nudge != 0) peak = std::nextafter(peak, nudge > 0 ? 1e38f : 0.0f);
        const double exact = static_cast<double>(peak);
        const double m = exact / std::ldexp(1.0, e);
        const int floor = m < 1.0 ? e - 1 : e;
        CHECK(of(peak, mx_scale::floor) == floor - 2);
        CHECK(of(peak, mx_scale::even) == (m >= 1.75 || m < 1.0 ? floor + 1 : floor) - 2);
        CHECK(of(peak, mx_scale::ceil) == (m == 1.0 || m < 1.0 ? floor + (m < 1.0 ? 1 : 0) : floor + 1) - 2);
        // 6 is 1.5 2^2, so the exponent grows just above the mantissa 1.5.
        CHECK(of(peak, mx_scale::rceil) == (m > 1.5 ? e + 1 : e) - 2);
      }
  }
  // Elements with more mantissa round later: 1.9375 in E4M3, 1.875 in E5M2.
  CHECK(qfa::shared_exponent<qfa::e4m3>(1.9375f, mx_scale::even) == 1 - 8);
  CHECK(qfa::shared_exponent<qfa::e4m3>(1.9374f, mx_scale::even) == 0 - 8);
  CHECK(qfa::shared_exponent<qfa::e5m2>(1.875f, mx_scale::even) == 1 - 15);
  CHECK(qfa::shared_exponent<qfa::e5m2>(1.8749f, mx_scale::even) == 0 - 15);
  CHECK(qfa::shared_exponent<qfa::e4m3>(448.0f, mx_scale::rceil) == 0);
  CHECK(qfa::shared_exponent<qfa::e4m3>(449.0f, mx_scale::rceil) == 1);
  CHECK(qfa::shared_exponent<qfa::e4m3>(449.0f, mx_scale::floor) == 0);
}

TEST_CASE("shared_exponent: clamped to what E8M0 has, the lowest for zeros") {
  for (const mx_scale scale : all_scales) {
    CHECK(qfa::shared_exponent<qfa::e2m1>(0.0f, scale) == -127);
    CHECK(qfa::shared_exponent<qfa::e2m1>(std::numeric_limits<float>::denorm_min(), scale) == -127);
    CHECK(qfa::shared_exponent<qfa::e4m3>(std::numeric_limits<float>::min(), scale) == -127);
    const int most = scale == mx_scale::floor ? 125 : 126;
    CHECK(qfa::shared_exponent<qfa::e2m1>(std::numeric_limits<float>::max(), scale) == most);
  }
}

TEST_CASE("round_to_e2m1: every midpoint goes where each rule says, and what is beyond 6 saturates") {
  constexpr std::array levels{0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    const float t = (levels[i] + levels[i + 1]) / 2.0f;
    for (const float sign : {1.0f, -1.0f}) {
      CAPTURE(t);
      CHECK(qfa::round_to_e2m1<mx_ties::even>(t * sign) == levels[i + i % 2] * sign);
      CHECK(qfa::round_to_e2m1<mx_ties::lower>(t * sign) == levels[i] * sign);
      CHECK(qfa::round_to_e2m1<mx_ties::away>(t * sign) == levels[i + 1] * sign);
      for (const float x : {std::nextafter(t, 0.0f), std::nextafter(t, 9.0f)}) {
        const float nearest = (x < t ? levels[i] : levels[i + 1]) * sign;
        CHECK(qfa::round_to_e2m1<mx_ties::even>(x * sign) == nearest);
        CHECK(qfa::round_to_e2m1<mx_ties::lower>(x * sign) == nearest);
        CHECK(qfa::round_to_e2m1<mx_ties::away>(x * sign) == nearest);
      }
    }
  }
  CHECK(qfa::round_to_e2m1<mx_ties::lower>(-7.9f) == -6.0f);
  CHECK(qfa::round_to_e2m1<mx_ties::away>(7.9f) == 6.0f);
  // The search for the nearest code meets +0 first.
  CHECK_FALSE(std::signbit(qfa::round_to_e2m1<mx_ties::lower>(-0.2f)));
  CHECK(std::signbit(qfa::round_to_e2m1<mx_ties::away>(-0.2f)));
  CHECK(std::signbit(qfa::round_to_e2m1<mx_ties::even>(-0.2f)));
}

TEST_CASE("mxfp4: known values, one block for each 32 columns") {
  std::vector<float> w(33, 0.0f);
  w[0] = 7.0f;
  w[1] = -1.25f;
  w[2] = 0.75f;
  w[32] = 448.0f;
  const auto with = [&](mx_scale scale, mx_ties ties) {
    const std::vector<float> q = compressed(row_matrix(w), mxfp4{.scale = scale, .ties = ties}).values;
    CHECK(q[3] == 0.0f);
    return std::vector<float>{q[0], q[1], q[2], q[32]};
  };
  CHECK(with(mx_scale::floor, mx_ties::even) == std::vector<float>{6, -1, 1, 384});
  CHECK(with(mx_scale::floor, mx_ties::lower) == std::vector<float>{6, -1, 0.5f, 384});
  CHECK(with(mx_scale::floor, mx_ties::away) == std::vector<float>{6, -1.5f, 1, 384});
  CHECK(with(mx_scale::even, mx_ties::even) == std::vector<float>{8, -1, 1, 512});
  CHECK(with(mx_scale::even, mx_ties::lower) == std::vector<float>{6, -1, 1, 384});
}

TEST_CASE("mx: a block is quantized as if it were a row of its own, even one of a single weight") {
  const matrix weights = random_matrix(20, 65);
  for_each_policy([&](const auto& policy) {
    const matrix whole = compressed(weights, policy);
    for (const std::size_t first : {0U, 32U, 64U})
      for (std::size_t r = 0; r < weights.rows; ++r) {
        const auto block = weights.view().row(r).subspan(first, first == 64 ? 1 : 32);
        const matrix alone = compressed(row_matrix({block.begin(), block.end()}), policy);
        CHECK(same_bits(whole.view().row(r).subspan(first, block.size()), alone.values));
      }
  });
}

TEST_CASE("mx: odd, monotone, idempotent, finite at the extremes, refusing what is not finite") {
  for_each_policy([](const auto& policy) {
    bool keeps_signs = true;
    if constexpr (std::is_same_v<decltype(policy), const mxfp4&>) keeps_signs = policy.ties != mx_ties::lower;
    qfa_test::check_odd(policy, keeps_signs);
    qfa_test::check_monotone(policy, 32);
    const matrix once = compressed(random_matrix(40, 100), policy);
    CHECK(same_bits(compressed(once, policy).values, once.values));
    qfa_test::check_extremes(policy);
    qfa_test::check_refuses_infinities(policy);
  });
}

TEST_CASE("mx: a view into a fused tensor is treated as a copy of it would be, on any number of threads") {
  for (const mx_ties ties : all_ties) {
    qfa_test::check_in_place(mxfp4{.ties = ties}, 4, 3);
    qfa_test::check_threads(mxfp4{.ties = ties});
  }
  for (const fp8_format format : {fp8_format::e4m3, fp8_format::e5m2}) {
    qfa_test::check_in_place(mxfp8{.format = format}, 4, 3);
    qfa_test::check_threads(mxfp8{.format = format});
  }
}

TEST_CASE("mx: scales rounded up by rceil leave nothing to saturate, floor does") {
  const matrix weights = random_matrix(50, 320);
  const auto worst = [&](const auto& policy) {
    const matrix q = compressed(weights, policy);
    float most = 0.0f;  // how far a block's largest weight fell
    for (std::size_t i = 0; i < q.values.size(); i += 32) {
      const float before = qfa::absmax(std::span(weights.values).subspan(i, 32));
      most = std::fmax(most, 1.0f - qfa::absmax(std::span(q.values).subspan(i, 32)) / before);
    }
    return most;
  };
  CHECK(worst(mxfp4{.scale = mx_scale::floor}) > 0.21f);  // 8 falls to 6
  CHECK(worst(mxfp4{.scale = mx_scale::rceil}) <= 0.2f);  // 5 falls to 4
  CHECK(worst(mxfp8{.scale = mx_scale::floor}) > 0.1f);   // 512 falls to 448
  CHECK(worst(mxfp8{.scale = mx_scale::rceil}) <= 1.0f / 17.0f);
}

TEST_CASE("mxfp8: a format that OCP does not have is refused") {
  matrix m = random_matrix(2, 4);
  for (const fp8_format format : {fp8_format::e4m3fnuz, fp8_format::e5m2fnuz})
    qfa_test::check_refused([&] { mxfp8{.format = format}(m.view()); }, {"mxfp8's format", text(format)});
}

TEST_CASE("mx: stored bits count the scales, and names leave defaults out") {
  CHECK(mxfp4{}.stored_bits(2, 64) == 2 * 64 * 4.25);
  CHECK(mxfp4{}.stored_bits(2, 65) == 2 * 65 * 4 + 2 * 3 * 8);
  CHECK(mxfp8{}.stored_bits(2, 64) == 2 * 64 * 8.25);
  CHECK(mxfp8{}.stored_bits(3, 33) == 3 * 33 * 8 + 3 * 2 * 8);
  CHECK(mxfp4{}.name() == "mxfp4:scale=floor");
  CHECK(mxfp4{.scale = mx_scale::rceil, .ties = mx_ties::lower}.name() == "mxfp4:scale=rceil,ties=lower");
  CHECK(mxfp8{.format = fp8_format::e5m2, .scale = mx_scale::even}.name() == "mxfp8:format=e5m2,scale=even");
}

}  // namespace compress_mx_test
