// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_SAFETENSORS_HPP
#define QFA_IO_SAFETENSORS_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/file_piece.hpp"
#include "qfa/io/file_window.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/safetensors_header.hpp"

namespace qfa {

/// A tensor as it lies in a file: row-major, little-endian.
struct stored_tensor {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::size_t> shape;  ///< empty for a scalar
  file_piece bytes;
  std::string file;  ///< for messages

  std::size_t size() const noexcept { return bytes.size() * 8 / bits(type); }
};

namespace detail {

/// Elements of whole bytes, converted by `convert(type, bytes, out)` a window at a time.
template <class T, class Convert>
std::vector<T> read_elements(const stored_tensor& tensor, Convert convert) {
  std::vector<T> out(tensor.size());
  const std::size_t width = bits(tensor.type) / 8;
  tensor.bytes.for_each_run(width, [&](std::uint64_t first, std::span<const std::byte> bytes) {
    convert(tensor.type, bytes, std::span(out).subspan(static_cast<std::size_t>(first), bytes.size() / width));
  });
  return out;
}

}  // namespace detail

/// A stored tensor's elements as floats: F32, F16, BF16, F64 and integers.  Throws for other types.
inline std::vector<float> read_floats(const stored_tensor& tensor) {
  if (!is_readable_float(tensor.type) && !is_integer(tensor.type))
    fail("tensor " + in_quotes(tensor.name) + " in " + tensor.file + " is of type " + std::string(name(tensor.type)) +
         ", but F32, F16, BF16, F64 or integers are needed");
  return detail::read_elements<float>(tensor, [](dtype type, auto from, auto to) { to_floats(type, from, to); });
}

/// A stored tensor's elements as doubles, under the same conditions.  Throws for other types.
inline std::vector<double> read_doubles(const stored_tensor& tensor) {
  if (!is_readable_float(tensor.type) && !is_integer(tensor.type))
    fail("tensor " + in_quotes(tensor.name) + " in " + tensor.file + " is of type " + std::string(name(tensor.type)) +
         ", but F32, F16, BF16, F64 or integers are needed");
  return detail::read_elements<double>(tensor, [](dtype type, auto from, auto to) { to_doubles(type, from, to); });
}

/// A stored tensor's elements as integers.  Throws for floating types and for a U64 beyond 2^63 - 1.
inline std::vector<std::int64_t> read_integers(const stored_tensor& tensor) {
  if (!is_integer(tensor.type))
    fail("tensor " + in_quotes(tensor.name) + " in " + tensor.file + " is of type " + std::string(name(tensor.type)) +
         ", but integers are needed");
  return detail::read_elements<std::int64_t>(tensor,
                                             [](dtype type, auto from, auto to) { to_integers(type, from, to); });
}

struct safetensors_options {
  file_access access = file_access::mapped;
  bool allow_trailing_bytes = false;  ///< the format forbids bytes behind the last tensor; some files have them
};

/// A safetensors file: named tensors, whose bytes stay in the file until they are asked for.  Copies share the open
/// file.
///
/// Nothing is taken on trust: a file that breaks a rule of the format (io/safetensors_header.hpp) is refused with a
/// sentence that names it.
class safetensors {
 public:
  explicit safetensors(const std::filesystem::path& path, safetensors_options options = {}) : where_(in_quotes(path)) {
    const auto file = std::make_shared<file_window>(path, options.access);
    safetensors_header header = read_safetensors_header(*file, options.allow_trailing_bytes);
    for (safetensors_entry& entry : header.tensors) {
      by_name_.emplace(entry.name, tensors_.size());
      tensors_.push_back({std::move(entry.name), entry.type, std::move(entry.shape),
                          file_piece(file, entry.begin, static_cast<std::size_t>(entry.end - entry.begin)), where_});
    }
    metadata_ = std::move(header.metadata);
  }

  bool contains(std::string_view tensor) const { return by_name_.find(tensor) != by_name_.end(); }

  /// Throws, naming the file, where there is no such tensor.
  const stored_tensor& at(std::string_view tensor) const {
    const auto found = by_name_.find(tensor);
    if (found == by_name_.end()) fail("there is no tensor " + in_quotes(tensor) + " in " + where_);
    return tensors_[found->second];
  }

  /// All tensors, in the order of their data.
  std::span<const stored_tensor> tensors() const noexcept { return tensors_; }
  /// The names of all tensors, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : by_name_)
      out.push_back(entry.first);
    return out;
  }
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  /// The file's name in quotes, for messages.
  const std::string& where() const noexcept { return where_; }

 private:
  std::string where_;
  std::vector<stored_tensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace qfa

#endif
