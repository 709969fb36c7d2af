// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_TYPES_HPP
#define QFA_COMPRESS_GGML_TYPES_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/compress/ggml_block.hpp"
#include "qfa/compress/ggml_fp4.hpp"
#include "qfa/compress/ggml_iq4_nl.hpp"
#include "qfa/compress/ggml_k.hpp"
#include "qfa/compress/ggml_legacy.hpp"
#include "qfa/compress/ggml_q6_k.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/half.hpp"
#include "qfa/io/gguf_types.hpp"

namespace qfa {

namespace ggml {

struct f32 {
  static constexpr std::string_view name = "f32";
  static constexpr std::size_t elements = 1;
  static constexpr std::size_t bytes = 4;
  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    std::memcpy(block.data(), x.data(), bytes);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    std::memcpy(y.data(), block.data(), bytes);
  }
};

struct f16 {
  static constexpr std::string_view name = "f16";
  static constexpr std::size_t elements = 1;
  static constexpr std::size_t bytes = 2;
  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept { put_half(octets(block), x[0]); }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept { y[0] = half_at(octets(block)); }
};

struct bf16 {
  static constexpr std::string_view name = "bf16";
  static constexpr std::size_t elements = 1;
  static constexpr std::size_t bytes = 2;
  static void pack(std::span<const float> x, std::span<std::byte> block) noexcept {
    const std::uint16_t bits = to_bf16(x[0]);
    std::memcpy(block.data(), &bits, bytes);
  }
  static void unpack(std::span<const std::byte> block, std::span<float> y) noexcept {
    std::uint16_t bits = 0;
    std::memcpy(&bits, block.data(), bytes);
    y[0] = from_bf16(bits);
  }
};

}  // namespace ggml

/// The types of ggml that are packed and unpacked here.
enum class ggml_type : std::uint8_t {
  f32,
  f16,
  bf16,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_K,
  q3_K,
  q4_K,
  q5_K,
  q6_K,
  iq4_nl,
  mxfp4,
  nvfp4
};

/// What is known of one of them, and how its rows are packed and unpacked (see pack_ggml_row).
struct ggml_type_entry {
  std::string_view name;
  std::uint32_t id = 0;  ///< in GGUF files
  std::size_t elements = 0;
  std::size_t bytes = 0;
  void (*pack)(std::span<const float> row, std::span<std::byte> out) = nullptr;
  void (*unpack)(std::span<const std::byte> stored, std::span<float> out) = nullptr;
};

namespace detail {

template <ggml_block_format F>
constexpr ggml_type_entry ggml_entry() {
  constexpr const gguf_type* stored = find_gguf_type(F::name);
  static_assert(stored != nullptr && stored->elements == F::elements && stored->bytes == F::bytes,
                "the block of a ggml format has the size that files give it");
  return {F::name, stored->id, F::elements, F::bytes, &pack_ggml_row<F>, &unpack_ggml_row<F>};
}
template <ggml_block_format... F>
constexpr std::array<ggml_type_entry, sizeof...(F)> ggml_entries() {
  return {ggml_entry<F>()...};
}

}  // namespace detail

/// In the order of ggml_type.
inline constexpr auto ggml_type_entries =
    detail::ggml_entries<ggml::f32, ggml::f16, ggml::bf16, ggml::q4_0, ggml::q4_1, ggml::q5_0, ggml::q5_1, ggml::q8_0,
                         ggml::q2_K, ggml::q3_K, ggml::q4_K, ggml::q5_K, ggml::q6_K, ggml::iq4_nl, ggml::mxfp4,
                         ggml::nvfp4>();

constexpr const ggml_type_entry& entry_of(ggml_type type) noexcept {
  return ggml_type_entries[static_cast<std::size_t>(type)];
}

inline constexpr auto ggml_type_names = [] {
  std::array<std::string_view, ggml_type_entries.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i)
    names[i] = ggml_type_entries[i].name;
  return names;
}();
constexpr const auto& names_of(ggml_type) noexcept { return ggml_type_names; }

static_assert(entry_of(ggml_type::bf16).name == "bf16" && entry_of(ggml_type::q8_0).name == "q8_0" &&
              entry_of(ggml_type::q6_K).name == "q6_K" && entry_of(ggml_type::nvfp4).name == "nvfp4");

/// The type that GGUF files number so; nothing where it is not unpacked here.
constexpr std::optional<ggml_type> find_ggml_type(std::uint32_t id) noexcept {
  for (std::size_t i = 0; i < ggml_type_entries.size(); ++i)
    if (ggml_type_entries[i].id == id) return static_cast<ggml_type>(i);
  return std::nullopt;
}

/// Whether a row of so many columns is whole blocks.
constexpr bool divides_rows(ggml_type type, std::size_t columns) noexcept {
  return columns % entry_of(type).elements == 0;
}

/// The bytes of a row; throws where `columns` are not whole blocks.
constexpr std::size_t row_bytes(ggml_type type, std::size_t columns) {
  if (!divides_rows(type, columns)) fail("a row of a ggml type must be whole blocks");
  return columns / entry_of(type).elements * entry_of(type).bytes;
}

/// Packs a row of whole blocks.
inline std::vector<std::byte> packed_row(ggml_type type, std::span<const float> row) {
  std::vector<std::byte> out(row_bytes(type, row.size()));
  entry_of(type).pack(row, out);
  return out;
}

/// What is used instead of a type where rows are no whole blocks of it (llama.cpp's llama-quant.cpp): Q4_K becomes
/// Q5_0, Q5_K Q5_1, Q6_K Q8_0, Q2_K and Q3_K Q4_0; F16 where that does not fit either, and for every other type.
constexpr ggml_type type_for_columns(ggml_type wanted, std::size_t columns) noexcept {
  if (divides_rows(wanted, columns)) return wanted;
  ggml_type instead = ggml_type::f16;
  switch (wanted) {
    case ggml_type::q2_K:
    case ggml_type::q3_K:
      instead = ggml_type::q4_0;
      break;
    case ggml_type::q4_K:
      instead = ggml_type::q5_0;
      break;
    case ggml_type::q5_K:
      instead = ggml_type::q5_1;
      break;
    case ggml_type::q6_K:
      instead = ggml_type::q8_0;
      break;
    default:
      break;
  }
  return divides_rows(instead, columns) ? instead : ggml_type::f16;
}

static_assert(type_for_columns(ggml_type::q4_K, 512) == ggml_type::q4_K &&
              type_for_columns(ggml_type::q4_K, 96) == ggml_type::q5_0 &&
              type_for_columns(ggml_type::q4_K, 40) == ggml_type::f16);

}  // namespace qfa

#endif
