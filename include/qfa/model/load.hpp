// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LOAD_HPP
#define QFA_MODEL_LOAD_HPP

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/sharded_safetensors.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"
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
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      fail(named + " holds " + (std::isnan(values[i]) ? "NaN" : "an infinity") + " at element " + std::to_string(i) +
           ", expected finite weights");
  return share(expected.shape, std::move(values), static_cast<double>(bits(stored.type)));
}

}  // namespace detail

/// Reads a Hugging Face directory: config.json, and model.safetensors or the shards that model.safetensors.index.json
/// names.  Tensors that the forward pass does not need (rotary tables, masks of older files) are left alone.  Throws
/// one sentence for whatever is missing, malformed or unsupported.
inline language_model load_model(const std::filesystem::path& directory, safetensors_options options = {}) {
  if (!std::filesystem::exists(directory)) fail("there is no model directory " + in_quotes(directory));
  if (!std::filesystem::is_directory(directory))
    fail(in_quotes(directory) + " is not a directory, expected one with config.json and model.safetensors");
  language_model out;
  out.source = in_quotes(directory);
  out.config = read_config(directory / "config.json");
  const sharded_safetensors files(directory, options);
  // A model that says nothing about tying and stores no unembedding is tied.
  if (!out.config.tied && !out.config.states_tied)
    out.config.tied = !files.contains(layout_of(out.config).unembedding.weight);
  for (const expected_tensor& expected : expected_tensors(out.config))
    out.tensors.emplace(expected.name, detail::read_weight(files, expected));
  return out;
}

}  // namespace qfa

#endif
