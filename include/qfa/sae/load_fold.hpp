// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_LOAD_FOLD_HPP
#define QFA_SAE_LOAD_FOLD_HPP

#include <cmath>
#include <cstddef>
#include <span>

#include "qfa/sae/sae.hpp"

namespace qfa {

/// Moves the lengths of the decoder's rows into the encoder: the same reconstruction, with codes in units of what they
/// write.  With n = |W_dec row|,  (x W_enc + b_enc) n = x (W_enc n) + b_enc n,  and  f W_dec = (f n) (W_dec / n).
///
/// A threshold is left alone, for it is held against the codes of the SAE that this makes.  Lengths below 1e-8 count
/// as 1e-8.
inline void fold_decoder_norms(sae& s) {
  for (std::size_t j = 0; j < s.d_sae; ++j) {
    double squares = 0.0;
    for (std::size_t i = 0; i < s.d_in; ++i) {
      const double w = static_cast<double>(s.w_dec[j * s.d_in + i]);
      squares += w * w;
    }
    const double n = std::fmax(std::sqrt(squares), 1e-8);
    for (std::size_t i = 0; i < s.d_in; ++i) {
      float& decoder = s.w_dec[j * s.d_in + i];
      float& encoder = s.w_enc[i * s.d_sae + j];
      decoder = static_cast<float>(static_cast<double>(decoder) / n);
      encoder = static_cast<float>(static_cast<double>(encoder) * n);
    }
    s.b_enc[j] = static_cast<float>(static_cast<double>(s.b_enc[j]) * n);
  }
}

/// Makes an SAE that was trained on `scale` x read x itself, with the same codes:
/// (scale x - b_dec) W_enc = (x - b_dec / scale) (scale W_enc),  and what it writes shrinks by the same factor.
inline void fold_input_scale(sae& s, double scale) {
  for (float& w : s.w_enc)
    w = static_cast<float>(static_cast<double>(w) * scale);
  for (float& w : s.w_dec)
    w = static_cast<float>(static_cast<double>(w) / scale);
  for (float& b : s.b_dec)
    b = static_cast<float>(static_cast<double>(b) / scale);
}

/// Makes each feature write `scale` times what it wrote; its codes stay.
inline void fold_decoder_scale(sae& s, std::span<const float> scale) {
  for (std::size_t j = 0; j < s.d_sae; ++j)
    for (std::size_t i = 0; i < s.d_in; ++i)
      s.w_dec[j * s.d_in + i] *= scale[j];
}

}  // namespace qfa

#endif
