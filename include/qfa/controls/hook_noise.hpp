// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_HOOK_NOISE_HPP
#define QFA_CONTROLS_HOOK_NOISE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "qfa/audit/activation_edit.hpp"
#include "qfa/compress/counter_random.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// S_D = E[D D^T] less the mean's: the covariance of what a compression adds to activations, D = h~ - h.  Sums in
/// double, token after token; blocks of one stream merge in their order.
class error_covariance {
 public:
  error_covariance() = default;
  explicit error_covariance(std::size_t width) : sum_(width, 0.0), products_(width * width, 0.0) {}

  std::size_t width() const noexcept { return sum_.size(); }
  std::uint64_t tokens() const noexcept { return tokens_; }

  /// Both sides of the same tokens, (tokens, width).  Throws where they are not.
  void operator()(matrix_view<const float> reference, matrix_view<const float> compressed) {
    require(reference.rows() == compressed.rows() && reference.columns() == width() && compressed.columns() == width(),
            "a covariance of errors takes both sides of the same tokens");
    std::vector<double> d(reference.rows() * width());
    for (std::size_t t = 0; t < reference.rows(); ++t)
      for (std::size_t i = 0; i < width(); ++i)
        d[t * width() + i] = static_cast<double>(compressed(t, i)) - static_cast<double>(reference(t, i));
    parallel_for(width(), [&](std::size_t i) {  // threads share the rows, each of which adds tokens in order
      for (std::size_t t = 0; t < reference.rows(); ++t) {
        const double* const row = d.data() + t * width();
        sum_[i] += row[i];
        for (std::size_t j = 0; j <= i; ++j) {
          const double product = row[i] * row[j];
          products_[i * width() + j] += product;
        }
      }
    });
    tokens_ += reference.rows();
  }

  /// Throws for another width.
  error_covariance& operator+=(const error_covariance& other) {
    if (other.width() == 0) return *this;
    if (width() == 0) return *this = other;
    require(width() == other.width(), "covariances merge where they are of one width");
    tokens_ += other.tokens_;
    for (std::size_t i = 0; i < sum_.size(); ++i)
      sum_[i] += other.sum_[i];
    for (std::size_t i = 0; i < products_.size(); ++i)
      products_[i] += other.products_[i];
    return *this;
  }
  bool operator==(const error_covariance&) const = default;

  /// S_D's entry.
  double operator()(std::size_t i, std::size_t j) const noexcept {
    const auto n = static_cast<double>(tokens_);
    const double product = products_[(std::max)(i, j) * width() + (std::min)(i, j)] / n;
    return product - sum_[i] / n * (sum_[j] / n);
  }
  /// E|D|^2, the mean's share in it.
  double energy() const noexcept {
    double all = 0.0;
    for (std::size_t i = 0; i < width(); ++i)
      all += products_[i * width() + i];
    return all / static_cast<double>(tokens_);
  }
  /// e^T S_D e.
  double along(std::span<const double> e) const {
    double all = 0.0;
    for (std::size_t i = 0; i < width(); ++i) {
      double row = 0.0;
      for (std::size_t j = 0; j < width(); ++j)
        row += (*this)(i, j) * e[j];
      all += e[i] * row;
    }
    return all;
  }

 private:
  std::uint64_t tokens_ = 0;
  std::vector<double> sum_;       // (width)
  std::vector<double> products_;  // (width, width), the lower triangle
};

/// e^T S_D e of each of those features, e its encoder column: the variance that the error has there.
inline std::vector<double> variances_along_encoder(const error_covariance& s, const sae& dictionary,
                                                   std::span<const std::uint32_t> features) {
  std::vector<double> out(features.size());
  parallel_for(features.size(), [&](std::size_t f) {
    std::vector<double> e(dictionary.d_in);
    for (std::size_t i = 0; i < e.size(); ++i)
      e[i] = static_cast<double>(dictionary.w_enc[i * dictionary.d_sae + features[f]]);
    out[f] = s.along(e);
  });
  return out;
}

/// L of S = L L^T, lower triangular, (n, n).  A pivot of no more than 1e-12 of the largest variance is a direction in
/// which nothing moved, and gives a column of zeros.  (Plain loops in a fixed order: what a library's blocks sum up
/// depends on the machine.)
inline std::vector<double> covariance_factor(const error_covariance& s) {
  const std::size_t n = s.width();
  std::vector<double> l(n * n, 0.0);
  double largest = 0.0;
  for (std::size_t i = 0; i < n; ++i)
    largest = (std::max)(largest, s(i, i));
  for (std::size_t j = 0; j < n; ++j) {
    double pivot = s(j, j);
    for (std::size_t k = 0; k < j; ++k)
      pivot -= l[j * n + k] * l[j * n + k];
    if (!(pivot > 1e-12 * largest)) continue;
    l[j * n + j] = std::sqrt(pivot);
    parallel_for(n - j - 1, [&](std::size_t r) {
      const std::size_t i = j + 1 + r;
      double rest = s(i, j);
      for (std::size_t k = 0; k < j; ++k)
        rest -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = rest / l[j * n + j];
    });
  }
  return l;
}

/// Adds Gaussian noise of E|D|^2 = `energy` to what passes at a hook, anew for every token and alike in all directions.
/// `context` is the length of rows.
inline activation_edit isotropic_noise(const hook_point& at, double energy, std::size_t context, std::uint64_t seed) {
  return {at, [=](std::size_t first_row, matrix_view<float> x) {
            const counter_random random(seed, name_of(at), random_use::noise);
            const std::size_t width = x.columns();
            const double deviation = std::sqrt(energy / static_cast<double>(width));
            parallel_for(x.rows(), [&](std::size_t t) {
              const std::size_t first = (first_row * context + t) * width;
              const std::span<float> row = x.row(t);
              for (std::size_t i = 0; i < width; ++i) {
                const double added = deviation * random.gaussian(first + i);
                row[i] = static_cast<float>(static_cast<double>(row[i]) + added);
              }
            });
          }};
}

/// The same with the covariance of a compression's errors, scaled so that E|D|^2 is that of the errors themselves,
/// whose mean it lacks.
inline activation_edit covariant_noise(const hook_point& at, const error_covariance& s, std::size_t context,
                                       std::uint64_t seed) {
  double trace = 0.0;
  for (std::size_t i = 0; i < s.width(); ++i)
    trace += s(i, i);
  const double scale = trace > 0.0 ? std::sqrt(s.energy() / trace) : 0.0;
  const auto factor = std::make_shared<const std::vector<double>>(covariance_factor(s));
  return {at, [=](std::size_t first_row, matrix_view<float> x) {
            const counter_random random(seed, name_of(at), random_use::noise);
            const std::size_t width = x.columns();
            parallel_for(x.rows(), [&](std::size_t t) {
              const std::size_t first = (first_row * context + t) * width;
              std::vector<double> g(width);
              for (std::size_t i = 0; i < width; ++i)
                g[i] = scale * random.gaussian(first + i);
              const std::span<float> row = x.row(t);
              for (std::size_t i = 0; i < width; ++i) {
                double added = 0.0;
                for (std::size_t j = 0; j <= i; ++j) {
                  const double product = (*factor)[i * width + j] * g[j];
                  added += product;
                }
                row[i] = static_cast<float>(static_cast<double>(row[i]) + added);
              }
            });
          }};
}

}  // namespace qfa

#endif
