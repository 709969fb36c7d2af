// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LOSS_HPP
#define QFA_MODEL_LOSS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"

namespace qfa {

/// Logits that are held at a time, 64 MiB of them.  Their number changes no result.
inline constexpr std::size_t default_logits_at_once = std::size_t{1} << 24;

/// How a compressed model predicts one next token, beside the reference.
struct token_comparison {
  double reference_nll = 0.0;   ///< nats
  double compressed_nll = 0.0;  ///< nats
  double kl = 0.0;              ///< KL(reference || compressed) in nats
  bool same_top = false;        ///< both give the same token the highest logit; of equals the lowest id counts
};

namespace detail {

/// exp(logits - top) by portions, so that nothing as long as a vocabulary is written: use(first, exponentials).
template <class Arch, class Use>
void with_exponentials(std::span<const float> logits, float top, Use use) {
  using batch = simd::floats<Arch>;
  std::array<float, 512> portion;
  for (std::size_t first = 0; first < logits.size(); first += portion.size()) {
    const std::span<float> part(portion.data(), (std::min)(portion.size(), logits.size() - first));
    simd::transform<Arch>(
        part, [&](const batch& x) { return simd::exp<Arch>(x - batch(top)); }, logits.data() + first);
    use(first, part);
  }
}

/// Sums in double over sixteen lanes, folded pairwise: one order, whatever the machine.
class lane_sum {
 public:
  void operator()(std::size_t i, double x) noexcept { lane_[i % lane_.size()] += x; }
  double value() const noexcept {
    std::array<double, 16> x = lane_;
    for (std::size_t half = x.size() / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i)
        x[i] += x[i + half];
    return x[0];
  }

 private:
  std::array<double, 16> lane_{};
};

struct soft_maximum {
  float top = 0.0f;  // the largest logit
  double sum = 0.0;  // of exp(logit - top)
  double log() const noexcept { return static_cast<double>(top) + std::log(sum); }
};

template <class Arch>
soft_maximum soft_maximum_of(std::span<const float> logits) {
  soft_maximum out{.top = simd::max<Arch>(logits)};
  lane_sum sum;
  with_exponentials<Arch>(logits, out.top, [&](std::size_t, std::span<const float> part) {
    for (std::size_t i = 0; i < part.size(); ++i)
      sum(i, static_cast<double>(part[i]));
  });
  out.sum = sum.value();
  return out;
}

inline std::size_t place_of_largest(std::span<const float> xs) noexcept {
  return static_cast<std::size_t>(std::max_element(xs.begin(), xs.end()) - xs.begin());
}

}  // namespace detail

/// log(sum of exp(logits)).
template <class Arch = simd::best_arch>
double log_sum_exp(std::span<const float> logits) {
  return detail::soft_maximum_of<Arch>(logits).log();
}

/// -log softmax(logits)[target], in nats.
template <class Arch = simd::best_arch>
double next_token_nll(std::span<const float> logits, std::size_t target) {
  return log_sum_exp<Arch>(logits) - static_cast<double>(logits[target]);
}

/// Both models' losses and their divergence from the logits of one position.
///
///   KL = sum_i p_i (log p_i - log q_i) = sum_i e_i ((a_i - b_i) - (A - B)) / sum_i e_i
///
/// with logits a of the reference, b of the compressed model, A and B the logs of their sums of exponentials, and
/// e = exp(a - max a).  Equal logits give exactly 0.
template <class Arch = simd::best_arch>
token_comparison compare_predictions(std::span<const float> reference, std::span<const float> compressed,
                                     std::size_t target) {
  const detail::soft_maximum a = detail::soft_maximum_of<Arch>(reference);
  const double log_a = a.log();
  const double log_b = log_sum_exp<Arch>(compressed);
  detail::lane_sum kl;
  detail::with_exponentials<Arch>(reference, a.top, [&](std::size_t first, std::span<const float> part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      const double gap = static_cast<double>(reference[first + i]) - static_cast<double>(compressed[first + i]);
      kl(i, static_cast<double>(part[i]) * (gap - (log_a - log_b)));
    }
  });
  return {.reference_nll = log_a - static_cast<double>(reference[target]),
          .compressed_nll = log_b - static_cast<double>(compressed[target]),
          .kl = kl.value() / a.sum,
          .same_top = detail::place_of_largest(reference) == detail::place_of_largest(compressed)};
}

namespace detail {

/// How many tokens' logits are held at a time: no fewer than keep a matrix product busy.
inline std::size_t tokens_of_logits(std::size_t vocabulary, std::size_t logits_at_once) noexcept {
  return (std::max)(std::size_t{96}, logits_at_once / (std::max)(vocabulary, std::size_t{1}));
}

inline void check_scored(matrix_view<const float> hidden, matrix_view<const std::uint32_t> tokens, std::size_t room) {
  require(tokens.columns() >= 2, "a row of one token has no next token to predict");
  require(hidden.rows() == tokens.size(), "a loss needs one final hidden state for each token");
  require(room == tokens.rows() * (tokens.columns() - 1), "a loss needs room for each token but the first of a row");
}

/// score(place, i, next token) for the i-th of the tokens [first, last) unless it is its row's last; threads share the
/// work.
template <class Score>
void for_each_scored(matrix_view<const std::uint32_t> tokens, std::size_t first, std::size_t last, Score score) {
  const std::size_t context = tokens.columns();
  constexpr std::size_t at_once = 16;
  parallel_for((last - first + at_once - 1) / at_once, [&](std::size_t task) {
    for (std::size_t i = task * at_once; i < (std::min)(last - first, (task + 1) * at_once); ++i) {
      const std::size_t row = (first + i) / context;
      const std::size_t at = (first + i) % context;
      if (at + 1 < context) score(row * (context - 1) + at, i, tokens(row, at + 1));
    }
  });
}

}  // namespace detail

/// Next-token loss in nats of texts, from their final hidden states (rows context, hidden): nll (rows, context - 1).
/// `Decoder` has config().vocabulary and unembed(hidden, logits).
template <class Arch = simd::best_arch, class Decoder>
void score_tokens(const Decoder& model, matrix_view<const float> hidden, matrix_view<const std::uint32_t> tokens,
                  std::span<double> nll, std::size_t logits_at_once = default_logits_at_once) {
  detail::check_scored(hidden, tokens, nll.size());
  const std::size_t step = detail::tokens_of_logits(model.config().vocabulary, logits_at_once);
  activations logits;
  for (std::size_t first = 0; first < hidden.rows(); first += step) {
    const std::size_t last = (std::min)(hidden.rows(), first + step);
    logits.resize(last - first, model.config().vocabulary);
    model.unembed(hidden.rows_between(first, last), logits.view());
    detail::for_each_scored(tokens, first, last, [&](std::size_t to, std::size_t i, std::size_t target) {
      nll[to] = next_token_nll<Arch>(logits.view().row(i), target);
    });
  }
}

/// Next-token loss of both models, their KL divergence and whether they agree: out (rows, context - 1).
///
/// The reference's logits are recomputed from its final hidden states, which can be kept where logits cannot; they are
/// the same to the bit.
template <class Arch = simd::best_arch, class Decoder>
void compare_tokens(const Decoder& reference, matrix_view<const float> reference_hidden, const Decoder& compressed,
                    matrix_view<const float> compressed_hidden, matrix_view<const std::uint32_t> tokens,
                    std::span<token_comparison> out, std::size_t logits_at_once = default_logits_at_once) {
  detail::check_scored(reference_hidden, tokens, out.size());
  detail::check_scored(compressed_hidden, tokens, out.size());
  const std::size_t vocabulary = reference.config().vocabulary;
  require(vocabulary == compressed.config().vocabulary, "two models can be compared on one vocabulary only");
  const std::size_t step = detail::tokens_of_logits(vocabulary, logits_at_once);
  activations a, b;
  for (std::size_t first = 0; first < compressed_hidden.rows(); first += step) {
    const std::size_t last = (std::min)(compressed_hidden.rows(), first + step);
    a.resize(last - first, vocabulary);
    b.resize(last - first, vocabulary);
    reference.unembed(reference_hidden.rows_between(first, last), a.view());
    compressed.unembed(compressed_hidden.rows_between(first, last), b.view());
    detail::for_each_scored(tokens, first, last, [&](std::size_t to, std::size_t i, std::size_t target) {
      out[to] = compare_predictions<Arch>(a.view().row(i), b.view().row(i), target);
    });
  }
}

}  // namespace qfa

#endif
