// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_SMOOTH_QUANT_HPP
#define QFA_COMPRESS_SMOOTH_QUANT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/absmax_grid.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/needed_statistics.hpp"
#include "qfa/compress/token_peaks.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// SmoothQuant (Xiao et al. 2022): weights and activations as integers, after a scale for each input channel has moved
/// what is hard to quantize from the activations to the weights.
///
///   s_j = max(max|x_j|^alpha / max(max_i|w_ij|, 1e-5)^(1 - alpha), 1e-5),  1 where no token had an input
///   weights       W <- Q_row(W s) / s
///   activations   x <- Q_token(x / s) s
///
/// Both peaks are calibration's; max_i runs over every matrix that reads these inputs, so that q, k and v have one s,
/// as they must where it is folded into the layer before.  Q is `absmax_grid`, with one scale a row and one a token.
struct smooth_quant {
  double alpha = 0.5;
  int bits = 8;

  /// Throws, and leaves the weights as they were, on weights that are not finite and without calibration's peaks.
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    validate();
    if (weights.empty()) return;
    require_column_peaks(known, weights.columns(), spec_name, quoted(info));
    finite_row_peaks(weights, info);
    round_rows(weights, scales(known), true);
  }

  /// One text's inputs, a row a token.  Throws on activations that are not finite and without calibration's peaks.
  void activations(matrix_view<float> x, const linear_input& input, const calibration& known) const {
    validate();
    if (x.empty()) return;
    require_column_peaks(known, x.columns(), spec_name, name_of(input));
    finite_token_peaks(x, input);
    round_rows(x, scales(known), false);
  }

  /// (channels) s.
  std::vector<double> scales(const calibration& known) const {
    std::vector<double> s(known.inputs.channels(), 1.0);
    for (std::size_t j = 0; j < s.size(); ++j) {
      const double input = static_cast<double>(known.inputs.peak()[j]);
      const double weight = (std::max)(static_cast<double>(known.column_peaks[j]), 1e-5);
      if (input != 0.0) s[j] = (std::max)(std::pow(input, alpha) / std::pow(weight, 1.0 - alpha), 1e-5);
    }
    return s;
  }

  static constexpr calibration_needs needs() noexcept { return {.channels = true}; }

  /// The codes and an fp32 scale a row; s is folded into the layer before.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const noexcept {
    return static_cast<double>(rows * columns) * bits + static_cast<double>(rows) * 32.0;
  }

  static constexpr std::string_view spec_name = "smooth_quant";
  static constexpr std::string_view summary =
      "integer weights and activations, channels scaled so that both are easy to round";
  static constexpr auto fields() {
    return std::tuple{field{"alpha", &smooth_quant::alpha, "how much goes to the weights, 0 to 1"},
                      field{"bits", &smooth_quant::bits, "2 to 8, of weights and activations"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for alpha outside [0, 1], and for bits outside 2 to 8.
  void validate() const {
    if (!(alpha >= 0.0 && alpha <= 1.0))  // refuses NaN as well
      fail("smooth_quant's alpha must lie between 0 and 1, not be " + value_to_text(alpha));
    if (bits < 2 || bits > 8) fail("smooth_quant's bits must lie between 2 and 8, not be " + std::to_string(bits));
  }

 private:
  /// Q(v s) / s for weights, Q(v / s) s for activations, row by row.
  void round_rows(matrix_view<float> m, const std::vector<double>& s, bool weights) const {
    const absmax_grid grid{bits};
    for_each_row(m, [&](std::size_t, std::span<float> row) {
      std::vector<double> smooth(row.size());
      double peak = 0.0;
      for (std::size_t j = 0; j < row.size(); ++j) {
        const double v = static_cast<double>(row[j]);
        smooth[j] = weights ? v * s[j] : v / s[j];
        peak = (std::max)(peak, std::fabs(smooth[j]));
      }
      const double scale = grid.scale_for(peak);
      for (std::size_t j = 0; j < row.size(); ++j) {
        const double q = grid.value(smooth[j], scale);
        row[j] = static_cast<float>(weights ? q / s[j] : q * s[j]);
      }
    });
  }
};

static_assert(described_policy<smooth_quant> && calibrated_policy<smooth_quant> &&
              calibrated_activation_policy<smooth_quant>);

}  // namespace qfa

#endif
