// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LOGIT_LENGTHS_HPP
#define QFA_MODEL_LOGIT_LENGTHS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "qfa/compress/input_statistics.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"
#include "qfa/model/processing.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// Whether what is read there is a part of the residual stream, which the unembedding reads in the end.
constexpr bool writes_to_residual(hook_kind kind) noexcept {
  return kind == hook_kind::resid_pre || kind == hook_kind::attn_out || kind == hook_kind::resid_mid ||
         kind == hook_kind::mlp_out || kind == hook_kind::resid_post;
}

/// |U w_j| of every feature's decoder row: U is the unembedding with the last norm's gain folded in and less its mean
/// over the vocabulary, which no probability notices; the division by the norm is left out, so that it is a direct
/// effect up to a factor that depends on the token.  Throws where the SAE does not write to the residual stream.
inline std::vector<double> logit_lengths(const sae& dictionary, const language_model& model) {
  const std::size_t d = model.config.hidden;
  if (dictionary.d_in != d)
    fail("weights by logits need an SAE of the residual stream, " + std::to_string(d) + " wide, and this one is " +
         std::to_string(dictionary.d_in) + " wide");
  language_model head = model;  // shares its tensors; of no layers, so that the last norm alone is folded
  head.config.layers = 0;
  const language_model folded = process(head, {.fold_ln = true});
  const weight_slice& slice = layout_of(folded.config).unembedding;
  const matrix_view<const float> u = slice.of(folded.at(slice.weight).data());
  input_statistics products(d, true);  // sum over the vocabulary of u u^T
  products(u);
  std::vector<double> mean(d, 0.0);
  for (std::size_t v = 0; v < u.rows(); ++v)
    for (std::size_t i = 0; i < d; ++i)
      mean[i] += static_cast<double>(u(v, i));
  const matrix_view<const double> gram = products.gram();
  std::vector<double> lengths(dictionary.d_sae);
  parallel_for(dictionary.d_sae, [&](std::size_t j) {
    const std::span<const float> w = std::span(dictionary.w_dec).subspan(j * d, d);
    double squares = 0.0, sum = 0.0;
    for (std::size_t i = 0; i < d; ++i) {
      double row = 0.0;
      for (std::size_t k = 0; k < d; ++k)
        row += gram(i, k) * static_cast<double>(w[k]);
      squares += row * static_cast<double>(w[i]);
      sum += mean[i] * static_cast<double>(w[i]);
    }
    lengths[j] = std::sqrt((std::max)(0.0, squares - sum * sum / static_cast<double>(u.rows())));
  });
  return lengths;
}

}  // namespace qfa

#endif
