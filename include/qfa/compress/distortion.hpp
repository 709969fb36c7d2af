// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_DISTORTION_HPP
#define QFA_COMPRESS_DISTORTION_HPP

#include <algorithm>
#include <array>
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

  /// Adds a row, or any run of weights.  Throws where the two differ in length.
  void operator()(std::span<const float> reference, std::span<const float> compressed) {
    require(reference.size() == compressed.size(), "distortion compares as many weights as there were");
    lane_sums sums;
    const std::size_t whole = reference.size() - reference.size() % lanes;
    for (std::size_t first = 0; first < whole; first += lanes)
      for (std::size_t i = 0; i < lanes; ++i) sums.add(i, reference[first + i], compressed[first + i]);
    for (std::size_t i = 0; whole + i < reference.size(); ++i) sums.add(i, reference[whole + i], compressed[whole + i]);

    const double largest = *std::ranges::max_element(sums.largest_error);
    if (largest > worst_.error) {  // rarely: where it stands is worth a second look, and not a branch for every weight
      std::size_t at = 0;
      while (error_of(reference[at], compressed[at]) != largest) ++at;
      worst_ = {largest, count_ + at, reference[at], compressed[at]};
    }
    count_ += reference.size();
    for (std::size_t i = 0; i < lanes; ++i) {
      zeros_ += sums.zeros[i];
      zeroed_ += sums.zeroed[i];
    }
    reference_square_ += folded(sums.reference_square);
    compressed_square_ += folded(sums.compressed_square);
    product_ += folded(sums.product);
    error_square_ += folded(sums.error_square);
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
    if (reference_square_ == 0.0) return undefined;
    if (error_square_ == 0.0) return std::numeric_limits<double>::infinity();
    return 10.0 * std::log10(reference_square_ / error_square_);
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

  static double error_of(float reference, float compressed) noexcept {
    return std::abs(static_cast<double>(compressed) - static_cast<double>(reference));
  }

  struct lane_sums {
    std::array<double, lanes> reference_square{}, compressed_square{}, product{}, error_square{}, largest_error{};
    std::array<std::uint64_t, lanes> zeros{}, zeroed{};

    void add(std::size_t lane, float reference, float compressed) noexcept {
      const double w = static_cast<double>(reference);
      const double q = static_cast<double>(compressed);
      const double error = error_of(reference, compressed);
      reference_square[lane] += w * w;
      compressed_square[lane] += q * q;
      product[lane] += w * q;
      error_square[lane] += error * error;
      largest_error[lane] = error > largest_error[lane] ? error : largest_error[lane];
      zeros[lane] += q == 0.0 ? 1U : 0U;
      zeroed[lane] += q == 0.0 && w != 0.0 ? 1U : 0U;
    }
  };

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
/// Throws where the matrices differ in shape.
inline distortion measure_distortion(matrix_view<const float> reference, matrix_view<const float> compressed) {
  require(reference.rows() == compressed.rows() && reference.columns() == compressed.columns(),
          "distortion compares two matrices of the same shape");
  return parallel_fold(reference.rows(), 64, distortion{}, [&](distortion& part, std::size_t first, std::size_t last) {
    for (std::size_t r = first; r < last; ++r) part(reference.row(r), compressed.row(r));
  });
}

}  // namespace qfa

#endif
