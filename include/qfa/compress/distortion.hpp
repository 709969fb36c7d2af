// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_DISTORTION_HPP
#define QFA_COMPRESS_DISTORTION_HPP

#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// How far compressed weights are from their reference: mergeable over rows and tensors.
///
/// Sums run in double over eight virtual lanes, element i in lane i % 8, folded pairwise at the end of each row: one
/// order, whatever the vector width.
class distortion {
 public:
  /// The weight with the largest |compressed - reference|; of several, the first.
  struct worst_weight {
    double error = 0.0;       ///< |compressed - reference|
    std::uint64_t index = 0;  ///< how many weights came before it
    float reference = 0.0f;
    float compressed = 0.0f;
    bool operator==(const worst_weight&) const = default;
  };

  /// Adds a row, or any run of weights.
  void operator()(std::span<const float> reference, std::span<const float> compressed) noexcept {
    assert(reference.size() == compressed.size());
    std::array<double, lanes> reference_square{}, compressed_square{}, product{}, error_square{};
    for (std::size_t first = 0; first < reference.size(); first += lanes) {
      const std::size_t n = reference.size() - first < lanes ? reference.size() - first : lanes;
      for (std::size_t i = 0; i < n; ++i) {
        const double w = static_cast<double>(reference[first + i]);
        const double q = static_cast<double>(compressed[first + i]);
        reference_square[i] += w * w;
        compressed_square[i] += q * q;
        product[i] += w * q;
        error_square[i] += (q - w) * (q - w);
        zeros_ += q == 0.0 ? 1U : 0U;
        zeroed_ += q == 0.0 && w != 0.0 ? 1U : 0U;
        if (std::abs(q - w) > worst_.error)
          worst_ = {std::abs(q - w), count_ + first + i, reference[first + i], compressed[first + i]};
      }
    }
    count_ += reference.size();
    reference_square_ += folded(reference_square);
    compressed_square_ += folded(compressed_square);
    product_ += folded(product);
    error_square_ += folded(error_square);
  }

  distortion& operator+=(const distortion& other) noexcept {
    if (other.worst_.error > worst_.error) {
      worst_ = other.worst_;
      worst_.index += count_;
    }
    count_ += other.count_;
    zeros_ += other.zeros_;
    zeroed_ += other.zeroed_;
    reference_square_ += other.reference_square_;
    compressed_square_ += other.compressed_square_;
    product_ += other.product_;
    error_square_ += other.error_square_;
    return *this;
  }

  bool operator==(const distortion&) const = default;

  std::uint64_t count() const noexcept { return count_; }
  const worst_weight& worst() const noexcept { return worst_; }

  /// |q - w|_F / |w|_F.  NaN where the reference is all zero.
  double relative_frobenius_error() const noexcept {
    return reference_square_ == 0.0 ? undefined : std::sqrt(error_square_ / reference_square_);
  }
  /// Signal to quantization noise, 20 log10(|w|_F / |q - w|_F), in dB.  +inf without error, NaN without reference.
  double sqnr() const noexcept {
    return reference_square_ == 0.0 ? undefined : 10.0 * std::log10(reference_square_ / error_square_);
  }
  /// Cosine of the angle between the two as vectors.  NaN where either is all zero.
  double cosine() const noexcept {
    const double norms = std::sqrt(reference_square_) * std::sqrt(compressed_square_);
    return norms == 0.0 ? undefined : product_ / norms;
  }
  /// Share of weights that are zero now.  NaN of no weights.
  double zero_share() const noexcept { return share(zeros_); }
  /// Share of weights that were not zero and are now.  NaN of no weights.
  double zeroed_share() const noexcept { return share(zeroed_); }

 private:
  static constexpr std::size_t lanes = 8;
  static constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

  static double folded(std::array<double, lanes> x) noexcept {
    for (std::size_t half = lanes / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i) x[i] += x[i + half];
    return x[0];
  }
  double share(std::uint64_t part) const noexcept {
    return count_ == 0 ? undefined : static_cast<double>(part) / static_cast<double>(count_);
  }

  std::uint64_t count_ = 0;
  std::uint64_t zeros_ = 0;
  std::uint64_t zeroed_ = 0;
  double reference_square_ = 0.0;
  double compressed_square_ = 0.0;
  double product_ = 0.0;
  double error_square_ = 0.0;
  worst_weight worst_;
};

static_assert(mergeable<distortion, std::span<const float>, std::span<const float>>);

/// The distortion of a whole matrix, the same bits on every number of threads: blocks of 64 rows are merged in order.
inline distortion measure_distortion(matrix_view<const float> reference, matrix_view<const float> compressed) {
  require(reference.rows() == compressed.rows() && reference.columns() == compressed.columns(),
          "distortion compares two matrices of the same shape");
  return parallel_fold(reference.rows(), 64, distortion{}, [&](distortion& part, std::size_t first, std::size_t last) {
    for (std::size_t r = first; r < last; ++r) part(reference.row(r), compressed.row(r));
  });
}

}  // namespace qfa

#endif
