// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_GGUF_WRITER_HPP
#define QFA_IO_GGUF_WRITER_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/gguf_header.hpp"
#include "qfa/io/gguf_types.hpp"
#include "qfa/io/gguf_values.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

struct gguf_pair {
  std::string key;
  gguf_value value;
};

struct gguf_tensor_to_write {
  std::string name;
  const gguf_type* type = nullptr;
  std::vector<std::size_t> shape;  ///< rows before columns
  std::span<const std::byte> bytes;
};

namespace detail {

template <class T>
void append_number(std::string& out, T x) {
  out.append(reinterpret_cast<const char*>(&x), sizeof x);
}
inline void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

inline void append_value(std::string& out, const gguf_value& value) {
  if (const std::string* text = value.text()) return append_text(out, *text);
  if (const gguf_array* array = value.array()) {
    append_number(out, static_cast<std::int32_t>(array->kind));
    append_number(out, static_cast<std::uint64_t>(array->count));
    out.append(reinterpret_cast<const char*>(array->bytes.data()), array->bytes.size());
    return;
  }
  if (value.kind == gguf_kind::f32) return append_number(out, narrow(value.number().value_or(0.0)));
  if (value.kind == gguf_kind::f64) return append_number(out, value.number().value_or(0.0));
  if (value.kind == gguf_kind::boolean) return append_number(out, static_cast<std::uint8_t>(*value.truth() ? 1 : 0));
  // The low bytes of a whole number are those of its narrower kinds.
  std::uint64_t whole = 0;
  if (const auto* n = std::get_if<std::uint64_t>(&value.value)) whole = *n;
  if (const auto* n = std::get_if<std::int64_t>(&value.value)) whole = static_cast<std::uint64_t>(*n);
  out.append(reinterpret_cast<const char*>(&whole), bytes_of(value.kind));
}

}  // namespace detail

/// Writes a GGUF file of version 3 whole or not at all, pairs and tensors in the order given.  `alignment` is a power
/// of two, and written as general.alignment where it is not 32, the default.  Throws for names that are too long or
/// occur twice, for a general.alignment among the pairs that is another, for a value that is not of its kind, and for
/// bytes that do not make up the shape.
inline void write_gguf_file(const std::filesystem::path& path, std::span<const gguf_pair> metadata,
                            std::span<const gguf_tensor_to_write> tensors, std::uint32_t alignment = 32) {
  require(alignment != 0 && (alignment & (alignment - 1)) == 0, "the alignment of a GGUF file is a power of two");
  std::vector<gguf_pair> pairs(metadata.begin(), metadata.end());
  bool stated = alignment == 32;
  for (const gguf_pair& pair : metadata) {
    if (pair.key != "general.alignment") continue;
    if (pair.value.kind != gguf_kind::u32 || pair.value.whole() != alignment)
      fail("general.alignment among the metadata of " + in_quotes(path) + " is not the u32 " +
           std::to_string(alignment) + " that its tensors are to be aligned to");
    stated = true;
  }
  if (!stated) pairs.push_back({"general.alignment", gguf_value::of(alignment)});
  std::string header = "GGUF";
  detail::append_number(header, std::uint32_t{3});
  detail::append_number(header, static_cast<std::int64_t>(tensors.size()));
  detail::append_number(header, static_cast<std::int64_t>(pairs.size()));
  std::map<std::string_view, bool> seen;
  for (const gguf_pair& pair : pairs) {
    if (pair.key.empty() || !seen.emplace(pair.key, true).second)
      fail("the key " + in_quotes(pair.key) + " of " + in_quotes(path) + " is empty or there twice");
    if (!agrees_with_kind(pair.value))
      fail("the value of " + in_quotes(pair.key) + " of " + in_quotes(path) + " is not of its kind, " +
           std::string(name_of(pair.value.kind)));
    detail::append_text(header, pair.key);
    detail::append_number(header, static_cast<std::int32_t>(pair.value.kind));
    detail::append_value(header, pair.value);
  }
  const auto padding = [&](std::size_t n) { return (alignment - n % alignment) % alignment; };
  std::uint64_t offset = 0;
  seen.clear();
  for (const gguf_tensor_to_write& tensor : tensors) {
    const std::string named = "tensor " + in_quotes(tensor.name) + " of " + in_quotes(path);
    if (tensor.name.size() > longest_gguf_tensor_name || !seen.emplace(tensor.name, true).second)
      fail(named + " has a name of more than 63 bytes or is there twice");
    const std::size_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
    const auto count = element_count(tensor.shape);
    if (tensor.type == nullptr || tensor.shape.size() > most_gguf_dimensions || !count ||
        columns % tensor.type->elements != 0 ||
        *count / tensor.type->elements * tensor.type->bytes != tensor.bytes.size())
      fail(named + " has " + std::to_string(tensor.bytes.size()) + " bytes, which do not make up its shape");
    detail::append_text(header, tensor.name);
    detail::append_number(header, static_cast<std::uint32_t>(tensor.shape.size()));
    for (std::size_t i = tensor.shape.size(); i-- > 0;)
      detail::append_number(header, static_cast<std::int64_t>(tensor.shape[i]));
    detail::append_number(header, static_cast<std::int32_t>(tensor.type->id));
    detail::append_number(header, offset);
    offset += tensor.bytes.size() + padding(tensor.bytes.size());
  }
  header.append(padding(header.size()), '\0');

  atomic_file file(path);
  file.write(std::as_bytes(std::span(header)));
  for (const gguf_tensor_to_write& tensor : tensors) {
    file.write(tensor.bytes);
    const std::vector<std::byte> zeros(padding(tensor.bytes.size()), std::byte{0});
    file.write(zeros);
  }
  file.commit();
}

}  // namespace qfa

#endif
