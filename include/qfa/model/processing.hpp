// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_PROCESSING_HPP
#define QFA_MODEL_PROCESSING_HPP

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"
#include "qfa/model/tensor_editor.hpp"

namespace qfa {

/// What TransformerLens does to weights when it loads a model, part by part.  None changes a next-token probability;
/// all change weights, and with them what a quantizer does.
///
///   fold_ln                 W <- W diag(gamma), b <- b + W beta for whatever reads a norm, which keeps gamma = 1 and
///                           beta = 0; behind LayerNorm, whose output has mean 0, rows of W lose their mean too
///   center_writing_weights  whatever writes to the residual stream loses its mean over d_model: the residual at a hook
///                           is then that of the model as stored, less its mean.  LayerNorm families only
///   center_unembed          the unembedding loses its mean over the vocabulary: logits move by a constant per token.
///                           Not behind a logit softcap, which sees constants
///   fold_value_biases       b_O <- b_O + W_O b_V, b_V <- 0: attention weights sum to 1
struct processing {
  bool fold_ln = false;
  bool center_writing_weights = false;
  bool center_unembed = false;
  bool fold_value_biases = false;

  bool any() const noexcept { return fold_ln || center_writing_weights || center_unembed || fold_value_biases; }
  bool operator==(const processing&) const = default;
};

/// All parts: TransformerLens' default.
inline constexpr processing transformer_lens_processing{true, true, true, true};

namespace detail {

struct processing_part {
  std::string_view name;
  bool processing::*on;
};
inline constexpr std::array<processing_part, 4> processing_parts{
    processing_part{"fold_ln", &processing::fold_ln},
    processing_part{"center_writing_weights", &processing::center_writing_weights},
    processing_part{"center_unembed", &processing::center_unembed},
    processing_part{"fold_value_biases", &processing::fold_value_biases}};

}  // namespace detail

/// "none", "tl", or the parts that are on, joined by '+'.
inline std::string describe(const processing& parts) {
  if (parts == transformer_lens_processing) return "tl";
  std::string out;
  for (const auto& part : detail::processing_parts)
    if (parts.*part.on) out += (out.empty() ? "" : "+") + std::string(part.name);
  return out.empty() ? "none" : out;
}

/// Reads what `describe` writes.  Throws for any other word, with a list of those there are.
inline processing parse_processing(std::string_view text) {
  if (text == "none") return {};
  if (text == "tl") return transformer_lens_processing;
  processing out;
  for (std::size_t first = 0; first <= text.size();) {
    const std::size_t end = text.find('+', first) == std::string_view::npos ? text.size() : text.find('+', first);
    const std::string_view word = text.substr(first, end - first);
    bool known = false;
    for (const auto& part : detail::processing_parts)
      if (word == part.name) known = out.*part.on = true;
    if (!known) {
      std::string list = "none, tl";
      for (const auto& part : detail::processing_parts)
        list += ", " + std::string(part.name);
      fail("processing \"" + std::string(text) + "\" is not known, expected one of " + list + ", parts joined by +");
    }
    first = end + 1;
  }
  return out;
}

/// The parts that do something to a model of this configuration, which TransformerLens applies too: an RMS norm is not
/// blind to a mean, and a softcap not to a constant.
inline processing applicable(processing parts, const model_config& config) noexcept {
  parts.center_writing_weights = parts.center_writing_weights && config.norm == norm_kind::layer;
  parts.center_unembed = parts.center_unembed && config.logit_softcap == 0.0;
  return parts;
}

/// The parts that leave what linear layers read as it is: the others fold norms into the weights behind them, or move
/// what attention mixes.  Of hooks, the others move v and z only, and those by fold_value_biases.
inline processing keeping_inputs(processing parts) noexcept {
  parts.fold_ln = parts.fold_value_biases = false;
  return parts;
}

namespace detail {

/// What a norm multiplies by and adds, in double.
struct norm_effect {
  std::vector<double> gamma, beta;  // beta empty without bias
};

inline norm_effect effect_of(const language_model& model, const tensor_editor& edit, const std::string& norm) {
  norm_effect out;
  const double plus = model.config.norm_adds_one ? 1.0 : 0.0;
  for (const float w : edit.values(norm + ".weight"))
    out.gamma.push_back(static_cast<double>(w) + plus);
  if (model.config.norm == norm_kind::layer)
    for (const float b : edit.values(norm + ".bias"))
      out.beta.push_back(static_cast<double>(b));
  return out;
}

/// Leaves a norm without effect of its own.
inline void neutralize(const language_model& model, tensor_editor& edit, const std::string& norm) {
  for (float& w : edit.change(norm + ".weight"))
    w = model.config.norm_adds_one ? 0.0f : 1.0f;
  if (model.config.norm == norm_kind::layer)
    for (float& b : edit.change(norm + ".bias"))
      b = 0.0f;
}

inline double mean_of(std::span<const float> xs) noexcept {
  double sum = 0.0;
  for (const float x : xs)
    sum += static_cast<double>(x);
  return sum / static_cast<double>(xs.size());
}

inline void subtract_mean(std::span<float> xs) noexcept {
  const double mean = mean_of(xs);
  for (float& x : xs)
    x = static_cast<float>(static_cast<double>(x) - mean);
}

/// Every column loses its mean over the rows.
inline void subtract_row_mean(matrix_view<float> w) {
  std::vector<double> mean(w.columns(), 0.0);
  for (std::size_t r = 0; r < w.rows(); ++r)
    for (std::size_t c = 0; c < w.columns(); ++c)
      mean[c] += static_cast<double>(w(r, c));
  for (double& m : mean)
    m /= static_cast<double>(w.rows());
  for (std::size_t r = 0; r < w.rows(); ++r)
    for (std::size_t c = 0; c < w.columns(); ++c)
      w(r, c) = static_cast<float>(static_cast<double>(w(r, c)) - mean[c]);
}

/// Takes a norm's gamma and beta into a matrix that reads it.  The bias comes first, from the matrix as it was.
inline void fold_norm(tensor_editor& edit, const norm_effect& norm, const weight_slice& slice) {
  if (slice.rows == 0) return;
  const matrix_view<float> w = slice.of(edit.change(slice.weight).data());
  if (!norm.beta.empty()) {
    const std::span<float> bias = edit.change_or_add(slice.bias, edit.shape(slice.weight)[0]);
    for (std::size_t r = 0; r < w.rows(); ++r) {
      double sum = static_cast<double>(bias[slice.bias_index(r)]);
      for (std::size_t c = 0; c < w.columns(); ++c)
        sum += static_cast<double>(w(r, c)) * norm.beta[c];
      bias[slice.bias_index(r)] = static_cast<float>(sum);
    }
  }
  const bool center = !norm.beta.empty();  // LayerNorm
  for (std::size_t r = 0; r < w.rows(); ++r) {
    for (std::size_t c = 0; c < w.columns(); ++c)
      w(r, c) = static_cast<float>(static_cast<double>(w(r, c)) * norm.gamma[c]);
    if (center) subtract_mean(w.row(r));
  }
}

/// b_O takes W_O b_V, each query head reading the value head that it shares.
inline void fold_value_bias(const model_config& config, tensor_editor& edit, const layer_layout& layer) {
  if (!edit.contains(layer.value.bias)) return;
  const std::span<float> value_bias = edit.change(layer.value.bias);
  const std::span<float> out_bias = edit.change_or_add(layer.attention_out.bias, config.hidden);
  const auto w = layer.attention_out.of(edit.values(layer.attention_out.weight).data());
  const std::size_t shared_by = config.heads / config.kv_heads;
  for (std::size_t r = 0; r < w.rows(); ++r) {
    double sum = static_cast<double>(out_bias[r]);
    for (std::size_t c = 0; c < w.columns(); ++c) {
      const std::size_t value = c / config.head_dim / shared_by * config.head_dim + c % config.head_dim;
      sum += static_cast<double>(w(r, c)) * static_cast<double>(value_bias[layer.value.bias_index(value)]);
    }
    out_bias[r] = static_cast<float>(sum);
  }
  for (std::size_t r = 0; r < layer.value.rows; ++r)
    value_bias[layer.value.bias_index(r)] = 0.0f;
}

}  // namespace detail

/// What processing makes of a configuration: a tied unembedding becomes a tensor of its own where only one of the two
/// is changed.
inline model_config processed_config(const processing& asked, model_config config) {
  const processing parts = applicable(asked, config);
  config.tied = config.tied && !parts.fold_ln && !parts.center_writing_weights && !parts.center_unembed;
  return config;
}

/// The model with the applicable parts done to its weights, in TransformerLens' order; sums in double, each weight
/// rounded once.  A tied unembedding becomes a tensor of its own.  Tensors that no part touches stay shared.
inline language_model process(const language_model& model, const processing& asked) {
  const processing parts = applicable(asked, model.config);
  if (!parts.any()) return model;
  language_model out = model;
  detail::tensor_editor edit(out);
  out.config = processed_config(parts, model.config);
  if (out.config.tied != model.config.tied) {
    const std::string embedding = layout_of(model.config).embedding;
    edit.copy(embedding, layout_of(out.config).unembedding.weight);
  }
  const model_layout layout = layout_of(out.config);
  if (parts.fold_ln) {
    const auto fold = [&](const std::string& norm, std::initializer_list<const weight_slice*> readers) {
      const auto effect = detail::effect_of(out, edit, norm);
      for (const weight_slice* reader : readers)
        detail::fold_norm(edit, effect, *reader);
      detail::neutralize(out, edit, norm);
    };
    for (const layer_layout& layer : layout.layers) {
      fold(layer.attention_norm, {&layer.query, &layer.key, &layer.value});
      fold(layer.mlp_norm, {&layer.gate, &layer.up});
    }
    fold(layout.final_norm, {&layout.unembedding});
  }
  if (parts.center_writing_weights) {
    const std::span<float> embedding = edit.change(layout.embedding);
    for (std::size_t t = 0; t < out.config.vocabulary; ++t)
      detail::subtract_mean(embedding.subspan(t * out.config.hidden, out.config.hidden));
    for (const layer_layout& layer : layout.layers)
      for (const weight_slice* writer : {&layer.attention_out, &layer.down}) {
        detail::subtract_row_mean(writer->of(edit.change(writer->weight).data()));
        if (edit.contains(writer->bias)) detail::subtract_mean(edit.change(writer->bias));
      }
  }
  if (parts.center_unembed) {
    detail::subtract_row_mean(layout.unembedding.of(edit.change(layout.unembedding.weight).data()));
    if (edit.contains(layout.unembedding.bias)) detail::subtract_mean(edit.change(layout.unembedding.bias));
  }
  if (parts.fold_value_biases)
    for (const layer_layout& layer : layout.layers)
      detail::fold_value_bias(out.config, edit, layer);
  edit.finish();
  return out;
}

}  // namespace qfa

#endif
