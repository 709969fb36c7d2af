// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_CHECKPOINT_COMPRESSED_TENSORS_HPP
#define QFA_MODEL_CHECKPOINT_COMPRESSED_TENSORS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compress/minifloat.hpp"
#include "qfa/compress/packed_integers.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/model/checkpoint_parts.hpp"
#include "qfa/model/compressed_tensors_scheme.hpp"

namespace qfa {

/// Whether this weight is stored in parts; one that is not is stored as it is.
inline bool stores(const compressed_tensors_layout&, const checkpoint_parts& parts) {
  return parts.contains("weight_packed") || parts.contains("weight_scale") ||
         (parts.contains("weight") &&
          (parts.at("weight").type == dtype::i8 || parts.at("weight").type == dtype::f8_e4m3));
}

namespace detail {

/// How many scales there are along each side of a weight, and how far each reaches.
struct scale_grid {
  std::size_t rows_per_scale = 0, columns_per_scale = 0;
  std::size_t rows = 0, columns = 0;

  bool operator==(const scale_grid&) const = default;

  std::vector<std::vector<std::size_t>> shapes() const {
    std::vector<std::vector<std::size_t>> out{{rows, columns}};
    if (columns == 1) out.push_back({rows});
    if (columns == 1 && rows == 1) out.push_back({});
    return out;
  }
  /// Where the scales of each of `out` output rows begin.
  std::vector<std::size_t> first_scales(std::size_t out) const {
    std::vector<std::size_t> first(out);
    for (std::size_t o = 0; o < out; ++o)
      first[o] = o / rows_per_scale * columns;
    return first;
  }
};

inline scale_grid grid_of(const compressed_tensors_scheme& scheme, const checkpoint_parts& parts) {
  const auto reach = [](std::size_t stated, std::size_t all) { return stated == 0 ? all : (std::min)(stated, all); };
  scale_grid out;
  out.rows_per_scale = reach(scheme.rows_per_scale, parts.out());
  out.columns_per_scale = reach(scheme.columns_per_scale, parts.in());
  out.rows = (parts.out() - 1) / out.rows_per_scale + 1;
  out.columns = (parts.in() - 1) / out.columns_per_scale + 1;
  return out;
}

/// Why a weight cannot be stored by a scheme; nothing where it can.
inline std::optional<part_problem> mismatch(const compressed_tensors_scheme& scheme, const checkpoint_parts& parts) {
  const std::size_t out = parts.out(), in = parts.in();
  const scale_grid grid = grid_of(scheme, parts);
  if (scheme.rows_per_scale == 1 && scheme.columns_per_scale != 0 && in % scheme.columns_per_scale != 0)
    return part_problem{"groups of " + std::to_string(scheme.columns_per_scale) + " columns do not divide the " +
                        std::to_string(in) + " columns of " + parts.named("weight")};
  std::vector<expected_part> expected;
  if (scheme.is_nvfp4()) {
    expected = {{"weight_packed", {dtype::u8}, {{out, in / 2}}},
                {"weight_scale", {dtype::f8_e4m3}, grid.shapes()},
                {"weight_global_scale", {dtype::f32}, {{1}, {}}}};
  } else {
    if (scheme.packs())
      expected = {{"weight_packed", {dtype::i32}, {{out, words_for(in, scheme.bits)}}},
                  {"weight_shape", {dtype::i64, dtype::i32}, {{2}}}};
    else
      expected = {{"weight", {scheme.floating ? dtype::f8_e4m3 : dtype::i8}, {{out, in}}}};
    expected.push_back({"weight_scale", scale_types(), grid.shapes()});
    const bool packed_zeros =
        scheme.packs() && parts.contains("weight_zero_point") && parts.at("weight_zero_point").type != dtype::i8;
    if (packed_zeros)
      expected.push_back({"weight_zero_point", {dtype::i32}, {{words_for(grid.rows, scheme.bits), grid.columns}}});
    else if (!scheme.floating)
      expected.push_back({"weight_zero_point", {dtype::i8}, grid.shapes(), !scheme.symmetric});
    expected.push_back({"weight_g_idx", {dtype::i32}, {{in}}, scheme.act_order});
  }
  return parts.problem(expected);
}

/// (q - z) of integers; z is 0 where it is not stored.
inline std::vector<float> dequantize_integers(const compressed_tensors_scheme& scheme, const checkpoint_parts& parts) {
  const std::size_t out = parts.out(), in = parts.in();
  const scale_grid grid = grid_of(scheme, parts);
  const int middle = 1 << (scheme.bits - 1);
  const auto to_signed = [&](const std::vector<std::uint8_t>& codes) {
    std::vector<std::int8_t> read(codes.size());
    std::transform(codes.begin(), codes.end(), read.begin(),
                   [&](std::uint8_t code) { return static_cast<std::int8_t>(code - middle); });
    return read;
  };
  const auto as_stored = [&](const char* suffix) {
    const auto bytes = parts.bytes(suffix);
    return std::vector<std::int8_t>(bytes.begin(), bytes.end());
  };
  std::vector<std::int8_t> codes, zeros(grid.rows * grid.columns);
  if (scheme.packs()) {
    const std::vector<std::int64_t> shape = read_integers(parts.at("weight_shape"));
    if (shape[0] != static_cast<std::int64_t>(out) || shape[1] != static_cast<std::int64_t>(in))
      fail(parts.named("weight_shape") + " says (" + std::to_string(shape[0]) + ", " + std::to_string(shape[1]) +
           "), but config.json makes it " + shape_text(std::vector{out, in}));
    codes = to_signed(unpack_rows(parts.words("weight_packed"), out, in, scheme.bits));
  } else {
    codes = as_stored("weight");
  }
  if (parts.contains("weight_zero_point"))
    zeros = parts.at("weight_zero_point").type == dtype::i8
                ? as_stored("weight_zero_point")
                : to_signed(unpack_columns(parts.words("weight_zero_point"), grid.rows, grid.columns, scheme.bits));
  const std::vector<float> scales = parts.scales("weight_scale");
  const std::vector<std::size_t> group = parts.group_of_column("weight_g_idx", grid.columns_per_scale, grid.columns);
  const std::vector<std::size_t> first = grid.first_scales(out);
  return fill_weight(out, in, [&](std::size_t o, std::size_t i) {
    const std::size_t g = first[o] + group[i];
    return scales[g] * static_cast<float>(codes[o * in + i] - zeros[g]);
  });
}

inline std::vector<float> dequantize_float8(const compressed_tensors_scheme& scheme, const checkpoint_parts& parts) {
  const std::size_t in = parts.in();
  const scale_grid grid = grid_of(scheme, parts);
  if (parts.contains("weight_zero_point")) {
    const auto zeros = parts.bytes("weight_zero_point");
    if (std::any_of(zeros.begin(), zeros.end(), [](std::uint8_t b) { return b != 0; }))
      fail(parts.named("weight_zero_point") + " is not zero, expected symmetric floating-point weights");
  }
  const auto codes = parts.bytes("weight");
  const std::vector<float> scales = parts.scales("weight_scale");
  const std::vector<std::size_t> group = parts.group_of_column("weight_g_idx", grid.columns_per_scale, grid.columns);
  const std::vector<std::size_t> first = grid.first_scales(parts.out());
  return fill_weight(parts.out(), in, [&](std::size_t o, std::size_t i) {
    return scales[first[o] + group[i]] * e4m3::decode(codes[o * in + i]);
  });
}

inline std::vector<float> dequantize_nvfp4(const checkpoint_parts& parts) {
  constexpr std::array<float, 16> e2m1{0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                       -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};
  const std::size_t in = parts.in();
  const auto codes = parts.bytes("weight_packed");
  const std::vector<float> scales = parts.scales("weight_scale");
  const float global = parts.scales("weight_global_scale").front();
  if (!(global > 0.0f))
    fail(parts.named("weight_global_scale") + " is " + std::to_string(global) + ", expected a positive divisor");
  return fill_weight(parts.out(), in, [&](std::size_t o, std::size_t i) {
    const unsigned byte = codes[(o * in + i) / 2];
    const float product = e2m1[i % 2 == 0 ? byte & 15U : byte >> 4] * scales[(o * in + i) / 16];
    return product / global;
  });
}

inline std::string text_of(const compressed_tensors_scheme& scheme) {
  std::string reach = groups_text(scheme.columns_per_scale);
  if (scheme.rows_per_scale == 0) reach = "one scale";
  if (scheme.rows_per_scale > 1)
    reach = "blocks of " + std::to_string(scheme.rows_per_scale) + " by " + std::to_string(scheme.columns_per_scale);
  return "compressed-tensors " + scheme.format + ", " + std::to_string(scheme.bits) + " bits, " + reach +
         (scheme.quantizes_activations ? ", activations not quantized" : "");
}

}  // namespace detail

/// Throws for parts that are missing or fit no scheme of the configuration, or schemes of different widths, and for
/// what is not finite.
inline dequantized_weight dequantize(const compressed_tensors_layout& layout, const checkpoint_parts& parts) {
  if (layout.schemes.empty()) fail(parts.named("weight") + " is compressed, but no config group says how");
  const compressed_tensors_scheme* fitting = nullptr;
  std::optional<part_problem> nearest;
  for (const compressed_tensors_scheme& scheme : layout.schemes) {
    const auto problem = detail::mismatch(scheme, parts);
    if (problem) {
      if (!nearest || problem->passed > nearest->passed) nearest = problem;
    } else if (fitting == nullptr) {
      fitting = &scheme;
    } else if (fitting->bits != scheme.bits || detail::grid_of(*fitting, parts) != detail::grid_of(scheme, parts)) {
      fail(parts.named("weight_scale") + " fits two config groups that mean different weights");
    }
  }
  if (fitting == nullptr) fail(nearest->sentence);
  std::vector<float> values = fitting->is_nvfp4() ? detail::dequantize_nvfp4(parts)
                              : fitting->floating ? detail::dequantize_float8(*fitting, parts)
                                                  : detail::dequantize_integers(*fitting, parts);
  return {std::move(values), detail::text_of(*fitting)};
}

}  // namespace qfa

#endif
