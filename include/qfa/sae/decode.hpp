// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_DECODE_HPP
#define QFA_SAE_DECODE_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/simd/kernels.hpp"

namespace qfa {

/// out (tokens, d_in) = center + scale (f W_dec + b_dec), each token in the frame that `frames_of` found before
/// encoding.
///
/// Only the decoder rows of what fired are read, features increasing, each added by fused multiply-adds; b_dec comes
/// last.  The same bits on any number of threads and any vector width with FMA.  Throws where codes, frames, W_dec,
/// b_dec or `out` are of other shapes.
template <class Arch = simd::best_arch>
void decode(const sae& s, const sparse_codes& codes, std::span<const input_frame> frames, matrix_view<float> out) {
  require(codes.width() == s.d_sae, "decode needs codes of as many features as the SAE has");
  require(s.w_dec.size() == s.d_sae * s.d_in && s.b_dec.size() == s.d_in,
          "decode needs W_dec of d_sae rows and d_in columns, and b_dec of d_in values");
  require(out.rows() == codes.tokens() && out.columns() == s.d_in,
          "decode needs room for one row of d_in values for each token");
  require(frames.size() == codes.tokens(), "decode needs one input frame for each token");
  constexpr std::size_t block = 32;
  parallel_for((codes.tokens() + block - 1) / block, [&](std::size_t b) {
    const std::size_t last = (std::min)((b + 1) * block, codes.tokens());
    for (std::size_t t = b * block; t < last; ++t) {
      const std::span<float> y = out.row(t);
      std::fill(y.begin(), y.end(), 0.0f);
      const auto [features, values] = codes[t];
      for (std::size_t i = 0; i < features.size(); ++i)
        simd::axpy<Arch>(values[i], std::span(s.w_dec).subspan(features[i] * s.d_in, s.d_in), y);
      simd::add<Arch>(s.b_dec, y);
      if (s.norm == input_norm::none) continue;
      const simd::floats<Arch> center(frames[t].center);
      const simd::floats<Arch> scale(frames[t].scale);
      simd::transform<Arch>(
          y, [&](const auto& v) { return simd::fma(v, scale, center); }, y.data());
    }
  });
}

/// The same where the SAE has no input norm, so that the codes alone say what the activations were.  Throws where it
/// has one, and as above.
template <class Arch = simd::best_arch>
void decode(const sae& s, const sparse_codes& codes, matrix_view<float> out) {
  require(s.norm == input_norm::none, "decode needs the input frames of an SAE that normalizes its input");
  const std::vector<input_frame> frames(codes.tokens());
  decode<Arch>(s, codes, frames, out);
}

}  // namespace qfa

#endif
