// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_UNITS_HPP
#define QFA_LOCATE_UNITS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compress/targets.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/logical_tensors.hpp"

namespace qfa {

/// What is compressed by itself, to see what it does by itself.  The units of any kind share out the
/// matrices that the targets choose: each weight belongs to one of them.
///
///   tensors   each matrix, as policies see it: a part of a fused tensor is a unit of its own, unless fused
///   layers    all chosen matrices of a block; what lies outside blocks is a unit by its tensor
///   heads     a key and value head of a layer with the query heads that read it: their rows of q, its rows of k and
///             of v, and their columns of o.  Without grouped queries that is one head.  The layer's other matrices
///             together are one more unit, its MLP.
enum class unit_kind : std::uint8_t { tensors, layers, heads };
inline constexpr std::array<std::string_view, 3> unit_kind_names{"tensors", "layers", "heads"};
constexpr const auto& names_of(unit_kind) noexcept { return unit_kind_names; }

/// Some rows and columns of a matrix.
struct unit_part {
  logical_tensor tensor;
  std::size_t first_row = 0, last_row = 0;  ///< output channels [first, last) of the matrix, not of the stored tensor
  std::size_t first_column = 0, last_column = 0;  ///< inputs

  bool whole() const noexcept {
    return first_row == 0 && last_row == tensor.slice.rows && first_column == 0 && last_column == tensor.slice.columns;
  }
  std::size_t weights() const noexcept { return (last_row - first_row) * (last_column - first_column); }
};

struct compression_unit {
  std::string name;              ///< "model.layers.0.mlp.up_proj.weight", "layer 0", "layer 0 heads 2-3", "layer 0 MLP"
  std::vector<unit_part> parts;  ///< in the model's order

  std::size_t weights() const noexcept {
    std::size_t sum = 0;
    for (const unit_part& part : parts)
      sum += part.weights();
    return sum;
  }
};

namespace detail {

inline unit_part whole_part(const logical_tensor& tensor) {
  return {tensor, 0, tensor.slice.rows, 0, tensor.slice.columns};
}

/// Adds to the unit of that name, which is the last of a layer's, or begins it.
inline compression_unit& unit_called(std::vector<compression_unit>& units, const std::string& name) {
  for (std::size_t i = units.size(); i-- > 0;)
    if (units[i].name == name) return units[i];
  return units.emplace_back(compression_unit{name, {}});
}

/// The rows or columns of one key and value head's share in a matrix of attention.
inline unit_part head_part(const logical_tensor& tensor, std::size_t kv_head, std::size_t kv_heads) {
  unit_part part = whole_part(tensor);
  const std::size_t heads = tensor.info.heads / kv_heads;  // of this tensor that belong to it
  const std::size_t first = kv_head * heads * tensor.info.head_dim, last = first + heads * tensor.info.head_dim;
  if (tensor.info.role == tensor_role::attention_out)
    part.first_column = first, part.last_column = last;
  else
    part.first_row = first, part.last_row = last;
  return part;
}

inline std::string head_name(const model_config& config, std::size_t layer, std::size_t kv_head) {
  const std::size_t shared_by = config.heads / config.kv_heads, first = kv_head * shared_by;
  const std::string of_layer = "layer " + std::to_string(layer);
  if (shared_by == 1) return of_layer + " head " + std::to_string(first);
  return of_layer + " heads " + std::to_string(first) + "-" + std::to_string(first + shared_by - 1);
}

}  // namespace detail

/// The units of a model, in its order.  Throws where the targets do not fit the model (model/compress.hpp), and where
/// heads are asked for of tensors that policies are given `fused`.
inline std::vector<compression_unit> units_of(const model_config& config, unit_kind kind,
                                              const target_patterns& targets = {}, bool fused = false) {
  require(!(fused && kind == unit_kind::heads), "heads cannot be told apart in tensors that policies are given fused");
  std::vector<compression_unit> units;
  const std::vector<logical_tensor> chosen = detail::chosen_tensors(config, targets, fused);
  const auto in_block = [](const logical_tensor& tensor) { return tensor.input.has_value(); };
  for (const logical_tensor& tensor : chosen) {
    const std::string of_layer = "layer " + std::to_string(tensor.info.layer);
    if (kind == unit_kind::tensors || !in_block(tensor)) {
      units.push_back({tensor.info.name, {detail::whole_part(tensor)}});
    } else if (kind == unit_kind::layers) {
      detail::unit_called(units, of_layer).parts.push_back(detail::whole_part(tensor));
    } else if (tensor.info.heads > 0) {
      for (std::size_t k = 0; k < config.kv_heads; ++k)
        detail::unit_called(units, detail::head_name(config, tensor.info.layer, k))
            .parts.push_back(detail::head_part(tensor, k, config.kv_heads));
    } else {
      detail::unit_called(units, of_layer + " MLP").parts.push_back(detail::whole_part(tensor));
    }
  }
  return units;
}

/// Bits that a unit takes as deployed, scales included: its matrices', shared out among units by weights.  Nothing
/// where one of them is unknown.  Throws where `tensors` lacks one.
inline std::optional<double> stored_bits_of(const compression_unit& unit, std::span<const compressed_tensor> tensors) {
  double bits = 0.0;
  for (const unit_part& part : unit.parts) {
    const compressed_tensor* found = nullptr;
    for (const compressed_tensor& tensor : tensors)
      if (tensor.info.name == part.tensor.info.name) found = &tensor;
    if (found == nullptr) fail("nothing is known of the bits of " + quoted(part.tensor.info));
    if (!found->stored_bits) return std::nullopt;
    bits += *found->stored_bits * static_cast<double>(part.weights()) / static_cast<double>(found->weights);
  }
  return bits;
}

}  // namespace qfa

#endif
