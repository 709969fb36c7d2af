// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_ENCODE_OPTIONS_HPP
#define QFA_SAE_ENCODE_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// How products are screened before they are computed.  The codes are the same bits in each case.
///   automatic   by bytes where the processor multiplies them and it pays: measured on the first tokens
///   none        not at all: every product in float32
///   int8        by bytes, whether it pays or not, where the processor multiplies them
enum class screen_kind : std::uint8_t { automatic, none, int8 };

/// What an encoder may do otherwise than encode all features the quickest way.
struct encode_options {
  screen_kind screen = screen_kind::automatic;
  /// Only these features, [first, last): codes keep the features' numbers.  Not for top_k, which ranks all of them.
  std::size_t first_feature = 0;
  std::size_t last_feature = (std::numeric_limits<std::size_t>::max)();
};

namespace detail {

/// W_enc's columns [first, last).
inline matrix_view<const float> columns_of(const sae& s, std::size_t first, std::size_t last) {
  return {s.w_enc.data() + first, s.d_in, last - first, s.d_sae};
}

/// What gates read of the features [first, last).  Throws unless they exist, and for part of a top_k SAE.
inline sae slice_of(const sae& s, std::size_t first, std::size_t last) {
  if (!(first < last))
    fail("features [" + std::to_string(first) + ", " + std::to_string(last) + ") are asked for, expected some of [0, " +
         std::to_string(s.d_sae) + ")");
  if (s.activation == activation_kind::top_k && (first > 0 || last < s.d_sae))
    fail("a top_k SAE ranks all its features, and some of them cannot be encoded alone");
  const auto part = [&](const std::vector<float>& v) {
    using difference = std::ptrdiff_t;
    return v.empty()
               ? v
               : std::vector(v.begin() + static_cast<difference>(first), v.begin() + static_cast<difference>(last));
  };
  sae out;
  out.activation = s.activation;
  out.b_enc = part(s.b_enc);
  out.threshold = part(s.threshold);
  out.r_mag = part(s.r_mag);
  out.b_mag = part(s.b_mag);
  return out;
}

}  // namespace detail

}  // namespace qfa

#endif
