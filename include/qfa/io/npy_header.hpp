// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_NPY_HEADER_HPP
#define QFA_IO_NPY_HEADER_HPP

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// What stands before the numbers of a .npy file.
///
///   \x93NUMPY, u8 major, u8 minor, header length (u16 in version 1, u32 in 2 and 3), then a Python dictionary
///   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, spaces, a newline
struct npy_header {
  dtype type = dtype::f32;
  bool big_endian = false;
  bool fortran_order = false;  ///< the first index runs fastest
  std::vector<std::size_t> shape;
  std::size_t data_begin = 0;  ///< bytes before the array
  std::size_t data_bytes = 0;  ///< bytes that type and shape make up
};

/// The longest header that is read.  One of a plain array takes about a hundred bytes.
inline constexpr std::size_t longest_npy_header = 65'536;

namespace detail {

/// Reads the one dictionary that may stand in a header; no general Python.
class npy_dictionary {
 public:
  npy_dictionary(std::string_view text, const std::string& where) : text_(text), where_(where) {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr") {
        if (peek() == '[' || peek() == '(') refuse("it is an array of structures, but numbers are needed");
        once(descr, string());
      } else if (key == "fortran_order") {
        once(fortran_order, boolean());
      } else if (key == "shape") {
        once(shape, tuple());
      } else {
        refuse("its header has an unknown entry " + in_quotes(key));
      }
      if (!accept(',') && peek() != '}') refuse(malformed);
    }
    if (peek() != '\0') refuse(malformed);
    if (!descr || !fortran_order || !shape) refuse("its header lacks descr, fortran_order or shape");
  }

  [[noreturn]] void refuse(const std::string& why) const { fail(where_ + " cannot be read as npy: " + why); }

  std::optional<std::string_view> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::size_t>> shape;

 private:
  static constexpr const char* malformed = "its header is not a dictionary of descr, fortran_order and shape";

  template <class T>
  void once(std::optional<T>& entry, T value) {
    if (entry) refuse("its header has an entry twice");
    entry = std::move(value);
  }

  // The next character that is no space, or zero at the end (a zero byte of the text is no other case: both refuse).
  char peek() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n'))
      text_.remove_prefix(1);
    if (!text_.empty() && text_.front() == '\0') refuse(malformed);
    return text_.empty() ? '\0' : text_.front();
  }
  bool accept(char c) {
    if (peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse(malformed);
  }
  std::string_view string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse(malformed);
    const std::size_t end = text_.find(quote, 1);
    if (end == std::string_view::npos) refuse(malformed);
    const std::string_view inside = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return inside;
  }
  bool boolean() {
    peek();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return value;
    }
    refuse(malformed);
  }
  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> out;
    expect('(');
    while (!accept(')')) {
      peek();
      std::size_t n = 0;
      const auto [end, problem] = std::from_chars(text_.data(), text_.data() + text_.size(), n);
      if (problem != std::errc{}) refuse("its shape holds something else than sizes");
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      if (!text_.empty() && text_.front() == 'L') text_.remove_prefix(1);  // a long of Python 2
      out.push_back(n);
      if (!accept(',') && peek() != ')') refuse(malformed);
    }
    return out;
  }

  std::string_view text_;
  const std::string& where_;
};

struct npy_type {
  dtype type;
  bool big_endian;
};

/// '<f4' and its kind.  Nothing for what is not a plain number.
inline std::optional<npy_type> parse_descr(std::string_view descr) {
  char order = '=';
  if (!descr.empty() && std::string_view("<>=|").find(descr.front()) != std::string_view::npos) {
    order = descr.front();
    descr.remove_prefix(1);
  }
  struct known {
    std::string_view name;
    dtype type;
  };
  constexpr known types[] = {{"b1", dtype::boolean}, {"?", dtype::boolean}, {"i1", dtype::i8},  {"u1", dtype::u8},
                             {"i2", dtype::i16},     {"u2", dtype::u16},    {"f2", dtype::f16}, {"i4", dtype::i32},
                             {"u4", dtype::u32},     {"f4", dtype::f32},    {"i8", dtype::i64}, {"u8", dtype::u64},
                             {"f8", dtype::f64},     {"c8", dtype::c64}};
  for (const known& type : types)
    if (type.name == descr) {
      if (order == '|' && bits(type.type) > 8) return std::nullopt;  // an order is needed and none is told
      return npy_type{type.type, order == '>' && bits(type.type) > 8};
    }
  return std::nullopt;
}

/// Bytes from the start of the file to the end of the header, or nothing where the file is too short to tell.
struct npy_preamble {
  std::size_t text_begin = 0;
  std::size_t text_bytes = 0;
};

inline npy_preamble parse_npy_preamble(std::span<const std::byte> file, const std::string& where) {
  constexpr std::string_view magic("\x93NUMPY", 6);
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(file[i]); };
  if (file.size() < 10 || std::string_view(reinterpret_cast<const char*>(file.data()), 6) != magic)
    fail(where + " is not an npy file: it does not begin with \\x93NUMPY");
  const std::size_t version = byte(6);
  if (version < 1 || version > 3 || byte(7) != 0)
    fail(where + " is of npy version " + std::to_string(version) + "." + std::to_string(byte(7)) +
         ", but 1.0, 2.0 or 3.0 is needed");
  npy_preamble out{10, byte(8) + (byte(9) << 8)};
  if (version > 1) {
    if (file.size() < 12) fail(where + " ends within its npy header");
    out = {12, out.text_bytes + (byte(10) << 16) + (byte(11) << 24)};
  }
  if (out.text_bytes > longest_npy_header)
    fail(where + " claims an npy header of " + std::to_string(out.text_bytes) + " bytes");
  return out;
}

}  // namespace detail

/// Reads the header at the front of a .npy file's bytes, of which more may be missing than the header.  Throws, naming
/// `where`, unless it describes an array of plain numbers.
inline npy_header parse_npy_header(std::span<const std::byte> file, const std::string& where) {
  const detail::npy_preamble preamble = detail::parse_npy_preamble(file, where);
  if (file.size() - preamble.text_begin < preamble.text_bytes) fail(where + " ends within its npy header");
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + preamble.text_begin, preamble.text_bytes);
  const detail::npy_dictionary dictionary(text, where);
  const auto type = detail::parse_descr(*dictionary.descr);
  if (!type) {
    if (dictionary.descr->find('O') != std::string_view::npos)
      dictionary.refuse("it holds pickled objects, which are never loaded");
    if (*dictionary.descr == "|V2" || *dictionary.descr == "<V2")
      dictionary.refuse("its elements are untyped pairs of bytes (bfloat16 has no npy type), save it as float32");
    dictionary.refuse("its elements are of type " + in_quotes(*dictionary.descr) + ", but numbers are needed");
  }
  npy_header out;
  out.type = type->type;
  out.big_endian = type->big_endian;
  out.fortran_order = *dictionary.fortran_order;
  out.shape = *dictionary.shape;
  out.data_begin = preamble.text_begin + preamble.text_bytes;
  const auto count = element_count(out.shape);
  const auto size = count ? byte_count(out.type, *count) : std::nullopt;
  if (!size) dictionary.refuse("its shape makes more bytes than can be counted");
  out.data_bytes = *size;
  return out;
}

/// Refuses a file of which `found` bytes follow the header: as many as type and shape make up are needed.
inline void check_npy_length(const npy_header& header, std::uint64_t found, const std::string& where) {
  if (found != header.data_bytes)
    fail(where + " should hold " + std::to_string(header.data_bytes) + " bytes of array, but has " +
         std::to_string(found));
}

}  // namespace qfa

#endif
