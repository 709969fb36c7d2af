// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/soft_maximum.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "simd_archs.hpp"

namespace model_soft_maximum_test {

using namespace qfa;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> noise(std::size_t n, unsigned seed, float spread, float slope = 0.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = spread * normal(random) + slope * static_cast<float>(i);
  return out;
}

template <class Arch = simd::best_arch>
soft_maximum run(std::span<const float> logits, std::size_t at_once = logits_in_chunk) {
  soft_maximum out;
  std::vector<float> weights(at_once);
  for (std::size_t first = 0; first < logits.size(); first += at_once)
    out.operator()<Arch>(logits.subspan(first, std::min(at_once, logits.size() - first)), first, weights);
  return out;
}

template <class Arch = simd::best_arch>
soft_maximum_pair run(std::span<const float> a, std::span<const float> b, std::size_t at_once = logits_in_chunk) {
  soft_maximum_pair out;
  for (std::size_t first = 0; first < a.size(); first += at_once) {
    const std::size_t count = std::min(at_once, a.size() - first);
    out.operator()<Arch>(a.subspan(first, count), b.subspan(first, count), first);
  }
  return out;
}

long double plain_log(std::span<const float> logits) {
  long double top = -std::numeric_limits<long double>::infinity(), sum = 0.0L;
  for (const float l : logits)
    top = std::max(top, static_cast<long double>(l));
  for (const float l : logits)
    sum += std::exp(static_cast<long double>(l) - top);
  return top + std::log(sum);
}

/// Both sums of soft_maximum_pair as its comments have them, a float at a time.
struct scalar_twin {
  float top = -infinity;
  double sum = 0.0, gaps = 0.0;

  scalar_twin(std::span<const float> a, std::span<const float> b) {
    for (std::size_t first = 0; first < a.size(); first += logits_in_chunk) {
      const std::size_t last = std::min(a.size(), first + logits_in_chunk);
      float largest = top;
      for (std::size_t i = first; i < last; ++i)
        largest = std::max(largest, a[i]);
      const double factor = std::exp(static_cast<double>(top) - static_cast<double>(largest));
      top = largest;
      double lanes[2][16] = {};
      for (std::size_t i = first; i < last; ++i) {
        const double e = static_cast<double>(simd::ref::exp(a[i] - top));
        lanes[0][(i - first) % 16] += e;
        lanes[1][(i - first) % 16] += e * static_cast<double>(a[i] - b[i]);
      }
      for (auto& lane : lanes)
        for (std::size_t half = 8; half > 0; half /= 2)
          for (std::size_t i = 0; i < half; ++i)
            lane[i] += lane[i + half];
      sum = rounded_product(sum, factor) + lanes[0][0];
      gaps = rounded_product(gaps, factor) + lanes[1][0];
    }
  }
};

}  // namespace

TEST_CASE_TEMPLATE("soft_maximum: equals its scalar twin to the bit, whatever the vector width", Arch, QFA_TEST_ARCHS) {
  for (const std::size_t n : std::vector<std::size_t>{1, 15, 16, 17, 511, 512, 513, 1600})
    for (const float slope : {0.0f, 0.01f, -0.01f}) {
      CAPTURE(n);
      CAPTURE(slope);
      const auto a = noise(n, 1, 3.0f, slope), b = noise(n, 2, 3.0f);
      const scalar_twin twin(a, b);
      const soft_maximum_pair pair = run<Arch>(std::span<const float>(a), std::span<const float>(b));
      const double log = static_cast<double>(twin.top) + std::log(twin.sum);
      if (simd::has_fma<Arch>) {
        CHECK(run<Arch>(a).sum() == twin.sum);
        CHECK(run<Arch>(a).log() == log);
        CHECK(pair.reference().sum() == twin.sum);
        CHECK(pair.divergence() == twin.gaps / twin.sum - (log - run<Arch>(b).log()));
      } else {
        CHECK(run<Arch>(a).log() == doctest::Approx(log).epsilon(1e-6));
      }
    }
}

TEST_CASE("soft_maximum: chunks in which the largest logit rises, falls or stays give the log of the whole") {
  for (const float slope : {0.0f, 0.05f, -0.05f, 1.0f})
    for (const std::size_t at_once : std::vector<std::size_t>{1, 7, 100, 512}) {
      CAPTURE(slope);
      CAPTURE(at_once);
      const auto logits = noise(1200, 5, 2.0f, slope);
      CHECK(run(logits, at_once).log() == doctest::Approx(static_cast<double>(plain_log(logits))).epsilon(3e-7));
    }
}

TEST_CASE("soft_maximum: of equal largest logits the lowest id is the place, across chunks too") {
  std::vector<float> logits(1100, 0.0f);
  CHECK(run(logits).place() == 0);
  logits[700] = logits[701] = logits[1050] = 2.0f;
  CHECK(run(logits).place() == 700);
  logits[1099] = 2.5f;
  CHECK(run(logits).place() == 1099);
  logits[511] = 2.5f;
  CHECK(run(logits).place() == 511);
  logits[512] = 2.5f;
  CHECK(run(logits).place() == 511);
}

TEST_CASE("soft_maximum: logits of minus infinity count nothing, wherever they stand") {
  const auto some = noise(300, 6, 2.0f);
  std::vector<float> logits(512, -infinity);
  logits.insert(logits.end(), some.begin(), some.end());
  logits.resize(1600, -infinity);
  const soft_maximum padded = run(logits);
  CHECK(padded.log() == run(some).log());
  CHECK(padded.place() == 512 + run(some).place());
  CHECK(run(std::vector<float>(600, -infinity)).sum() == 0.0);
}

TEST_CASE("soft_maximum: NaN is not passed over in silence") {
  auto logits = noise(600, 7, 2.0f);
  logits[530] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(run(logits).log()));
  CHECK(run(logits).place() == run(std::span(logits).first(530)).place());
}

TEST_CASE("soft_maximum: says by what other sums of the same weights must shrink") {
  soft_maximum running;
  std::vector<float> weights(2);
  CHECK(running(std::vector<float>{1.0f, 3.0f}, 0, weights) == 0.0);  // there was nothing before
  CHECK(weights[1] == 1.0f);
  CHECK(running(std::vector<float>{2.0f, 3.0f}, 2, weights) == 1.0);
  CHECK(running(std::vector<float>{5.0f, 0.0f}, 4, weights) == doctest::Approx(std::exp(-2.0)));
  CHECK(weights[0] == 1.0f);
}

TEST_CASE("soft_maximum_pair: the divergence is the definition's, in whatever chunks it comes") {
  for (const float slope : {0.0f, 0.02f, -0.02f})
    for (const std::size_t at_once : std::vector<std::size_t>{3, 100, 512}) {
      const auto a = noise(1500, 8, 2.0f, slope);
      auto b = noise(1500, 9, 0.5f);
      for (std::size_t i = 0; i < b.size(); ++i)
        b[i] += a[i] + 10.0f;
      const long double log_a = plain_log(a), log_b = plain_log(b);
      long double kl = 0.0L;
      for (std::size_t i = 0; i < a.size(); ++i)
        kl += std::exp(static_cast<long double>(a[i]) - log_a) *
              ((static_cast<long double>(a[i]) - log_a) - (static_cast<long double>(b[i]) - log_b));
      const soft_maximum_pair got = run(std::span<const float>(a), std::span<const float>(b), at_once);
      // Logits 10 apart: a float of that size is good to 1e-6.
      CHECK(std::fabs(got.divergence() - static_cast<double>(kl)) < 1e-6);
      CHECK(got.compressed().log() == doctest::Approx(static_cast<double>(log_b)).epsilon(3e-7));
    }
}

TEST_CASE("soft_maximum_pair: equal logits diverge by exactly nothing") {
  const auto a = noise(1300, 10, 4.0f, 0.01f);
  CHECK(run(std::span<const float>(a), std::span<const float>(a)).divergence() == 0.0);
}

TEST_CASE("soft_maximum_pair: the reference's entropy is the definition's, in whatever chunks it comes, if asked for") {
  for (const float slope : {0.0f, 0.02f, -0.02f})
    for (const std::size_t at_once : std::vector<std::size_t>{3, 100, 512}) {
      const auto a = noise(1500, 11, 2.0f, slope), b = noise(1500, 12, 0.5f);
      const long double log_a = plain_log(a);
      long double entropy = 0.0L, most = 0.0L;
      for (const float l : a) {
        const long double p = std::exp(static_cast<long double>(l) - log_a);
        entropy -= p * (static_cast<long double>(l) - log_a);
        most = std::max(most, p);
      }
      soft_maximum_pair asked(true);
      for (std::size_t first = 0; first < a.size(); first += at_once) {
        const std::size_t count = std::min(at_once, a.size() - first);
        asked(std::span(a).subspan(first, count), std::span(b).subspan(first, count), first);
      }
      const soft_maximum_pair plain = run(std::span<const float>(a), std::span<const float>(b), at_once);
      CHECK(asked.reference_entropy() == doctest::Approx(static_cast<double>(entropy)).epsilon(2e-6));
      CHECK(asked.reference_top() == doctest::Approx(static_cast<double>(most)).epsilon(1e-6));
      CHECK(asked.divergence() == plain.divergence());
      CHECK(plain.reference_top() == asked.reference_top());
      CHECK(std::isnan(plain.reference_entropy()));
    }
  soft_maximum_pair sure(true);
  sure(std::vector<float>{0.0f, 200.0f}, std::vector<float>{0.0f, 0.0f}, 0);
  CHECK(sure.reference_entropy() == 0.0);
  CHECK(sure.reference_top() == 1.0);
}

}  // namespace model_soft_maximum_test
