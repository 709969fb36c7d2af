// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LOGICAL_TENSORS_HPP
#define QFA_MODEL_LOGICAL_TENSORS_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compress/linear_input.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/layout.hpp"

namespace qfa {

/// A matrix of a model as a policy sees it: what it is, and which rows of which stored tensor it is.
struct logical_tensor {
  tensor_info info;
  weight_slice slice;
  std::optional<linear_input> input{};  ///< what it reads; nothing of the unembedding and the embedding

  /// The matrix within the stored tensor's values.
  template <class T>
  matrix_view<T> of(T* stored) const noexcept {
    return slice.of(stored);
  }
};

/// Which inputs a matrix of that role reads.
constexpr std::optional<input_kind> read_by(tensor_role role) noexcept {
  switch (role) {
    case tensor_role::query:
    case tensor_role::key:
    case tensor_role::value:
      return input_kind::attention;
    case tensor_role::attention_out:
      return input_kind::mix;
    case tensor_role::gate:
    case tensor_role::up:
      return input_kind::mlp;
    case tensor_role::down:
      return input_kind::hidden;
    case tensor_role::other:
      break;
  }
  return std::nullopt;
}

/// Every linear layer's matrix: attention and MLP by layer, then the unembedding where it is a tensor of its own, then
/// the embedding.  Parts of a fused tensor stand by themselves, named "<stored tensor>#q" and so on.
inline std::vector<logical_tensor> logical_tensors(const model_config& config) {
  const model_layout layout = layout_of(config);
  std::vector<logical_tensor> out;
  const auto add = [&](std::size_t layer, tensor_role role, const weight_slice& slice, std::size_t heads) {
    if (slice.rows == 0) return;
    out.push_back({{.name = slice.fused() ? slice.weight + "#" + slice.part : slice.weight,
                    .layer = layer,
                    .role = role,
                    .heads = heads,
                    .head_dim = heads == 0 ? 0 : config.head_dim,
                    .layers = config.layers},
                   slice,
                   {}});
    if (const auto kind = read_by(role)) out.back().input = {layer, *kind};
  };
  for (std::size_t l = 0; l < layout.layers.size(); ++l) {
    const layer_layout& layer = layout.layers[l];
    add(l, tensor_role::query, layer.query, config.heads);
    add(l, tensor_role::key, layer.key, config.kv_heads);
    add(l, tensor_role::value, layer.value, config.kv_heads);
    add(l, tensor_role::attention_out, layer.attention_out, config.heads);
    add(l, tensor_role::gate, layer.gate, 0);
    add(l, tensor_role::up, layer.up, 0);
    add(l, tensor_role::down, layer.down, 0);
  }
  if (!config.tied) add(0, tensor_role::other, layout.unembedding, 0);
  add(0, tensor_role::other,
      {layout.embedding, "", config.vocabulary, config.hidden, 0, config.vocabulary, config.vocabulary, ""}, 0);
  return out;
}

/// The same matrices as they are stored: a fused tensor is one matrix of role `other`, which no rule about heads fits;
/// its parts read the same inputs, and so does it.  Others are what logical_tensors makes of them.
struct stored_matrix {
  logical_tensor whole;
  std::vector<tensor_info> parts;  ///< the logical matrices within; one where nothing is fused
};

inline std::vector<stored_matrix> stored_matrices(const model_config& config) {
  std::vector<stored_matrix> out;
  for (logical_tensor& part : logical_tensors(config)) {
    const bool joins = part.slice.fused() && !out.empty() && out.back().whole.slice.weight == part.slice.weight;
    if (joins) {
      weight_slice& whole = out.back().whole.slice;
      whole.rows += part.slice.rows;
      whole.rows_per_block = whole.block_rows = whole.rows;
    } else {
      out.push_back({part, {}});
      if (part.slice.fused()) {
        logical_tensor& whole = out.back().whole;
        whole.info = {.name = part.slice.weight, .layer = part.info.layer, .layers = config.layers};
        whole.slice.part.clear();
        whole.slice.first_row = 0;
      }
    }
    out.back().parts.push_back(std::move(part.info));
  }
  return out;
}

}  // namespace qfa

#endif
