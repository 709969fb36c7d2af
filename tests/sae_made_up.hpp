// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SAE_MADE_UP_HPP
#define QFA_TESTS_SAE_MADE_UP_HPP

#include <cmath>
#include <cstddef>
#include <vector>

#include "qfa/sae/sae.hpp"
#include "simd_archs.hpp"

namespace qfa_test {

/// An SAE of random weights in which a good part of the features fires on a random token.
inline qfa::sae random_sae(qfa::activation_kind activation, std::size_t d_in, std::size_t d_sae, unsigned seed = 7) {
  qfa::sae s;
  s.activation = activation;
  s.d_in = d_in;
  s.d_sae = d_sae;
  s.k = activation == qfa::activation_kind::top_k ? 5 : 0;
  s.w_enc = random_floats(d_in * d_sae, seed);
  s.w_dec = random_floats(d_in * d_sae, seed + 1);
  s.b_enc = random_floats(d_sae, seed + 2);
  s.b_dec = random_floats(d_in, seed + 3);
  if (activation == qfa::activation_kind::jump_relu) s.threshold = random_floats(d_sae, seed + 4);  // negative ones too
  if (activation == qfa::activation_kind::gated) {
    s.r_mag = random_floats(d_sae, seed + 5);
    for (float& r : s.r_mag)
      r /= 64.0f;
    s.b_mag = random_floats(d_sae, seed + 6);
  }
  return s;
}

inline constexpr qfa::activation_kind all_activations[] = {qfa::activation_kind::relu, qfa::activation_kind::jump_relu,
                                                           qfa::activation_kind::top_k, qfa::activation_kind::gated};
inline constexpr qfa::input_norm all_norms[] = {qfa::input_norm::none, qfa::input_norm::constant_norm_rescale,
                                                qfa::input_norm::layer_norm};

}  // namespace qfa_test

#endif
