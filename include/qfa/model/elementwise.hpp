// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_ELEMENTWISE_HPP
#define QFA_MODEL_ELEMENTWISE_HPP

#include <cstddef>

#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"

namespace qfa {

namespace detail {

/// Calls `use` with the activation as a function of registers.
template <class Arch, class Use>
void with_activation(mlp_activation kind, Use use) {
  using batch = simd::floats<Arch>;
  switch (kind) {
    case mlp_activation::gelu:
      return use([](const batch& x) { return simd::gelu<Arch>(x); });
    case mlp_activation::gelu_tanh:
      return use([](const batch& x) { return simd::gelu_tanh<Arch>(x); });
    case mlp_activation::silu:
      return use([](const batch& x) { return simd::silu<Arch>(x); });
    case mlp_activation::relu:
      return use([](const batch& x) { return simd::larger<Arch>(batch(0.0f), x); });
  }
}

}  // namespace detail

// On the calling thread, row by row: a decoder's threads each take some of the tokens.  Its linear layers activate in
// their epilogues what they have not stored yet, and are held to these by tests.

/// to += x.
template <class Arch = simd::best_arch>
void add_rows(matrix_view<const float> x, matrix_view<float> to) {
  for (std::size_t r = 0; r < to.rows(); ++r)
    simd::add<Arch>(x.row(r), to.row(r));
}

/// x = act(x).
template <class Arch = simd::best_arch>
void activate(mlp_activation kind, matrix_view<float> x) {
  detail::with_activation<Arch>(kind, [&](auto act) {
    for (std::size_t r = 0; r < x.rows(); ++r)
      simd::transform<Arch>(x.row(r), act, x.row(r).data());
  });
}

/// up = act(gate) up: what a gated MLP's down projection reads.
template <class Arch = simd::best_arch>
void activate_gated(mlp_activation kind, matrix_view<const float> gate, matrix_view<float> up) {
  using batch = simd::floats<Arch>;
  detail::with_activation<Arch>(kind, [&](auto act) {
    for (std::size_t r = 0; r < up.rows(); ++r)
      simd::transform<Arch>(
          up.row(r), [&](const batch& g, const batch& u) { return act(g) * u; }, gate.row(r).data(), up.row(r).data());
  });
}

/// cap tanh(x / cap).
template <class Arch>
simd::floats<Arch> soft_capped(const simd::floats<Arch>& x, const simd::floats<Arch>& cap) noexcept {
  return cap * simd::tanh<Arch>(x / cap);
}

/// x = cap tanh(x / cap).
template <class Arch = simd::best_arch>
void soft_cap(float cap, matrix_view<float> x) {
  using batch = simd::floats<Arch>;
  const batch c(cap);
  for (std::size_t r = 0; r < x.rows(); ++r)
    simd::transform<Arch>(
        x.row(r), [&](const batch& v) { return soft_capped<Arch>(v, c); }, x.row(r).data());
}

}  // namespace qfa

#endif
