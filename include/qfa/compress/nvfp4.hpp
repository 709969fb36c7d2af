// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_NVFP4_HPP
#define QFA_COMPRESS_NVFP4_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
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

/// How many neighboring columns share one E4M3 scale of NVFP4.
inline constexpr std::size_t nvfp4_block = 16;

/// Whose order of operations NVFP4's scales follow (each library's released source).
enum class nvfp4_convention : std::uint8_t { modelopt, compressed_tensors, torchao };
inline constexpr std::array<std::string_view, 3> nvfp4_convention_names{"modelopt", "compressed_tensors", "torchao"};
constexpr const auto& names_of(nvfp4_convention) noexcept { return nvfp4_convention_names; }

/// The scales of one block: its weights become E2M1(w / divide) multiply, or E2M1(w divide) multiply in torchao.
struct nvfp4_scales {
  float divide;
  float multiply;
};

/// By the block's largest magnitude and the tensor's, which is at least 2^-110.
///
///   modelopt             t = peak / 2688,  s = E4M3(block_peak / (6 t)), 1 where that is 0;  w / (s t)
///   compressed_tensors   g = 2688 / peak,  s = E4M3(g (block_peak / 6)), 1/8 where that is 0;  w / (s / g)
///   torchao              t = peak / 2688,  s = E4M3(max(block_peak / (6 t), 2^-6));  w ((1 / t) / s), times s t
///
/// 2688 = 6 448, the largest E2M1 times the largest E4M3.
template <nvfp4_convention Convention>
constexpr nvfp4_scales scales_of_nvfp4(float block_peak, float peak) noexcept {
  constexpr float largest = e2m1::limit() * e4m3::limit();
  if constexpr (Convention == nvfp4_convention::compressed_tensors) {
    const float g = largest / peak;
    const float s = e4m3::round(g * (block_peak / e2m1::limit()));
    const float scale = (s == 0.0f ? 0.125f : s) / g;
    return {scale, scale};
  } else {
    const float t = peak / largest;
    const float ratio = block_peak / (e2m1::limit() * t);
    if constexpr (Convention == nvfp4_convention::modelopt) {
      const float s = e4m3::round(ratio);
      const float scale = (s == 0.0f ? 1.0f : s) * t;
      return {scale, scale};
    } else {
      constexpr float smallest = power_of_two(e4m3::lowest_exponent);
      const float s = e4m3::round(ratio < smallest ? smallest : ratio);
      return {1.0f / t / s, s * t};
    }
  }
}

/// NVIDIA's NVFP4: blocks of 16 columns of E2M1 with an E4M3 scale, and one fp32 scale for the tensor; 4.5 bits a
/// weight.  Half to even, saturating.
struct nvfp4 {
  nvfp4_convention convention = nvfp4_convention::modelopt;

  /// Throws on weights that are not finite, or so large that they might not stay so, and on a tensor whose largest
  /// weight is not 0 but below 2^-110, where the scales leave fp32's normal numbers; the weights are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    float peak = 0.0f;
    for (const float row_peak : roundable_row_peaks(weights, info))
      peak = (std::max)(peak, row_peak);
    if (peak == 0.0f) return;
    if (peak < power_of_two(-110))
      fail("nvfp4 has no tensor scale for " + quoted(info) + ", whose largest weight is " + value_to_text(peak) +
           ", below 2^-110");
    switch (convention) {
      case nvfp4_convention::modelopt:
        quantize<nvfp4_convention::modelopt>(weights, peak);
        break;
      case nvfp4_convention::compressed_tensors:
        quantize<nvfp4_convention::compressed_tensors>(weights, peak);
        break;
      case nvfp4_convention::torchao:
        quantize<nvfp4_convention::torchao>(weights, peak);
        break;
    }
  }

  /// Four bits a weight, eight for each block, 32 for the tensor; none of an empty one.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    if (rows == 0 || columns == 0) return 0.0;
    return 4.0 * static_cast<double>(rows * columns) +
           8.0 * static_cast<double>(rows * block_count(columns, nvfp4_block)) + 32.0;
  }

  static constexpr std::string_view spec_name = "nvfp4";
  static constexpr std::string_view summary = "round to E2M1 with an E4M3 scale for each 16 columns (NVFP4)";
  static constexpr auto fields() {
    return std::tuple{field{"convention", &nvfp4::convention, "whose order of operations"}};
  }
  std::string name() const { return spec_of(*this); }

 private:
  template <nvfp4_convention Convention>
  static void quantize(matrix_view<float> weights, float peak) {
    for_each_row_block(weights, nvfp4_block, [peak](std::span<float> block) {
      const nvfp4_scales s = scales_of_nvfp4<Convention>(absmax(block), peak);
      for (float& w : block) {
        if constexpr (Convention == nvfp4_convention::torchao)
          w = e2m1::round(w * s.divide) * s.multiply;
        else
          w = e2m1::round(w / s.divide) * s.multiply;
      }
    });
  }
};

static_assert(described_policy<nvfp4> && named_policy<nvfp4>);

}  // namespace qfa

#endif
