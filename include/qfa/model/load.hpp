// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LOAD_HPP
#define QFA_MODEL_LOAD_HPP

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/sharded_safetensors.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"
#include "qfa/model/quantized_checkpoint.hpp"
#include "qfa/model/read_config.hpp"

namespace qfa {

namespace detail {

/// One tensor, widened to float.  A shape that contradicts config.json, a type that holds no weights, and a NaN or an
/// infinity are refused: each would surface much later as numbers that mean nothing.
inline shared_tensor read_weight(const sharded_safetensors& files, const expected_tensor& expected) {
  const stored_tensor& stored = files.at(expected.name);
  const std::string named = "tensor " + in_quotes(expected.name) + " in " + stored.file;
  if (stored.shape != expected.shape)
    fail(named + " has the shape " + shape_text(stored.shape) + ", but config.json makes it " +
         shape_text(expected.shape));
  if (!is_readable_float(stored.type))
    fail(named + " is of type " + std::string(name(stored.type)) + ", expected F32, F16, BF16 or F64 weights");
  std::vector<float> values = read_floats(stored);
  check_finite(values, named, "weights");
  return share(expected.shape, std::move(values), static_cast<double>(bits(stored.type)));
}

}  // namespace detail

/// Reads a Hugging Face directory: config.json, and model.safetensors or the shards that model.safetensors.index.json
/// names.  Weights that compressed-tensors, GPTQ or AWQ packed are dequantized (model/quantized_checkpoint.hpp).
/// Tensors that the forward pass does not need (rotary tables, masks of older files) are left alone.  Throws one
/// sentence for whatever is missing, malformed or unsupported.
inline language_model load_model(const std::filesystem::path& directory, safetensors_options options = {}) {
  if (!path_exists(directory)) fail("there is no model directory " + in_quotes(directory));
  if (!path_is_directory(directory))
    fail(in_quotes(directory) + " is not a directory, expected one with config.json and model.safetensors");
  language_model out;
  out.source = in_quotes(directory);
  const json config = read_json(directory / "config.json");
  out.config = parse_config(config, in_quotes(directory / "config.json"));
  const sharded_safetensors files(directory, options);
  const std::optional<quantized_checkpoint> quantized = find_quantization(directory, config, files);
  if (quantized) out.beyond_weights = quantized->beyond_weights();
  // The layers are counted before their names are made: a config.json may claim any number.
  if (out.config.layers > files.size())
    fail(in_quotes(directory / "config.json") + " claims " + std::to_string(out.config.layers) + " layers, but " +
         files.where() + " has " + std::to_string(files.size()) + " tensors");
  const auto is_packed = [&](const std::string& weight, const std::vector<std::size_t>& shape) {
    return quantized && quantized->stores(files, weight, shape);
  };
  // A model that says nothing about tying and stores no unembedding is tied.
  if (!out.config.tied && !out.config.states_tied) {
    const weight_slice unembedding = layout_of(out.config).unembedding;
    out.config.tied =
        !files.contains(unembedding.weight) && !is_packed(unembedding.weight, {unembedding.rows, unembedding.columns});
  }
  std::set<std::string> schemes;
  for (const expected_tensor& expected : expected_tensors(out.config)) {
    if (!is_packed(expected.name, expected.shape)) {
      out.tensors.emplace(expected.name, detail::read_weight(files, expected));
      continue;
    }
    dequantized_weight weight = quantized->read(files, expected.name, expected.shape);
    schemes.insert(weight.scheme);
    const double bits = stored_bits(files, expected.name) / static_cast<double>(weight.values.size());
    out.tensors.emplace(expected.name, share(expected.shape, std::move(weight.values), bits));
  }
  for (const std::string& scheme : schemes)
    out.quantization += (out.quantization.empty() ? "" : "; ") + scheme;
  return out;
}

}  // namespace qfa

#endif
