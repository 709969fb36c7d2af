// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_AWQ_SEARCH_HPP
#define QFA_COMPRESS_AWQ_SEARCH_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/column_quantizer.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/needed_statistics.hpp"
#include "qfa/compress/output_error.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// AWQ's asymmetric integer grid (pseudo_quantize of Lin et al. 2023), in double.  Zero need not lie within it.
///
///   width = max(max - min, 1e-5),  scale = width / (2^bits - 1),  zero = clamp(-half_even(min / scale), 0, 2^bits - 1)
///   code = clamp(half_even(w / scale) + zero, 0, 2^bits - 1),  value = (code - zero) scale
///
/// With a limit the weights are clamped to -limit .. limit before any of this.  Where both ends of a group are, min /
/// scale lies halfway between two integers; w / scale is computed as (w / width) (2^bits - 1), which is exact there, so
/// that the last bits of the weights do not decide.
struct awq_grid {
  int bits = 4;

  struct parameters {
    double width = 1.0;
    double zero = 0.0;
    double limit = std::numeric_limits<double>::infinity();
  };

  /// Of the group clamped to -limit .. limit, limit >= 0.
  parameters find(std::span<const double> group, double limit = std::numeric_limits<double>::infinity()) const {
    const auto [least, most] = std::ranges::minmax(group);
    const double low = std::clamp(least, -limit, limit), high = std::clamp(most, -limit, limit);
    parameters p{.width = (std::max)(high - low, 1e-5), .limit = limit};
    p.zero = std::clamp(-std::nearbyint(low / p.width * highest()), 0.0, highest());
    return p;
  }
  double scale(const parameters& p) const noexcept { return p.width / highest(); }
  double value(double w, const parameters& p) const noexcept {
    const double steps = std::nearbyint(std::clamp(w, -p.limit, p.limit) / p.width * highest());
    return (std::clamp(steps + p.zero, 0.0, highest()) - p.zero) * scale(p);
  }

 private:
  double highest() const noexcept { return static_cast<double>((1 << bits) - 1); }
};

static_assert(column_quantizer<awq_grid>);

/// AWQ (Lin et al. 2023): rounds to nearest after scaling up the columns that meet the largest inputs.
///
///   scale   s_j = max(mean|x_j|^(i / 20), 1e-4), s /= sqrt(max s min s), i = 0 .. 19;  Q(W s) / s
///           keeps the first i with the least output error
///   clip    each group clamped to -limit .. limit, limit = max|w s| (1 - i / 20), i = 0 .. 9, and rounded to the grid
///   of
///           what is left; keeps the first i with the least output error of the group alone, against the group as it
///           was.  Not in q and k, as in the tool, which found it to hurt there
///
/// Output errors come from the Gram matrix, whole or the group's own diagonal block, and equal the mean square over the
/// calibration tokens that the tool computes from a sample of them.  The tool has one s for the matrices that read the
/// same inputs and measures the output of the block they are in; here each matrix has its own s and its own error.
///
/// The search for s takes 20 rows columns^2 multiplications: 19 s for 512 x 2048 on one core with AVX-512.
struct awq_search {
  int bits = 4;
  std::size_t group = 128;
  bool scale = true;
  bool clip = true;

  /// Throws, and leaves the weights as they were, on weights that are not finite and without the Gram matrix.
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    validate();
    if (weights.empty()) return;
    require_gram(known, weights.columns(), spec_name, info);
    finite_row_peaks(weights, info);
    const std::vector<double> s = scale ? best_scales(weights, known.inputs) : scales(known.inputs, 0);
    const bool clipped = clip && info.role != tensor_role::query && info.role != tensor_role::key;
    for_each_row(weights, [&](std::size_t, std::span<float> row) {
      std::vector<double> q(row.size());
      quantize(row, s, q, clipped ? known.inputs.gram() : matrix_view<const double>{});
      for (std::size_t j = 0; j < row.size(); ++j)
        row[j] = static_cast<float>(q[j]);
    });
  }

  static constexpr calibration_needs needs() noexcept { return {.channels = true, .gram = true}; }

  /// As files hold them, and an fp16 s a column, since an s of this matrix alone cannot be folded into the layer
  /// before.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const noexcept {
    return grouped_code_bits(rows, columns, group, bits) + (scale ? 16.0 * static_cast<double>(columns) : 0.0);
  }

  static constexpr std::string_view spec_name = "awq_search";
  static constexpr std::string_view summary =
      "scale columns by their activations, clip groups, round; both searched for on calibration tokens";
  static constexpr auto fields() {
    return std::tuple{field{"bits", &awq_search::bits, "2 to 8"},
                      field{"group", &awq_search::group, "columns that share a scale, 0 for all of a row"},
                      field{"scale", &awq_search::scale, "search for the columns' scales"},
                      field{"clip", &awq_search::clip, "search for the groups' ranges, in all but q and k"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits outside 2 to 8.
  void validate() const {
    if (bits < 2 || bits > 8) fail("awq_search's bits must lie between 2 and 8, not be " + std::to_string(bits));
  }

 private:
  /// Candidate i of the scales; all 1 for 0.
  static std::vector<double> scales(const input_statistics& inputs, int i) {
    std::vector<double> s(inputs.channels());
    for (std::size_t j = 0; j < s.size(); ++j)
      s[j] = (std::max)(std::pow(inputs.sum_abs()[j] / static_cast<double>(inputs.tokens()), i / 20.0), 1e-4);
    const auto [least, most] = std::ranges::minmax(s);
    const double middle = std::sqrt(most * least);
    for (double& x : s)
      x /= middle;
    return s;
  }

  std::vector<double> best_scales(matrix_view<const float> weights, const input_statistics& inputs) const {
    std::vector<double> best = scales(inputs, 0);
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 20; ++i) {
      const std::vector<double> s = scales(inputs, i);
      const double error = output_error(weights.rows(), inputs.gram(), [&](std::size_t r, std::span<double> d) {
        const auto row = weights.row(r);
        quantize(row, s, d, {});
        for (std::size_t j = 0; j < d.size(); ++j)
          d[j] = static_cast<double>(row[j]) - d[j];
      });
      if (error < least) {
        least = error;
        best = s;
      }
    }
    return best;
  }

  /// Q(w s) / s of a row; each group's range is searched for where there is a Gram matrix.
  void quantize(std::span<const float> row, std::span<const double> s, std::span<double> out,
                matrix_view<const double> gram) const {
    const awq_grid grid{bits};
    const std::size_t width = group == 0 ? row.size() : (std::min)(group, row.size());
    std::vector<double> scaled(width);
    for (std::size_t first = 0; first < row.size(); first += width) {
      scaled.resize((std::min)(width, row.size() - first));
      for (std::size_t j = 0; j < scaled.size(); ++j)
        scaled[j] = static_cast<double>(row[first + j]) * s[first + j];
      const auto own = s.subspan(first, scaled.size());
      const auto found = gram.empty() ? grid.find(scaled) : clipped(grid, scaled, own, gram, first);
      for (std::size_t j = 0; j < scaled.size(); ++j)
        out[first + j] = grid.value(scaled[j], found) / own[j];
    }
  }

  /// The inputs of scaled weights are x / s, so their Gram matrix is G_ij / (s_i s_j): the division goes to the
  /// weights.
  static awq_grid::parameters clipped(const awq_grid& grid, std::span<const double> scaled, std::span<const double> s,
                                      matrix_view<const double> gram, std::size_t first) {
    awq_grid::parameters best = grid.find(scaled);
    double least = std::numeric_limits<double>::infinity();
    std::vector<double> d(scaled.size()), product(scaled.size());
    const auto [low, high] = std::ranges::minmax(scaled);
    const double peak = (std::max)(-low, high);
    for (int i = 0; i < 10; ++i) {
      const auto tried = grid.find(scaled, peak * (1.0 - i / 20.0));
      for (std::size_t j = 0; j < d.size(); ++j)
        d[j] = (scaled[j] - grid.value(scaled[j], tried)) / s[j];
      std::ranges::fill(product, 0.0);
      for (std::size_t k = 0; k < d.size(); ++k) {
        const double* const g = gram.row(first + k).data() + first;
        for (std::size_t j = 0; j < d.size(); ++j)
          product[j] += d[k] * g[j];
      }
      double error = 0.0;
      for (std::size_t j = 0; j < d.size(); ++j)
        error += d[j] * product[j];
      if (error < least) {
        least = error;
        best = tried;
      }
    }
    return best;
  }
};

static_assert(described_policy<awq_search> && named_policy<awq_search> && calibrated_policy<awq_search>);

}  // namespace qfa

#endif
