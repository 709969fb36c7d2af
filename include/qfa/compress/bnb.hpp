// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_BNB_HPP
#define QFA_COMPRESS_BNB_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/code_table.hpp"
#include "qfa/compress/double_quant.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_blocks.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// NF4 (Dettmers et al., 2023, arXiv 2305.14314): quantiles of the normal distribution.  Levels and thresholds are the
/// decimals printed in bitsandbytes' sources; the code is the level's index.
struct nf4_book {
  static constexpr code_table<16> table{
      {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
       -0.18477343022823334f, -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f,
       0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f,
       1.0f},
      {-0.8480964f, -0.6106329f, -0.4599953f, -0.3396794f, -0.2346074f, -0.1379117f, -0.0455250f, 0.0397901f,
       0.1202553f, 0.2035213f, 0.2920138f, 0.3893125f, 0.5016634f, 0.6427869f, 0.8614784f}};
  static constexpr std::uint8_t code(float x) noexcept { return table.code(x); }
  static constexpr float decode(std::uint8_t code) noexcept { return table.levels[code & 15U]; }
  static constexpr float round(float x) noexcept { return table.round(x); }

  static constexpr std::string_view spec_name = "nf4";
  static constexpr std::string_view summary = "16 quantiles of the normal distribution, scale absmax of a block (NF4)";
};

/// bitsandbytes' FP4: a sign and eight magnitudes, whose codes do not ascend.
struct fp4_book {
  /// Magnitudes are twelfths, rounded to float; the thresholds are the decimals printed in bitsandbytes' sources.
  static constexpr code_table<8> magnitudes{
      {0.0f, static_cast<float>(0.0625 / 12), static_cast<float>(2.0 / 12), static_cast<float>(3.0 / 12),
       static_cast<float>(4.0 / 12), static_cast<float>(6.0 / 12), static_cast<float>(8.0 / 12), 1.0f},
      {0.00260417f, 0.0859375f, 0.20833333f, 0.29166667f, 0.4166667f, 0.583333f, 0.8333333f}};
  static constexpr std::array<std::uint8_t, 8> code_of_rank{0, 1, 6, 7, 4, 5, 2, 3};
  static constexpr std::array<std::uint8_t, 8> rank_of_code{0, 1, 6, 7, 4, 5, 2, 3};

  /// Bit 3 is the sign.
  static constexpr std::uint8_t code(float x) noexcept {
    const std::uint8_t magnitude = code_of_rank[magnitudes.code(x < 0.0f ? -x : x)];
    return static_cast<std::uint8_t>(magnitude | (x < 0.0f ? 8U : 0U));
  }
  static constexpr float decode(std::uint8_t code) noexcept {
    const float magnitude = magnitudes.levels[rank_of_code[code & 7U]];
    return (code & 8U) != 0 ? -magnitude : magnitude;
  }
  /// decode(code(x)) without the detour, which compilers do not vectorize.
  static constexpr float round(float x) noexcept {
    const float magnitude = magnitudes.round(std::bit_cast<float>(magnitude_bits(x)));
    return x < 0.0f ? -magnitude : magnitude;
  }

  static constexpr std::string_view spec_name = "bnb_fp4";
  static constexpr std::string_view summary = "bitsandbytes' sign and eight magnitudes, scale absmax of a block (FP4)";
};

/// bitsandbytes' 4-bit weights: blocks of neighbors in the matrix laid out row after row, each with its absmax in fp32.
///
///   w <- level(code(w (1 / absmax))) absmax
///
/// With `double`, absmax itself is quantized (double_quantize) after the codes are found.  A block of zeros, or one
/// whose 1 / absmax is no float, becomes zeros (times the quantized absmax with `double`, whose sign may show).
///
/// 4.5 bits a weight in blocks of 64, about 4.127 with `double`.
template <class Book>
struct bnb_quantizer {
  std::size_t block = 64;
  bool double_quantized = false;

  /// Throws on weights that are not finite, or so large that they might not stay so; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    roundable_row_peaks(weights, info);
    if (!double_quantized) {
      for_each_flat_block(weights, block, [](std::size_t, std::span<float> members) {
        const float peak = absmax(members);
        quantize(members, peak, peak);
      });
      return;
    }
    std::vector<float> peaks(block_count(weights.size(), block), 0.0f);
    for_each_flat_block(weights, block, [&](std::size_t b, std::span<float> members) { peaks[b] = absmax(members); });
    std::vector<float> scales = peaks;
    double_quantize(scales);
    for_each_flat_block(weights, block,
                        [&](std::size_t b, std::span<float> members) { quantize(members, peaks[b], scales[b]); });
  }

  /// Four bits a weight and the blocks' scales.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    const std::size_t blocks = block_count(rows * columns, block);
    return 4.0 * static_cast<double>(rows * columns) +
           (double_quantized ? double_quant_bits(blocks) : 32.0 * static_cast<double>(blocks));
  }

  static constexpr std::string_view spec_name = Book::spec_name;
  static constexpr std::string_view summary = Book::summary;
  static constexpr auto fields() {
    return std::tuple{field{"block", &bnb_quantizer::block, "weights in a block: 32, 64, 128 .. 4096"},
                      field{"double", &bnb_quantizer::double_quantized, "whether the scales are quantized, too"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where block is no power of two from 32 to 4096.
  void validate() const {
    if (!std::has_single_bit(block) || block < 32 || block > 4096)
      fail(std::string(spec_name) + "'s block must be a power of two from 32 to 4096, not " + std::to_string(block));
  }

 private:
  static void quantize(std::span<float> members, float peak, float scale) noexcept {
    const float inverse = reciprocal_or_zero(peak);
    for (float& w : members)
      w = Book::round(w * inverse) * scale;
  }
};

using nf4 = bnb_quantizer<nf4_book>;
using bnb_fp4 = bnb_quantizer<fp4_book>;

static_assert(described_policy<nf4> && named_policy<nf4>);
static_assert(described_policy<bnb_fp4> && named_policy<bnb_fp4>);

}  // namespace qfa

#endif
