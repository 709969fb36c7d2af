// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_RTN_HPP
#define QFA_COMPRESS_RTN_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Which weights share a scale.
///   tensor         all of them
///   row            one output channel, as deployed checkpoints have it
///   group          `group` neighboring columns of a row; where the columns do not divide, the last group is shorter
///                  and a group like any other
///   shared_heads   the published layout (arXiv 2606.03002): q, k and v share a scale between the heads' rows of equal
///                  place, h head_dim + i over all h; o, gate, up and down have one for each row
enum class granularity : std::uint8_t { tensor, row, group, shared_heads };
inline constexpr std::array<std::string_view, 4> granularity_names{"tensor", "row", "group", "shared_heads"};
constexpr const auto& names_of(granularity) noexcept { return granularity_names; }

/// Rounds to nearest on a symmetric grid of integers: the published quantizer (arXiv 2606.03002), simulated.
///
///   qmax = 2^(bits - 1) - 1,  s = max|w| / qmax,  s = 1 where that is 0
///   w <- clamp(half_even(w / s), -qmax - 1, qmax) s
///
/// The grid's lowest value is never met in fp32, since |w / s| <= qmax up to rounding, unless s is subnormal; in bf16
/// it can be: at 8 bits |w / s| may round to 127.5, and -127.5 goes to -128 while 127.5 is clamped to 127.
///
/// `arithmetic` bf16 does as torch does on bfloat16 tensors: the weights, s, w / s and the result are each rounded;
/// fp16 likewise.  fp32 and bf16 are held to torch on the CPU.  On CUDA torch multiplies by 1 / qmax, so that s may
/// differ in its last bit.
struct rtn {
  int bits = 8;
  granularity per = granularity::row;
  std::size_t group = 128;
  float_format arithmetic = float_format::fp32;

  /// Throws on weights that are not finite, and on a layout that `per` does not know; the weights are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    with_format(arithmetic, [&](auto format) { quantize<decltype(format)::value>(weights, info); });
  }

  /// The codes, and a scale of the arithmetic's type for each group.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& info = {}) const {
    const std::size_t scales =
        per == granularity::group ? rows * block_count(columns, group) : scale_count(rows, info);
    return static_cast<double>(rows * columns) * bits + static_cast<double>(scales) * bits_of(arithmetic);
  }

  static constexpr std::string_view spec_name = "rtn";
  static constexpr std::string_view summary = "round to nearest on a symmetric integer grid, scale absmax / qmax";
  static constexpr auto fields() {
    return std::tuple{field{"bits", &rtn::bits, "2 to 8"}, field{"per", &rtn::per, "which weights share a scale"},
                      field{"group", &rtn::group, "columns in a group, with per=group"},
                      field{"arithmetic", &rtn::arithmetic, "what scales, quotients and results are rounded to"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits outside 2 to 8, an empty group, and a group without per=group.
  void validate() const {
    if (bits < 2 || bits > 8) fail("rtn's bits must lie between 2 and 8, not be " + std::to_string(bits));
    if (group == 0) fail("rtn's group must have at least one column");
    if (group != rtn{}.group && per != granularity::group)
      fail("rtn's group=" + std::to_string(group) + " means something with per=group only");
  }

 private:
  float highest() const noexcept { return static_cast<float>((1 << (bits - 1)) - 1); }

  template <float_format F>
  float scale_for(float peak) const noexcept {
    const float scale = round_to<F>(round_to<F>(peak) / highest());
    return scale == 0.0f ? 1.0f : scale;
  }

  /// 0.4 ns a weight on one thread with AVX-512 (fp32; 0.7 ns in bf16), since compilers vectorize it as it stands;
  /// 3 to 8 ns at the x86-64 baseline, where g++ does not.
  template <float_format F>
  void quantize_group(std::span<float> weights, float scale) const noexcept {
    const float high = highest();
    const float low = -high - 1.0f;
    for (float& w : weights) {
      const float q = half_even(round_to<F>(round_to<F>(w) / scale));
      w = round_to<F>((q < low ? low : q > high ? high : q) * scale);
    }
  }

  template <float_format F>
  void quantize(matrix_view<float> weights, const tensor_info& info) const {
    const std::size_t scales = per == granularity::group ? 0 : scale_count(weights.rows(), info);
    const std::vector<float> peaks = finite_row_peaks(weights, info, F);
    if (per == granularity::group) {
      for_each_row(weights, [this](std::size_t, std::span<float> row) {
        for (std::size_t first = 0; first < row.size(); first += (std::min)(group, row.size() - first)) {
          const auto members = row.subspan(first, (std::min)(group, row.size() - first));
          quantize_group<F>(members, scale_for<F>(absmax(members)));
        }
      });
      return;
    }
    std::vector<float> scale(scales, 0.0f);
    for (std::size_t r = 0; r < peaks.size(); ++r) scale[r % scales] = (std::max)(scale[r % scales], peaks[r]);
    for (float& s : scale) s = scale_for<F>(s);
    for_each_row(weights, [&](std::size_t r, std::span<float> row) { quantize_group<F>(row, scale[r % scales]); });
  }

  /// How many scales there are: row r takes number r % count.
  std::size_t scale_count(std::size_t rows, const tensor_info& info) const {
    if (per == granularity::tensor) return 1;
    if (per == granularity::row) return rows;
    switch (info.role) {
      case tensor_role::attention_out:
      case tensor_role::gate:
      case tensor_role::up:
      case tensor_role::down: return rows;
      case tensor_role::query:
      case tensor_role::key:
      case tensor_role::value: break;
      case tensor_role::other:
        fail("rtn with per=shared_heads knows no layout for " + quoted(info) +
             ", whose role is other; it takes q, k, v, o, gate, up and down");
    }
    if (info.head_dim == 0 || rows % info.head_dim != 0 ||
        (info.heads != 0 && info.heads * info.head_dim != rows))
      fail("rtn with per=shared_heads needs " + quoted(info) + " to be cut into heads, but it has " +
           std::to_string(rows) + " rows for " + std::to_string(info.heads) + " heads of " +
           std::to_string(info.head_dim));
    return info.head_dim;
  }
};

static_assert(described_policy<rtn> && named_policy<rtn>);

}  // namespace qfa

#endif
