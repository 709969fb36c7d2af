// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_DECODER_HPP
#define QFA_MODEL_DECODER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
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

/// What a forward pass is to give.
struct forward_options {
  std::vector<hook_point> hooks{};  ///< what the visitor is to see
  bool final_hidden = false;        ///< run to the end and return what the unembedding reads
};

/// Buffers of a forward pass: kept from one pass to the next, they are allocated once.
struct forward_scratch {
  activations residual, normed, q, k, v, z, attention_out, gate, up, mlp_out;
};

/// What a hook asks for when nothing is to be looked at.
struct no_visitor {
  void operator()(std::size_t, matrix_view<float>) const noexcept {}
};

/// A decoder ready to run: weights packed once for the matrix product, one forward pass for all families.
///
/// Every number depends on the weights and on its own text alone: not on the threads, not on the other texts of a
/// batch, not on the vector width.
template <class Arch = simd::best_arch>
class decoder {
 public:
  explicit decoder(const language_model& model) : decoder(model, nullptr) {}
  /// Shares with `like` the packed form of every tensor that the two models share: what a compression leaves alone,
  /// the unembedding above all, is held once.
  decoder(const language_model& model, const decoder& like) : decoder(model, &like) {}

  const model_config& config() const noexcept { return config_; }

  /// Runs texts, the rows of `tokens`, and shows `visit(i, values)` what passes at options.hooks[i]: a
  /// matrix_view<float> (tokens, hook_width) with token t of row r at r context + t.  Hooks come in the order of
  /// computation, from this thread.  What the visitor writes into the view is what the model goes on with.
  ///
  /// Returns the final hidden states (tokens, hidden), behind the last norm, where options ask for them; otherwise
  /// nothing, and the pass ends with the last hook.  Memory grows with the tokens: pass a few thousand at a time.
  /// Throws where a token is beyond the vocabulary or a hook does not exist.
  template <class Visit>
  activations forward(matrix_view<const std::uint32_t> tokens, const forward_options& options, Visit&& visit,
                      forward_scratch& scratch) const {
    check(tokens, options);
    const std::size_t count = tokens.size();
    const rope_table rope(config_, tokens.columns());
    std::size_t seen = 0;
    // True once nothing more is wanted.
    const auto tap = [&](std::size_t l, hook_kind kind, activations& values) {
      for (std::size_t i = 0; i < options.hooks.size(); ++i) {
        if (options.hooks[i] != hook_point{l, kind}) continue;
        visit(i, values.view());
        ++seen;
      }
      return seen == options.hooks.size() && !options.final_hidden;
    };
    if (count == 0 || (options.hooks.empty() && !options.final_hidden)) return {};
    embed(tokens, scratch.residual);
    for (std::size_t l = 0; l < layers_.size(); ++l)
      if (run_layer(l, tokens.columns(), rope, tap, scratch)) return {};
    activations out;
    out.resize(count, config_.hidden);
    final_norm_.template operator()<Arch>(scratch.residual.view(), out.view());
    return out;
  }
  template <class Visit>
  activations forward(matrix_view<const std::uint32_t> tokens, const forward_options& options, Visit&& visit) const {
    forward_scratch scratch;
    return forward(tokens, options, visit, scratch);
  }

  /// The final hidden states of texts.
  activations final_hidden(matrix_view<const std::uint32_t> tokens) const {
    return forward(tokens, {.final_hidden = true}, no_visitor{});
  }

  /// Logits (tokens, vocabulary) of final hidden states, whenever and in whatever portions those were computed.
  void unembed(matrix_view<const float> final_hidden, matrix_view<float> logits) const {
    unembedding_(final_hidden, logits);
    if (config_.logit_softcap > 0.0) soft_cap<Arch>(static_cast<float>(config_.logit_softcap), logits);
  }

  /// Logits (tokens, vocabulary) of texts.  For a large vocabulary take final_hidden and unembed by portions.
  activations logits(matrix_view<const std::uint32_t> tokens) const {
    const activations hidden = final_hidden(tokens);
    activations out;
    out.resize(hidden.tokens, config_.vocabulary);
    unembed(hidden.view(), out.view());
    return out;
  }

  /// How many linear layers read the same packed panels as `other`'s.
  std::size_t shared_panels(const decoder& other) const noexcept {
    std::size_t count = unembedding_.shares_with(other.unembedding_) ? 1 : 0;
    for (std::size_t l = 0; l < layers_.size(); ++l)
      for (const auto part : linear_parts)
        count += (layers_[l].*part).exists() && (layers_[l].*part).shares_with(other.layers_[l].*part) ? 1U : 0U;
    return count;
  }

 private:
  struct layer {
    norm_weights attention_norm, attention_post_norm, mlp_norm, mlp_post_norm;
    linear<Arch> query, key, value, attention_out, gate, up, down;
    attention_shape attention;
  };
  static constexpr linear<Arch> layer::*linear_parts[] = {
      &layer::query, &layer::key, &layer::value, &layer::attention_out, &layer::gate, &layer::up, &layer::down};
  static constexpr weight_slice layer_layout::*slice_parts[] = {
      &layer_layout::query, &layer_layout::key, &layer_layout::value, &layer_layout::attention_out,
      &layer_layout::gate,  &layer_layout::up,  &layer_layout::down};

  decoder(const language_model& model, const decoder* like) : config_(model.config) {
    for (const expected_tensor& expected : expected_tensors(config_))
      if (model.at(expected.name).shape != expected.shape)
        fail("tensor \"" + expected.name + "\" in " + model.source +
             " does not have the shape that its configuration asks for");
    if (like != nullptr && like->layers_.size() != config_.layers) like = nullptr;
    const model_layout layout = layout_of(config_);
    embedding_ = model.at(layout.embedding);
    for (std::size_t l = 0; l < config_.layers; ++l) {
      const layer_layout& names = layout.layers[l];
      layer& to = layers_.emplace_back();
      to.attention_norm = {model, names.attention_norm};
      to.attention_post_norm = {model, names.attention_post_norm};
      to.mlp_norm = {model, names.mlp_norm};
      to.mlp_post_norm = {model, names.mlp_post_norm};
      for (std::size_t p = 0; p < std::size(linear_parts); ++p)
        to.*linear_parts[p] = {model, names.*slice_parts[p],
                               like == nullptr ? nullptr : &(like->layers_[l].*linear_parts[p])};
      to.attention = {.heads = config_.heads,
                      .kv_heads = config_.kv_heads,
                      .head_dim = config_.head_dim,
                      .scale = static_cast<float>(config_.query_scale),
                      .softcap = static_cast<float>(config_.attention_softcap),
                      .window = config_.windows[l]};
    }
    final_norm_ = {model, layout.final_norm};
    unembedding_ = {model, layout.unembedding, like == nullptr ? nullptr : &like->unembedding_};
  }

  void check(matrix_view<const std::uint32_t> tokens, const forward_options& options) const {
    for (const hook_point& hook : options.hooks)
      if (!exists(config_, hook)) fail("this model has no hook " + name_of(hook));
    for (std::size_t r = 0; r < tokens.rows(); ++r)
      for (const std::uint32_t id : tokens.row(r))
        if (id >= config_.vocabulary)
          fail("token " + std::to_string(id) + " is beyond the model's vocabulary of " +
               std::to_string(config_.vocabulary));
  }

  void embed(matrix_view<const std::uint32_t> tokens, activations& out) const {
    out.resize(tokens.size(), config_.hidden);
    const matrix_view<const float> table(embedding_.data(), config_.vocabulary, config_.hidden);
    const auto scale = static_cast<float>(config_.embedding_scale);
    const matrix_view<float> to = out.view();
    detail::for_each_row(out.tokens, [&](std::size_t t) {
      const auto from = table.row(tokens(t / tokens.columns(), t % tokens.columns()));
      std::transform(from.begin(), from.end(), to.row(t).begin(), [&](float x) { return x * scale; });
    });
  }

  static void apply(const linear<Arch>& layer, const activations& x, activations& out) {
    out.resize(x.tokens, layer.outputs());
    layer(x.view(), out.view());
  }
  static void apply(const norm_weights& norm, const activations& x, activations& out) {
    out.resize(x.tokens, x.width);
    norm.template operator()<Arch>(x.view(), out.view());
  }

  /// One block of the decoder: residual to residual.  True once `tap` wants nothing more.
  template <class Tap>
  bool run_layer(std::size_t l, std::size_t context, const rope_table& rope, Tap& tap, forward_scratch& s) const {
    const layer& w = layers_[l];
    if (tap(l, hook_kind::resid_pre, s.residual)) return true;
    apply(w.attention_norm, s.residual, s.normed);
    apply(w.query, s.normed, s.q);
    if (tap(l, hook_kind::q, s.q)) return true;
    apply(w.key, s.normed, s.k);
    if (tap(l, hook_kind::k, s.k)) return true;
    apply(w.value, s.normed, s.v);
    if (tap(l, hook_kind::v, s.v)) return true;
    rope(s.q.view(), context);
    if (tap(l, hook_kind::rot_q, s.q)) return true;
    rope(s.k.view(), context);
    if (tap(l, hook_kind::rot_k, s.k)) return true;
    s.z.resize(s.q.tokens, s.q.width);
    attend<Arch>(s.q.view(), s.k.view(), s.v.view(), context, w.attention, s.z.view());
    if (tap(l, hook_kind::z, s.z)) return true;
    apply(w.attention_out, s.z, s.attention_out);
    if (tap(l, hook_kind::attn_raw_out, s.attention_out)) return true;
    if (w.attention_post_norm.exists()) apply(w.attention_post_norm, s.attention_out, s.attention_out);
    if (tap(l, hook_kind::attn_out, s.attention_out)) return true;
    if (!config_.parallel_residual) {
      add_rows<Arch>(s.attention_out.view(), s.residual.view());
      if (tap(l, hook_kind::resid_mid, s.residual)) return true;
    }

    apply(w.mlp_norm, s.residual, s.normed);
    apply(w.up, s.normed, s.up);
    if (w.gate.exists()) {
      apply(w.gate, s.normed, s.gate);
      activate_gated<Arch>(config_.activation, s.gate.view(), s.up.view());
    } else {
      activate<Arch>(config_.activation, s.up.view());
    }
    if (tap(l, hook_kind::mlp_post, s.up)) return true;
    apply(w.down, s.up, s.mlp_out);
    if (tap(l, hook_kind::mlp_raw_out, s.mlp_out)) return true;
    if (w.mlp_post_norm.exists()) apply(w.mlp_post_norm, s.mlp_out, s.mlp_out);
    if (tap(l, hook_kind::mlp_out, s.mlp_out)) return true;
    if (config_.parallel_residual) add_rows<Arch>(s.attention_out.view(), s.residual.view());
    add_rows<Arch>(s.mlp_out.view(), s.residual.view());
    return tap(l, hook_kind::resid_post, s.residual);
  }

  model_config config_;
  shared_tensor embedding_;
  std::vector<layer> layers_;
  norm_weights final_norm_;
  linear<Arch> unembedding_;
};

}  // namespace qfa

#endif
