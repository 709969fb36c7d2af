// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_LADDER_FIT_HPP
#define QFA_BITS_LADDER_FIT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/bits/damage_law.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// The law of one feature, and what it leaves unexplained.
struct ladder_fit {
  damage_law law{};
  double loss = std::numeric_limits<double>::infinity();  ///< sum of w (log2 nu - log2 law)^2
};

/// Fits the damage law to a ladder of bit widths by weighted least squares of log2 nu, with a and c at least 0.
///
/// With the crossing x = log2(c / a), the bits at which gain and flips cost the same, the law is
///
///   log2 nu(b) = k + shape(x, b),   shape = log2(2^(x - 2b) + 2^-b),   k = log2 a
///
/// and the best k for a given x is a weighted mean.  So the search for both is one over x: on a grid of half bits, 20
/// beyond the ladder at either end, then by golden section around the best point, and against the two ends, a = 0 and
/// c = 0, which win where no crossing fits better.  Every search takes the same steps: its result is a matter of the
/// values alone.
class ladder_search {
 public:
  /// The rungs' bits, each once.  Throws for fewer than two.
  explicit ladder_search(std::vector<double> bits) : bits_(std::move(bits)) {
    require(bits_.size() >= 2, "a ladder needs at least two rungs");
    std::vector<double> sorted = bits_;
    std::ranges::sort(sorted);
    require(std::ranges::adjacent_find(sorted) == sorted.end(), "a ladder has each number of bits once");
    for (const double b : bits_)
      halves_.push_back(std::exp2(-b));
    for (double x = sorted.front() - reach; x <= sorted.back() + reach; x += step) {
      crossings_.push_back(x);
      append_shape(x, shapes_);
    }
  }

  std::span<const double> bits() const noexcept { return bits_; }

  /// One value and one weight for each rung; a rung of weight 0 is left out, whatever its value.  Throws unless at
  /// least two have a weight above 0 and a finite value.
  ladder_fit operator()(std::span<const double> log2_nu, std::span<const double> weights) const {
    require(log2_nu.size() == bits_.size() && weights.size() == bits_.size(),
            "a ladder's fit needs one value and one weight for each rung");
    std::size_t used = 0;
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      if (weights[i] == 0.0) continue;
      require(weights[i] > 0.0 && std::isfinite(weights[i]) && std::isfinite(log2_nu[i]),
              "a ladder's fit needs finite values and weights of at least 0");
      ++used;
    }
    require(used >= 2, "a ladder's fit needs two rungs with a weight above 0");

    std::vector<double> shape(bits_.size());
    ladder_fit best;
    for (const double slope : {2.0, 1.0}) {
      for (std::size_t i = 0; i < bits_.size(); ++i)
        shape[i] = -slope * bits_[i];
      const level found = level_of(shape, log2_nu, weights);
      const double factor = std::exp2(found.height);
      if (found.loss < best.loss)
        best = {slope == 2.0 ? damage_law{.c = factor, .a = 0.0} : damage_law{.c = 0.0, .a = factor}, found.loss};
    }

    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t g = 0; g < crossings_.size(); ++g) {
      const double loss = level_of({shapes_.data() + g * bits_.size(), bits_.size()}, log2_nu, weights).loss;
      if (loss < least) least = loss, nearest = g;
    }
    const auto loss_at = [&](double x) {
      shape.clear();
      append_shape(x, shape);
      return level_of(shape, log2_nu, weights).loss;
    };
    const double crossing = golden_section(crossings_[nearest] - step, crossings_[nearest] + step, loss_at);
    shape.clear();
    append_shape(crossing, shape);
    const level found = level_of(shape, log2_nu, weights);
    if (found.loss < best.loss)
      best = {{.c = std::exp2(found.height + crossing), .a = std::exp2(found.height)}, found.loss};
    return best;
  }

 private:
  static constexpr double reach = 20.0;  // there the smaller term is 1e-6 of the other on every rung
  static constexpr double step = 0.5;

  struct level {
    double height;  // k
    double loss;
  };

  void append_shape(double x, std::vector<double>& to) const {
    const double ratio_at_zero = std::exp2(x);
    for (std::size_t i = 0; i < bits_.size(); ++i)
      to.push_back(std::log2(1.0 + ratio_at_zero * halves_[i]) - bits_[i]);
  }

  static level level_of(std::span<const double> shape, std::span<const double> y, std::span<const double> w) noexcept {
    double sum = 0.0, all = 0.0;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (w[i] == 0.0) continue;
      sum += w[i] * (y[i] - shape[i]);
      all += w[i];
    }
    level out{sum / all, 0.0};
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (w[i] == 0.0) continue;
      const double miss = y[i] - shape[i] - out.height;
      out.loss += w[i] * miss * miss;
    }
    return out;
  }

  /// The least of a function that falls, then rises (Kiefer 1953).  44 steps shrink the bracket to 6e-10 of it.
  template <class Function>
  static double golden_section(double low, double high, Function value_at) {
    constexpr double part = 0.6180339887498949;
    double left = high - part * (high - low), right = low + part * (high - low);
    double at_left = value_at(left), at_right = value_at(right);
    for (int i = 0; i < 44; ++i) {
      if (at_left <= at_right) {
        high = right;
        right = left;
        at_right = at_left;
        left = high - part * (high - low);
        at_left = value_at(left);
      } else {
        low = left;
        left = right;
        at_left = at_right;
        right = low + part * (high - low);
        at_right = value_at(right);
      }
    }
    return at_left <= at_right ? left : right;
  }

  std::vector<double> bits_;
  std::vector<double> halves_;     // 2^-bits
  std::vector<double> crossings_;  // the grid
  std::vector<double> shapes_;     // (crossings, rungs)
};

}  // namespace qfa

#endif
