// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_RELAXED_HPP
#define QFA_SAE_RELAXED_HPP

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "qfa/core/error.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// Whether an SAE's gate is more than a ReLU's.
constexpr bool has_threshold(const sae& s) noexcept { return s.activation != activation_kind::relu; }

/// The SAE with its gate ignored, f = max(z, 0): what ReLU's survival is comparable with.  z is what the gate lets
/// through: x W_enc + b_enc of jump_relu and top_k, exp(r_mag) (x W_enc) + b_mag of gated, whose scale goes into the
/// encoder's columns.  Throws where r_mag or b_mag of a gated SAE is not of all its features.
inline sae relaxed(sae s) {
  if (s.activation == activation_kind::gated) {
    require(s.r_mag.size() == s.d_sae && s.b_mag.size() == s.d_sae,
            "r_mag and b_mag of the SAE need one value for each of its features");
    for (std::size_t i = 0; i < s.d_in; ++i)
      for (std::size_t j = 0; j < s.d_sae; ++j)
        s.w_enc[i * s.d_sae + j] *= std::exp(s.r_mag[j]);
    s.b_enc = s.b_mag;
  }
  s.activation = activation_kind::relu;
  s.k = 0;
  s.threshold.clear();
  s.r_mag.clear();
  s.b_mag.clear();
  return s;
}

}  // namespace qfa

#endif
