// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_FP8_HPP
#define QFA_COMPRESS_FP8_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_blocks.hpp"
#include "qfa/compress/minifloat.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Which weights share a scale: all, a row, `group` neighboring columns of a row, or a block of `group` rows by `group`
/// columns.  Groups and blocks at the edges are shorter.
enum class fp8_granularity : std::uint8_t { tensor, row, group, block };
inline constexpr std::array<std::string_view, 4> fp8_granularity_names{"tensor", "row", "group", "block"};
constexpr const auto& names_of(fp8_granularity) noexcept { return fp8_granularity_names; }

/// Where the scale comes from: the largest magnitude, or a number that is given.
enum class fp8_scale : std::uint8_t { absmax, fixed };
inline constexpr std::array<std::string_view, 2> fp8_scale_names{"absmax", "fixed"};
constexpr const auto& names_of(fp8_scale) noexcept { return fp8_scale_names; }

/// Rounds to an 8-bit float with a scale in fp32:
///
///   s = max|w| / divisor, s = 1 where that is 0;  or s = fixed
///   w <- round(w / s) s
///
/// `divisor` is the format's largest number unless given: 448, 57344, 240 or 57344.  vLLM divides by 224 on AMD's
/// MI300, where E4M3 ends at 240.  vLLM, ModelOpt and llm-compressor saturate.
struct fp8 {
  fp8_format format = fp8_format::e4m3;
  fp8_granularity per = fp8_granularity::tensor;
  std::size_t group = 128;
  fp8_scale scale = fp8_scale::absmax;
  float fixed = 1.0f;
  float divisor = 0.0f;  ///< 0: the format's largest number
  bool saturate = true;

  /// Throws on weights that are not finite, or would not be any more because they do not saturate; they are then
  /// unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    roundable_row_peaks(weights, info);
    if (weights.empty()) return;
    with_format(format, [&](auto number) { quantize(number, weights, info); });
  }

  /// The codes, and 32 bits for each scale; a fixed scale belongs to the recipe and takes none.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    if (rows == 0 || columns == 0) return 0.0;
    const std::size_t scales = scale == fp8_scale::fixed
                                   ? 0
                                   : block_count(rows, tile_rows(rows)) * block_count(columns, tile_columns(columns));
    return 8.0 * static_cast<double>(rows * columns) + 32.0 * static_cast<double>(scales);
  }

  static constexpr std::string_view spec_name = "fp8";
  static constexpr std::string_view summary = "round to an 8-bit float, scale absmax / largest number";
  static constexpr auto fields() {
    return std::tuple{field{"format", &fp8::format, "the 8-bit float"},
                      field{"per", &fp8::per, "which weights share a scale"},
                      field{"group", &fp8::group, "columns in a group, rows and columns in a block"},
                      field{"scale", &fp8::scale, "where the scale comes from"},
                      field{"fixed", &fp8::fixed, "the scale, with scale=fixed"},
                      field{"divisor", &fp8::divisor, "absmax / divisor is the scale; 0: the largest number"},
                      field{"saturate", &fp8::saturate, "whether what is too large becomes the largest number"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for an empty group, a fixed scale or a divisor out of range, and for options that mean nothing together.
  void validate() const {
    const bool grouped = per == fp8_granularity::group || per == fp8_granularity::block;
    if (group == 0) fail("fp8's group must have at least one column");
    if (group != fp8{}.group && !grouped)
      fail("fp8's group=" + std::to_string(group) + " means something with per=group and per=block only");
    if (!(fixed > 0.0f && std::isfinite(fixed)))
      fail("fp8's fixed scale must be positive and finite, not " + value_to_text(fixed));
    if (!(divisor == 0.0f || (divisor >= 1.0f && std::isfinite(divisor))))
      fail("fp8's divisor must be 0 or at least 1 and finite, not " + value_to_text(divisor));
    if (scale == fp8_scale::fixed && (per != fp8_granularity::tensor || divisor != 0.0f))
      fail("fp8's per and divisor mean something with scale=absmax only");
    if (scale == fp8_scale::absmax && fixed != 1.0f) fail("fp8's fixed means something with scale=fixed only");
  }

 private:
  /// Weights share a scale in tiles of so many rows and columns.
  std::size_t tile_rows(std::size_t rows) const noexcept {
    return per == fp8_granularity::tensor ? rows : per == fp8_granularity::block ? group : 1;
  }
  std::size_t tile_columns(std::size_t columns) const noexcept {
    return per == fp8_granularity::group || per == fp8_granularity::block ? (std::min)(group, columns) : columns;
  }

  template <class Number>
  float scale_for(float peak) const noexcept {
    if (scale == fp8_scale::fixed) return fixed;
    const float s = peak / (divisor == 0.0f ? Number::limit() : divisor);
    return s == 0.0f ? 1.0f : s;
  }

  template <class Number>
  void quantize(Number, matrix_view<float> weights, const tensor_info& info) const {
    const std::size_t height = tile_rows(weights.rows()), width = tile_columns(weights.columns());
    const std::size_t across = block_count(weights.columns(), width);
    std::vector<float> peaks(weights.rows() * across, 0.0f);  // of each row's part of each tile
    for_each_row(weights, [&](std::size_t r, std::span<float> row) {
      for (std::size_t t = 0; t < across; ++t)
        peaks[r * across + t] = absmax(part(row, t, width));
    });
    std::vector<float> scales(block_count(weights.rows(), height) * across, 0.0f);  // first their tiles' peaks
    for (std::size_t r = 0; r < weights.rows(); ++r)
      for (std::size_t t = 0; t < across; ++t) {
        float& peak = scales[r / height * across + t];
        peak = (std::max)(peak, peaks[r * across + t]);
      }
    for (std::size_t i = 0; i < scales.size(); ++i) {
      const float peak = scales[i];
      scales[i] = scale_for<Number>(peak);
      if (!saturate && !std::isfinite(Number::round(peak / scales[i], false)))
        fail("fp8 does not saturate, and the weight of magnitude " + value_to_text(peak) + " in or below row " +
             std::to_string(i / across * height) + " of " + quoted(info) + " with the scale " +
             value_to_text(scales[i]) + " is beyond the largest number of " + std::string(name_of(format)) + ", " +
             value_to_text(Number::limit()));
    }
    for_each_row(weights, [&](std::size_t r, std::span<float> row) {
      for (std::size_t t = 0; t < across; ++t) {
        const float s = scales[r / height * across + t];
        for (float& w : part(row, t, width))
          w = Number::round(w / s) * s;
      }
    });
  }

  static std::span<float> part(std::span<float> row, std::size_t t, std::size_t width) noexcept {
    return row.subspan(t * width, (std::min)(width, row.size() - t * width));
  }
};

static_assert(described_policy<fp8> && named_policy<fp8>);

}  // namespace qfa

#endif
