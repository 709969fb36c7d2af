// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_VALIDATE_HPP
#define QFA_SAE_VALIDATE_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "qfa/core/error.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// True where no number is NaN or infinite.
inline bool all_finite(std::span<const float> xs) noexcept {
  // Exponent bits all set: NaN or infinity.  Integers, so that the loop is one without branches.
  std::uint32_t bad = 0;
  for (const float x : xs)
    bad |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(x) & 0x7f800000U) == 0x7f800000U);
  return bad == 0;
}

/// Throws, naming `where` and the tensor, unless the tensors have the shapes that the kind of SAE needs, every number
/// is finite and k lies in [1, d_sae].  Loaders call it last; call it for an SAE that was put together otherwise.
inline void validate(const sae& s, const std::string& where) {
  if (s.d_in == 0 || s.d_sae == 0) fail("the SAE in " + where + " has no inputs or no features");
  const auto check = [&](const char* name, std::span<const float> values, bool wanted, std::size_t size) {
    if (values.size() != (wanted ? size : 0))
      fail(std::string(name) + " in " + where + " has " + std::to_string(values.size()) + " numbers, but " +
           std::to_string(wanted ? size : 0) + " are expected of a " +
           std::string(activation_names[static_cast<std::size_t>(s.activation)]) + " SAE with d_in " +
           std::to_string(s.d_in) + " and d_sae " + std::to_string(s.d_sae));
    if (!all_finite(values)) fail(std::string(name) + " in " + where + " holds a number that is NaN or infinite");
  };
  const bool gated = s.activation == activation_kind::gated;
  check("W_enc", s.w_enc, true, s.d_in * s.d_sae);
  check("W_dec", s.w_dec, true, s.d_in * s.d_sae);
  check(gated ? "b_gate" : "b_enc", s.b_enc, true, s.d_sae);
  check("b_dec", s.b_dec, true, s.d_in);
  check("threshold", s.threshold, s.activation == activation_kind::jump_relu, s.d_sae);
  check("r_mag", s.r_mag, gated, s.d_sae);
  check("b_mag", s.b_mag, gated, s.d_sae);
  const bool top_k = s.activation == activation_kind::top_k;
  if (top_k && (s.k == 0 || s.k > s.d_sae))
    fail("k of the SAE in " + where + " is " + std::to_string(s.k) + ", but should lie between 1 and its " +
         std::to_string(s.d_sae) + " features");
}

}  // namespace qfa

#endif
