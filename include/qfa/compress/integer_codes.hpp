// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INTEGER_CODES_HPP
#define QFA_COMPRESS_INTEGER_CODES_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <span>

#include "qfa/compress/integer_round.hpp"
#include "qfa/compress/integer_scale.hpp"
#include "qfa/compress/rounding.hpp"

namespace qfa {

/// x <- step(x), rounded to `format`, for every x.
///
/// Each operation of a quantizer is one such loop: compilers vectorize it as it stands, a choice costs a branch for the
/// group instead of one for each weight, and choices add up in the program instead of multiplying.  The fence has the
/// next loop read what this one stored, so that no product is fused with the sum that follows.
template <class Step>
void for_each_rounded(float_format format, std::span<float> xs, Step step) noexcept {
  switch (format) {
    case float_format::fp32:
      for (float& x : xs)
        x = step(x);
      break;
    case float_format::bf16:
      for (float& x : xs)
        x = round_to_bf16(step(x));
      break;
    case float_format::fp16:
      for (float& x : xs)
        x = round_to_f16(step(x));
      break;
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

/// The weights become codes, integers from qmin to qmax (with zero_point::shift from 0 to qmax - qmin); by `with`,
/// which `grid` gave for their group.  The weights are such as `grid.arithmetic` holds.
inline void weights_to_codes(const integer_scale& grid, const group_scale& with, std::span<float> weights) noexcept {
  const auto each = [&](auto step) { for_each_rounded(grid.arithmetic, weights, step); };
  const auto each_integer = [&](auto step) { for_each_rounded(float_format::fp32, weights, step); };
  if (with.empty) return each_integer([](float) { return 0.0f; });
  const bool shifted = !grid.symmetric && grid.zero == zero_point::shift;
  const float s = with.scale, z = with.zero;
  if (shifted) each([z](float w) { return w - z; });

  const float inverse = grid.division == scale_division::inverse ? s : round_to(grid.arithmetic, 1.0f / s);
  if (grid.division == scale_division::peak) {
    each([d = grid.divisor()](float w) { return w * d; });
    each([s](float w) { return w / s; });
  } else if (grid.division == scale_division::divide || magnitude_bits(inverse) >= infinity_bits) {
    each([s](float w) { return w / s; });
  } else {
    each([inverse](float w) { return w * inverse; });
  }
  if (!grid.symmetric && grid.zero == zero_point::summed) each([z](float q) { return q + z; });

  const float low = shifted ? 0.0f : grid.qmin();
  switch (grid.rounding) {
    case integer_rounding::half_even:
      each_integer([](float q) { return half_even(q); });
      break;
    case integer_rounding::half_away:
      each_integer([](float q) { return half_away(q); });
      break;
    case integer_rounding::trunc:
      each_integer([](float q) { return toward_zero(q); });
      break;
    case integer_rounding::trunc_half:
      each_integer([low](float q) { return truncate_half(q, low); });
      break;
  }
  const bool above_zero = grid.symmetric ? grid.scale == symmetric_scale::gptq : grid.zero == zero_point::rounded;
  if (above_zero) each_integer([z](float q) { return q + z; });
  const float high = shifted ? grid.qmax() - grid.qmin() : grid.qmax();
  each_integer([low, high](float q) { return q < low ? low : q > high ? high : q; });
}

/// What is read back of codes.
inline void codes_to_weights(const integer_scale& grid, const group_scale& with, std::span<float> codes) noexcept {
  const auto each = [&](auto step) { for_each_rounded(grid.arithmetic, codes, step); };
  const float s = with.scale, z = with.zero;
  if (with.empty) return each([](float) { return 0.0f; });
  if (!grid.symmetric && grid.zero == zero_point::shift) {
    each([s](float q) { return q * s; });
    each([z](float w) { return w + z; });
  } else if (!grid.symmetric || grid.scale == symmetric_scale::gptq) {
    each([s, z](float q) { return (q - z) * s; });
  } else if (grid.division == scale_division::inverse) {
    each([s](float q) { return q / s; });
  } else if (grid.division == scale_division::peak) {
    each([s](float q) { return q * s; });
    each([d = grid.divisor()](float w) { return w / d; });
  } else {
    each([s](float q) { return q * s; });
  }
}

/// Weights to codes and back, in pieces that the nearest cache holds.
inline void quantize_with(const integer_scale& grid, const group_scale& with, std::span<float> weights) noexcept {
  constexpr std::size_t piece = 1024;
  for (std::size_t first = 0; first < weights.size(); first += piece) {
    const auto part = weights.subspan(first, (std::min)(piece, weights.size() - first));
    weights_to_codes(grid, with, part);
    codes_to_weights(grid, with, part);
  }
}

}  // namespace qfa

#endif
