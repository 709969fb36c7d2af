// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_NEAR_THRESHOLD_HPP
#define QFA_SAE_NEAR_THRESHOLD_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// Of each feature's firings the share whose code lies less than a tenth above its threshold: (d_sae), NaN for a silent
/// feature.  Over 0.1 theta it is the density of the pre-activation at the threshold, given that the feature fires
/// (validity 2.5): how often a little noise makes it come or go.  `block_at(b)` gives each block of codes.  Throws for
/// an SAE without thresholds.
template <class BlockAt>
std::vector<double> shares_near_threshold(const sae& s, std::size_t blocks, BlockAt block_at) {
  require(s.activation == activation_kind::jump_relu && s.threshold.size() == s.d_sae,
          "firings near a threshold are those of a JumpReLU SAE, which has one for each feature");
  std::vector<std::uint64_t> nearby(s.d_sae, 0), all(s.d_sae, 0);
  for (std::size_t b = 0; b < blocks; ++b) {
    const sparse_codes codes = block_at(b);
    for (std::size_t t = 0; t < codes.tokens(); ++t) {
      const sparse_codes::token token = codes[t];
      for (std::size_t i = 0; i < token.features.size(); ++i) {
        const std::uint32_t f = token.features[i];
        ++all[f];
        nearby[f] += token.values[i] < 1.1f * s.threshold[f];
      }
    }
  }
  std::vector<double> out;
  for (std::size_t f = 0; f < s.d_sae; ++f)
    out.push_back(all[f] > 0 ? static_cast<double>(nearby[f]) / static_cast<double>(all[f])
                             : std::numeric_limits<double>::quiet_NaN());
  return out;
}

}  // namespace qfa

#endif
