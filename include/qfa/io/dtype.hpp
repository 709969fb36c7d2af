// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_DTYPE_HPP
#define QFA_IO_DTYPE_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "qfa/core/error.hpp"
#include "qfa/core/half.hpp"

namespace qfa {

// Files are little-endian and so is every machine this library is built for: bytes become numbers by memcpy.
static_assert(std::endian::native == std::endian::little, "qfa reads its files on little-endian machines only");

/// Types of tensor elements, in the order and by the names of the safetensors format.
enum class dtype : std::uint8_t {
  boolean,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64,
  f4,
  f6_e2m3,
  f6_e3m2
};
inline constexpr std::array<std::string_view, 22> dtype_names{
    "BOOL", "U8",  "I8",  "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16",     "F16",
    "BF16", "I32", "U32", "F32",     "C64",     "F64",     "I64",         "U64",         "F4",  "F6_E2M3", "F6_E3M2"};
inline constexpr std::array<std::uint8_t, 22> dtype_bits{8,  8,  8,  8,  8,  8,  8,  8,  16, 16, 16,
                                                         16, 32, 32, 32, 64, 64, 64, 64, 4,  6,  6};

constexpr std::string_view name(dtype type) noexcept { return dtype_names[static_cast<std::size_t>(type)]; }
constexpr std::size_t bits(dtype type) noexcept { return dtype_bits[static_cast<std::size_t>(type)]; }

constexpr std::optional<dtype> parse_dtype(std::string_view text) noexcept {
  for (std::size_t i = 0; i < dtype_names.size(); ++i)
    if (dtype_names[i] == text) return static_cast<dtype>(i);
  return std::nullopt;
}

/// The dtype of a C++ number.
template <class T>
  requires std::floating_point<T> || std::integral<T>
constexpr dtype dtype_of() noexcept {
  if constexpr (std::same_as<T, bool>) {
    return dtype::boolean;
  } else if constexpr (std::floating_point<T>) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);
    return sizeof(T) == 4 ? dtype::f32 : dtype::f64;
  } else {
    constexpr std::array<dtype, 4> with_sign{dtype::i8, dtype::i16, dtype::i32, dtype::i64};
    constexpr std::array<dtype, 4> without{dtype::u8, dtype::u16, dtype::u32, dtype::u64};
    const auto log_size = static_cast<std::size_t>(std::countr_zero(sizeof(T)));
    return std::signed_integral<T> ? with_sign[log_size] : without[log_size];
  }
}

constexpr bool is_integer(dtype type) noexcept {
  switch (type) {
    case dtype::boolean:
    case dtype::u8:
    case dtype::i8:
    case dtype::i16:
    case dtype::u16:
    case dtype::i32:
    case dtype::u32:
    case dtype::i64:
    case dtype::u64:
      return true;
    default:
      return false;
  }
}

/// Floating types that this library reads; narrower ones (F8, F6, F4) are known by name only.
constexpr bool is_readable_float(dtype type) noexcept {
  return type == dtype::f32 || type == dtype::f16 || type == dtype::bf16 || type == dtype::f64;
}

/// Nearest float; beyond its range an infinity, as IEEE 754 has it and C++ leaves undefined.
inline float narrow(double x) noexcept {
  if (std::fabs(x) > static_cast<double>((std::numeric_limits<float>::max)()))
    return std::signbit(x) ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  return static_cast<float>(x);
}

/// Calls `take(i, x)` for each stored element, x in the stored type (halves as float).  Throws for a type that this
/// library knows by name only, and where the bytes do not make up `count` elements.
template <class Take>
void for_each_element(dtype type, std::span<const std::byte> bytes, std::size_t count, Take take) {
  require(bits(type) % 8 == 0 && bytes.size() % (bits(type) / 8) == 0 && bytes.size() / (bits(type) / 8) == count,
          "the bytes of a tensor must be as many as its elements take");
  const auto walk = [&]<class Stored>(Stored, auto convert) {
    for (std::size_t i = 0; i < count; ++i) {
      Stored x;
      std::memcpy(&x, bytes.data() + i * sizeof(Stored), sizeof(Stored));
      take(i, convert(x));
    }
  };
  const auto as_is = [](auto x) { return x; };
  switch (type) {
    case dtype::boolean:
      return walk(std::uint8_t{}, [](std::uint8_t x) { return std::uint8_t{x != 0}; });
    case dtype::u8:
      return walk(std::uint8_t{}, as_is);
    case dtype::i8:
      return walk(std::int8_t{}, as_is);
    case dtype::i16:
      return walk(std::int16_t{}, as_is);
    case dtype::u16:
      return walk(std::uint16_t{}, as_is);
    case dtype::f16:
      return walk(std::uint16_t{}, from_f16);
    case dtype::bf16:
      return walk(std::uint16_t{}, from_bf16);
    case dtype::i32:
      return walk(std::int32_t{}, as_is);
    case dtype::u32:
      return walk(std::uint32_t{}, as_is);
    case dtype::f32:
      return walk(float{}, as_is);
    case dtype::f64:
      return walk(double{}, as_is);
    case dtype::i64:
      return walk(std::int64_t{}, as_is);
    case dtype::u64:
      return walk(std::uint64_t{}, as_is);
    default:
      fail("tensors of type " + std::string(name(type)) + " cannot be read as numbers");
  }
}

/// Stored floats or integers as float; F64 and wide integers round to the nearest.
inline void to_floats(dtype type, std::span<const std::byte> bytes, std::span<float> out) {
  if (type == dtype::f32 && bytes.size() == out.size_bytes()) {
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return;
  }
  for_each_element(type, bytes, out.size(), [&](std::size_t i, auto x) {
    if constexpr (std::same_as<decltype(x), double>) {
      out[i] = narrow(x);
    } else {
      out[i] = static_cast<float>(x);
    }
  });
}

/// Stored floats or integers as double; integers beyond 2^53 round to the nearest.
inline void to_doubles(dtype type, std::span<const std::byte> bytes, std::span<double> out) {
  for_each_element(type, bytes, out.size(), [&](std::size_t i, auto x) { out[i] = static_cast<double>(x); });
}

/// Stored integers, BOOL as 0 and 1.  Throws for floating types and for a U64 beyond 2^63 - 1.
inline void to_integers(dtype type, std::span<const std::byte> bytes, std::span<std::int64_t> out) {
  if (!is_integer(type)) fail("tensors of type " + std::string(name(type)) + " do not hold integers");
  for_each_element(type, bytes, out.size(), [&](std::size_t i, auto x) {
    if constexpr (std::same_as<decltype(x), std::uint64_t>) {
      require(x <= static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)()),
              "a stored integer is larger than 2^63 - 1");
      out[i] = static_cast<std::int64_t>(x);
    } else if constexpr (std::integral<decltype(x)>) {
      out[i] = static_cast<std::int64_t>(x);
    }
  });
}

/// Turns the bytes of every element of `width` bytes around: from big-endian to little-endian, and back.
inline void swap_bytes(std::span<std::byte> data, std::size_t width) {
  for (std::size_t i = 0; i + width <= data.size(); i += width)
    std::reverse(data.begin() + static_cast<std::ptrdiff_t>(i), data.begin() + static_cast<std::ptrdiff_t>(i + width));
}

/// The product of a shape's dimensions; nothing where it does not fit.
constexpr std::optional<std::size_t> element_count(std::span<const std::size_t> shape) noexcept {
  std::size_t count = 1;
  for (const std::size_t n : shape) {
    if (n != 0 && count > (std::numeric_limits<std::size_t>::max)() / n) return std::nullopt;
    count *= n;
  }
  return count;
}

/// The bytes that so many elements take; nothing where they do not fit or end within a byte.
constexpr std::optional<std::size_t> byte_count(dtype type, std::size_t elements) noexcept {
  if (elements > (std::numeric_limits<std::size_t>::max)() / bits(type)) return std::nullopt;
  if (elements * bits(type) % 8 != 0) return std::nullopt;
  return elements * bits(type) / 8;
}

}  // namespace qfa

#endif
