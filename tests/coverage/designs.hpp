// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_COVERAGE_DESIGNS_HPP
#define QFA_TESTS_COVERAGE_DESIGNS_HPP

// Made-up features whose r is known in closed form, for asking how often an interval covers it.
//
// Documents of one row or more hold a feature's topic or not (zero inflation); those that do share a rate of firing, a
// strength, a noise and a share of lost firings.  Every number below has a bounded or log-normal distribution whose
// first two moments are exact, so no truth is estimated.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "qfa/sae/codes.hpp"

namespace qfa_test {

/// Sebastiano Vigna's splitmix64 (2015): one word of state, so that each feature has a stream of its own.
struct splitmix64 {
  std::uint64_t state = 0;

  std::uint64_t operator()() noexcept {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  /// In (0, 1).
  double uniform() noexcept { return static_cast<double>((*this)() >> 12 << 1 | 1U) * 0x1p-53; }
  double exponential() noexcept { return -std::log(uniform()); }
  double normal() noexcept {
    const double radius = std::sqrt(2.0 * exponential());
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }
  /// 4 v^3 of a uniform v: mean 1, 4 at most, skewed.
  double burst() noexcept {
    const double v = uniform();
    return 4.0 * v * v * v;
  }
};

/// How compression hurts a feature.
struct harm {
  double noise = 0.353;  ///< relative deviation of the code; a document has half or one and a half of it.  At most .38
  double lost = 0.0;     ///< share of firings; a document has up to four times as much.  At most .25
  double ghosts = 0.0;   ///< new firings for each that was there

  /// E (1 + u)^2 - 1: the mean over documents of the squared noise, (.5^2 + 1.5^2) / 2 of noise^2.
  double variance() const noexcept { return 1.25 * noise * noise; }
};

struct design {
  const char* name = "";
  std::size_t rows = 400;
  std::size_t row_tokens = 128;
  double rate = 0.01;             ///< share of tokens on which the reference fires
  std::size_t document_rows = 1;  ///< rows that share one document's effects
  bool heavy_tails = false;       ///< log-normal magnitudes with sigma = 1 instead of Gamma(2)
  double drift = 0.0;             ///< rate and noise variance grow from 1 - drift to 1 + drift times their mean
  harm damage{};
};

inline constexpr double topic_share = 0.25;    // of documents
inline constexpr double strength_sigma = 0.3;  // of the logarithm of a document's strength

/// Where row `row` stands between -1 and 1: the drift there.
inline double drift_at(const design& d, std::size_t row) noexcept {
  const double place = (static_cast<double>(row) + 0.5) / static_cast<double>(d.rows);
  return d.drift * (2.0 * place - 1.0);
}

/// Pearson's r of the codes that the design draws, from the expected moments of its rows.
inline double true_r(const design& d) noexcept {
  const double strength_square = std::exp(strength_sigma * strength_sigma);       // E m^2, E m = 1
  const double square = strength_square * (d.heavy_tails ? std::exp(1.0) : 1.5);  // E x^2 where it fires, E x = 1
  double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
  for (std::size_t row = 0; row < d.rows; ++row) {
    const double change = 1.0 + drift_at(d, row);
    const double p = d.rate * change / static_cast<double>(d.rows);
    const double kept = 1.0 - d.damage.lost;
    x += p;
    y += p * (kept + d.damage.ghosts);
    xx += p * square;
    xy += p * kept * square;
    yy += p * square * (kept * (1.0 + d.damage.variance() * change) + d.damage.ghosts);
  }
  return (xy - x * y) / std::sqrt((xx - x * x) * (yy - y * y));
}

/// What a document gives one feature.
struct document_effects {
  double rate = 0.0;
  double strength = 1.0;
  double noise = 1.0;  ///< in units of the design's
  double lost = 1.0;   ///< likewise

  template <class Random>
  static document_effects draw(Random& random) {
    document_effects e;
    const bool topic = random.uniform() < topic_share;
    e.rate = random.burst() / topic_share;
    e.strength = std::exp(strength_sigma * random.normal() - 0.5 * strength_sigma * strength_sigma);
    e.noise = random.uniform() < 0.5 ? 0.5 : 1.5;
    e.lost = random.burst();
    if (!topic) e.rate = 0.0;
    return e;
  }
};

/// The magnitude of a firing in units of its document's strength; mean 1.
inline double draw_magnitude(bool heavy_tails, splitmix64& random) noexcept {
  if (heavy_tails) return std::exp(random.normal() - 0.5);
  return 0.5 * (random.exponential() + random.exponential());
}

/// The compressed model's code where the reference has x > 0: lost, or with multiplicative noise that stays positive.
inline double compressed_code(double x, const harm& damage, double noise, double lost, splitmix64& random) noexcept {
  if (random.uniform() < damage.lost * lost) return 0.0;
  return x * (1.0 + damage.noise * noise * std::sqrt(3.0) * (2.0 * random.uniform() - 1.0));
}

/// One firing of either model in a row.
struct firing {
  std::uint32_t position = 0, feature = 0;
  float x = 0.0f, y = 0.0f;
};

/// Tokens at which something happens with the chance `rate` each, increasing.
template <class Visit>
void visit_firings(double rate, std::size_t tokens, splitmix64& random, Visit visit) {
  if (!(rate > 0.0)) return;
  const double silence = std::log1p(-rate);
  for (double t = std::floor(std::log(random.uniform()) / silence); t < static_cast<double>(tokens);
       t += 1.0 + std::floor(std::log(random.uniform()) / silence))
    visit(static_cast<std::uint32_t>(t));
}

/// A row's firings by token, features increasing, appended to both sides' codes.
inline void append_row(std::vector<firing>& row, std::size_t tokens, qfa::sparse_codes& reference,
                       qfa::sparse_codes& compressed) {
  // They come feature by feature: a stable sort by position keeps the features of a token in order.
  std::stable_sort(row.begin(), row.end(), [](const firing& a, const firing& b) { return a.position < b.position; });
  std::size_t next = 0;
  for (std::uint32_t t = 0; t < tokens; ++t) {
    for (; next < row.size() && row[next].position == t; ++next) {
      if (row[next].x > 0.0f) reference.push(row[next].feature, row[next].x);
      if (row[next].y > 0.0f) compressed.push(row[next].feature, row[next].y);
    }
    reference.end_token();
    compressed.end_token();
  }
  row.clear();
}

/// Independent repetitions of one design as the features of one stream: `take(first_row, rows, reference, compressed)`
/// gets it batch by batch.
template <class Take>
void draw_stream(const design& d, std::uint32_t repetitions, std::uint64_t seed, Take take) {
  std::vector<splitmix64> random(repetitions);
  for (std::uint32_t f = 0; f < repetitions; ++f)
    random[f].state = splitmix64{seed ^ (std::uint64_t{f} << 32)}();
  std::vector<document_effects> effects(repetitions);
  std::vector<firing> row_firings;
  constexpr std::size_t batch = 16;
  for (std::size_t first = 0; first < d.rows; first += batch) {
    const std::size_t count = (std::min)(batch, d.rows - first);
    qfa::sparse_codes reference(repetitions), compressed(repetitions);
    for (std::size_t row = first; row < first + count; ++row) {
      const double change = 1.0 + drift_at(d, row);
      for (std::uint32_t f = 0; f < repetitions; ++f) {
        if (row % d.document_rows == 0) effects[f] = document_effects::draw(random[f]);
        const document_effects& e = effects[f];
        visit_firings(
            d.rate * change * e.rate * (1.0 + d.damage.ghosts), d.row_tokens, random[f], [&](std::uint32_t t) {
              const bool ghost = random[f].uniform() * (1.0 + d.damage.ghosts) < d.damage.ghosts;
              const double size = e.strength * draw_magnitude(d.heavy_tails, random[f]);
              const double y =
                  ghost ? size : compressed_code(size, d.damage, e.noise * std::sqrt(change), e.lost, random[f]);
              row_firings.push_back({t, f, ghost ? 0.0f : static_cast<float>(size), static_cast<float>(y)});
            });
      }
      append_row(row_firings, d.row_tokens, reference, compressed);
    }
    take(first, count, reference, compressed);
  }
}

}  // namespace qfa_test

#endif
