// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_TERNARY_HPP
#define QFA_COMPRESS_TERNARY_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_blocks.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Which weights share a mean.
enum class ternary_granularity : std::uint8_t { tensor, row };
inline constexpr std::array<std::string_view, 2> ternary_granularity_names{"tensor", "row"};
constexpr const auto& names_of(ternary_granularity) noexcept { return ternary_granularity_names; }

/// Rounds to -s, 0 and s, as BitNet b1.58 does (Ma et al., 2024, arXiv 2402.17764, whose scale is the tensor's):
///
///   s = max(mean|w|, 1e-5),  w <- clamp(half_even(w / s), -1, 1) s
///
/// Means are summed in double, each row in order and the rows in order, and rounded to float once.
struct ternary {
  ternary_granularity per = ternary_granularity::tensor;

  /// Throws on weights that are not finite; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    finite_row_peaks(weights, info);
    if (weights.empty()) return;
    std::vector<double> sums(weights.rows(), 0.0);
    for_each_row(weights, [&](std::size_t r, std::span<float> row) {
      for (const float w : row)
        sums[r] += static_cast<double>(std::bit_cast<float>(magnitude_bits(w)));
    });
    if (per == ternary_granularity::tensor) {
      double sum = 0.0;
      for (const double s : sums)
        sum += s;
      const float scale = scale_for(sum, weights.size());
      for_each_row(weights, [scale](std::size_t, std::span<float> row) { quantize(row, scale); });
    } else {
      for_each_row(weights,
                   [&](std::size_t r, std::span<float> row) { quantize(row, scale_for(sums[r], row.size())); });
    }
  }

  /// Two bits a weight, four weights a byte as released checkpoints pack them (log2 3 = 1.58 would do), and 32 for each
  /// scale; none of an empty matrix.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    if (rows == 0 || columns == 0) return 0.0;
    return 2.0 * static_cast<double>(rows * columns) +
           32.0 * static_cast<double>(per == ternary_granularity::tensor ? 1 : rows);
  }

  static constexpr std::string_view spec_name = "ternary";
  static constexpr std::string_view summary = "round to -s, 0 and s, scale mean|w| (BitNet b1.58)";
  static constexpr auto fields() { return std::tuple{field{"per", &ternary::per, "which weights share a scale"}}; }
  std::string name() const { return spec_of(*this); }

 private:
  static float scale_for(double sum, std::size_t n) noexcept {
    return (std::max)(static_cast<float>(sum / static_cast<double>(n)), 1e-5f);
  }
  static void quantize(std::span<float> weights, float scale) noexcept {
    for (float& w : weights) {
      const float q = half_even(w / scale);
      w = (q < -1.0f ? -1.0f : q > 1.0f ? 1.0f : q) * scale;
    }
  }
};

static_assert(described_policy<ternary> && named_policy<ternary>);

}  // namespace qfa

#endif
