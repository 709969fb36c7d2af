// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_SOFT_MAXIMUM_HPP
#define QFA_MODEL_SOFT_MAXIMUM_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "qfa/core/exact.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"

namespace qfa {

/// A vocabulary's logits are taken in chunks of so many, in the order of their ids: no more of them need be held for a
/// token at a time, and what is summed does not depend on how many tokens are taken at once.
inline constexpr std::size_t logits_in_chunk = 512;

namespace detail {

/// Sum of term(i) for i in [0, n), in double over sixteen lanes that are folded pairwise: one order, whatever the
/// machine.  Terms must be exact: else a compiler that contracts may round one with the sum.
template <class Term>
double sum_in_lanes(std::size_t n, Term term) noexcept {
  std::array<double, 16> lane{};
  std::size_t i = 0;
  for (; i + lane.size() <= n; i += lane.size())
    for (std::size_t l = 0; l < lane.size(); ++l)
      lane[l] += term(i + l);
  for (std::size_t l = 0; i + l < n; ++l)
    lane[l] += term(i + l);
  for (std::size_t half = lane.size() / 2; half > 0; half /= 2)
    for (std::size_t l = 0; l < half; ++l)
      lane[l] += lane[l + half];
  return lane[0];
}

}  // namespace detail

/// The largest logit of a token and the sum of exp(logit - largest), from chunks in the order of their ids.
///
/// A chunk whose largest logit exceeds all before it first shrinks the sum so far to the new measure:
///
///   top' = max(top, max chunk),   sum' = sum exp(top - top') + sum over the chunk of exp(l - top')
///
/// so the exponents are never positive and no logit is needed twice.  Exponentials are qfa::simd's, in float; sums and
/// factors are double.
class soft_maximum {
 public:
  /// Takes the next chunk in, at most logits_in_chunk of them, the first of id `first`.  Gives the factor by which
  /// whatever else was summed with the same weights must shrink, and leaves the chunk's weights exp(l - top) in
  /// `weights`.
  template <class Arch = simd::best_arch>
  double operator()(std::span<const float> chunk, std::size_t first, std::span<float> weights) noexcept {
    const float largest = simd::max<Arch>(chunk);
    double factor = 1.0;
    if (largest > top_) {
      factor = std::exp(static_cast<double>(top_) - static_cast<double>(largest));
      top_ = largest;
      place_ = first + static_cast<std::size_t>(std::find(chunk.begin(), chunk.end(), largest) - chunk.begin());
    }
    using batch = simd::floats<Arch>;
    // As long as all logits are -inf, nothing is there to measure them by, and each counts nothing.
    const batch top(std::isinf(top_) && top_ < 0.0f ? 0.0f : top_);
    simd::transform<Arch>(
        weights.first(chunk.size()), [&](const batch& l) { return simd::exp<Arch>(l - top); }, chunk.data());
    const double added =
        detail::sum_in_lanes(chunk.size(), [&](std::size_t i) { return static_cast<double>(weights[i]); });
    sum_ = rounded_product(sum_, factor) + added;
    return factor;
  }

  /// log(sum of exp(logits)).
  double log() const noexcept { return static_cast<double>(top_) + std::log(sum_); }
  double sum() const noexcept { return sum_; }
  /// The largest logit.
  float top() const noexcept { return top_; }
  /// The id of the largest logit, of equals the lowest; 0 where every logit is NaN or -inf.
  std::size_t place() const noexcept { return place_; }

 private:
  float top_ = -std::numeric_limits<float>::infinity();
  double sum_ = 0.0;
  std::size_t place_ = 0;
};

/// Two models' logits of one token, from chunks in the order of their ids: both soft maxima, and how far the models
/// diverge.
///
///   KL = sum_i p_i (log p_i - log q_i) = (sum_i e_i (a_i - b_i)) / (sum_i e_i) - (A - B)
///
/// with logits a of the reference and b of the compressed model, A and B the logs of their sums of exponentials, and
/// e = exp(a - max a).  Differences a - b are rounded to float once; what they weigh is exact in double.  Equal logits
/// give exactly 0.
///
/// If asked, the reference's entropy, too:
///
///   H = - sum_i p_i log p_i = log(sum_i e_i) - (sum_i e_i (a_i - max a)) / (sum_i e_i)
///
/// The second sum is measured from the largest logit, so when that grows from m to m' each of its terms shrinks along
/// and moves by e (m - m').
class soft_maximum_pair {
 public:
  explicit soft_maximum_pair(bool with_entropy = false) noexcept : with_entropy_(with_entropy) {}

  template <class Arch = simd::best_arch>
  void operator()(std::span<const float> reference, std::span<const float> compressed, std::size_t first) noexcept {
    std::array<float, logits_in_chunk> weights;
    compressed_.operator()<Arch>(compressed, first, weights);
    const soft_maximum before = reference_;
    const double factor = reference_.operator()<Arch>(reference, first, weights);
    if (with_entropy_) {
      const float top = reference_.top();
      const double below = detail::sum_in_lanes(reference.size(), [&](std::size_t i) {
        return static_cast<double>(weights[i]) * static_cast<double>(reference[i] - top);
      });
      const double moved = static_cast<double>(before.top()) - static_cast<double>(top);
      if (before.sum() > 0.0) below_ = rounded_product(below_ + rounded_product(before.sum(), moved), factor);
      below_ += below;
    }
    const double added = detail::sum_in_lanes(reference.size(), [&](std::size_t i) {
      return static_cast<double>(weights[i]) * static_cast<double>(reference[i] - compressed[i]);
    });
    gaps_ = rounded_product(gaps_, factor) + added;
  }

  const soft_maximum& reference() const noexcept { return reference_; }
  const soft_maximum& compressed() const noexcept { return compressed_; }
  /// KL(reference || compressed) in nats.
  double divergence() const noexcept { return gaps_ / reference_.sum() - (reference_.log() - compressed_.log()); }
  /// Of the reference's prediction, in nats; NaN unless asked for.
  double reference_entropy() const noexcept {
    if (!with_entropy_) return std::numeric_limits<double>::quiet_NaN();
    return std::log(reference_.sum()) - below_ / reference_.sum();
  }
  /// The probability that the reference gives its likeliest token, whose weight is exp(0).
  double reference_top() const noexcept { return 1.0 / reference_.sum(); }

 private:
  soft_maximum reference_, compressed_;
  double gaps_ = 0.0;   // sum of exp(a - max a) (a - b)
  double below_ = 0.0;  // sum of exp(a - max a) (a - max a)
  bool with_entropy_;
};

}  // namespace qfa

#endif
