// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LOAD_GGUF_HPP
#define QFA_MODEL_LOAD_GGUF_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compress/ggml_types.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/gguf.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/io/sharded_gguf.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/gguf_config.hpp"
#include "qfa/model/gguf_names.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"

namespace qfa {

/// A stored tensor's elements as floats, row after row.  Throws for types that are not unpacked here (IQ2, TQ1 and
/// their kind, integers) and for what is not finite.
inline std::vector<float> read_gguf_floats(const gguf_tensor& tensor) {
  const std::string named = "tensor " + in_quotes(tensor.name) + " in " + tensor.file;
  const auto type = find_ggml_type(tensor.type->id);
  if (!type) {
    std::string known;
    for (const std::string_view name : ggml_type_names)
      known += (known.empty() ? "" : ", ") + std::string(name);
    fail(named + " is of type " + std::string(tensor.type->name) + ", expected one of " + known);
  }
  const auto& packed = entry_of(*type);
  std::vector<float> out(tensor.bytes.size() / packed.bytes * packed.elements);
  tensor.bytes.for_each_run(packed.bytes, [&](std::uint64_t first_of_run, std::span<const std::byte> run) {
    const std::span<float> to = std::span(out).subspan(static_cast<std::size_t>(first_of_run) * packed.elements);
    // Any cut between blocks will do, since each is unpacked by itself.
    constexpr std::size_t at_once = 4096;
    const std::size_t blocks = run.size() / packed.bytes;
    parallel_for(block_count(blocks, at_once), [&](std::size_t part) {
      const std::size_t first = part * at_once, count = (std::min)(at_once, blocks - first);
      packed.unpack(run.subspan(first * packed.bytes, count * packed.bytes),
                    to.subspan(first * packed.elements, count * packed.elements));
    });
  });
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!std::isfinite(out[i]))
      fail(named + " holds " + (std::isnan(out[i]) ? "NaN" : "an infinity") + " at element " + std::to_string(i) +
           ", expected finite weights");
  return out;
}

/// Reads a model from a GGUF file, or from the first of the files that it was split into.  Weights are unpacked to
/// floats and stand under Hugging Face names, rows in Hugging Face order.  Throws one sentence for whatever is missing,
/// malformed or unsupported, for a tensor that the architecture has no place for among them.
inline language_model load_gguf(const std::filesystem::path& path, gguf_options options = {}) {
  const sharded_gguf files(path, options);
  gguf_description description{.where = files.where(),
                               .find = [&](std::string_view key) { return files.find(key); },
                               .contains = [&](std::string_view name) { return files.contains(name); },
                               .vocabulary = 0,
                               .rope_factors = {}};
  const gguf_tensor& embedding = files.at("token_embd.weight");
  if (embedding.shape.size() != 2)
    fail("tensor \"token_embd.weight\" in " + embedding.file + " has the shape " + shape_text(embedding.shape) +
         ", expected a matrix");
  if (embedding.shape[0] == 0)
    fail("tensor \"token_embd.weight\" in " + embedding.file + " has no rows, expected one for each token");
  description.vocabulary = embedding.shape[0];
  if (files.contains("rope_freqs.weight")) description.rope_factors = read_gguf_floats(files.at("rope_freqs.weight"));

  language_model out;
  out.source = files.where();
  out.config = config_from_gguf(description);
  // The layers are counted before their names are made: a file may claim any number.
  if (out.config.layers > files.tensors().size())
    fail(files.where() + " claims to have " + std::to_string(out.config.layers) + " blocks, but has " +
         std::to_string(files.tensors().size()) + " tensors");
  std::map<std::string, std::vector<std::size_t>> shapes;
  for (expected_tensor& expected : expected_tensors(out.config))
    shapes.emplace(std::move(expected.name), std::move(expected.shape));
  std::set<std::string_view> placed{"rope_freqs.weight"}, packed;
  const std::vector<gguf_name> names = gguf_names(out.config);
  for (const gguf_name& name : names) {
    const gguf_tensor& stored = files.at(name.in_file);
    const std::vector<std::size_t>& shape = shapes.at(name.in_model);
    if (stored.shape != shape)
      fail("tensor " + in_quotes(name.in_file) + " in " + stored.file + " has the shape " + shape_text(stored.shape) +
           ", but its metadata makes it " + shape_text(shape));
    std::vector<float> values = read_gguf_floats(stored);
    if (name.adds_one)
      for (float& w : values)
        w -= 1.0f;
    if (name.rows != gguf_rows::same) {
      const std::vector<float> in_file = values;
      const std::size_t columns = shape.size() == 2 ? shape[1] : 1;
      for (std::size_t r = 0; r < shape[0]; ++r)
        std::memcpy(values.data() + r * columns, in_file.data() + row_in_gguf(name.rows, r, out.config) * columns,
                    columns * sizeof(float));
    }
    const double bits = 8.0 * static_cast<double>(stored.type->bytes) / static_cast<double>(stored.type->elements);
    out.tensors.emplace(name.in_model, share(shape, std::move(values), bits));
    if (stored.type->elements > 1) packed.insert(stored.type->name);
    placed.insert(name.in_file);
  }
  for (const auto& [name, tensor] : files.tensors())
    if (!placed.contains(name))
      fail("tensor " + in_quotes(name) + " in " + tensor.file + " has no place in a model of this architecture");
  for (const std::string_view type : packed)
    (out.quantization += out.quantization.empty() ? "GGUF " : ", ") += type;
  return out;
}

}  // namespace qfa

#endif
