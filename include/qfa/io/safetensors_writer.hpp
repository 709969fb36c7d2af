// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_SAFETENSORS_WRITER_HPP
#define QFA_IO_SAFETENSORS_WRITER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"

namespace qfa {

/// A tensor on its way into a file: row-major, somebody else's bytes.
struct tensor_to_write {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::size_t> shape{};
  std::span<const std::byte> bytes{};
};

/// Numbers in memory as a tensor to write.
template <class T>
tensor_to_write as_tensor(std::string name, std::vector<std::size_t> shape, std::span<const T> values) {
  return {std::move(name), dtype_of<T>(), std::move(shape), std::as_bytes(values)};
}

/// Writes a safetensors file, which appears whole or not at all.
///
/// Wide types come first and names are sorted within a width, so that every tensor is aligned to its type and the
/// same tensors give the same bytes; spaces fill the header up to a multiple of eight.  Throws for a name that occurs
/// twice or is reserved, and for bytes that do not fit the shape.
inline void write_safetensors(const std::filesystem::path& path, std::span<const tensor_to_write> tensors,
                              const std::map<std::string, std::string>& metadata = {}) {
  std::vector<const tensor_to_write*> order;
  for (const tensor_to_write& tensor : tensors) {
    const auto count = element_count(tensor.shape);
    const auto size = count ? byte_count(tensor.type, *count) : std::nullopt;
    if (!size || *size != tensor.bytes.size())
      fail("tensor " + in_quotes(tensor.name) + " of " + in_quotes(path) + " has " +
           std::to_string(tensor.bytes.size()) + " bytes, which do not make up the shape " + shape_text(tensor.shape));
    if (tensor.name == "__metadata__") fail("a tensor cannot be named \"__metadata__\" in " + in_quotes(path));
    order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const tensor_to_write* a, const tensor_to_write* b) {
    return bits(a->type) != bits(b->type) ? bits(a->type) > bits(b->type) : a->name < b->name;
  });

  // Put together by hand, since the entries must stand in this order.
  std::string header = "{";
  std::map<std::string_view, bool> seen;
  try {
    if (!metadata.empty()) header += "\"__metadata__\":" + json(metadata).dump();
    std::size_t offset = 0;
    for (const tensor_to_write* tensor : order) {
      if (!seen.emplace(tensor->name, true).second)
        fail("tensor " + in_quotes(tensor->name) + " would stand twice in " + in_quotes(path));
      const std::size_t end = offset + tensor->bytes.size();
      const json entry{{"dtype", name(tensor->type)}, {"shape", tensor->shape}, {"data_offsets", {offset, end}}};
      header += (header.size() > 1 ? "," : "") + json(tensor->name).dump() + ":" + entry.dump();
      offset = end;
    }
  } catch (const json::exception&) {  // the one thing dump refuses
    fail("a name for " + in_quotes(path) + " is not valid UTF-8");
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');

  atomic_file file(path);
  const auto length = static_cast<std::uint64_t>(header.size());
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const tensor_to_write* tensor : order)
    file.write(tensor->bytes);
  file.commit();
}

}  // namespace qfa

#endif
