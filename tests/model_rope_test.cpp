// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/rope.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <numeric>

#include "simd_archs.hpp"

namespace model_rope_test {

using namespace qfa;

namespace {

model_config config_of(std::size_t head_dim, std::size_t rotated, double base = 10000.0) {
  model_config out;
  out.head_dim = head_dim;
  out.rotated = rotated;
  out.rope_base = base;
  return out;
}

}  // namespace

TEST_CASE("rope: a table that grew token by token is the one made at once, and turns by each text's own position") {
  const model_config config = config_of(6, 4);
  rope_table grown;
  for (std::size_t n = 1; n <= 40; ++n)
    grown.reserve(config, n);
  CHECK(grown.positions() >= 40);
  grown.reserve(config_of(6, 4, 500.0), 3);  // another model's, and back
  grown.reserve(config, 40);
  const std::vector<std::size_t> past{0, 7, 38};
  std::vector<float> x(2 * past.size() * 6, 1.0f);
  grown(matrix_view<float>(x.data(), 2 * past.size(), 6), {.columns = 2, .past = past});
  for (std::size_t r = 0; r < past.size(); ++r) {
    std::vector<float> text((past[r] + 2) * 6, 1.0f);
    rope_table(config, past[r] + 2)(matrix_view<float>(text.data(), past[r] + 2, 6), {.columns = past[r] + 2});
    CHECK(std::equal(text.end() - 12, text.end(), x.begin() + static_cast<std::ptrdiff_t>(r * 12)));
  }
}

TEST_CASE("rope: frequencies fall from 1 by equal factors") {
  const auto frequencies = rope_frequencies(config_of(8, 8));
  REQUIRE(frequencies.size() == 4);
  CHECK(frequencies[0] == 1.0);
  CHECK(frequencies[1] == doctest::Approx(0.1));
  CHECK(frequencies[3] == doctest::Approx(1e-3));
  // The base's exponent counts rotated dimensions, not the head's.
  CHECK(rope_frequencies(config_of(16, 4))[1] == doctest::Approx(0.01));
}

TEST_CASE("rope: Llama 3 keeps the fast, divides the slow and mixes between") {
  model_config config = config_of(128, 128, 500000.0);
  const auto plain = rope_frequencies(config);
  config.rope_scaling = llama3_scaling{8.0, 1.0, 4.0, 8192.0};
  const auto scaled = rope_frequencies(config);
  std::size_t kept = 0, divided = 0, mixed = 0;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double wavelength = 2.0 * 3.14159265358979323846 / plain[i];
    if (wavelength < 8192.0 / 4.0) {
      CHECK(scaled[i] == plain[i]);
      ++kept;
    } else if (wavelength > 8192.0 / 1.0) {
      CHECK(scaled[i] == doctest::Approx(plain[i] / 8.0).epsilon(1e-12));
      ++divided;
    } else {
      const double s = (8192.0 / wavelength - 1.0) / (4.0 - 1.0);
      CHECK(scaled[i] == doctest::Approx((1.0 - s) * plain[i] / 8.0 + s * plain[i]).epsilon(1e-12));
      ++mixed;
    }
  }
  CHECK(kept > 10);
  CHECK(divided > 10);
  CHECK(mixed > 2);
}

TEST_CASE("rope: each pair turns as a complex number, head by head, text by text") {
  const model_config config = config_of(6, 4);
  const std::size_t context = 5, heads = 3, texts = 2;
  std::vector<float> x(texts * context * heads * 6);
  std::iota(x.begin(), x.end(), 1.0f);
  const std::vector<float> before = x;
  rope_table(config, context)(matrix_view<float>(x.data(), texts * context, heads * 6), {.columns = context});
  const auto frequencies = rope_frequencies(config);
  for (std::size_t t = 0; t < texts * context; ++t)
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t at = (t * heads + h) * 6;
      for (std::size_t i = 0; i < 2; ++i) {
        const std::complex<double> from(static_cast<double>(before[at + i]), static_cast<double>(before[at + 2 + i]));
        const auto turned = from * std::polar(1.0, static_cast<double>(t % context) * frequencies[i]);
        CHECK(static_cast<double>(x[at + i]) == doctest::Approx(turned.real()).epsilon(1e-6));
        CHECK(static_cast<double>(x[at + 2 + i]) == doctest::Approx(turned.imag()).epsilon(1e-6));
      }
      CHECK(x[at + 4] == before[at + 4]);  // beyond the rotated share
      CHECK(x[at + 5] == before[at + 5]);
    }
}

TEST_CASE_TEMPLATE("turn: equals its scalar twin to the bit at every width, and touches nothing else", Arch,
                   QFA_TEST_ARCHS) {
  for (std::size_t half = 0; half <= 40; ++half) {
    CAPTURE(half);
    const auto cosine = qfa_test::random_floats(half, 1), sine = qfa_test::random_floats(half, 2);
    auto head = qfa_test::random_floats(2 * half + 2, 3);
    auto expected = head;
    turn<Arch>(head.data() + 1, head.data() + 1 + half, cosine.data(), sine.data(), half);
    ref::turn(expected.data() + 1, expected.data() + 1 + half, cosine.data(), sine.data(), half);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < head.size(); ++i)
      wrong += qfa_test::same_bits(head[i], expected[i]) ||
                       (!simd::has_fma<Arch> && head[i] == doctest::Approx(expected[i]).epsilon(1e-3).scale(100.0))
                   ? 0u
                   : 1u;
    CHECK(wrong == 0);
  }
}

TEST_CASE("rope: a table knows how many positions it covers") {
  CHECK(rope_table(config_of(8, 8), 17).positions() == 17);
  CHECK(rope_table().positions() == 0);
}

}  // namespace model_rope_test
