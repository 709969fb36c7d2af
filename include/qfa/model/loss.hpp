// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LOSS_HPP
#define QFA_MODEL_LOSS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/soft_maximum.hpp"
#include "qfa/simd/batch.hpp"
#include "qfa/simd/packed_rows.hpp"

namespace qfa {

/// How a compressed model predicts one next token, beside the reference.
struct token_comparison {
  double reference_nll = 0.0;   ///< nats
  double compressed_nll = 0.0;  ///< nats
  double kl = 0.0;              ///< KL(reference || compressed) in nats
  bool same_top = false;        ///< both give the same token the highest logit; of equals the lowest id counts
  /// How sure the reference is: the entropy of its prediction in nats, NaN unless asked for, and the probability of the
  /// token that it finds likeliest.
  double reference_entropy = std::numeric_limits<double>::quiet_NaN();
  double reference_top = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// use(first, count) for the chunks of a vocabulary, in order.
template <class Use>
void for_each_chunk_of_logits(std::size_t vocabulary, Use use) {
  for (std::size_t first = 0; first < vocabulary; first += logits_in_chunk)
    use(first, (std::min)(logits_in_chunk, vocabulary - first));
}

}  // namespace detail

/// log(sum of exp(logits)), as soft_maximum computes it.
template <class Arch = simd::best_arch>
double log_sum_exp(std::span<const float> logits) {
  soft_maximum all;
  std::array<float, logits_in_chunk> weights;
  detail::for_each_chunk_of_logits(logits.size(), [&](std::size_t first, std::size_t count) {
    all.operator()<Arch>(logits.subspan(first, count), first, weights);
  });
  return all.log();
}

/// -log softmax(logits)[target], in nats.
template <class Arch = simd::best_arch>
double next_token_nll(std::span<const float> logits, std::size_t target) {
  return log_sum_exp<Arch>(logits) - static_cast<double>(logits[target]);
}

namespace detail {

inline token_comparison compared(const soft_maximum_pair& both, float reference_target, float compressed_target) {
  return {.reference_nll = both.reference().log() - static_cast<double>(reference_target),
          .compressed_nll = both.compressed().log() - static_cast<double>(compressed_target),
          .kl = both.divergence(),
          .same_top = both.reference().place() == both.compressed().place(),
          .reference_entropy = both.reference_entropy(),
          .reference_top = both.reference_top()};
}

}  // namespace detail

/// Both models' losses and their divergence from the logits of one position, as soft_maximum_pair computes them.
template <class Arch = simd::best_arch>
token_comparison compare_predictions(std::span<const float> reference, std::span<const float> compressed,
                                     std::size_t target, bool with_entropy = false) {
  soft_maximum_pair both(with_entropy);
  detail::for_each_chunk_of_logits(reference.size(), [&](std::size_t first, std::size_t count) {
    both.operator()<Arch>(reference.subspan(first, count), compressed.subspan(first, count), first);
  });
  return detail::compared(both, reference[target], compressed[target]);
}

namespace detail {

inline void check_scored(matrix_view<const float> hidden, matrix_view<const std::uint32_t> tokens, std::size_t room) {
  require(tokens.columns() >= 2, "a row of one token has no next token to predict");
  require(hidden.rows() == tokens.size(), "a loss needs one final hidden state for each token");
  require(room == tokens.rows() * (tokens.columns() - 1), "a loss needs room for each token but the first of a row");
}

/// Which of a text's tokens are scored, and on what: all but the last of each row, in order, on the next one.
struct scored_tokens {
  matrix_view<const std::uint32_t> tokens;
  std::size_t count() const noexcept { return tokens.rows() * (tokens.columns() - 1); }
  std::size_t row(std::size_t i) const noexcept { return i + i / (tokens.columns() - 1); }
  std::size_t target(std::size_t i) const noexcept {
    return tokens(i / (tokens.columns() - 1), i % (tokens.columns() - 1) + 1);
  }
};

/// One model's logits of a few tokens, a chunk of the vocabulary at a time.
template <class Arch, class Decoder>
class logit_chunks {
 public:
  logit_chunks(const Decoder& model, matrix_view<const float> hidden, const scored_tokens& scored, std::size_t first,
               std::size_t last)
      : model_(model),
        scored_(scored),
        first_(first),
        targets_(last - first),
        logits_((last - first) * logits_in_chunk) {
    packed_.pack(last - first, hidden.columns(),
                 [&](std::size_t r) { return hidden.row(scored.row(first + r)).data(); });
  }

  /// Logits (tokens, count) of the ids [first_id, first_id + count).
  matrix_view<const float> operator()(std::size_t first_id, std::size_t count) {
    const matrix_view<float> out(logits_.data(), targets_.size(), count);
    model_.unembed(packed_, first_id, out);
    for (std::size_t r = 0; r < targets_.size(); ++r)
      if (const std::size_t id = scored_.target(first_ + r); id >= first_id && id - first_id < count)
        targets_[r] = out(r, id - first_id);
    return out;
  }

  /// The logit of the next token, once its chunk has come.
  float target(std::size_t r) const noexcept { return targets_[r]; }

 private:
  const Decoder& model_;
  const scored_tokens& scored_;
  std::size_t first_;
  simd::packed_rows<Arch> packed_;
  std::vector<float> targets_, logits_;
};

/// Calls score(first, last) for blocks of [0, count) tokens on all threads: blocks whose hidden states and chunk of
/// logits fit a second-level cache of 1 MiB beside what they are multiplied with, and which share each pass over the
/// unembedding.
template <class Score>
void for_each_scored_block(std::size_t count, std::size_t hidden_width, Score score) {
  constexpr std::size_t least = 12, most = 96, budget = 320 * 1024 / sizeof(float);
  const std::size_t rows = std::clamp(budget / (std::max<std::size_t>)(hidden_width, 1), least, most);
  const std::size_t blocks =
      (std::max)((count + rows - 1) / rows, (std::min)(thread_count(), (count + least - 1) / least));
  parallel_for(blocks, [&](std::size_t i) { score(i * count / blocks, (i + 1) * count / blocks); });
}

}  // namespace detail

/// Next-token loss in nats of texts, from their final hidden states (rows context, hidden): nll (rows, context - 1).
///
/// `Decoder` has config().vocabulary and unembed(simd::packed_rows<Arch>, first id, logits).  The logits are never
/// stored but for a chunk of the vocabulary and a few tokens a thread; the losses are next_token_nll's to the bit.
template <class Arch = simd::best_arch, class Decoder>
void score_tokens(const Decoder& model, matrix_view<const float> hidden, matrix_view<const std::uint32_t> tokens,
                  std::span<double> nll) {
  detail::check_scored(hidden, tokens, nll.size());
  const detail::scored_tokens scored{tokens};
  detail::for_each_scored_block(scored.count(), hidden.columns(), [&](std::size_t begin, std::size_t end) {
    detail::logit_chunks<Arch, Decoder> logits(model, hidden, scored, begin, end);
    std::vector<soft_maximum> running(end - begin);
    std::array<float, logits_in_chunk> weights;
    detail::for_each_chunk_of_logits(model.config().vocabulary, [&](std::size_t first, std::size_t count) {
      const matrix_view<const float> chunk = logits(first, count);
      for (std::size_t r = 0; r < running.size(); ++r)
        running[r].template operator()<Arch>(chunk.row(r), first, weights);
    });
    for (std::size_t r = 0; r < running.size(); ++r)
      nll[begin + r] = running[r].log() - static_cast<double>(logits.target(r));
  });
}

/// Next-token loss of both models, their KL divergence and whether they agree: out (rows, context - 1), as
/// compare_predictions has it to the bit.
///
/// The reference's logits are recomputed from its final hidden states, which can be kept where logits cannot; they are
/// the same to the bit.  Throws where the vocabularies differ, and where states, tokens and `out` do not fit.
template <class Arch = simd::best_arch, class Decoder>
void compare_tokens(const Decoder& reference, matrix_view<const float> reference_hidden, const Decoder& compressed,
                    matrix_view<const float> compressed_hidden, matrix_view<const std::uint32_t> tokens,
                    std::span<token_comparison> out, bool with_entropy = false) {
  detail::check_scored(reference_hidden, tokens, out.size());
  detail::check_scored(compressed_hidden, tokens, out.size());
  const std::size_t vocabulary = reference.config().vocabulary;
  require(vocabulary == compressed.config().vocabulary, "two models can be compared on one vocabulary only");
  const detail::scored_tokens scored{tokens};
  const std::size_t width = (std::max)(reference_hidden.columns(), compressed_hidden.columns());
  detail::for_each_scored_block(scored.count(), width, [&](std::size_t begin, std::size_t end) {
    detail::logit_chunks<Arch, Decoder> a(reference, reference_hidden, scored, begin, end);
    detail::logit_chunks<Arch, Decoder> b(compressed, compressed_hidden, scored, begin, end);
    std::vector<soft_maximum_pair> running(end - begin, soft_maximum_pair(with_entropy));
    detail::for_each_chunk_of_logits(vocabulary, [&](std::size_t first, std::size_t count) {
      const matrix_view<const float> of_a = a(first, count);
      const matrix_view<const float> of_b = b(first, count);
      for (std::size_t r = 0; r < running.size(); ++r)
        running[r].template operator()<Arch>(of_a.row(r), of_b.row(r), first);
    });
    for (std::size_t r = 0; r < running.size(); ++r)
      out[begin + r] = detail::compared(running[r], a.target(r), b.target(r));
  });
}

}  // namespace qfa

#endif
