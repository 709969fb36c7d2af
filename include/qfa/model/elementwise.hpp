// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_ELEMENTWISE_HPP
#define QFA_MODEL_ELEMENTWISE_HPP

#include <algorithm>
#include <cstddef>
#include <span>

#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/config.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"

namespace qfa {

namespace detail {

/// Calls body(row) for every row, several rows to a task.
template <class Body>
void for_each_row(std::size_t rows, Body body) {
  constexpr std::size_t rows_at_once = 16;
  parallel_for((rows + rows_at_once - 1) / rows_at_once, [&](std::size_t block) {
    const std::size_t last = (std::min)(rows, (block + 1) * rows_at_once);
    for (std::size_t r = block * rows_at_once; r < last; ++r)
      body(r);
  });
}

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

/// to += x.
template <class Arch = simd::best_arch>
void add_rows(matrix_view<const float> x, matrix_view<float> to) {
  detail::for_each_row(to.rows(), [&](std::size_t r) { simd::add<Arch>(x.row(r), to.row(r)); });
}

/// x = act(x).
template <class Arch = simd::best_arch>
void activate(mlp_activation kind, matrix_view<float> x) {
  detail::with_activation<Arch>(kind, [&](auto act) {
    detail::for_each_row(x.rows(), [&](std::size_t r) { simd::transform<Arch>(x.row(r), act, x.row(r).data()); });
  });
}

/// up = act(gate) up: what a gated MLP's down projection reads.
template <class Arch = simd::best_arch>
void activate_gated(mlp_activation kind, matrix_view<const float> gate, matrix_view<float> up) {
  using batch = simd::floats<Arch>;
  detail::with_activation<Arch>(kind, [&](auto act) {
    detail::for_each_row(up.rows(), [&](std::size_t r) {
      simd::transform<Arch>(
          up.row(r), [&](const batch& g, const batch& u) { return act(g) * u; }, gate.row(r).data(), up.row(r).data());
    });
  });
}

/// x = cap tanh(x / cap).
template <class Arch = simd::best_arch>
void soft_cap(float cap, matrix_view<float> x) {
  using batch = simd::floats<Arch>;
  const batch c(cap);
  detail::for_each_row(x.rows(), [&](std::size_t r) {
    simd::transform<Arch>(
        x.row(r), [&](const batch& v) { return c * simd::tanh<Arch>(v / c); }, x.row(r).data());
  });
}

}  // namespace qfa

#endif
