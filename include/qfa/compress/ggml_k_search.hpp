// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_K_SEARCH_HPP
#define QFA_COMPRESS_GGML_K_SEARCH_HPP

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "qfa/compress/ggml_block.hpp"
#include "qfa/core/exact.hpp"

// The three searches for a sub-block's scale behind ggml's K-quants.  Every sum is one running float in the order of
// the elements, and every operation stands in the order in which the reference has it: another order would be as good a
// search, and give other bytes.

namespace qfa::ggml {

/// The longest sub-block.
inline constexpr std::size_t longest_sub_block = 32;

/// The way back from codes: x is about scale q - minimum, the minimum stored positive.
struct scale_and_minimum {
  float scale = 0.0f;
  float minimum = 0.0f;
};

/// What make_qkx2 tries: 1 / scale = (first + step i + highest) / (max - min) for i = 0 .. last.
struct affine_search {
  int highest = 0;  ///< codes are 0 .. highest
  float first = 0.0f;
  float step = 0.0f;
  int last = 0;
  bool absolute = false;  ///< chooses by the weighted |error|, not by its square
};

/// Codes from the minimum up, for a scale and a minimum of the least weighted error.  `codes` gets the best ones.
///
/// A candidate's codes q give s and m by the normal equations of x = s q + m,
///
///   D = Sw Swqq - Swq^2,  s = (Sw Swqx - Swx Swq) / D,  m = (Swqq Swx - Swq Swqx) / D,
///
/// and s = Swqx / Swqq with m = 0 where m would be positive.  It counts where its error is strictly smaller; the
/// minimum that it found is then the next candidates', too.  Precondition: x of 1 to longest_sub_block elements, as
/// many weights and codes; checked by assert.
inline scale_and_minimum make_qkx2(std::span<const float> x, std::span<const float> weights,
                                   std::span<std::uint8_t> codes, const affine_search& search) noexcept {
  assert(!x.empty() && x.size() <= longest_sub_block && weights.size() == x.size() && codes.size() == x.size());
  float low = x[0], high = x[0];
  float sum_w = weights[0];
  float sum_wx = rounded_product(sum_w, x[0]);
  for (std::size_t i = 1; i < x.size(); ++i) {
    if (x[i] < low) low = x[i];
    if (x[i] > high) high = x[i];
    sum_w += weights[i];
    sum_wx += rounded_product(weights[i], x[i]);
  }
  if (low > 0.0f) low = 0.0f;
  if (high == low) {
    std::fill(codes.begin(), codes.end(), std::uint8_t{0});
    return {0.0f, -low};
  }
  const auto encode = [&](float inverse, std::uint8_t* q) {
    for (std::size_t i = 0; i < x.size(); ++i)
      q[i] = static_cast<std::uint8_t>(clamp(nearest_int(inverse, x[i] - low), 0, search.highest));
  };
  const auto error_of = [&](float s, float m, const std::uint8_t* q) {
    float error = 0.0f;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float gap = twice_rounded(s, static_cast<float>(q[i]), m) - x[i];
      const float penalty = search.absolute ? (gap < 0.0f ? -gap : gap) : rounded_product(gap, gap);
      error += rounded_product(weights[i], penalty);
    }
    return error;
  };
  // A minimum found on the way may, in principle, meet the maximum.
  const auto over_range = [&](float steps) {
    return high != low ? steps / (high - low) : std::numeric_limits<float>::infinity();
  };

  const auto highest = static_cast<float>(search.highest);
  float inverse = over_range(highest);
  float scale = 1.0f / inverse;
  encode(inverse, codes.data());
  float best = error_of(scale, low, codes.data());
  std::array<std::uint8_t, longest_sub_block> q{};
  for (int i = 0; i <= search.last; ++i) {
    inverse = over_range(twice_rounded(search.step, static_cast<float>(i), search.first) + highest);
    encode(inverse, q.data());
    float sum_wq = 0.0f, sum_wqq = 0.0f, sum_wqx = 0.0f;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const auto code = static_cast<float>(q[k]);
      const float wq = rounded_product(weights[k], code);
      sum_wq += wq;
      sum_wqq += rounded_product(wq, code);
      sum_wqx += rounded_product(wq, x[k]);
    }
    const float determinant = rounded_product(sum_w, sum_wqq) - rounded_product(sum_wq, sum_wq);
    if (!(determinant > 0.0f)) continue;
    float s = (rounded_product(sum_w, sum_wqx) - rounded_product(sum_wx, sum_wq)) / determinant;
    float m = (rounded_product(sum_wqq, sum_wx) - rounded_product(sum_wq, sum_wqx)) / determinant;
    if (m > 0.0f) {
      m = 0.0f;
      s = sum_wqx / sum_wqq;
    }
    const float error = error_of(s, m, q.data());
    if (!(error < best)) continue;
    std::copy_n(q.begin(), x.size(), codes.begin());
    best = error;
    scale = s;
    low = m;
  }
  return {scale, -low};
}

/// Codes -lowest .. lowest - 1 around zero, stored with `lowest` added, for the scale of the least error weighted by
/// x^2.  Returns the scale; 0, and codes of 0, where no element reaches smallest_peak.
///
/// A scale's best share of the error is (Swqx)^2 / Swqq; of 1 / scale = -(lowest + i / 10) / peak, i = -9 .. 9, the
/// first that makes it largest wins, where i = 0 is the one to beat.  Precondition: as many codes; checked by assert.
inline float make_qx(std::span<const float> x, int lowest, std::span<std::uint8_t> codes) noexcept {
  assert(codes.size() == x.size());
  const signed_peak peak = peak_of(x);
  if (peak.magnitude < smallest_peak) {
    std::fill(codes.begin(), codes.end(), std::uint8_t{0});
    return 0.0f;
  }
  const auto code_of = [&](float inverse, float v) { return clamp(nearest_int(inverse, v), -lowest, lowest - 1); };
  const auto encode = [&](float inverse) {
    for (std::size_t k = 0; k < x.size(); ++k)
      codes[k] = static_cast<std::uint8_t>(lowest + code_of(inverse, x[k]));
  };
  float sum_wqx = 0.0f, sum_wqq = 0.0f;
  const auto sum_up = [&](float inverse) {
    sum_wqx = sum_wqq = 0.0f;
    for (const float v : x) {
      const auto q = static_cast<float>(code_of(inverse, v));
      const float w = v * v;
      sum_wqx += rounded_product(w * v, q);
      sum_wqq += rounded_product(w * q, q);
    }
  };
  const auto bottom = static_cast<float>(lowest);
  float inverse = -bottom / peak.value;
  sum_up(inverse);
  encode(inverse);
  float scale = sum_wqq != 0.0f ? sum_wqx / sum_wqq : 0.0f;
  float best = scale * sum_wqx;
  for (int i = -9; i <= 9; ++i) {
    if (i == 0) continue;
    inverse = -twice_rounded(0.1f, static_cast<float>(i), bottom) / peak.value;
    sum_up(inverse);
    if (!(sum_wqq > 0.0f && sum_wqx * sum_wqx > best * sum_wqq)) continue;
    encode(inverse);
    scale = sum_wqx / sum_wqq;
    best = scale * sum_wqx;
  }
  return scale;
}

/// Codes -lowest .. lowest - 1 around zero, stored with `lowest` added, by at most five sweeps over the elements, each
/// moved to where (Swqx)^2 / Swqq grows, w = x^2.  Returns the scale; 0, and codes of 0, where no element reaches
/// smallest_peak.  Precondition: x of longest_sub_block elements at most, as many codes; checked by assert.
inline float make_q3(std::span<const float> x, int lowest, std::span<std::uint8_t> codes) noexcept {
  assert(x.size() <= longest_sub_block && codes.size() == x.size());
  const signed_peak peak = peak_of(x);
  if (peak.magnitude < smallest_peak) {
    std::fill(codes.begin(), codes.end(), std::uint8_t{0});
    return 0.0f;
  }
  const float inverse = -static_cast<float>(lowest) / peak.value;
  std::array<int, longest_sub_block> q{};
  float sum_wqx = 0.0f, sum_wqq = 0.0f;
  for (std::size_t i = 0; i < x.size(); ++i) {
    q[i] = clamp(nearest_int(inverse, x[i]), -lowest, lowest - 1);
    const auto code = static_cast<float>(q[i]);
    const float w = x[i] * x[i];
    sum_wqx += rounded_product(w * x[i], code);
    sum_wqq += rounded_product(w * code, code);
  }
  bool changed = true;
  for (int sweep = 0; sweep < 5 && changed; ++sweep) {
    changed = false;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float w = x[i] * x[i];
      const auto code = static_cast<float>(q[i]);
      float others_wqx = sum_wqx - rounded_product(w * x[i], code);
      if (!(others_wqx > 0.0f)) continue;
      float others_wqq = sum_wqq - rounded_product(w * code, code);
      const int moved = clamp(nearest_int(x[i] * others_wqq / others_wqx), -lowest, lowest - 1);
      if (moved == q[i]) continue;
      const auto to = static_cast<float>(moved);
      others_wqx += rounded_product(w * x[i], to);
      others_wqq += rounded_product(w * to, to);
      if (!(others_wqq > 0.0f && others_wqx * others_wqx * sum_wqq > sum_wqx * sum_wqx * others_wqq)) continue;
      q[i] = moved;
      sum_wqx = others_wqx;
      sum_wqq = others_wqq;
      changed = true;
    }
  }
  for (std::size_t i = 0; i < x.size(); ++i)
    codes[i] = static_cast<std::uint8_t>(q[i] + lowest);
  return sum_wqx / sum_wqq;  // the peak's code is -lowest or near it, so that the divisor is positive
}

}  // namespace qfa::ggml

#endif
