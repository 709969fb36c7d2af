// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_GATES_HPP
#define QFA_SAE_GATES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/sae/top_k.hpp"
#include "qfa/simd/batch.hpp"

namespace qfa::detail {

/// What a gate makes of a register of products u = x W_enc: the codes, and where they are positive.
template <class Arch>
struct gated {
  simd::lanes<Arch> fires;
  simd::floats<Arch> values;
};

/// One value for each feature, and zeros behind the last, so that a register read there lets nothing fire.  Filled up
/// to whole panels of every product, 32 columns at most.
template <class Arch>
simd::aligned_floats padded(std::span<const float> xs) {
  constexpr std::size_t panel_width = 32;
  static_assert(panel_width % simd::width<Arch> == 0);
  simd::aligned_floats out((xs.size() + panel_width - 1) / panel_width * panel_width, 0.0f);
  std::copy(xs.begin(), xs.end(), out.begin());
  return out;
}

// Each gate also has may_fire(upper, column): false only where no product up to `upper` fires.  Rounding is monotone,
// so the same operations on the bound decide; a bound that is NaN decides nothing.

/// f = max(u + b_enc, 0).
template <class Arch>
class relu_gate {
 public:
  explicit relu_gate(const sae& s) : bias_(padded<Arch>(s.b_enc)) {}
  gated<Arch> operator()(const simd::floats<Arch>& u, std::size_t column) const noexcept {
    const auto z = u + simd::floats<Arch>::load_aligned(bias_.data() + column);
    return {z > simd::floats<Arch>(0.0f), z};
  }
  simd::lanes<Arch> may_fire(const simd::floats<Arch>& upper, std::size_t column) const noexcept {
    return !(activation(upper, column) <= simd::floats<Arch>(0.0f));
  }
  /// z of a product, or of a bound on it.
  simd::floats<Arch> activation(const simd::floats<Arch>& u, std::size_t column) const noexcept {
    return u + simd::floats<Arch>::load_aligned(bias_.data() + column);
  }

 private:
  simd::aligned_floats bias_;
};

/// f = max(z, 0) where z = u + b_enc > threshold: fires where z > max(threshold, 0).  A NaN threshold stays one, and
/// nothing exceeds it.
template <class Arch>
class jump_relu_gate {
 public:
  explicit jump_relu_gate(const sae& s) : bias_(padded<Arch>(s.b_enc)), threshold_(padded<Arch>(s.threshold)) {
    for (float& t : threshold_)
      t = t < 0.0f ? 0.0f : t;
  }
  gated<Arch> operator()(const simd::floats<Arch>& u, std::size_t column) const noexcept {
    const auto z = u + simd::floats<Arch>::load_aligned(bias_.data() + column);
    return {z > simd::floats<Arch>::load_aligned(threshold_.data() + column), z};
  }
  simd::lanes<Arch> may_fire(const simd::floats<Arch>& upper, std::size_t column) const noexcept {
    const auto z = upper + simd::floats<Arch>::load_aligned(bias_.data() + column);
    return !(z <= simd::floats<Arch>::load_aligned(threshold_.data() + column));
  }

 private:
  simd::aligned_floats bias_;
  simd::aligned_floats threshold_;
};

/// f = max(exp(r_mag) u + b_mag, 0) where u + b_gate > 0.  The gate and the magnitude share one product.
template <class Arch>
class gated_gate {
 public:
  explicit gated_gate(const sae& s)
      : bias_(padded<Arch>(s.b_enc)), scale_(padded<Arch>(s.r_mag)), magnitude_bias_(padded<Arch>(s.b_mag)) {
    for (float& r : scale_)
      r = static_cast<float>(std::exp(static_cast<double>(r)));
  }
  gated<Arch> operator()(const simd::floats<Arch>& u, std::size_t column) const noexcept {
    using batch = simd::floats<Arch>;
    const auto opens = u + batch::load_aligned(bias_.data() + column) > batch(0.0f);
    const auto f =
        simd::fma(batch::load_aligned(scale_.data() + column), u, batch::load_aligned(magnitude_bias_.data() + column));
    return {opens && f > batch(0.0f), f};
  }
  simd::lanes<Arch> may_fire(const simd::floats<Arch>& upper, std::size_t column) const noexcept {
    using batch = simd::floats<Arch>;
    return !(upper + batch::load_aligned(bias_.data() + column) <= batch(0.0f));
  }

 private:
  simd::aligned_floats bias_;
  simd::aligned_floats scale_;
  simd::aligned_floats magnitude_bias_;
};

}  // namespace qfa::detail

#endif
