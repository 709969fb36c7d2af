// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_GGUF_VALUES_HPP
#define QFA_IO_GGUF_VALUES_HPP

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"

namespace qfa {

/// The types of metadata, by the numbers that GGUF files give them.
enum class gguf_kind : std::uint8_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
inline constexpr std::array<std::string_view, 13> gguf_kind_names{"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                                  "bool", "string", "array", "u64", "i64", "f64"};
/// Bytes of one value; 0 where they vary.
inline constexpr std::array<std::size_t, 13> gguf_kind_bytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

constexpr std::string_view name_of(gguf_kind kind) noexcept { return gguf_kind_names[static_cast<std::size_t>(kind)]; }
constexpr std::size_t bytes_of(gguf_kind kind) noexcept { return gguf_kind_bytes[static_cast<std::size_t>(kind)]; }

/// Values of one kind, as they lie in the file; strings each behind a u64 with its length.
struct gguf_array {
  gguf_kind kind = gguf_kind::u8;
  std::size_t count = 0;
  std::span<const std::byte> bytes{};
};

/// One value of metadata.  Integers and floats are widened; `kind` keeps what they were.
struct gguf_value {
  gguf_kind kind = gguf_kind::u32;
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string, gguf_array> value{};

  /// A whole number of any width that is not negative; nothing where it is none.
  std::optional<std::uint64_t> whole() const {
    if (const auto* n = std::get_if<std::uint64_t>(&value)) return *n;
    if (const auto* n = std::get_if<std::int64_t>(&value); n != nullptr && *n >= 0)
      return static_cast<std::uint64_t>(*n);
    return std::nullopt;
  }
  /// A float or a whole number.
  std::optional<double> number() const {
    if (const auto* x = std::get_if<double>(&value)) return *x;
    if (const auto* n = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*n);
    if (const auto* n = std::get_if<std::int64_t>(&value)) return static_cast<double>(*n);
    return std::nullopt;
  }
  std::optional<bool> truth() const {
    if (const auto* b = std::get_if<bool>(&value)) return *b;
    return std::nullopt;
  }
  /// Null where it is no string.
  const std::string* text() const { return std::get_if<std::string>(&value); }
  /// Null where it is no array.
  const gguf_array* array() const { return std::get_if<gguf_array>(&value); }

  static gguf_value of(bool b) { return {gguf_kind::boolean, b}; }
  static gguf_value of(std::uint32_t n) { return {gguf_kind::u32, static_cast<std::uint64_t>(n)}; }
  static gguf_value of(float x) { return {gguf_kind::f32, static_cast<double>(x)}; }
  static gguf_value of(std::string text) { return {gguf_kind::string, std::move(text)}; }
  static gguf_value of(const char* text) { return of(std::string(text)); }
};

/// Whether what a value holds is of the kind that it names, and a whole number within that kind's range.
inline bool agrees_with_kind(const gguf_value& v) {
  const std::size_t bits = 8 * bytes_of(v.kind);
  switch (v.kind) {
    case gguf_kind::boolean:
      return std::holds_alternative<bool>(v.value);
    case gguf_kind::string:
      return v.text() != nullptr;
    case gguf_kind::array: {
      const gguf_array* const array = v.array();
      if (array == nullptr || array->kind == gguf_kind::array) return false;
      return array->kind == gguf_kind::string || array->bytes.size() == array->count * bytes_of(array->kind);
    }
    case gguf_kind::f32:
    case gguf_kind::f64:
      return std::holds_alternative<double>(v.value);
    case gguf_kind::i8:
    case gguf_kind::i16:
    case gguf_kind::i32:
    case gguf_kind::i64: {
      const auto* const n = std::get_if<std::int64_t>(&v.value);
      if (n == nullptr) return false;
      const std::int64_t most = static_cast<std::int64_t>(~std::uint64_t{0} >> (65 - bits));
      return *n >= -most - 1 && *n <= most;
    }
    default: {
      const auto* const n = std::get_if<std::uint64_t>(&v.value);
      return n != nullptr && *n <= ~std::uint64_t{0} >> (64 - bits);
    }
  }
}

/// A stored number of the kind, as a value.  `at` holds at least bytes_of(kind) bytes.  Nothing for a bool that is
/// neither 0 nor 1, and for kinds that are no numbers.
inline std::optional<gguf_value> gguf_number_at(gguf_kind kind, const std::byte* at) {
  const auto read = [&]<class T>(T x) {
    std::memcpy(&x, at, sizeof x);
    gguf_value out{kind, {}};
    if constexpr (std::floating_point<T>)
      out.value = static_cast<double>(x);
    else if constexpr (std::signed_integral<T>)
      out.value = static_cast<std::int64_t>(x);
    else
      out.value = static_cast<std::uint64_t>(x);
    return std::optional(out);
  };
  switch (kind) {
    case gguf_kind::u8:
      return read(std::uint8_t{});
    case gguf_kind::i8:
      return read(std::int8_t{});
    case gguf_kind::u16:
      return read(std::uint16_t{});
    case gguf_kind::i16:
      return read(std::int16_t{});
    case gguf_kind::u32:
      return read(std::uint32_t{});
    case gguf_kind::i32:
      return read(std::int32_t{});
    case gguf_kind::u64:
      return read(std::uint64_t{});
    case gguf_kind::i64:
      return read(std::int64_t{});
    case gguf_kind::f32:
      return read(float{});
    case gguf_kind::f64:
      return read(double{});
    case gguf_kind::boolean: {
      const auto byte = std::to_integer<unsigned>(*at);
      if (byte > 1) return std::nullopt;
      return gguf_value{kind, byte == 1};
    }
    default:
      return std::nullopt;
  }
}

/// The values of an array of numbers.  Throws for an array of anything else.
inline std::vector<double> gguf_numbers(const gguf_array& array) {
  require(array.kind != gguf_kind::string && array.kind != gguf_kind::boolean && array.kind != gguf_kind::array,
          "numbers are read from an array of numbers");
  std::vector<double> out;
  out.reserve(array.count);
  for (std::size_t i = 0; i < array.count; ++i)
    out.push_back(*gguf_number_at(array.kind, array.bytes.data() + i * bytes_of(array.kind))->number());
  return out;
}

/// The values of an array of strings, which view the file's bytes.  Throws for an array of anything else.
inline std::vector<std::string_view> gguf_strings(const gguf_array& array) {
  require(array.kind == gguf_kind::string, "strings are read from an array of strings");
  std::vector<std::string_view> out;
  out.reserve(array.count);
  std::size_t at = 0;
  for (std::size_t i = 0; i < array.count; ++i) {
    std::uint64_t length = 0;
    std::memcpy(&length, array.bytes.data() + at, sizeof length);
    at += sizeof length;
    out.emplace_back(reinterpret_cast<const char*>(array.bytes.data() + at), static_cast<std::size_t>(length));
    at += static_cast<std::size_t>(length);
  }
  return out;
}

}  // namespace qfa

#endif
