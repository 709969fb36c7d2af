// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_NORMAL_QUANTILE_HPP
#define QFA_COMPRESS_NORMAL_QUANTILE_HPP

#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "qfa/core/ieee.hpp"

namespace qfa {

namespace detail {

/// c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule in fused multiply-adds: nothing is left for a compiler to contract.
template <std::size_t N>
double polynomial(const std::array<double, N>& c, double x) noexcept {
  double sum = c[N - 1];
  for (std::size_t i = N - 1; i > 0; --i)
    sum = std::fma(sum, x, c[i - 1]);
  return sum;
}

}  // namespace detail

/// The natural logarithm of a positive normal double, within 6e-16 of its size (five roundings), with the same bits on
/// every machine: those of std::log are each C library's own.
///
///   x = 2^e m,   sqrt(1/2) < m <= sqrt(2),   s = (m - 1) / (m + 1)
///   log m = 2 atanh s = 2 s (1 + s^2/3 + s^4/5 + ...)
///
/// s^2 is below 0.0295, so that the first term left out, s^22 / 23, is below 1e-18.  Precondition: x is positive,
/// normal and finite; checked by assert.
inline double reproducible_log(double x) noexcept {
  assert(x >= (std::numeric_limits<double>::min)() && x <= (std::numeric_limits<double>::max)());
  constexpr std::uint64_t fraction = (std::uint64_t{1} << 52) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  auto e = static_cast<double>(bits >> 52) - 1023.0;
  auto m = std::bit_cast<double>((bits & fraction) | std::bit_cast<std::uint64_t>(1.0));
  if (m > 1.4142135623730951) {
    m /= 2.0;
    e += 1.0;
  }
  const double s = (m - 1.0) / (m + 1.0);
  constexpr std::array atanh_series{1.0,        1.0 / 3.0,  1.0 / 5.0,  1.0 / 7.0,  1.0 / 9.0, 1.0 / 11.0,
                                    1.0 / 13.0, 1.0 / 15.0, 1.0 / 17.0, 1.0 / 19.0, 1.0 / 21.0};
  const double log_m = 2.0 * s * detail::polynomial(atanh_series, s * s);
  // log 2 in two pieces; the first has 20 bits less than a double, and e times it is exact.
  constexpr double log2_high = 0x1.62e42fefp-1, log2_low = 0x1.473de6af278edp-34;
  return std::fma(e, log2_high, std::fma(e, log2_low, log_m));
}

/// The x below which a standard normal number falls with probability p, 0 < p < 1: Wichura's rational approximations
/// PPND16 (1988, algorithm AS 241, Applied Statistics 37), right to about 1e-16 of its size.
///
/// Only additions, quotients, std::fma, std::sqrt and reproducible_log are used, in a fixed order.  IEEE 754 leaves no
/// freedom in any of them, so that the bits are the same on every machine, vector width and compiler setting.
/// Precondition: 0 < p < 1; checked by assert.
inline double normal_quantile(double p) noexcept {
  assert(p > 0.0 && p < 1.0);
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    constexpr std::array above{3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                               1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                               3.3430575583588128105e4, 2.5090809287301226727e3};
    constexpr std::array beneath{1.0,
                                 4.2313330701600911252e1,
                                 6.8718700749205790830e2,
                                 5.3941960214247511077e3,
                                 2.1213794301586595867e4,
                                 3.9307895800092710610e4,
                                 2.8729085735721942674e4,
                                 5.2264952788528545610e3};
    const double r = std::fma(-q, q, 0.180625);
    return q * detail::polynomial(above, r) / detail::polynomial(beneath, r);
  }
  const double r = std::sqrt(-reproducible_log(q < 0.0 ? p : 1.0 - p));
  double x = 0.0;
  if (r <= 5.0) {
    constexpr std::array above{1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                               3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    constexpr std::array beneath{1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
    x = detail::polynomial(above, r - 1.6) / detail::polynomial(beneath, r - 1.6);
  } else {
    constexpr std::array above{6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                               2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    constexpr std::array beneath{1.0,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
    x = detail::polynomial(above, r - 5.0) / detail::polynomial(beneath, r - 5.0);
  }
  return q < 0.0 ? -x : x;
}

}  // namespace qfa

#endif
