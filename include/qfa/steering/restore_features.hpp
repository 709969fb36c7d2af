// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_RESTORE_FEATURES_HPP
#define QFA_STEERING_RESTORE_FEATURES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/steering/steering_vectors.hpp"

namespace qfa {

/// Both models' codes of the same tokens, and what the SAE's input norm took out of each token.
struct coded_pair {
  sparse_codes reference, compressed;
  std::vector<input_frame> reference_frames, compressed_frames;
};

/// What a token of the compressed model lacks of the features in `restored`, a flag for each feature:
///
///   lacking = sum over j in S of (x_j - y_j) w_j             (x, y times their tokens' scales, where there are any)
///
/// in double, features increasing.  (d_in)
inline std::vector<double> lacking_at(const sae& s, const coded_pair& codes, std::size_t token,
                                      std::span<const std::uint8_t> restored) {
  const sparse_codes::token a = codes.reference[token], b = codes.compressed[token];
  const auto scale_a = static_cast<double>(codes.reference_frames[token].scale);
  const auto scale_b = static_cast<double>(codes.compressed_frames[token].scale);
  constexpr std::size_t none = (std::numeric_limits<std::size_t>::max)();
  std::vector<double> out(s.d_in, 0.0);
  for (std::size_t i = 0, j = 0; i < a.features.size() || j < b.features.size();) {
    const std::size_t before = i < a.features.size() ? a.features[i] : none;
    const std::size_t after = j < b.features.size() ? b.features[j] : none;
    const std::size_t feature = (std::min)(before, after);
    const double x = before == feature ? scale_a * static_cast<double>(a.values[i]) : 0.0;
    const double y = after == feature ? scale_b * static_cast<double>(b.values[j]) : 0.0;
    i += before == feature;
    j += after == feature;
    if (restored[feature] == 0 || x == y) continue;
    const std::span<const float> w = std::span(s.w_dec).subspan(feature * s.d_in, s.d_in);
    for (std::size_t k = 0; k < out.size(); ++k)
      out[k] += (x - y) * static_cast<double>(w[k]);
  }
  return out;
}

/// A hook's edit (model/edited_pass.hpp) of the compressed model: gives some features the codes that they have in the
/// reference, and leaves the rest of the activation as it is (oracle patching).  Rows have `row_tokens` tokens, of
/// which the first `skip_positions` have no codes and are left alone.
struct restore_features {
  const sae& dictionary;
  const coded_pair& codes;  ///< of the tokens that are not skipped, row after row
  std::span<const std::uint8_t> restored;
  std::size_t row_tokens = 1;
  std::size_t skip_positions = 0;

  /// Rows of activations (tokens, d_in).  Throws where they, the codes and the flags are of other tokens or widths.
  void operator()(matrix_view<float> h) const {
    const std::size_t kept = row_tokens - skip_positions;
    require(h.columns() == dictionary.d_in && codes.reference.tokens() == h.rows() / row_tokens * kept &&
                codes.compressed.tokens() == codes.reference.tokens() && restored.size() == dictionary.d_sae,
            "features are restored by codes of the same tokens on both models, with a flag for each feature");
    detail::for_each_token(codes.reference.tokens(), [&](std::size_t i) {
      const std::vector<double> lacking = lacking_at(dictionary, codes, i, restored);
      const std::span<float> row = h.row(i / kept * row_tokens + skip_positions + i % kept);
      for (std::size_t k = 0; k < row.size(); ++k)
        row[k] = static_cast<float>(static_cast<double>(row[k]) + lacking[k]);
    });
  }
};

}  // namespace qfa

#endif
