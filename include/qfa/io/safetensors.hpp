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
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/safetensors_header.hpp"

namespace qfa {

/// A tensor as it lies in a file: row-major, little-endian.  The bytes live as long as a copy of the file's reader.
struct stored_tensor {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::size_t> shape;    ///< empty for a scalar
  std::span<const std::byte> bytes;  ///< not aligned to anything
  std::string file;                  ///< for messages

  std::size_t size() const noexcept { return bytes.size() * 8 / bits(type); }
};

/// A stored tensor's elements as floats: F32, F16, BF16, F64 and integers.  Throws for other types.
inline std::vector<float> read_floats(const stored_tensor& tensor) {
  if (!is_readable_float(tensor.type) && !is_integer(tensor.type))
    fail("tensor " + in_quotes(tensor.name) + " in " + tensor.file + " is of type " + std::string(name(tensor.type)) +
         ", but F32, F16, BF16, F64 or integers are needed");
  std::vector<float> out(tensor.size());
  to_floats(tensor.type, tensor.bytes, out);
  return out;
}

/// A stored tensor's elements as doubles, under the same conditions.
inline std::vector<double> read_doubles(const stored_tensor& tensor) {
  if (!is_readable_float(tensor.type) && !is_integer(tensor.type))
    fail("tensor " + in_quotes(tensor.name) + " in " + tensor.file + " is of type " + std::string(name(tensor.type)) +
         ", but F32, F16, BF16, F64 or integers are needed");
  std::vector<double> out(tensor.size());
  to_doubles(tensor.type, tensor.bytes, out);
  return out;
}

/// A stored tensor's elements as integers.  Throws for floating types and for a U64 beyond 2^63 - 1.
inline std::vector<std::int64_t> read_integers(const stored_tensor& tensor) {
  if (!is_integer(tensor.type))
    fail("tensor " + in_quotes(tensor.name) + " in " + tensor.file + " is of type " + std::string(name(tensor.type)) +
         ", but integers are needed");
  std::vector<std::int64_t> out(tensor.size());
  to_integers(tensor.type, tensor.bytes, out);
  return out;
}

struct safetensors_options {
  file_access access = file_access::mapped;
  bool allow_trailing_bytes = false;  ///< the format forbids bytes behind the last tensor; some files have them
};

/// A safetensors file: named tensors, read in place.  Copies share the bytes.
///
/// Nothing is taken on trust: a file that breaks a rule of the format (io/safetensors_header.hpp) is refused with a
/// sentence that names it.
class safetensors {
 public:
  explicit safetensors(const std::filesystem::path& path, safetensors_options options = {}) : where_(in_quotes(path)) {
    file_window front(path, options.access);
    safetensors_header header = read_safetensors_header(front, options.allow_trailing_bytes);
    file_ = std::make_shared<const file_bytes>(path, options.access);
    for (safetensors_entry& entry : header.tensors) {
      by_name_.emplace(entry.name, tensors_.size());
      const auto begin = static_cast<std::size_t>(entry.begin), end = static_cast<std::size_t>(entry.end);
      require(end <= file_->bytes().size(), "a safetensors file has become shorter while it was read");
      tensors_.push_back({std::move(entry.name), entry.type, std::move(entry.shape),
                          file_->bytes().subspan(begin, end - begin), where_});
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
  std::shared_ptr<const file_bytes> file_;
  std::string where_;
  std::vector<stored_tensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace qfa

#endif
