// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_LLM_INT8_HPP
#define QFA_COMPRESS_LLM_INT8_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/needed_statistics.hpp"
#include "qfa/compress/token_peaks.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// By which tokens LLM.int8() tells its outlier columns.
///   calibration   those of calibration: weights and activations then agree on the columns, which stay as they are
///   text          those of the text at hand, as bitsandbytes goes by the batch at hand: the weights cannot know, and
///                 are int8 in every column, as bitsandbytes stores them
enum class outlier_source : std::uint8_t { calibration, text };
inline constexpr std::array<std::string_view, 2> outlier_source_names{"calibration", "text"};
constexpr const auto& names_of(outlier_source) noexcept { return outlier_source_names; }

/// LLM.int8() (Dettmers et al. 2022): int8 weights, a scale a row, and int8 activations, a scale a token, save for the
/// input channels with any |x| >= threshold.
///
/// By calibration these channels are out of both products: row and token scales are taken over the others, and outlier
/// columns of the weights keep their values (the paper's 16-bit part).  A channel that exceeds the threshold only later
/// is not spared, which is what deciding by the batch would do.  By text, row scales run over all columns and only the
/// activations of outlier channels are spared; they meet weights that have been through int8.  Neither rounds the
/// spared numbers to 16 bits.
struct llm_int8 {
  double threshold = 6.0;
  outlier_source outliers = outlier_source::calibration;

  /// Throws, and leaves the weights as they were, on weights that are not finite and, by calibration, without it.
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    validate();
    if (weights.empty()) return;
    std::vector<std::uint8_t> spared(weights.columns(), 0);
    if (outliers == outlier_source::calibration) {
      require_channels(known, weights.columns(), spec_name, quoted(info));
      spared = beyond(known.inputs.peak());
    }
    finite_row_peaks(weights, info);
    round_rows(weights, spared);
  }

  /// One text's inputs, a row a token.  Throws on activations that are not finite and, by calibration, without it.
  void activations(matrix_view<float> x, const linear_input& input, const calibration& known) const {
    validate();
    if (x.empty()) return;
    finite_token_peaks(x, input);
    if (outliers == outlier_source::calibration) {
      require_channels(known, x.columns(), spec_name, name_of(input));
      round_rows(x, beyond(known.inputs.peak()));
      return;
    }
    std::vector<float> peaks(x.columns(), 0.0f);
    for (std::size_t t = 0; t < x.rows(); ++t)
      for (std::size_t j = 0; j < peaks.size(); ++j)
        peaks[j] = (std::max)(peaks[j], std::fabs(x(t, j)));
    round_rows(x, beyond(peaks));
  }

  constexpr calibration_needs needs() const noexcept { return {.channels = outliers == outlier_source::calibration}; }

  /// By text, the codes and an fp32 scale a row, as bitsandbytes stores them.  By calibration NaN: it depends on how
  /// many columns are spared, which cannot be told here.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    if (outliers == outlier_source::calibration) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(rows * columns) * 8.0 + static_cast<double>(rows) * 32.0;
  }

  static constexpr std::string_view spec_name = "llm_int8";
  static constexpr std::string_view summary = "int8 weights and activations, but for the channels with large inputs";
  static constexpr auto fields() {
    return std::tuple{field{"threshold", &llm_int8::threshold, "channels with an input as large are outliers"},
                      field{"outliers", &llm_int8::outliers, "which tokens tell"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where the threshold is not above 0.
  void validate() const {
    if (!(threshold > 0.0))  // refuses NaN as well
      fail("llm_int8's threshold must be above 0, not be " + value_to_text(threshold));
  }

 private:
  std::vector<std::uint8_t> beyond(std::span<const float> peaks) const {
    std::vector<std::uint8_t> spared(peaks.size());
    for (std::size_t j = 0; j < peaks.size(); ++j)
      spared[j] = static_cast<double>(peaks[j]) >= threshold ? 1 : 0;
    return spared;
  }

  /// In bitsandbytes' order, code = half_even((v 127) / peak) and value = (code peak) / 127, but in double, and rounded
  /// to float in the end, where `bnb_int8` rounds each product and quotient to float.
  static void round_rows(matrix_view<float> m, const std::vector<std::uint8_t>& spared) {
    for_each_row(m, [&](std::size_t, std::span<float> row) {
      float peak = 0.0f;
      for (std::size_t j = 0; j < row.size(); ++j)
        if (spared[j] == 0) peak = (std::max)(peak, std::fabs(row[j]));
      if (peak == 0.0f) return;
      const double a = static_cast<double>(peak);
      for (std::size_t j = 0; j < row.size(); ++j)
        if (spared[j] == 0)
          row[j] = static_cast<float>(std::nearbyint(static_cast<double>(row[j]) * 127.0 / a) * a / 127.0);
    });
  }
};

static_assert(described_policy<llm_int8> && calibrated_policy<llm_int8> && calibrated_activation_policy<llm_int8>);

}  // namespace qfa

#endif
