// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_INPUT_FRAME_HPP
#define QFA_SAE_INPUT_FRAME_HPP

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/simd/kernels.hpp"

namespace qfa {

/// What the SAE's input norm took out of one token: x = center + scale u, with u what the SAE sees.  Decoding needs it.
struct input_frame {
  float center = 0.0f;
  float scale = 1.0f;

  bool operator==(const input_frame&) const = default;
};

namespace detail {

/// Where a token's activations go wrong, told by its row.
[[noreturn]] inline void fail_at_token(std::size_t token, const char* what) {
  fail("token row " + std::to_string(token) + " of the activations " + what);
}

}  // namespace detail

/// What `norm` does to the token x, which is row `token` of the caller's activations (for the message).  Sums in
/// double. Throws where x is not finite, or is all zeros and cannot be rescaled.
///
/// SAELens: constant_norm_rescale gives every token the norm sqrt(d); layer_norm subtracts the mean and divides by
/// sd + 1e-5, sd with n - 1, but multiplies by sd alone afterwards.
inline input_frame frame_of(input_norm norm, std::span<const float> x, std::size_t token) {
  if (!simd::all_finite(x)) detail::fail_at_token(token, "holds an infinity or a NaN");
  const auto d = static_cast<double>(x.size());
  switch (norm) {
    case input_norm::none:
      break;
    case input_norm::constant_norm_rescale: {
      double squares = 0.0;
      for (float v : x)
        squares += static_cast<double>(v) * static_cast<double>(v);
      if (squares == 0.0) detail::fail_at_token(token, "is all zeros, which constant_norm_rescale cannot rescale");
      return {0.0f, static_cast<float>(std::sqrt(squares / d))};
    }
    case input_norm::layer_norm: {
      double sum = 0.0;
      for (float v : x)
        sum += static_cast<double>(v);
      const double mean = sum / d;
      double squares = 0.0;
      for (float v : x)
        squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
      return {static_cast<float>(mean), static_cast<float>(std::sqrt(squares / (d - 1.0)))};
    }
  }
  return {};
}

/// The frame of every token of x (tokens, d_in): what `decode` needs where the SAE has an input norm.
inline std::vector<input_frame> frames_of(const sae& s, matrix_view<const float> x) {
  std::vector<input_frame> frames(x.rows());
  if (s.norm != input_norm::none)
    for (std::size_t t = 0; t < x.rows(); ++t)
      frames[t] = frame_of(s.norm, x.row(t), t);
  return frames;
}

/// What the encoder multiplies: x in its frame, less b_dec where the SAE says so.
inline void enter_frame(const sae& s, std::span<const float> x, const input_frame& frame, std::span<float> out) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    float u = x[i];
    if (s.norm == input_norm::constant_norm_rescale) u = u / frame.scale;
    if (s.norm == input_norm::layer_norm) u = (u - frame.center) / (frame.scale + 1e-5f);
    out[i] = s.apply_b_dec_to_input ? u - s.b_dec[i] : u;
  }
}

}  // namespace qfa

#endif
