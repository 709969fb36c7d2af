// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_SAFETENSORS_HEADER_HPP
#define QFA_IO_SAFETENSORS_HEADER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file_window.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"

namespace qfa {

/// (3, 4) as a message shows it.
inline std::string shape_text(std::span<const std::size_t> shape) {
  std::string out = "(";
  for (std::size_t i = 0; i < shape.size(); ++i)
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return out + ")";
}

/// Where a tensor lies in a safetensors file.
struct safetensors_entry {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::size_t> shape;  ///< empty for a scalar
  std::uint64_t begin = 0;         ///< of its bytes, from the front of the file
  std::uint64_t end = 0;
};

/// What a safetensors file says of itself.
struct safetensors_header {
  static constexpr std::uint64_t longest = 100'000'000;  ///< bytes, the reference implementation's cap

  std::vector<safetensors_entry> tensors;  ///< in the order of their data, which is without holes and without overlap
  std::map<std::string, std::string> metadata;
};

namespace detail {

class safetensors_header_reader {
 public:
  safetensors_header_reader(std::string_view text, std::uint64_t file_size, bool allow_trailing_bytes,
                            const std::string& where)
      : where_(where) {
    if (text.empty() || text.front() != '{') refuse("its header does not begin with {");
    read(parse_json(text, "the header of " + where_, {.depth = 8}));
    place(8 + text.size(), file_size, allow_trailing_bytes);
  }

  safetensors_header header;

 private:
  [[noreturn]] void refuse(const std::string& why) const { fail(where_ + " is not a valid safetensors file: " + why); }
  [[noreturn]] void refuse(const std::string& tensor, const std::string& why) const {
    refuse("tensor " + in_quotes(tensor) + " " + why);
  }

  void read(const json& tensors) {
    for (const auto& [tensor, entry] : tensors.items()) {
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
      safetensors_entry read{tensor, *known, whole_numbers(entry["shape"], tensor, "shape")};
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
      read.begin = offsets[0];
      read.end = offsets[1];
      header.tensors.push_back(std::move(read));
    }
  }

  void read_metadata(const json& entry) {
    if (!entry.is_object()) refuse("its __metadata__ is not an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) refuse("its __metadata__ has a value at " + in_quotes(key) + " that is not a string");
      header.metadata.emplace(key, value.get<std::string>());
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

  /// Puts the tensors in the order of their data, which begins at `data` and goes to the end of the file.
  void place(std::uint64_t data, std::uint64_t file_size, bool allow_trailing_bytes) {
    std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const auto& x, const auto& y) {
      return x.begin != y.begin ? x.begin < y.begin : x.end < y.end;
    });
    const std::uint64_t size = file_size - data;
    std::uint64_t end = 0;
    for (safetensors_entry& here : header.tensors) {
      if (here.begin != end)
        refuse(here.name, "begins at byte " + std::to_string(here.begin) +
                              " of the data, but the one before it ends at " + std::to_string(end));
      if (here.end > size)
        refuse(here.name, "ends at byte " + std::to_string(here.end) + " of the data, but the file has only " +
                              std::to_string(size));
      end = here.end;
      here.begin += data;
      here.end += data;
    }
    if (end != size && !allow_trailing_bytes) refuse(std::to_string(size - end) + " bytes follow its last tensor");
  }

  const std::string& where_;
};

}  // namespace detail

/// Reads the header at the front of a safetensors file.  Throws, naming the file, where it breaks a rule of the format:
///
///   u64 N, N bytes of JSON {"name": {"dtype", "shape", "data_offsets": [begin, end)}}, then the data that the
///   offsets count from; the tensors fill the data without holes and without overlap, to the end of the file
///
/// `allow_trailing_bytes` takes files that have more behind the last tensor.
inline safetensors_header read_safetensors_header(file_window& file, bool allow_trailing_bytes = false) {
  const auto refuse = [&](const std::string& why) { fail(file.where() + " is not a valid safetensors file: " + why); };
  if (file.size() < 8) refuse("it is too short to hold the length of a header");
  std::uint64_t length = 0;
  file.read(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > safetensors_header::longest) refuse("its header claims to be " + std::to_string(length) + " bytes long");
  if (length > file.size() - 8)
    refuse("its header should be " + std::to_string(length) + " bytes long, but the file ends before");
  std::string text(static_cast<std::size_t>(length), ' ');
  file.read(8, std::as_writable_bytes(std::span(text)));
  return detail::safetensors_header_reader(text, file.size(), allow_trailing_bytes, file.where()).header;
}

}  // namespace qfa

#endif
