// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_DECODER_LAYER_HPP
#define QFA_MODEL_DECODER_LAYER_HPP

#include <cstddef>
#include <iterator>

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

namespace qfa {

/// Buffers of a forward pass: kept from one pass to the next, they are allocated once.
struct forward_scratch {
  activations residual, normed, q, k, v, z, attention_out, gate, up, mlp_out;

  void make_room(const model_config& config, std::size_t tokens) {
    for (activations* x : {&residual, &normed, &attention_out, &mlp_out})
      x->resize(tokens, config.hidden);
    for (activations* x : {&q, &z})
      x->resize(tokens, config.query_width());
    for (activations* x : {&k, &v})
      x->resize(tokens, config.key_width());
    up.resize(tokens, config.intermediate);
    if (config.gated) gate.resize(tokens, config.intermediate);
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

  /// Takes the tokens [first, last) to the hook `kind` from the one before it, on the calling thread.  `prepared`: what
  /// linear layers read has been made already, and perhaps changed since.
  void step(hook_kind kind, std::size_t context, const rope_table& rope, std::size_t first, std::size_t last,
            forward_scratch& s, bool prepared = false) const {
    const auto part = [&](activations& x) { return x.view().rows_between(first, last); };
    const auto norm = [&](const norm_weights& by, activations& x, activations& out) {
      by.template operator()<Arch>(part(x), part(out));
    };
    if (!prepared) prepare(kind, first, last, s);
    switch (kind) {
      case hook_kind::resid_pre:
        break;
      case hook_kind::q:
        query_.on_this_thread(part(s.normed), part(s.q));
        break;
      case hook_kind::k:
        key_.on_this_thread(part(s.normed), part(s.k));
        break;
      case hook_kind::v:
        value_.on_this_thread(part(s.normed), part(s.v));
        break;
      case hook_kind::rot_q:
        rope(part(s.q), context, first % context);
        break;
      case hook_kind::rot_k:
        rope(part(s.k), context, first % context);
        break;
      case hook_kind::z:
        break;  // where texts meet: attend
      case hook_kind::attn_raw_out:
        attention_out_.on_this_thread(part(s.z), part(s.attention_out));
        break;
      case hook_kind::attn_out:
        if (attention_post_norm_.exists()) norm(attention_post_norm_, s.attention_out, s.attention_out);
        break;
      case hook_kind::resid_mid:
        if (!parallel_residual_) add_rows<Arch>(part(s.attention_out), part(s.residual));
        break;
      case hook_kind::mlp_post:
        up_.on_this_thread(part(s.normed), part(s.up));
        if (gate_.exists()) {
          gate_.on_this_thread(part(s.normed), part(s.gate));
          activate_gated<Arch>(activation_, part(s.gate), part(s.up));
        } else {
          activate<Arch>(activation_, part(s.up));
        }
        break;
      case hook_kind::mlp_raw_out:
        down_.on_this_thread(part(s.up), part(s.mlp_out));
        break;
      case hook_kind::mlp_out:
        if (mlp_post_norm_.exists()) norm(mlp_post_norm_, s.mlp_out, s.mlp_out);
        break;
      case hook_kind::resid_post:
        if (parallel_residual_) add_rows<Arch>(part(s.attention_out), part(s.residual));
        add_rows<Arch>(part(s.mlp_out), part(s.residual));
        break;
    }
  }

  /// Attention: z from q, k and v of whole texts, on all threads.
  void meet(std::size_t context, forward_scratch& s) const {
    attend<Arch>(s.q.view(), s.k.view(), s.v.view(), context, attention_, s.z.view());
  }

  /// How many linear layers read the same packed panels as `other`'s.
  std::size_t shared_panels(const decoder_layer& other) const noexcept {
    std::size_t count = 0;
    for (const auto part : parts)
      count += (this->*part).exists() && (this->*part).shares_with(other.*part) ? 1U : 0U;
    return count;
  }

 private:
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
