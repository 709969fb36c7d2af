// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_SAFETENSORS_HPP
#define QFA_IO_SAFETENSORS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
#include "qfa/io/json.hpp"

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

/// (3, 4) as a message shows it.
inline std::string shape_text(std::span<const std::size_t> shape) {
  std::string out = "(";
  for (std::size_t i = 0; i < shape.size(); ++i)
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return out + ")";
}

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
///   u64 N, N bytes of JSON {"name": {"dtype", "shape", "data_offsets": [begin, end)}}, then the data that the
///   offsets count from; the tensors fill the data without holes and without overlap, to the end of the file.
///
/// Nothing of this is taken on trust: a file that breaks a rule is refused with a sentence that names it.
class safetensors {
 public:
  static constexpr std::uint64_t longest_header = 100'000'000;  ///< the reference implementation's cap

  explicit safetensors(const std::filesystem::path& path, safetensors_options options = {})
      : file_(std::make_shared<const file_bytes>(path, options.access)), where_(in_quotes(path)) {
    const std::span<const std::byte> all = file_->bytes();
    if (all.size() < 8) refuse("it is too short to hold the length of a header");
    std::uint64_t length = 0;
    std::memcpy(&length, all.data(), 8);
    if (length > longest_header) refuse("its header claims to be " + std::to_string(length) + " bytes long");
    if (length > all.size() - 8)
      refuse("its header should be " + std::to_string(length) + " bytes long, but the file ends before");
    const std::string_view header = file_->text().substr(8, static_cast<std::size_t>(length));
    if (header.empty() || header.front() != '{') refuse("its header does not begin with {");
    read_header(parse_json(header, "the header of " + where_, {.depth = 8}));
    place(all.subspan(8 + static_cast<std::size_t>(length)), options.allow_trailing_bytes);
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
  [[noreturn]] void refuse(const std::string& why) const { fail(where_ + " is not a valid safetensors file: " + why); }
  [[noreturn]] void refuse(const std::string& tensor, const std::string& why) const {
    refuse("tensor " + in_quotes(tensor) + " " + why);
  }

  struct region {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  void read_header(const json& header) {
    for (const auto& [tensor, entry] : header.items()) {
      if (tensor == "__metadata__") {
        read_metadata(entry);
        continue;
      }
      if (!entry.is_object()) refuse(tensor, "is not described by an object");
      for (const char* key : {"dtype", "shape", "data_offsets"})
        if (!entry.contains(key)) refuse(tensor, std::string("has no ") + key);
      const json& type = entry["dtype"];
      const auto known = type.is_string() ? parse_dtype(type.get_ref<const std::string&>()) : std::nullopt;
      if (!known) refuse(tensor, "has an unknown dtype");
      stored_tensor read{tensor, *known, whole_numbers(entry["shape"], tensor, "shape"), {}, where_};
      const std::vector<std::size_t> offsets = whole_numbers(entry["data_offsets"], tensor, "data_offsets");
      if (offsets.size() != 2) refuse(tensor, "has data_offsets that are not [begin, end]");
      if (offsets[1] < offsets[0]) refuse(tensor, "ends before it begins");
      const auto count = element_count(read.shape);
      const auto size = count ? byte_count(*known, *count) : std::nullopt;
      if (!size) refuse(tensor, "has the shape " + shape_text(read.shape) + ", which makes no whole number of bytes");
      if (*size != offsets[1] - offsets[0])
        refuse(tensor, "has the shape " + shape_text(read.shape) + " of " + std::string(name(*known)) + ", that is " +
                           std::to_string(*size) + " bytes, but its offsets span " +
                           std::to_string(offsets[1] - offsets[0]));
      tensors_.push_back(std::move(read));
      regions_.push_back({offsets[0], offsets[1]});
    }
  }

  void read_metadata(const json& entry) {
    if (!entry.is_object()) refuse("its __metadata__ is not an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) refuse("its __metadata__ has a value at " + in_quotes(key) + " that is not a string");
      metadata_.emplace(key, value.get<std::string>());
    }
  }

  std::vector<std::size_t> whole_numbers(const json& list, const std::string& tensor, const char* key) const {
    if (!list.is_array()) refuse(tensor, std::string("has a ") + key + " that is not a list");
    std::vector<std::size_t> out;
    for (const json& n : list) {
      if (!n.is_number_unsigned()) refuse(tensor, std::string("has a ") + key + " that holds more than sizes");
      out.push_back(n.get<std::size_t>());
    }
    return out;
  }

  /// Puts the tensors in the order of their data, and gives each its bytes.
  void place(std::span<const std::byte> data, bool allow_trailing_bytes) {
    std::vector<std::size_t> order(tensors_.size());
    for (std::size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const region &x = regions_[a], &y = regions_[b];
      return x.begin != y.begin ? x.begin < y.begin : x.end != y.end ? x.end < y.end : a < b;
    });
    std::vector<stored_tensor> sorted;
    sorted.reserve(order.size());
    std::size_t end = 0;
    for (const std::size_t i : order) {
      const region& here = regions_[i];
      if (here.begin != end)
        refuse(tensors_[i].name, "begins at byte " + std::to_string(here.begin) +
                                     " of the data, but the one before it ends at " + std::to_string(end));
      if (here.end > data.size())
        refuse(tensors_[i].name, "ends at byte " + std::to_string(here.end) + " of the data, but the file has only " +
                                     std::to_string(data.size()));
      end = here.end;
      tensors_[i].bytes = data.subspan(here.begin, here.end - here.begin);
      by_name_.emplace(tensors_[i].name, sorted.size());
      sorted.push_back(std::move(tensors_[i]));
    }
    if (end != data.size() && !allow_trailing_bytes)
      refuse(std::to_string(data.size() - end) + " bytes follow its last tensor");
    tensors_ = std::move(sorted);
    regions_ = {};
  }

  std::shared_ptr<const file_bytes> file_;
  std::string where_;
  std::vector<stored_tensor> tensors_;
  std::vector<region> regions_;  // while reading
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace qfa

#endif
