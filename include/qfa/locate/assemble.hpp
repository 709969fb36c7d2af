// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_ASSEMBLE_HPP
#define QFA_LOCATE_ASSEMBLE_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/locate/units.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"

namespace qfa {

/// The choice for a unit that is not compressed.
inline constexpr std::size_t left_alone = (std::numeric_limits<std::size_t>::max)();

/// A model made of several compressed forms of `base`: unit u as options[choice[u]] has it, or as it was where the
/// choice is `left_alone`.  A policy works on a matrix as a whole, so that every unit chosen alike gives that
/// compressed form to the bit.  Tensors that one form gives whole stay shared with it, untouched ones with `base`.
/// Throws where a unit has no choice, or one beyond the options.
inline language_model assemble(const language_model& base, std::span<const language_model> options,
                               std::span<const compression_unit> units, std::span<const std::size_t> choice) {
  require(choice.size() == units.size(), "a model is assembled by one choice for each unit");
  language_model out = base;
  std::map<std::string, std::vector<float>> edited;  // tensors of which one form gives a part
  for (std::size_t u = 0; u < units.size(); ++u) {
    if (choice[u] == left_alone) continue;
    if (choice[u] >= options.size())
      fail("\"" + units[u].name + "\" is to be compressed by option " + std::to_string(choice[u]) + " of " +
           std::to_string(options.size()));
    for (const unit_part& part : units[u].parts) {
      const std::string& name = part.tensor.slice.weight;
      const shared_tensor& from = options[choice[u]].at(name);
      if (part.weights() == from.values->size()) {
        out.tensors[name] = from;
        continue;
      }
      std::vector<float>& to = edited.try_emplace(name, *base.at(name).values).first->second;
      const matrix_view<const float> source = part.tensor.of(from.data());
      const matrix_view<float> target = part.tensor.of(to.data());
      for (std::size_t r = part.first_row; r < part.last_row; ++r)
        std::ranges::copy(source.row(r).subspan(part.first_column, part.last_column - part.first_column),
                          target.row(r).begin() + static_cast<std::ptrdiff_t>(part.first_column));
    }
  }
  for (auto& [name, values] : edited)
    out.tensors[name] = share(base.at(name).shape, std::move(values));
  return out;
}

namespace detail {

/// Whether a tensor belongs to a module: ".weight" or ".bias" of it.
inline bool is_of(std::string_view tensor, const std::string& module) noexcept {
  return !module.empty() && tensor.starts_with(module) && tensor.size() > module.size() && tensor[module.size()] == '.';
}

/// Whether a stored tensor is one of that block's.
inline bool is_of(std::string_view tensor, const layer_layout& layer) noexcept {
  for (const std::string* norm :
       {&layer.attention_norm, &layer.attention_post_norm, &layer.mlp_norm, &layer.mlp_post_norm})
    if (is_of(tensor, *norm)) return true;
  for (const weight_slice* slice :
       {&layer.query, &layer.key, &layer.value, &layer.attention_out, &layer.gate, &layer.up, &layer.down})
    if (tensor == slice->weight || tensor == slice->bias) return true;
  return false;
}

}  // namespace detail

/// A compressed form of the model, as policies are given it, of which units take their parts.
struct unit_option {
  std::string name;
  language_model model;
  std::vector<compressed_tensor> tensors;
};

/// Bytes of the weights that a model does not share with another of the same tensors: as they are, and packed.
inline std::size_t bytes_of_its_own(const language_model& model, const language_model& other) {
  std::size_t weights = 0;
  for (const auto& [name, tensor] : model.tensors)
    if (tensor.values != other.at(name).values) weights += tensor.values->size();
  return 2 * weights * sizeof(float);
}

/// Where a pass of `model` first does something else than one of `other`, told by the tensors that they do not share:
/// the first layer that must be run anew.  Nothing: the embedding itself; the number of layers: the last norm or the
/// unembedding alone; one more: nowhere, they are the same model.  Throws where the two are of different layouts, and
/// where they differ in a tensor that the layout (model/layout.hpp) gives no place: a pass would have to be run whole
/// to tell what that does.
inline std::optional<std::size_t> first_difference(const language_model& model, const language_model& other) {
  const std::size_t layers = model.config.layers;
  require(other.config.layers == layers && model.tensors.size() == other.tensors.size(),
          "two models whose passes are to be shared must have the same tensors");
  const model_layout layout = layout_of(model.config);
  std::size_t first = layers + 1;
  for (const auto& [name, tensor] : model.tensors) {
    if (tensor.values == other.at(name).values) continue;
    if (name == layout.embedding) return std::nullopt;
    std::optional<std::size_t> place;
    if (detail::is_of(name, layout.final_norm) || name == layout.unembedding.weight || name == layout.unembedding.bias)
      place = layers;
    for (std::size_t l = 0; l < layers; ++l)
      if (detail::is_of(name, layout.layers[l])) place = l;
    if (!place)
      fail("the tensor " + in_quotes(name) + " is not the same in two models, and no layer of a " +
           std::string(name_of(model.config.family)) +
           " model is known to read it: where their passes part cannot be told");
    first = (std::min)(first, *place);
  }
  return first;
}

}  // namespace qfa

#endif
