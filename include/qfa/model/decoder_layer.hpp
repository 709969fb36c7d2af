// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_DECODER_LAYER_HPP
#define QFA_MODEL_DECODER_LAYER_HPP

#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <vector>

#include "qfa/compress/linear_input.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/attention.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/elementwise.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"
#include "qfa/model/linear.hpp"
#include "qfa/model/norm.hpp"
#include "qfa/model/rope.hpp"
#include "qfa/model/token_places.hpp"
#include "qfa/simd/gemm.hpp"
#include "qfa/simd/packed_rows.hpp"

namespace qfa {

/// Buffers of a forward pass: kept from one pass to the next, they are allocated once.
struct forward_scratch {
  activations residual, normed, q, k, v, z, attention_out, up, mlp_out;
  rope_table rope{};
  std::vector<activations> turned{};  ///< keys as attention reads them, of texts whose caches hold them before RoPE

  void make_room(const model_config& config, std::size_t tokens) {
    for (activations* x : {&residual, &normed, &attention_out, &mlp_out})
      x->resize(tokens, config.hidden);
    for (activations* x : {&q, &z})
      x->resize(tokens, config.query_width());
    for (activations* x : {&k, &v})
      x->resize(tokens, config.key_width());
    up.resize(tokens, config.intermediate);
  }

  /// What a hook shows once its step is done.
  activations& at(hook_kind kind) noexcept {
    switch (kind) {
      case hook_kind::q:
      case hook_kind::rot_q:
        return q;
      case hook_kind::k:
      case hook_kind::rot_k:
        return k;
      case hook_kind::v:
        return v;
      case hook_kind::z:
        return z;
      case hook_kind::attn_raw_out:
      case hook_kind::attn_out:
        return attention_out;
      case hook_kind::mlp_post:
        return up;
      case hook_kind::mlp_raw_out:
      case hook_kind::mlp_out:
        return mlp_out;
      default:
        return residual;
    }
  }

  /// What linear layers read.
  activations& read_as(input_kind kind) noexcept {
    if (kind == input_kind::mix) return z;
    return kind == input_kind::hidden ? up : normed;
  }
};

/// What a thread keeps while it takes some tokens from step to step.
template <class Arch = simd::best_arch>
struct chunk_scratch {
  simd::packed_rows<Arch> packed{};   ///< what a linear layer reads, for all that read the same
  std::optional<input_kind> holds{};  ///< whose inputs `packed` are; nothing before the first
};

/// What a step may count on.
struct step_options {
  bool prepared = false;  ///< what linear layers read has been made already, and perhaps changed since
  bool unseen = false;    ///< nobody looks at what this sublayer adds: it may go to the residual at once
};

/// One block of a decoder: a step to each hook from the one before it.  Only attention, the step to `z`, needs all
/// tokens of a text; every other takes any tokens by themselves.
template <class Arch = simd::best_arch>
class decoder_layer {
 public:
  /// Shares with `like`, where given, the panels of tensors that are the same.
  decoder_layer(const language_model& model, const layer_layout& names, std::size_t window, const decoder_layer* like)
      : attention_norm_(model, names.attention_norm),
        attention_post_norm_(model, names.attention_post_norm),
        mlp_norm_(model, names.mlp_norm),
        mlp_post_norm_(model, names.mlp_post_norm),
        activation_(model.config.activation),
        parallel_residual_(model.config.parallel_residual),
        attention_{.heads = model.config.heads,
                   .kv_heads = model.config.kv_heads,
                   .head_dim = model.config.head_dim,
                   .scale = static_cast<float>(model.config.query_scale),
                   .softcap = static_cast<float>(model.config.attention_softcap),
                   .window = window} {
    for (std::size_t p = 0; p < std::size(parts); ++p)
      this->*parts[p] = linear<Arch>(model, names.*slices[p], like == nullptr ? nullptr : &(like->*parts[p]));
  }

  /// Makes what the linear layers in the step to `kind` read, where it is not there yet: the normalized residual.
  void prepare(hook_kind kind, std::size_t first, std::size_t last, forward_scratch& s) const {
    const norm_weights& norm = kind == hook_kind::q ? attention_norm_ : mlp_norm_;
    if (kind == hook_kind::q || kind == hook_kind::mlp_post)
      norm.template operator()<Arch>(s.residual.view().rows_between(first, last),
                                     s.normed.view().rows_between(first, last));
  }

  /// Takes the tokens [first, last) to the hook `kind` from the one before it, on the calling thread.  `work` comes
  /// from the step before, for the same tokens, or is new.
  void step(hook_kind kind, const token_places& places, const rope_table& rope, std::size_t first, std::size_t last,
            forward_scratch& s, chunk_scratch<Arch>& work, const step_options& options) const {
    const auto part = [&](activations& x) { return x.view().rows_between(first, last); };
    const auto norm = [&](const norm_weights& by, activations& x) {
      if (by.exists()) by.template operator()<Arch>(part(x), part(x));
    };
    const auto read = [&](input_kind input) -> const simd::packed_rows<Arch>& {
      if (work.holds != input) work.packed.pack(part(s.read_as(input)));
      work.holds = input;
      return work.packed;
    };
    if (!options.prepared) prepare(kind, first, last, s);
    switch (kind) {
      case hook_kind::resid_pre:
        break;
      case hook_kind::q:
        work.holds.reset();
        query_(read(input_kind::attention), storing(part(s.q)));
        break;
      case hook_kind::k:
        key_(read(input_kind::attention), storing(part(s.k)));
        break;
      case hook_kind::v:
        value_(read(input_kind::attention), storing(part(s.v)));
        break;
      case hook_kind::rot_q:
        rope.template operator()<Arch>(part(s.q), places, first);
        break;
      case hook_kind::rot_k:
        rope.template operator()<Arch>(part(s.k), places, first);
        break;
      case hook_kind::z:
        break;  // where texts meet: attend
      case hook_kind::attn_raw_out:
        project(attention_out_, read(input_kind::mix), part(s.attention_out), part(s.residual),
                attention_adds_at_once(options));
        break;
      case hook_kind::attn_out:
        norm(attention_post_norm_, s.attention_out);
        break;
      case hook_kind::resid_mid:
        if (!parallel_residual_ && !attention_adds_at_once(options))
          add_rows<Arch>(part(s.attention_out), part(s.residual));
        break;
      case hook_kind::mlp_post:
        work.holds.reset();
        widen(read(input_kind::mlp), part(s.up));
        break;
      case hook_kind::mlp_raw_out:
        // Its turn in the sum is before the MLP's.
        if (parallel_residual_ && mlp_adds_at_once(options)) add_rows<Arch>(part(s.attention_out), part(s.residual));
        project(down_, read(input_kind::hidden), part(s.mlp_out), part(s.residual), mlp_adds_at_once(options));
        break;
      case hook_kind::mlp_out:
        norm(mlp_post_norm_, s.mlp_out);
        break;
      case hook_kind::resid_post:
        if (mlp_adds_at_once(options)) break;
        if (parallel_residual_) add_rows<Arch>(part(s.attention_out), part(s.residual));
        add_rows<Arch>(part(s.mlp_out), part(s.residual));
        break;
    }
  }
  /// The same with nothing kept from the step before.
  void step(hook_kind kind, const token_places& places, const rope_table& rope, std::size_t first, std::size_t last,
            forward_scratch& s, const step_options& options = {}) const {
    chunk_scratch<Arch> work;
    step(kind, places, rope, first, last, s, work, options);
  }

  /// Attention: z from q, k and v of whole texts, on all threads.
  void meet(std::size_t context, forward_scratch& s) const {
    attend<Arch>(s.q.view(), s.k.view(), s.v.view(), context, attention_, s.z.view());
  }
  /// The same of tokens that follow others: each row's from all the keys and values of its text.
  void meet(std::span<const attended_text> texts, forward_scratch& s) const {
    attend<Arch>(s.q.view(), texts, attention_, s.z.view());
  }

  /// How many linear layers read the same packed panels as `other`'s.
  std::size_t shared_panels(const decoder_layer& other) const noexcept {
    std::size_t count = 0;
    for (const auto part : parts)
      count += (this->*part).exists() && (this->*part).shares_with(other.*part) ? 1U : 0U;
    return count;
  }

 private:
  using batch = simd::floats<Arch>;

  bool attention_adds_at_once(const step_options& options) const noexcept {
    return options.unseen && !parallel_residual_ && !attention_post_norm_.exists();
  }
  bool mlp_adds_at_once(const step_options& options) const noexcept {
    return options.unseen && !mlp_post_norm_.exists();
  }

  // The rows of activations stand at equal distances; to ask a view for each would cost a division for each register.

  /// An epilogue that stores what it is given.
  static auto storing(matrix_view<float> to) {
    return [to = to.data(), stride = to.row_stride()](std::size_t row, std::size_t column, const batch& y,
                                                      std::size_t valid) {
      simd::store_valid<Arch>(y, to + row * stride + column, valid);
    };
  }

  /// A sublayer's last product: to `out`, or added to the residual.
  static void project(const linear<Arch>& layer, const simd::packed_rows<Arch>& x, matrix_view<float> out,
                      matrix_view<float> residual, bool add) {
    if (!add) return layer(x, storing(out));
    layer(x, [sums = residual.data(), stride = residual.row_stride()](std::size_t row, std::size_t column,
                                                                      const batch& y, std::size_t valid) {
      float* const to = sums + row * stride + column;
      simd::store_valid<Arch>(simd::load_valid<Arch>(to, valid) + y, to, valid);
    });
  }

  /// What the down projection reads.
  void widen(const simd::packed_rows<Arch>& x, matrix_view<float> out) const {
    const auto store = storing(out);
    detail::with_activation<Arch>(activation_, [&](auto act) {
      if (gate_.exists())
        linear<Arch>::both(gate_, up_, x,
                           [&](std::size_t row, std::size_t column, const batch& gate, const batch& up,
                               std::size_t valid) { store(row, column, act(gate) * up, valid); });
      else
        up_(x, [&](std::size_t row, std::size_t column, const batch& up, std::size_t valid) {
          store(row, column, act(up), valid);
        });
    });
  }

  norm_weights attention_norm_, attention_post_norm_, mlp_norm_, mlp_post_norm_;
  linear<Arch> query_, key_, value_, attention_out_, gate_, up_, down_;
  mlp_activation activation_;
  bool parallel_residual_;
  attention_shape attention_;

  static constexpr linear<Arch> decoder_layer::*parts[] = {
      &decoder_layer::query_, &decoder_layer::key_, &decoder_layer::value_, &decoder_layer::attention_out_,
      &decoder_layer::gate_,  &decoder_layer::up_,  &decoder_layer::down_};
  static constexpr weight_slice layer_layout::*slices[] = {
      &layer_layout::query, &layer_layout::key, &layer_layout::value, &layer_layout::attention_out,
      &layer_layout::gate,  &layer_layout::up,  &layer_layout::down};
};

}  // namespace qfa

#endif
