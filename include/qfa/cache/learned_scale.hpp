// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_LEARNED_SCALE_HPP
#define QFA_CACHE_LEARNED_SCALE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

#include "qfa/cache/policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/minifloat.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Scales below this leave fp32's normal numbers once a block's scale of E4M3 multiplies them.
inline constexpr float smallest_cache_scale = power_of_two(-110);

/// Throws unless a scale can be divided by: positive, finite and not too small.
inline void check_scale(std::string_view what, float scale) {
  if (!(scale >= smallest_cache_scale && std::isfinite(scale)))
    fail(std::string(what) + " must be finite and at least 2^-110, not " + value_to_text(scale));
}

/// The scale that a tensor has by its largest magnitude in calibration tokens, absmax / largest; 1 where that is below
/// 2^-110, as of nothing but zeros.
inline float learned_scale(matrix_view<const float> x, float largest) {
  float peak = 0.0f;
  for (std::size_t t = 0; t < x.rows(); ++t)
    peak = (std::max)(peak, absmax(x.row(t)));
  const float scale = peak / largest;
  return scale >= smallest_cache_scale ? scale : 1.0f;
}

/// What a policy says that has no scales yet.  Throws whenever it is called.
[[noreturn]] inline void fail_unlearned(std::string_view policy, const cache_info& info) {
  fail(std::string(policy) + " has not seen calibration tokens of layer " + std::to_string(info.layer) +
       ", which its scales come from");
}

}  // namespace qfa

#endif
