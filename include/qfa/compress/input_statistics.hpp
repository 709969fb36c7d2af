// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INPUT_STATISTICS_HPP
#define QFA_COMPRESS_INPUT_STATISTICS_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/compress/rounding.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// Sums over the inputs of a linear layer, a token a row: what calibrated policies learn from.  Mergeable; in double.
///
///   sum_abs_j = sum |x_j|      sum_square_j = sum x_j^2      peak_j = max |x_j|      gram_ij = sum x_i x_j
///
/// The Gram matrix is kept where it was asked for.  Every sum runs over the tokens in their order, whatever the threads
/// and the portions in which tokens come: threads share channels, not tokens.
class input_statistics {
 public:
  /// The empty summary: merging into it adopts the other's channels.
  input_statistics() = default;
  explicit input_statistics(std::size_t channels, bool with_gram = false)
      : sum_abs_(channels, 0.0),
        sum_square_(channels, 0.0),
        peak_(channels, 0.0f),
        gram_(with_gram ? channels * channels : 0, 0.0) {}

  /// Adds tokens (tokens, channels).
  void operator()(matrix_view<const float> x) {
    require(x.columns() == channels(), "input statistics got a token of another width");
    constexpr std::size_t block = 64;  // channels at a time
    parallel_for(block_count(channels(), block), [&](std::size_t b) {
      const std::size_t last = (std::min)(channels(), (b + 1) * block);
      for (std::size_t t = 0; t < x.rows(); ++t) {
        const auto row = x.row(t);
        for (std::size_t j = b * block; j < last; ++j) add(row, j);
      }
    });
    tokens_ += x.rows();
  }

  input_statistics& operator+=(const input_statistics& other) {
    if (other.channels() == 0) return *this;
    if (channels() == 0) return *this = other;
    require(other.channels() == channels() && other.has_gram() == has_gram(),
            "input statistics of different layers cannot be merged");
    tokens_ += other.tokens_;
    const auto add_all = [](std::vector<double>& to, const std::vector<double>& from) {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
    };
    add_all(sum_abs_, other.sum_abs_);
    add_all(sum_square_, other.sum_square_);
    add_all(gram_, other.gram_);
    for (std::size_t j = 0; j < peak_.size(); ++j) peak_[j] = larger(peak_[j], other.peak_[j]);
    return *this;
  }

  /// The same without the Gram matrix, which is large where the rest is small.
  input_statistics without_gram() const {
    input_statistics out(channels());
    out.tokens_ = tokens_;
    out.sum_abs_ = sum_abs_;
    out.sum_square_ = sum_square_;
    out.peak_ = peak_;
    return out;
  }

  bool operator==(const input_statistics&) const = default;

  std::size_t channels() const noexcept { return sum_abs_.size(); }
  std::uint64_t tokens() const noexcept { return tokens_; }
  bool has_gram() const noexcept { return !gram_.empty(); }
  std::span<const double> sum_abs() const noexcept { return sum_abs_; }
  std::span<const double> sum_square() const noexcept { return sum_square_; }
  std::span<const float> peak() const noexcept { return peak_; }
  /// (channels, channels), symmetric.  Empty unless asked for.
  matrix_view<const double> gram() const noexcept {
    return has_gram() ? matrix_view<const double>(gram_.data(), channels(), channels()) : matrix_view<const double>{};
  }

 private:
  /// The larger magnitude; a NaN counts as larger than infinity, so that it is not lost.
  static float larger(float a, float b) noexcept {
    return std::bit_cast<float>((std::max)(magnitude_bits(a), magnitude_bits(b)));
  }
  void add(std::span<const float> row, std::size_t j) noexcept {
    const double x = static_cast<double>(row[j]);
    sum_abs_[j] += std::abs(x);
    sum_square_[j] += x * x;
    peak_[j] = larger(peak_[j], row[j]);
    if (!has_gram()) return;
    double* const to = gram_.data() + j * channels();  // products commute: both triangles get the same bits
    for (std::size_t i = 0; i < row.size(); ++i) to[i] += x * static_cast<double>(row[i]);
  }

  std::uint64_t tokens_ = 0;
  std::vector<double> sum_abs_, sum_square_;
  std::vector<float> peak_;
  std::vector<double> gram_;
};

static_assert(mergeable<input_statistics, matrix_view<const float>>);

}  // namespace qfa

#endif
