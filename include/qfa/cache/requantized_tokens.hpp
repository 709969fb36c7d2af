// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_REQUANTIZED_TOKENS_HPP
#define QFA_CACHE_REQUANTIZED_TOKENS_HPP

#include <cstddef>

#include "qfa/cache/policy.hpp"

namespace qfa {

/// How Hugging Face's QuantizedCache decides what to quantize (transformers, cache_utils.py as of 004999d): the text's
/// first call whole; later, once the tokens that are not quantized yet, those of the call not among them, are one less
/// than the residual or more, all tokens so far, those quantized before included: old tokens are quantized again and
/// again.
struct requantized_tokens {
  std::size_t quantized = 0;  ///< the text's first so many tokens are

  /// Whether all tokens are to be quantized now.
  bool due(const cache_update& update, std::size_t residual) const noexcept {
    return update.first_new == 0 || update.first_new - quantized + 1 >= residual;
  }

  /// Of a text's `tokens` those that a cache with this memory holds quantized: all if they came in one call.
  std::size_t of(std::size_t tokens) const noexcept {
    return quantized == 0 || quantized > tokens ? tokens : quantized;
  }
};

}  // namespace qfa

#endif
