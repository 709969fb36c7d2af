// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_ENCODE_HPP
#define QFA_SAE_ENCODE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/firing_buffer.hpp"
#include "qfa/sae/gates.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/sae/top_k.hpp"
#include "qfa/simd/gemm.hpp"

namespace qfa {

namespace detail {

inline void require_encodable(const sae& s) {
  const auto holds = [](const std::vector<float>& values, std::size_t size, const char* name) {
    if (values.size() != size)
      fail(std::string(name) + " of the SAE holds " + std::to_string(values.size()) + " values where " +
           std::to_string(size) + " were expected");
    if (!simd::all_finite(values)) fail(std::string(name) + " of the SAE holds an infinity or a NaN");
  };
  require(s.d_in > 0 && s.d_sae > 0, "an SAE needs at least one input and one feature");
  holds(s.w_enc, s.d_in * s.d_sae, "W_enc");
  holds(s.b_enc, s.d_sae, s.activation == activation_kind::gated ? "b_gate" : "b_enc");
  if (s.apply_b_dec_to_input) holds(s.b_dec, s.d_in, "b_dec");
  if (s.activation == activation_kind::jump_relu && s.threshold.size() != s.d_sae)
    fail("threshold of the SAE needs one value for each of its " + std::to_string(s.d_sae) + " features");
  if (s.activation == activation_kind::gated) {
    holds(s.r_mag, s.d_sae, "r_mag");
    holds(s.b_mag, s.d_sae, "b_mag");
  }
  if (s.activation == activation_kind::top_k) require(s.k > 0, "a top_k SAE needs k of at least 1");
}

inline void require_width(std::size_t columns, std::size_t d_in) {
  if (columns != d_in)
    fail("the activations are " + std::to_string(columns) + " wide, the SAE takes " + std::to_string(d_in));
}

}  // namespace detail

/// Activations to sparse codes through a frozen SAE, whose encoder is packed once.
///
/// One matrix product whose epilogue applies bias, gate and threshold in registers and appends the few features that
/// fire: tokens x features floats are never stored.  The codes are the same bits on any number of threads and any
/// vector width with FMA, and equal `ref::encode`'s.
template <class Arch = simd::best_arch>
class encoder {
 public:
  /// Copies what it needs of `s`.  Throws unless the shapes fit and W_enc and the biases are finite.
  explicit encoder(const sae& s)
      : gate_((detail::require_encodable(s), gate_of(s))),
        weights_(simd::pack<Arch>(matrix_view<const float>(s.w_enc.data(), s.d_in, s.d_sae))),
        k_(s.activation == activation_kind::top_k ? s.k : 0) {
    frame_.norm = s.norm;
    frame_.apply_b_dec_to_input = s.apply_b_dec_to_input;
    frame_.b_dec = s.b_dec;
  }

  std::size_t d_in() const noexcept { return weights_.depth(); }
  std::size_t width() const noexcept { return weights_.columns(); }  ///< features

  /// The codes of x (tokens, d_in).  Throws where x has another width or a value that is not finite.
  sparse_codes operator()(matrix_view<const float> x) const {
    detail::require_width(x.columns(), d_in());
    const std::size_t block = block_for(x.rows());
    std::vector<sparse_codes> parts((x.rows() + block - 1) / block);
    parallel_for(parts.size(), [&](std::size_t i) {
      const std::size_t first = i * block;
      const std::size_t last = (std::min)(first + block, x.rows());
      std::visit([&](const auto& gate) { parts[i] = encode_block(x, first, last, gate); }, gate_);
    });
    sparse_codes codes(width());
    for (const sparse_codes& part : parts)
      codes.append(part);
    return codes;
  }

 private:
  using any_gate = std::variant<detail::relu_gate<Arch>, detail::jump_relu_gate<Arch>, detail::gated_gate<Arch>>;

  /// top_k is the ReLU gate with a bar that rises.
  static any_gate gate_of(const sae& s) {
    if (s.activation == activation_kind::jump_relu) return detail::jump_relu_gate<Arch>(s);
    if (s.activation == activation_kind::gated) return detail::gated_gate<Arch>(s);
    return detail::relu_gate<Arch>(s);
  }

  /// Tokens for one task: as many as the product wants in its cache, fewer where threads would go without.
  std::size_t block_for(std::size_t tokens) const noexcept {
    constexpr std::size_t tile = simd::tile_shape<Arch>::rows;
    const std::size_t share = (tokens + thread_count() - 1) / thread_count();
    return (std::min)(simd::detail::rows_per_block<Arch>(d_in()), (std::max)(tile, (share + tile - 1) / tile * tile));
  }

  template <class Gate>
  sparse_codes encode_block(matrix_view<const float> x, std::size_t first, std::size_t last, const Gate& gate) const {
    using batch = simd::floats<Arch>;
    const std::size_t rows = last - first;
    std::vector<float> inputs(rows * d_in());
    const matrix_view<float> u(inputs.data(), rows, d_in());
    for (std::size_t r = 0; r < rows; ++r)
      enter_frame(frame_, x.row(first + r), frame_of(frame_.norm, x.row(first + r), first + r), u.row(r));

    std::vector<firing_buffer> fired(k_ == 0 ? rows : 0);
    std::vector<top_k_candidates> candidates(k_ == 0 ? 0 : rows, top_k_candidates((std::max)(k_, std::size_t{1})));
    simd::gemm_block(matrix_view<const float>(u), weights_, width(),
                     [&](std::size_t row, std::size_t column, const batch& z, std::size_t) {
                       auto codes = gate(z, column);
                       if (k_ != 0) codes.fires = codes.fires && codes.values > batch(candidates[row].bar());
                       if (!any(codes.fires)) return;
                       alignas(simd::alignment) std::array<float, simd::width<Arch>> lane;
                       select(codes.fires, codes.values, batch(0.0f)).store_aligned(lane.data());
                       if (k_ == 0)
                         fired[row].append(column, lane);
                       else
                         candidates[row].append(column, lane);
                     });

    sparse_codes out(width());
    for (std::size_t r = 0; r < rows; ++r) {
      const firing_buffer& token = k_ == 0 ? fired[r] : candidates[r].result();
      out.append_token(token.features(), token.values());
    }
    return out;
  }

  any_gate gate_;
  simd::packed_matrix<Arch> weights_;
  std::size_t k_ = 0;  // 0: not a top_k SAE
  sae frame_;          // norm and b_dec only: what enter_frame reads
};

namespace ref {

/// What encoding means, one token and one feature at a time: u = x W_enc as one chain of fused multiply-adds from 0
/// with the inputs ascending, the bias added last; every activation as activation_kind defines it.
inline sparse_codes encode(const sae& s, matrix_view<const float> x) {
  detail::require_encodable(s);
  detail::require_width(x.columns(), s.d_in);
  sparse_codes codes(s.d_sae);
  std::vector<float> input(s.d_in);
  std::vector<float> f(s.d_sae);
  for (std::size_t t = 0; t < x.rows(); ++t) {
    enter_frame(s, x.row(t), frame_of(s.norm, x.row(t), t), input);
    for (std::size_t j = 0; j < s.d_sae; ++j) {
      float u = 0.0f;
      for (std::size_t i = 0; i < s.d_in; ++i)
        u = std::fma(input[i], s.w_enc[i * s.d_sae + j], u);
      const float z = u + s.b_enc[j];
      f[j] = z;
      if (s.activation == activation_kind::jump_relu && !(z > s.threshold[j])) f[j] = 0.0f;
      if (s.activation == activation_kind::gated) {
        const auto scale = static_cast<float>(std::exp(static_cast<double>(s.r_mag[j])));
        f[j] = z > 0.0f ? std::fma(scale, u, s.b_mag[j]) : 0.0f;
      }
    }
    if (s.activation == activation_kind::top_k && s.k < s.d_sae) {
      std::vector<std::size_t> order(s.d_sae);
      for (std::size_t j = 0; j < s.d_sae; ++j)
        order[j] = j;
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return f[a] > f[b]; });
      for (std::size_t rank = s.k; rank < s.d_sae; ++rank)
        f[order[rank]] = 0.0f;
    }
    for (std::size_t j = 0; j < s.d_sae; ++j)
      if (f[j] > 0.0f) codes.push(static_cast<std::uint32_t>(j), f[j]);
    codes.end_token();
  }
  return codes;
}

}  // namespace ref

}  // namespace qfa

#endif
