// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/normal_quantile.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>

namespace compress_normal_quantile_test {

using qfa::normal_quantile;
using qfa::reproducible_log;

double relative(double a, double b) { return std::fabs(a - b) / std::fabs(b); }

TEST_CASE("reproducible_log: it is the logarithm to its last bits, from the smallest normal number to the largest") {
  // Each logarithm has 60 digits behind it (Python's decimal).
  for (const auto& pair : {std::pair{1e-300, -690.7755278982137},
                           {2.2250738585072014e-308, -708.3964185322641},
                           {3e-05, -10.41431317630212},
                           {0.075, -2.5902671654458267},
                           {0.9999999999999999, -1.1102230246251565e-16},
                           {1.0000000000000002, 2.2204460492503128e-16},
                           {1.4142135623730951, 0.3465735902799727},
                           {1.4142135623730954, 0.34657359027997287},
                           {10.0, 2.302585092994046},
                           {1.7976931348623157e308, 709.782712893384}}) {
    CAPTURE(pair.first);
    CHECK(relative(reproducible_log(pair.first), pair.second) < 6e-16);
  }
  CHECK(reproducible_log(1.0) == 0.0);
  std::mt19937_64 random(5);
  double worst = 0.0;
  for (int i = 0; i < 200000; ++i) {
    const double x =
        std::ldexp(1.0 + static_cast<double>(random() >> 12) * 0x1p-52, static_cast<int>(random() % 120) - 60);
    worst = std::fmax(worst, relative(reproducible_log(x), std::log(x)));
  }
  CHECK(worst < 6e-16);
}

TEST_CASE("normal_quantile: the published check values and others, in each of its three ranges") {
  // AS 241 gives the first three to 10 digits; all are Python's statistics.NormalDist, an implementation of its own.
  for (const auto& pair : {std::pair{0.25, -0.6744897501960817},
                           {0.001, -3.090232306167813},
                           {1e-20, -9.262340089798405},
                           {0.3, -0.5244005127080407},
                           {0.0749, -1.4402382675279632},
                           {0.0751, -1.4388253927525398},
                           {0.9999, 3.7190164854557084},
                           {1e-9, -5.9978070150076865},
                           {0x1p-53, -8.209536151601386}}) {
    CAPTURE(pair.first);
    CHECK(relative(normal_quantile(pair.first), pair.second) < 5e-16);
  }
  CHECK(normal_quantile(0.5) == 0.0);
}

TEST_CASE("normal_quantile: it inverts the normal distribution, and p and 1 - p lie opposite each other") {
  double worst = 0.0;
  double before = -std::numeric_limits<double>::infinity();
  for (int i = 1; i < 8192; ++i) {
    const double p = i / 8192.0;
    const double x = normal_quantile(p);
    if (!(x > before)) FAIL_CHECK("not increasing at ", p);
    if (x != -normal_quantile(1.0 - p)) FAIL_CHECK("not odd at ", p);
    before = x;
    // An error e of x moves p by its density times e.
    const double density = std::exp(-x * x / 2.0) / std::sqrt(2.0 * std::acos(-1.0));
    worst = std::fmax(worst, std::fabs(0.5 * std::erfc(-x / std::sqrt(2.0)) - p) / density);
  }
  CHECK(worst < 4e-15);
}

}  // namespace compress_normal_quantile_test
