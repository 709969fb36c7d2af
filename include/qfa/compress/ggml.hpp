// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_HPP
#define QFA_COMPRESS_GGML_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/ggml_types.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The bits of a matrix whose rows are packed as `type`, or as what stands in for it.
constexpr double ggml_stored_bits(ggml_type type, std::size_t rows, std::size_t columns) noexcept {
  return 8.0 * static_cast<double>(rows) * static_cast<double>(row_bytes(type_for_columns(type, columns), columns));
}

namespace detail {

inline void through_ggml_row(ggml_type type, std::span<float> row) {
  entry_of(type).unpack(packed_row(type, row), row);
}

}  // namespace detail

/// Throws on weights that are not finite or would not be any more when their rows are packed as `wanted`, or as what
/// stands in for it: blocks keep their scales as halves, and BF16's largest number is below a float's.
inline void check_ggml_can_store(ggml_type wanted, matrix_view<const float> weights, const tensor_info& info) {
  const std::vector<float> peaks = finite_row_peaks(weights, info);
  const ggml_type type = type_for_columns(wanted, weights.columns());
  // Every scale and minimum is at most about the peak, so that half of the largest half is safe; a row beyond it is
  // tried on a copy first.  From 2^31 on the searches' sums could overflow.
  for (std::size_t r = 0; r < peaks.size(); ++r) {
    if (peaks[r] < 32768.0f || type == ggml_type::f32) continue;
    bool fits = type == ggml_type::bf16 || peaks[r] < 2147483648.0f;
    if (fits) {
      std::vector<float> copy(weights.row(r).begin(), weights.row(r).end());
      detail::through_ggml_row(type, copy);
      fits = magnitude_bits(absmax(copy)) < infinity_bits;
    }
    if (!fits)
      fail("row " + std::to_string(r) + " of " + quoted(info) + " holds a weight of magnitude " +
           value_to_text(peaks[r]) + ", which " + std::string(entry_of(type).name) + " cannot store");
  }
}

/// Weights become what comes back when their rows are packed as `wanted`, or as what stands in for it (see
/// type_for_columns).  Throws as check_ggml_can_store does; all weights are then unchanged.
inline void through_ggml_blocks(ggml_type wanted, matrix_view<float> weights, const tensor_info& info) {
  check_ggml_can_store(wanted, weights, info);
  const ggml_type type = type_for_columns(wanted, weights.columns());
  for_each_row(weights, [&](std::size_t, std::span<float> row) { detail::through_ggml_row(type, row); });
}

/// Quantizes to a type of ggml as its reference code does, bit for bit: what a GGUF file of that type gives back.
///
/// Rows that are no whole blocks become another type, as by llama.cpp's tool (see type_for_columns).  No importance
/// matrix; IQ4_NL as caches have it (see ggml::iq4_nl).  llama.cpp's conversion of Llama models permutes the rows of Q
/// and K, which changes nothing here: blocks never cross rows.
struct ggml_quantizer {
  ggml_type type = ggml_type::q4_K;

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    through_ggml_blocks(type, weights, info);
  }
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    return ggml_stored_bits(type, rows, columns);
  }

  static constexpr std::string_view spec_name = "ggml";
  static constexpr std::string_view summary =
      "a type of llama.cpp's files, exactly as its reference code packs it (iq4_nl without its tool's search)";
  static constexpr auto fields() { return std::tuple{field{"type", &ggml_quantizer::type, "as ggml calls it"}}; }
  std::string name() const { return spec_of(*this); }
};

static_assert(described_policy<ggml_quantizer> && named_policy<ggml_quantizer>);

}  // namespace qfa

#endif
