// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_HEALTH_HPP
#define QFA_SAE_HEALTH_HPP

#include <algorithm>
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
#include "qfa/sae/codes.hpp"

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

}  // namespace detail

/// How well an SAE describes activations: x (tokens, d), their codes, and what decoding the codes gives (tokens, d).
///
/// Everything is a sum over tokens, in double, and the mean of x is carried with the squares around it (Chan 1979), so
/// that an activation with a mean of thousands loses nothing.  All results are NaN before the first token.
class sae_health {
 public:
  /// Adds a batch of tokens.
  void operator()(matrix_view<const float> x, const sparse_codes& codes, matrix_view<const float> reconstruction) {
    require(x.rows() == codes.tokens() && x.rows() == reconstruction.rows() && x.columns() == reconstruction.columns(),
            "the health of an SAE needs codes and a reconstruction for each token, as wide as the activations");
    if (x.rows() == 0) return;
    sae_health batch;
    batch.add_moments(x);
    for (std::size_t t = 0; t < x.rows(); ++t)
      batch.add_token(x.row(t), reconstruction.row(t));
    batch.count_firings(codes);
    *this += batch;
  }

  /// The mean of the whole is reached by shifting both halves: each sum of squares grows by n_i |mu_i - mu|^2, and with
  /// mu = (na mu_a + nb mu_b) / n the two shifts add up to |gap|^2 na nb / n.
  sae_health& operator+=(const sae_health& other) {
    if (other.tokens_ == 0) return *this;
    if (tokens_ == 0) return *this = other;
    require(mean_.size() == other.mean_.size() && fired_.size() == other.fired_.size(),
            "the health of two SAEs of different shapes cannot be merged");
    const auto na = static_cast<double>(tokens_);
    const auto nb = static_cast<double>(other.tokens_);
    spread_ += other.spread_ + na * nb / (na + nb) * detail::sum_of(mean_.size(), [&](std::size_t i) {
                                 const double gap = other.mean_[i] - mean_[i];
                                 return gap * gap;
                               });
    for (std::size_t i = 0; i < mean_.size(); ++i)
      mean_[i] += (other.mean_[i] - mean_[i]) * (nb / (na + nb));
    for (std::size_t j = 0; j < fired_.size(); ++j)
      fired_[j] += other.fired_[j];
    tokens_ += other.tokens_;
    off_mean_tokens_ += other.off_mean_tokens_;
    residual_ += other.residual_;
    legacy_ += other.legacy_;
    norm_ratio_ += other.norm_ratio_;
    reconstruction_squares_ += other.reconstruction_squares_;
    product_ += other.product_;
    return *this;
  }

  std::uint64_t tokens() const noexcept { return tokens_; }
  /// Tokens on which each feature fired.
  std::span<const std::uint64_t> firings() const noexcept { return fired_; }

  /// Fraction of variance unexplained: sum |x - x^|^2 / sum |x - mean x|^2.  Above 1, the SAE does not fit this model.
  double fvu() const noexcept { return ratio(residual_, spread_); }

  /// SAELens' current form (from its pull request 665 on): 1 - E|x - x^|^2 / (E|x|^2 - sum_d E[x_d]^2).  The
  /// denominator is the variance summed over dimensions, so this is 1 - fvu; it keeps its own name because earlier
  /// versions of that tool printed something else under it.
  double explained_variance() const noexcept { return 1.0 - fvu(); }

  /// SAELens' earlier form, and the published tables': the mean over tokens of 1 - |x - x^|^2 / |x - mean|^2, the mean
  /// being that of the batch which held the token.  It depends on how the stream was cut into batches; a batch of one
  /// token, and any token that is its batch's mean, has no value and is left out.
  double explained_variance_legacy() const noexcept { return ratio(legacy_, static_cast<double>(off_mean_tokens_)); }

  /// Features that fire on a token, on average.
  double l0() const noexcept {
    std::uint64_t all = 0;
    for (std::uint64_t n : fired_)
      all += n;
    return ratio(static_cast<double>(all), static_cast<double>(tokens_));
  }

  /// Share of the features that never fired.
  double dead_share() const noexcept {
    const auto dead = std::count(fired_.begin(), fired_.end(), std::uint64_t{0});
    return ratio(static_cast<double>(dead), static_cast<double>(fired_.size()));
  }

  /// Mean of |x^| / |x|, an |x| below 1e-4 taken for 1 (SAELens): below 1 the SAE shrinks.
  double l2_ratio() const noexcept { return ratio(norm_ratio_, static_cast<double>(tokens_)); }

  /// E|x^|^2 / E[x . x^] (SAELens): 1 without shrinkage.
  double relative_reconstruction_bias() const noexcept { return ratio(reconstruction_squares_, product_); }

  bool operator==(const sae_health&) const = default;

 private:
  static double ratio(double a, double b) noexcept {
    return b == 0.0 ? std::numeric_limits<double>::quiet_NaN() : a / b;
  }

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
    norm_ratio_ += std::sqrt(y_squares) / (norm < 1e-4 ? 1.0 : norm);
    reconstruction_squares_ += y_squares;
    product_ += sum_over([](double a, double b) { return a * b; });
  }

  void count_firings(const sparse_codes& codes) {
    fired_.assign(codes.width(), 0);
    for (std::size_t t = 0; t < codes.tokens(); ++t)
      for (std::uint32_t feature : codes[t].features)
        ++fired_[feature];
  }

  std::uint64_t tokens_ = 0;
  std::uint64_t off_mean_tokens_ = 0;    // that have a value in the legacy form
  std::vector<double> mean_;             // of x
  double spread_ = 0.0;                  // sum |x - mean|^2
  double residual_ = 0.0;                // sum |x - x^|^2
  double legacy_ = 0.0;                  // sum of 1 - |x - x^|^2 / |x - mean of the batch|^2
  double norm_ratio_ = 0.0;              // sum |x^| / |x|
  double reconstruction_squares_ = 0.0;  // sum |x^|^2
  double product_ = 0.0;                 // sum x . x^
  std::vector<std::uint64_t> fired_;
};

static_assert(mergeable<sae_health, matrix_view<const float>, sparse_codes, matrix_view<const float>>);

}  // namespace qfa

#endif
