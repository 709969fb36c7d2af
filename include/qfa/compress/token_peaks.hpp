// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_TOKEN_PEAKS_HPP
#define QFA_COMPRESS_TOKEN_PEAKS_HPP

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "qfa/compress/linear_input.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The largest |x| of each token (row) of one text.  Throws, naming the inputs, unless every activation is finite.
inline std::vector<float> finite_token_peaks(matrix_view<const float> x, const linear_input& input) {
  std::vector<float> peaks(x.rows(), 0.0f);
  for_each_row(x, [&](std::size_t t, std::span<const float> token) { peaks[t] = absmax(token); });
  for (std::size_t t = 0; t < peaks.size(); ++t)
    if (magnitude_bits(peaks[t]) >= infinity_bits)
      fail("token " + std::to_string(t) + " of " + name_of(input) +
           " holds an activation that is not finite; compressing needs finite activations");
  return peaks;
}

}  // namespace qfa

#endif
