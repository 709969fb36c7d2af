// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INPUT_STATISTICS_HPP
#define QFA_COMPRESS_INPUT_STATISTICS_HPP

#include <algorithm>
#include <array>
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
#include "qfa/simd/batch.hpp"
#include "qfa/simd/gram.hpp"

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

  /// Adds tokens (tokens, channels).  Throws for tokens of another width.
  void operator()(matrix_view<const float> x) { add(x, has_gram() ? simd::default_gram() : nullptr); }

  /// The same by a Gram kernel of the caller's choice, which no result depends on; it may be null where no Gram matrix
  /// was asked for.  Throws for tokens of another width.
  void add(matrix_view<const float> x, simd::gram_kernel* kernel) {
    require(x.columns() == channels(), "input statistics got a token of another width");
    constexpr std::size_t block = 64;  // channels at a time
    parallel_for(block_count(channels(), block), [&](std::size_t b) {
      const std::size_t last = (std::min)(channels(), (b + 1) * block);
      for (std::size_t t = 0; t < x.rows(); ++t) {
        const auto row = x.row(t);
        for (std::size_t j = b * block; j < last; ++j) {
          const double v = static_cast<double>(row[j]);
          sum_abs_[j] += std::abs(v);
          sum_square_[j] += v * v;
          peak_[j] = larger(peak_[j], row[j]);
        }
      }
    });
    if (has_gram()) add_products(x, kernel);
    tokens_ += x.rows();
  }

  /// Throws for another number of channels, and where only one of the two keeps a Gram matrix.
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

  /// By tiles on and above the diagonal, each the mirror of one below it: products commute, so both have the same bits.
  void add_products(matrix_view<const float> x, simd::gram_kernel* kernel) {
    constexpr std::size_t side = simd::gram_side;
    constexpr std::size_t at_once = 256;  // tokens: two panels of 32 kB, which stay in the nearest caches
    const std::size_t n = channels(), panels = block_count(n, side);
    const std::size_t stride = (std::min)(at_once, x.rows()) * side;
    simd::aligned_doubles packed(panels * stride, 0.0);  // a panel: tokens, side; zeros behind the last channel
    for (std::size_t first = 0; first < x.rows(); first += at_once) {
      const std::size_t tokens = (std::min)(at_once, x.rows() - first);
      parallel_for(panels, [&](std::size_t p) {
        const std::size_t count = (std::min)(side, n - p * side);
        for (std::size_t t = 0; t < tokens; ++t) {
          const auto from = x.row(first + t).subspan(p * side, count);
          std::copy(from.begin(), from.end(), packed.data() + p * stride + t * side);
        }
      });
      parallel_for(panels, [&](std::size_t p) {  // the longest rows of tiles first
        for (std::size_t q = p; q < panels; ++q)
          add_tile(p * side, q * side, [&](double* tile) {
            kernel(packed.data() + p * stride, packed.data() + q * stride, tokens, tile);
          });
      });
    }
  }

  /// Lets `change` add to the tile whose corner is (top, left), and writes it to both its places.
  template <class Change>
  void add_tile(std::size_t top, std::size_t left, Change change) {
    constexpr std::size_t side = simd::gram_side;
    const std::size_t n = channels(), rows = (std::min)(side, n - top), columns = (std::min)(side, n - left);
    alignas(simd::alignment) std::array<double, side * side> tile{};
    for (std::size_t i = 0; i < rows; ++i)
      std::copy_n(gram_.data() + (top + i) * n + left, columns, tile.data() + i * side);
    change(tile.data());
    for (std::size_t i = 0; i < rows; ++i)
      std::copy_n(tile.data() + i * side, columns, gram_.data() + (top + i) * n + left);
    if (top == left) return;
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t i = 0; i < rows; ++i)
        gram_[(left + j) * n + top + i] = tile[i * side + j];
  }

  std::uint64_t tokens_ = 0;
  std::vector<double> sum_abs_, sum_square_;
  std::vector<float> peak_;
  std::vector<double> gram_;
};

static_assert(mergeable<input_statistics, matrix_view<const float>>);

}  // namespace qfa

#endif
