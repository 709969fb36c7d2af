// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_GGUF_HEADER_HPP
#define QFA_IO_GGUF_HEADER_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/gguf_types.hpp"
#include "qfa/io/gguf_values.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// What ggml's own reader (0.21) allows.
inline constexpr std::uint64_t longest_gguf_string = std::uint64_t{1} << 30U;
inline constexpr std::uint64_t longest_gguf_array = std::uint64_t{1} << 30U;
inline constexpr std::size_t longest_gguf_tensor_name = 63;
inline constexpr std::size_t most_gguf_dimensions = 4;

/// A tensor as the header tells of it.
struct gguf_tensor_entry {
  std::string name;
  std::vector<std::size_t> shape;  ///< rows before columns, as elsewhere in qfa: the file has the columns first
  const gguf_type* type = nullptr;
  std::size_t bytes = 0;
  std::uint64_t offset = 0;  ///< from the beginning of the data
};

struct gguf_header {
  std::uint32_t version = 3;
  std::map<std::string, gguf_value, std::less<>> metadata;  ///< arrays view the bytes that were read
  std::vector<gguf_tensor_entry> tensors;                   ///< in the order of the file
  std::size_t alignment = 32;
  std::size_t bytes = 0;  ///< up to the end of the last entry, without the padding before the data
};

namespace detail {

[[noreturn]] inline void refuse_gguf(const std::string& where, const std::string& why) {
  fail(where + " is not a valid GGUF file: " + why);
}
[[noreturn]] inline void refuse_gguf(const std::string& where, const std::string& tensor, const std::string& why) {
  refuse_gguf(where, "tensor " + in_quotes(tensor) + " " + why);
}

/// Thrown where a header goes on behind the front of its file that is at hand.
struct gguf_header_goes_on {
  std::size_t to;  ///< at least this many bytes of the file are needed
};

/// Reads a header from the beginning of a file.  Nothing is taken on trust: each number is held against what remains of
/// the file before it is believed, and each refusal is one sentence that names the file.
class gguf_header_reader {
 public:
  gguf_header_reader(std::span<const std::byte> file, std::string where)
      : gguf_header_reader(file, file.size(), std::move(where)) {}
  /// `front` is the beginning of a file of `size` bytes.
  gguf_header_reader(std::span<const std::byte> front, std::uint64_t size, std::string where)
      : front_(front), size_(size), where_(std::move(where)) {}

  /// Throws gguf_header_goes_on where the front ends before the header does.
  gguf_header read() {
    gguf_header out;
    if (size_ < 4 || std::memcmp(take(4, "its first word"), "GGUF", 4) != 0) refuse("it does not begin with GGUF");
    out.version = number<std::uint32_t>("its version");
    if (out.version != 0 && (out.version & 0xffffU) == 0) refuse("its numbers are big-endian, which is not supported");
    if (out.version != 2 && out.version != 3)
      refuse("its version is " + std::to_string(out.version) + ", expected 2 or 3");
    // The shortest tensor entry has 24 bytes, the shortest pair 14: a key of one letter and a value of one byte.
    const std::size_t tensors = count("tensors", 24);
    const std::size_t pairs = count("pairs of metadata", 14);
    for (std::size_t i = 0; i < pairs; ++i)
      read_pair(out);
    if (const auto found = out.metadata.find("general.alignment"); found != out.metadata.end()) {
      const auto value = found->second.kind == gguf_kind::u32 ? found->second.whole() : std::nullopt;
      if (!value || *value == 0 || (*value & (*value - 1)) != 0)
        refuse("its general.alignment is no u32 that is a power of two");
      out.alignment = static_cast<std::size_t>(*value);
    }
    std::map<std::string_view, bool> seen;
    for (std::size_t i = 0; i < tensors; ++i)
      out.tensors.push_back(read_tensor());
    for (const gguf_tensor_entry& tensor : out.tensors)
      if (!seen.emplace(tensor.name, true).second) refuse(tensor.name, "is there twice");
    out.bytes = at_;
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const { refuse_gguf(where_, why); }
  [[noreturn]] void refuse(const std::string& tensor, const std::string& why) const {
    refuse_gguf(where_, tensor, why);
  }

  std::uint64_t left() const noexcept { return size_ - at_; }

  const std::byte* take(std::size_t bytes, std::string_view what) {
    if (bytes > left()) refuse("the file ends within " + std::string(what));
    if (bytes > front_.size() - at_) throw gguf_header_goes_on{at_ + bytes};
    const std::byte* const begin = front_.data() + at_;
    at_ += bytes;
    return begin;
  }
  template <class T>
  T number(std::string_view what) {
    T x{};
    std::memcpy(&x, take(sizeof x, what), sizeof x);
    return x;
  }
  std::string_view text(std::string_view what) {
    const auto length = number<std::uint64_t>(what);
    if (length > longest_gguf_string || length > left())
      refuse(std::string(what) + " claims to be " + std::to_string(length) + " bytes long");
    const std::byte* const begin = take(static_cast<std::size_t>(length), what);
    return {reinterpret_cast<const char*>(begin), static_cast<std::size_t>(length)};
  }
  std::size_t count(const char* what, std::size_t shortest) {
    const auto n = number<std::int64_t>("the number of its " + std::string(what));
    if (n < 0 || static_cast<std::uint64_t>(n) > left() / shortest)
      refuse("it claims to have " + std::to_string(n) + " " + what + ", more than it has room for");
    return static_cast<std::size_t>(n);
  }
  gguf_kind kind(const std::string& of) {
    const auto n = number<std::int32_t>("the type of " + of);
    if (n < 0 || static_cast<std::size_t>(n) >= gguf_kind_names.size())
      refuse(of + " is of the unknown type " + std::to_string(n));
    return static_cast<gguf_kind>(n);
  }

  void read_pair(gguf_header& out) {
    const std::string key(text("a key of its metadata"));
    if (key.empty()) refuse("a key of its metadata is empty");
    const std::string what = "the value of " + in_quotes(key);
    const gguf_kind of = kind(what);
    if (!out.metadata.emplace(key, value(of, what)).second)
      refuse("its metadata has the key " + in_quotes(key) + " twice");
  }

  gguf_value value(gguf_kind of, const std::string& what) {
    if (of == gguf_kind::string) return {of, std::string(text(what))};
    if (of == gguf_kind::array) return {of, array(what)};
    const auto read = gguf_number_at(of, take(bytes_of(of), what));
    if (!read) refuse(what + " is neither true nor false");
    return *read;
  }

  gguf_array array(const std::string& what) {
    gguf_array out;
    out.kind = kind(what);
    if (out.kind == gguf_kind::array) refuse(what + " is an array of arrays");
    const auto n = number<std::uint64_t>(what);
    const std::size_t each = bytes_of(out.kind) != 0 ? bytes_of(out.kind) : sizeof(std::uint64_t);
    if (n > longest_gguf_array || n > left() / each)
      refuse(what + " claims to have " + std::to_string(n) + " elements");
    out.count = static_cast<std::size_t>(n);
    const std::size_t begin = at_;
    if (out.kind == gguf_kind::string) {
      for (std::size_t i = 0; i < out.count; ++i)
        text(what);
    } else {
      const std::byte* const numbers = take(out.count * each, what);
      if (out.kind == gguf_kind::boolean)
        for (std::size_t i = 0; i < out.count; ++i)
          if (!gguf_number_at(out.kind, numbers + i)) refuse(what + " holds what is neither true nor false");
    }
    out.bytes = front_.subspan(begin, at_ - begin);
    return out;
  }

  gguf_tensor_entry read_tensor() {
    gguf_tensor_entry out;
    out.name = std::string(text("the name of a tensor"));
    if (out.name.size() > longest_gguf_tensor_name)
      refuse(out.name, "has a name of " + std::to_string(out.name.size()) + " bytes, expected less than 64");
    const auto dimensions = number<std::uint32_t>("the description of a tensor");
    if (dimensions > most_gguf_dimensions)
      refuse(out.name, "has " + std::to_string(dimensions) + " dimensions, expected 4 at most");
    std::uint64_t elements = 1;
    std::uint64_t columns = 1;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
      const auto n = number<std::int64_t>("the description of a tensor");
      if (n < 0) refuse(out.name, "has the negative dimension " + std::to_string(n));
      const auto size = static_cast<std::uint64_t>(n);
      constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)());
      if (size != 0 && elements > most / size) refuse(out.name, "has more elements than can be counted");
      elements *= size;
      if (i == 0) columns = size;
      out.shape.insert(out.shape.begin(), static_cast<std::size_t>(size));
    }
    const auto id = number<std::int32_t>("the description of a tensor");
    out.type = id < 0 ? nullptr : find_gguf_type(static_cast<std::uint32_t>(id));
    if (out.type == nullptr) refuse(out.name, "is of the unknown type " + std::to_string(id));
    if (columns % out.type->elements != 0)
      refuse(out.name, "has rows of " + std::to_string(columns) + " elements, expected a multiple of " +
                           std::to_string(out.type->elements) + ", a block of " + std::string(out.type->name));
    const std::uint64_t blocks = elements / out.type->elements;
    if (blocks > size_ / out.type->bytes) refuse(out.name, "would be larger than the file");
    out.bytes = static_cast<std::size_t>(blocks) * out.type->bytes;
    out.offset = number<std::uint64_t>("the description of a tensor");
    return out;
  }

  std::span<const std::byte> front_;
  std::uint64_t size_;
  std::string where_;
  std::size_t at_ = 0;
};

}  // namespace detail

}  // namespace qfa

#endif
