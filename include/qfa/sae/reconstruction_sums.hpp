// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_RECONSTRUCTION_SUMS_HPP
#define QFA_SAE_RECONSTRUCTION_SUMS_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/mergeable.hpp"

namespace qfa {

namespace detail {

/// Sum over i of term(i), in double, eight sums side by side: one alone waits for every addition, and its order must
/// not be the compiler's to choose.
template <class Term>
double sum_of(std::size_t n, Term term) {
  std::array<double, 8> lane{};
  std::size_t i = 0;
  for (; i + lane.size() <= n; i += lane.size())
    for (std::size_t l = 0; l < lane.size(); ++l)
      lane[l] += term(i + l);
  for (std::size_t l = 0; i < n; ++i, ++l)
    lane[l] += term(i);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/// NaN where b is 0.
inline double quotient(double a, double b) noexcept {
  return b == 0.0 ? std::numeric_limits<double>::quiet_NaN() : a / b;
}

}  // namespace detail

/// How near what an SAE decodes comes to the activations: x (tokens, d) and its reconstruction x^ (tokens, d).
///
/// Everything is a sum over tokens, in double, and the mean of x is carried with the squares around it (Chan 1979), so
/// that an activation with a mean of thousands loses nothing.  All results are NaN before the first token.
class reconstruction_sums {
 public:
  /// Adds a batch of tokens.  Throws where the two differ in shape, and for another width than before.
  void operator()(matrix_view<const float> x, matrix_view<const float> reconstruction) {
    require(x.rows() == reconstruction.rows() && x.columns() == reconstruction.columns(),
            "the health of an SAE needs a reconstruction for each token, as wide as the activations");
    if (x.rows() == 0) return;
    reconstruction_sums batch;
    batch.add_moments(x);
    for (std::size_t t = 0; t < x.rows(); ++t)
      batch.add_token(x.row(t), reconstruction.row(t));
    *this += batch;
  }

  /// The mean of the whole is reached by shifting both halves: each sum of squares grows by n_i |mu_i - mu|^2, and with
  /// mu = (na mu_a + nb mu_b) / n the two shifts add up to |gap|^2 na nb / n.  Throws for sums of another width.
  reconstruction_sums& operator+=(const reconstruction_sums& other) {
    if (other.tokens_ == 0) return *this;
    if (tokens_ == 0) return *this = other;
    require(mean_.size() == other.mean_.size(), "the health of two SAEs of different shapes cannot be merged");
    const auto na = static_cast<double>(tokens_);
    const auto nb = static_cast<double>(other.tokens_);
    spread_ += other.spread_ + na * nb / (na + nb) * detail::sum_of(mean_.size(), [&](std::size_t i) {
                                 const double gap = other.mean_[i] - mean_[i];
                                 return gap * gap;
                               });
    for (std::size_t i = 0; i < mean_.size(); ++i)
      mean_[i] += (other.mean_[i] - mean_[i]) * (nb / (na + nb));
    tokens_ += other.tokens_;
    off_mean_tokens_ += other.off_mean_tokens_;
    residual_ += other.residual_;
    legacy_ += other.legacy_;
    norms_ += other.norms_;
    squares_ += other.squares_;
    norm_ratio_ += other.norm_ratio_;
    reconstruction_squares_ += other.reconstruction_squares_;
    product_ += other.product_;
    return *this;
  }

  std::uint64_t tokens() const noexcept { return tokens_; }
  double norms() const noexcept { return norms_; }      ///< sum of |x|
  double squares() const noexcept { return squares_; }  ///< sum of |x|^2

  /// Fraction of variance unexplained: sum |x - x^|^2 / sum |x - mean x|^2.  Above 1, the SAE does not fit this model.
  double fvu() const noexcept { return detail::quotient(residual_, spread_); }

  /// SAELens' current form (from its pull request 665 on): 1 - E|x - x^|^2 / (E|x|^2 - sum_d E[x_d]^2).  The
  /// denominator is the variance summed over dimensions, so this is 1 - fvu; it keeps its own name because earlier
  /// versions of that tool printed something else under it.
  double explained_variance() const noexcept { return 1.0 - fvu(); }

  /// SAELens' earlier form, and the published tables': the mean over tokens of 1 - |x - x^|^2 / |x - mean|^2, the mean
  /// being that of the batch which held the token.  It depends on how the stream was cut into batches; a batch of one
  /// token, and any token that is its batch's mean, has no value and is left out.
  double explained_variance_legacy() const noexcept {
    return detail::quotient(legacy_, static_cast<double>(off_mean_tokens_));
  }

  /// Mean of |x^| / |x|, an |x| below 1e-4 taken for 1 (SAELens): below 1 the SAE shrinks.
  double l2_ratio() const noexcept { return detail::quotient(norm_ratio_, static_cast<double>(tokens_)); }

  /// E|x^|^2 / E[x . x^] (SAELens): 1 without shrinkage.
  double relative_reconstruction_bias() const noexcept { return detail::quotient(reconstruction_squares_, product_); }

  bool operator==(const reconstruction_sums&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.tokens_, self.off_mean_tokens_, self.mean_, self.spread_, self.residual_, self.legacy_, self.norms_,
            self.squares_, self.norm_ratio_, self.reconstruction_squares_, self.product_);
  }

 private:
  /// Two passes over a batch that is at hand: the mean, then the squares around it.
  void add_moments(matrix_view<const float> x) {
    tokens_ = x.rows();
    mean_.assign(x.columns(), 0.0);
    for (std::size_t t = 0; t < x.rows(); ++t) {
      const auto row = x.row(t);
      for (std::size_t i = 0; i < row.size(); ++i)
        mean_[i] += static_cast<double>(row[i]);
    }
    for (double& m : mean_)
      m /= static_cast<double>(x.rows());
  }

  void add_token(std::span<const float> x, std::span<const float> y) {
    const auto sum_over = [&](auto term) {
      return detail::sum_of(x.size(),
                            [&](std::size_t i) { return term(static_cast<double>(x[i]), static_cast<double>(y[i])); });
    };
    const double residual = sum_over([](double a, double b) { return (a - b) * (a - b); });
    const double spread = detail::sum_of(x.size(), [&](std::size_t i) {
      const double d = static_cast<double>(x[i]) - mean_[i];
      return d * d;
    });
    const double x_squares = sum_over([](double a, double) { return a * a; });
    const double y_squares = sum_over([](double, double b) { return b * b; });
    residual_ += residual;
    spread_ += spread;
    if (spread > 0.0) {
      legacy_ += 1.0 - residual / spread;
      ++off_mean_tokens_;
    }
    const double norm = std::sqrt(x_squares);
    norms_ += norm;
    squares_ += x_squares;
    norm_ratio_ += std::sqrt(y_squares) / (norm < 1e-4 ? 1.0 : norm);
    reconstruction_squares_ += y_squares;
    product_ += sum_over([](double a, double b) { return a * b; });
  }

  std::uint64_t tokens_ = 0;
  std::uint64_t off_mean_tokens_ = 0;    // that have a value in the legacy form
  std::vector<double> mean_;             // of x
  double spread_ = 0.0;                  // sum |x - mean|^2
  double residual_ = 0.0;                // sum |x - x^|^2
  double legacy_ = 0.0;                  // sum of 1 - |x - x^|^2 / |x - mean of the batch|^2
  double norms_ = 0.0;                   // sum |x|
  double squares_ = 0.0;                 // sum |x|^2
  double norm_ratio_ = 0.0;              // sum |x^| / |x|
  double reconstruction_squares_ = 0.0;  // sum |x^|^2
  double product_ = 0.0;                 // sum x . x^
};

static_assert(mergeable<reconstruction_sums, matrix_view<const float>, matrix_view<const float>>);

}  // namespace qfa

#endif
