// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_UNIFORM_GRID_HPP
#define QFA_CACHE_UNIFORM_GRID_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "qfa/compress/rounding.hpp"

namespace qfa {

/// Which values a group's codes span: -max|x| to max|x|, or min x to max x.
enum class cache_range : std::uint8_t { symmetric, asymmetric };
inline constexpr std::array<std::string_view, 2> cache_range_names{"symmetric", "asymmetric"};
constexpr const auto& names_of(cache_range) noexcept { return cache_range_names; }

/// What a group's values are divided by, and the code of 0.
struct uniform_step {
  float scale = 1.0f;
  float zero = 0.0f;
  bool keeps = false;  ///< values stay as they are
};

/// The published cache quantizer (arXiv 2606.09864, core/quantization.py of its released code), for one group:
///
///                symmetric                                asymmetric
///   qmin, qmax   -2^(bits - 1), 2^(bits - 1) - 1          0, 2^bits - 1
///   s            max(max|x|, 1e-8) / qmax                 max((max x - min x) / (qmax - qmin), 1e-8)
///   z            0                                        clamp(half_even(qmin - min x / s), qmin, qmax)
///   x <-         clamp(half_even(x / s), qmin, qmax) s    (clamp(half_even(x / s + z), qmin, qmax) - z) s
///
/// The asymmetric range need not include 0.  Where it does not, z is clamped, and codes with it: values that are all
/// alike come out near 0, not near themselves.  That is how it was published.
///
/// Each operation is rounded to F, the type that the model computed in, as torch does on tensors of that type on the
/// CPU; x itself first.  A floor that F would round to 0, as fp16 does 1e-8, is the least positive number of F, so that
/// no scale is 0: torch makes NaN of a group of zeros in fp16, and 0 of other values that are all alike.
template <float_format F>
struct uniform_grid {
  int bits = 4;
  cache_range range = cache_range::asymmetric;

  constexpr float lowest() const noexcept {
    return range == cache_range::asymmetric ? 0.0f : -static_cast<float>(1 << (bits - 1));
  }
  constexpr float highest() const noexcept {
    return static_cast<float>(range == cache_range::asymmetric ? (1 << bits) - 1 : (1 << (bits - 1)) - 1);
  }

  /// The step of a group whose values, rounded to F, lie between `smallest` and `largest`, both met.
  constexpr uniform_step step(float smallest, float largest) const noexcept {
    constexpr float least = F == float_format::fp32 ? 0x1p-149f : F == float_format::bf16 ? 0x1p-133f : 0x1p-24f;
    constexpr float floor = (std::max)(round_to<F>(1e-8f), least);
    if (range == cache_range::symmetric) {
      const float peak = (std::max)({-smallest, largest, floor});
      return {.scale = (std::max)(round_to<F>(peak / highest()), least)};
    }
    const float width = round_to<F>(largest - smallest);
    const float scale = (std::max)(round_to<F>(width / highest()), floor);
    return {.scale = scale, .zero = clamped(half_even(0.0f - round_to<F>(smallest / scale)))};
  }

  /// What `x` comes back as.
  constexpr float operator()(const uniform_step& step, float x) const noexcept {
    x = round_to<F>(x);
    if (step.keeps) return x;
    const float quotient = round_to<F>(x / step.scale);
    if (range == cache_range::symmetric) return round_to<F>(clamped(half_even(quotient)) * step.scale);
    const float code = clamped(half_even(round_to<F>(quotient + step.zero)));
    return round_to<F>((code - step.zero) * step.scale);
  }

 private:
  /// NaN stays NaN: callers refuse it.
  constexpr float clamped(float code) const noexcept {
    return code < lowest() ? lowest() : code > highest() ? highest() : code;
  }
};

static_assert(uniform_grid<float_format::fp32>{.bits = 2, .range = cache_range::symmetric}.lowest() == -2.0f);
static_assert(uniform_grid<float_format::fp32>{.bits = 2}.step(-1.0f, 2.0f).zero == 1.0f);

}  // namespace qfa

#endif
