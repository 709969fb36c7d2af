// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_BLOCK_HPP
#define QFA_COMPRESS_GGML_BLOCK_HPP

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "qfa/compress/rounding.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/exact.hpp"
#include "qfa/core/half.hpp"

namespace qfa {

/// A number format of ggml: so many neighboring elements of a row become so many bytes.
///
/// The compiler sees the shape.  The laws, checked by tests/compress_ggml_block_test.cpp for every format:
///
///   block     pack reads `elements` floats and writes all of `bytes` bytes; unpack goes the other way
///   bytes     those of ggml's reference code compiled without contraction (spec: ggml-quants.c), whatever the flags
///             here: products that a sum follows go through rounded_product, sums run in the order of the elements
///   finite    floats below 2^31 in magnitude are packed without undefined behavior; whether the result is finite
///             depends on their scale, which most formats store as a half
template <class F>
concept ggml_block_format = requires(std::span<const float> x, std::span<std::byte> block,
                                     std::span<const std::byte> stored, std::span<float> y) {
  { F::name } -> std::convertible_to<std::string_view>;  // as ggml calls the type
  requires F::elements >= 1 && F::bytes >= 1;
  { F::pack(x, block) } -> std::same_as<void>;
  { F::unpack(stored, y) } -> std::same_as<void>;
};

/// Packs a row, whose length is a multiple of F::elements.  Throws where it is not, or `out` is of another size.
template <ggml_block_format F>
void pack_ggml_row(std::span<const float> row, std::span<std::byte> out) {
  require(row.size() % F::elements == 0 && out.size() == row.size() / F::elements * F::bytes,
          "a row is packed by whole blocks, into as many bytes as they take");
  for (std::size_t b = 0; b < row.size() / F::elements; ++b)
    F::pack(row.subspan(b * F::elements, F::elements), out.subspan(b * F::bytes, F::bytes));
}

/// Unpacks what pack_ggml_row made of a row of that length.  Throws where the sizes do not fit.
template <ggml_block_format F>
void unpack_ggml_row(std::span<const std::byte> stored, std::span<float> out) {
  require(out.size() % F::elements == 0 && stored.size() == out.size() / F::elements * F::bytes,
          "a row is unpacked by whole blocks, from as many bytes as they take");
  for (std::size_t b = 0; b < out.size() / F::elements; ++b)
    F::unpack(stored.subspan(b * F::bytes, F::bytes), out.subspan(b * F::elements, F::elements));
}

namespace ggml {

/// Bytes as small numbers.
inline std::uint8_t* octets(std::span<std::byte> bytes) noexcept {
  return reinterpret_cast<std::uint8_t*>(bytes.data());
}
inline const std::uint8_t* octets(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

inline void put_half(std::uint8_t* at, float x) noexcept {
  const std::uint16_t bits = to_f16(x);
  std::memcpy(at, &bits, sizeof bits);
}
inline float half_at(const std::uint8_t* at) noexcept {
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return from_f16(bits);
}

/// a b + c, rounded twice.
constexpr float twice_rounded(float a, float b, float c) noexcept { return rounded_product(a, b) + c; }

/// The nearest integer to `x`, ties to even.  Adding 1.5 2^23 leaves the sum no fraction and puts the integer into its
/// lowest bits.  Meant for |x| < 2^22; beyond it some integer of that range, as in the reference, and so for NaN.
constexpr int nearest_int(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x + 12582912.0f);
  return static_cast<int>(bits & 0x007fffffU) - 0x00400000;
}
static_assert(nearest_int(2.5f) == 2 && nearest_int(-3.5f) == -4 && nearest_int(-0.4f) == 0);

/// The same of a b: the product is rounded first, and no multiply-add sees the tie before it is one.
constexpr int nearest_int(float a, float b) noexcept { return nearest_int(rounded_product(a, b)); }

/// The low byte of `x` cut off towards zero.  Where it fits no int the reference's conversion is undefined; on x86 it
/// gives the lowest int, whose low byte is 0, and so does this.
constexpr int cut_to_byte(float x) noexcept {
  if (!(x > -2147483648.0f && x < 2147483648.0f)) return 0;
  return static_cast<std::int8_t>(static_cast<int>(x) & 0xff);
}

/// The largest magnitude, and the first element that has it, sign and all.
struct signed_peak {
  float magnitude = 0.0f;
  float value = 0.0f;
};
constexpr signed_peak peak_of(std::span<const float> x) noexcept {
  signed_peak peak;
  for (const float v : x) {
    const float magnitude = v < 0.0f ? -v : v;
    if (magnitude > peak.magnitude) peak = {magnitude, v};
  }
  return peak;
}

/// Below this largest magnitude the search formats store a scale of zero.
inline constexpr float smallest_peak = 1e-15f;

constexpr int clamp(int x, int low, int high) noexcept { return x < low ? low : x > high ? high : x; }

}  // namespace ggml

}  // namespace qfa

#endif
