// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_DECODER_NUMBERS_HPP
#define QFA_TESTS_DECODER_NUMBERS_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "qfa/model/any_decoder.hpp"

namespace qfa_test {

/// Everything that a decoder gives of texts, in one row: what passes each hook, final states, logits, losses, and how
/// `other` compares.  Of equal decoders they are equal to the bit.
template <class Arch = qfa::simd::best_arch, class Decoder>
std::vector<double> decoder_numbers(const Decoder& model, const Decoder& other,
                                    qfa::matrix_view<const std::uint32_t> tokens) {
  using namespace qfa;
  std::vector<double> out;
  const auto add = [&](matrix_view<const float> x) {
    for (std::size_t r = 0; r < x.rows(); ++r)
      out.insert(out.end(), x.row(r).begin(), x.row(r).end());
  };
  const activations hidden = model.forward(tokens, {.hooks = hooks_of(model.config()), .final_hidden = true},
                                           [&](std::size_t, matrix_view<const float> x) { add(x); });
  add(hidden.view());
  add(model.logits(tokens).view());
  const std::size_t scored = tokens.rows() * (tokens.columns() - 1);
  std::vector<double> nll(scored);
  std::vector<token_comparison> compared(scored);
  const activations of_other = other.final_hidden(tokens);
  if constexpr (std::same_as<Decoder, any_decoder>) {
    score_tokens(model, hidden.view(), tokens, nll);
    compare_tokens(model, hidden.view(), other, of_other.view(), tokens, compared);
  } else {
    score_tokens<Arch>(model, hidden.view(), tokens, std::span<double>(nll));
    compare_tokens<Arch>(model, hidden.view(), other, of_other.view(), tokens, std::span<token_comparison>(compared));
  }
  out.insert(out.end(), nll.begin(), nll.end());
  for (const token_comparison& one : compared)
    out.insert(out.end(), {one.reference_nll, one.compressed_nll, one.kl, one.same_top ? 1.0 : 0.0});
  return out;
}

}  // namespace qfa_test

#endif
