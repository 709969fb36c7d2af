// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_ENCODE_HPP
#define QFA_SAE_ENCODE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/byte_screen.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/encode_options.hpp"
#include "qfa/sae/firing_buffer.hpp"
#include "qfa/sae/gates.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/sae/screened_block.hpp"
#include "qfa/sae/screening.hpp"
#include "qfa/sae/top_k.hpp"
#include "qfa/simd/byte_dot.hpp"
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
/// fire: tokens x features floats are never stored.  Where the processor multiplies bytes, most products are ruled out
/// by a bound that costs a quarter of them (sae/byte_screen.hpp).  The codes are the same bits with and without, on any
/// number of threads and any vector width with FMA, and equal `ref::encode`'s.
///
/// Memory: the encoder's weights in float32; where products are screened, a quarter more as bytes, and as much again
/// once the screen turns out not to pay.
template <class Arch = simd::best_arch, class Dot = simd::best_byte_dot<Arch>>
class encoder {
 public:
  /// Copies what it needs of `s`.  Throws unless the shapes fit, W_enc and the biases are finite, and the features that
  /// `options` ask for exist.
  explicit encoder(const sae& s, const encode_options& options = {})
      : width_((detail::require_encodable(s), s.d_sae)),
        first_(options.first_feature),
        gate_(gate_of(detail::slice_of(s, first_, (std::min)(options.last_feature, s.d_sae)))),
        k_(s.activation == activation_kind::top_k ? s.k : 0) {
    const auto w = detail::columns_of(s, first_, (std::min)(options.last_feature, s.d_sae));
    frame_.norm = s.norm;
    frame_.apply_b_dec_to_input = s.apply_b_dec_to_input;
    frame_.b_dec = s.b_dec;
    d_in_ = s.d_in;
    if constexpr (simd::byte_dot<Dot> && simd::has_fma<Arch>)
      if (options.screen != screen_kind::none && s.d_in <= byte_screen::most_inputs)
        screening_ = std::make_shared<detail::screening<Arch>>(w, options.screen == screen_kind::int8);
    if (!screening_) weights_ = std::make_shared<const simd::packed_matrix<Arch>>(simd::pack<Arch>(w));
  }

  std::size_t d_in() const noexcept { return d_in_; }
  std::size_t width() const noexcept { return width_; }  ///< features of the SAE

  /// The codes of x (tokens, d_in).  Throws where x has another width or a value that is not finite.
  sparse_codes operator()(matrix_view<const float> x) const {
    detail::require_width(x.columns(), d_in());
    const bool screened = prepare_screen(x);
    const std::size_t block = block_for(x.rows(), screened);
    std::vector<sparse_codes> parts((x.rows() + block - 1) / block);
    parallel_for(parts.size(), [&](std::size_t i) {
      const std::size_t first = i * block;
      const std::size_t last = (std::min)(first + block, x.rows());
      std::visit([&](const auto& gate) { parts[i] = encode_block(x, first, last, gate, screened); }, gate_);
    });
    sparse_codes codes(width());
    for (const sparse_codes& part : parts)
      codes.append(part);
    return codes;
  }

  /// How the screen has fared so far: nothing where there is none.
  screen_counts screened() const { return screening_ ? screening_->counts() : screen_counts{}; }

 private:
  using any_gate = std::variant<detail::relu_gate<Arch>, detail::jump_relu_gate<Arch>, detail::gated_gate<Arch>>;

  /// top_k is the ReLU gate with a bar that rises.
  static any_gate gate_of(const sae& s) {
    if (s.activation == activation_kind::jump_relu) return detail::jump_relu_gate<Arch>(s);
    if (s.activation == activation_kind::gated) return detail::gated_gate<Arch>(s);
    return detail::relu_gate<Arch>(s);
  }

  /// Tokens for one task: no more than the product wants in its cache, and as many tasks for each thread.
  std::size_t block_for(std::size_t tokens, bool screened) const noexcept {
    constexpr std::size_t tile = simd::tile_shape<Arch>::rows;
    const std::size_t most = screened ? detail::screened_rows(d_in()) : simd::detail::rows_per_block<Arch>(d_in());
    const std::size_t threads = thread_count();
    const std::size_t tasks = block_count(block_count(tokens, most), threads) * threads;
    return (std::max)(tile, block_count(block_count(tokens, (std::max<std::size_t>)(tasks, 1)), tile) * tile);
  }

  matrix_view<float> framed(matrix_view<const float> x, std::size_t first, std::size_t last,
                            std::vector<float>& inputs) const {
    inputs.resize((last - first) * d_in());
    const matrix_view<float> u(inputs.data(), last - first, d_in());
    for (std::size_t r = 0; r < u.rows(); ++r)
      enter_frame(frame_, x.row(first + r), frame_of(frame_.norm, x.row(first + r), first + r), u.row(r));
    return u;
  }

  /// Whether x is to be screened.  The first tokens that come say what their inputs are like.
  bool prepare_screen(matrix_view<const float> x) const {
    if (!screening_ || x.rows() == 0) return false;
    const bool screened = screening_->wanted([&] {
      std::vector<float> inputs;
      framed(x, 0, (std::min)(detail::screening<Arch>::sample_tokens, x.rows()), inputs);
      return inputs;
    });
    if (!screened) screening_->packed();  // now, on all threads, and not by the first task that wants it
    return screened;
  }

  template <class Gate>
  sparse_codes encode_block(matrix_view<const float> x, std::size_t first, std::size_t last, const Gate& gate,
                            bool screened) const {
    const std::size_t rows = last - first;
    std::vector<float> inputs;
    const matrix_view<const float> u = framed(x, first, last, inputs);
    std::vector<firing_buffer> fired(k_ == 0 ? rows : 0);
    std::vector<top_k_candidates> candidates(k_ == 0 ? 0 : rows, top_k_candidates((std::max)(k_, std::size_t{1})));
    if (!screened) {
      encode_all(u, gate, fired, candidates);
    } else if constexpr (simd::byte_dot<Dot>) {
      detail::screened_block<Arch, Dot> block(screening_->screen(), screening_->products(), u);
      if (k_ == 0)
        block.fire(gate, first_, fired);
      else if constexpr (std::is_same_v<Gate, detail::relu_gate<Arch>>)
        block.offer(gate, k_, candidates);
      screening_->count(block.counts());
    }
    sparse_codes out(width());
    for (std::size_t r = 0; r < rows; ++r) {
      const firing_buffer& token = k_ == 0 ? fired[r] : candidates[r].result();
      out.append_token(token.features(), token.values());
    }
    return out;
  }

  template <class Gate>
  void encode_all(matrix_view<const float> u, const Gate& gate, std::vector<firing_buffer>& fired,
                  std::vector<top_k_candidates>& candidates) const {
    using batch = simd::floats<Arch>;
    const simd::packed_matrix<Arch>& weights = screening_ ? screening_->packed() : *weights_;
    simd::gemm_block(u, weights, weights.columns(),
                     [&](std::size_t row, std::size_t column, const batch& z, std::size_t) {
                       auto codes = gate(z, column);
                       if (k_ != 0) codes.fires = codes.fires && codes.values > batch(candidates[row].bar());
                       if (!any(codes.fires)) return;
                       alignas(simd::alignment) std::array<float, simd::width<Arch>> lane;
                       select(codes.fires, codes.values, batch(0.0f)).store_aligned(lane.data());
                       if (k_ == 0)
                         fired[row].append(first_ + column, lane);
                       else
                         candidates[row].append(column, lane);
                     });
  }

  std::size_t width_;
  std::size_t first_;
  any_gate gate_;
  std::size_t k_ = 0;  // 0: not a top_k SAE
  sae frame_;          // norm and b_dec only: what enter_frame reads
  std::size_t d_in_ = 0;
  // One of these holds the weights; copies of an encoder share it.
  std::shared_ptr<const simd::packed_matrix<Arch>> weights_;
  std::shared_ptr<detail::screening<Arch>> screening_;
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
