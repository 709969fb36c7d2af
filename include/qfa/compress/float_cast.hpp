// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_FLOAT_CAST_HPP
#define QFA_COMPRESS_FLOAT_CAST_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Rounds each weight once to a narrower floating-point type: the numerics floor.  Damage no greater than this is not
/// the quantizer's.
struct float_cast {
  float_format to = float_format::bf16;

  /// Throws on weights that are not finite, or would not be any more; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    finite_row_peaks(weights, info, to);
    for_each_row(weights, [this](std::size_t, std::span<float> row) {
      for (float& w : row) w = round_to(to, w);
    });
  }

  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const noexcept {
    return static_cast<double>(rows) * static_cast<double>(columns) * bits_of(to);
  }

  static constexpr std::string_view spec_name = "cast";
  static constexpr std::string_view summary = "round each weight to a floating-point type: the numerics floor";
  static constexpr auto fields() { return std::tuple{field{"to", &float_cast::to, "the type"}}; }
  std::string name() const { return spec_of(*this); }
};

static_assert(described_policy<float_cast> && named_policy<float_cast>);

}  // namespace qfa

#endif
