// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_GGUF_TYPES_HPP
#define QFA_IO_GGUF_TYPES_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace qfa {

/// A type of tensor elements as GGUF files number them: so many neighboring elements take so many bytes.
struct gguf_type {
  std::uint32_t id = 0;
  std::string_view name;  ///< as ggml calls it
  std::size_t elements = 1;
  std::size_t bytes = 0;
};

/// Every type whose size is known (ggml.h and ggml-common.h, 0.21).  The numbers 4, 5, 31 to 33 and 36 to 38 are of
/// types that were taken back; 42, Q2_0, is too new for its size to be known here.
inline constexpr std::array<gguf_type, 34> gguf_types{{
    {0, "f32", 1, 4},         {1, "f16", 1, 2},         {2, "q4_0", 32, 18},      {3, "q4_1", 32, 20},
    {6, "q5_0", 32, 22},      {7, "q5_1", 32, 24},      {8, "q8_0", 32, 34},      {9, "q8_1", 32, 36},
    {10, "q2_K", 256, 84},    {11, "q3_K", 256, 110},   {12, "q4_K", 256, 144},   {13, "q5_K", 256, 176},
    {14, "q6_K", 256, 210},   {15, "q8_K", 256, 292},   {16, "iq2_xxs", 256, 66}, {17, "iq2_xs", 256, 74},
    {18, "iq3_xxs", 256, 98}, {19, "iq1_s", 256, 50},   {20, "iq4_nl", 32, 18},   {21, "iq3_s", 256, 110},
    {22, "iq2_s", 256, 82},   {23, "iq4_xs", 256, 136}, {24, "i8", 1, 1},         {25, "i16", 1, 2},
    {26, "i32", 1, 4},        {27, "i64", 1, 8},        {28, "f64", 1, 8},        {29, "iq1_m", 256, 56},
    {30, "bf16", 1, 2},       {34, "tq1_0", 256, 54},   {35, "tq2_0", 256, 66},   {39, "mxfp4", 32, 17},
    {40, "nvfp4", 64, 36},    {41, "q1_0", 128, 18},
}};

/// Null where a file's number is of no type that is known.
constexpr const gguf_type* find_gguf_type(std::uint32_t id) noexcept {
  for (const gguf_type& type : gguf_types)
    if (type.id == id) return &type;
  return nullptr;
}
constexpr const gguf_type* find_gguf_type(std::string_view name) noexcept {
  for (const gguf_type& type : gguf_types)
    if (type.name == name) return &type;
  return nullptr;
}

static_assert(find_gguf_type(12)->name == "q4_K" && find_gguf_type("q1_0")->id == 41 && find_gguf_type(4) == nullptr);

}  // namespace qfa

#endif
