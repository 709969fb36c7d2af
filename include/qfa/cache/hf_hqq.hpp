// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_HF_HQQ_HPP
#define QFA_CACHE_HF_HQQ_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/cache/requantized_tokens.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/hqq.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Hugging Face's QuantizedCache with HQQ behind it: keys after RoPE and values, laid out as (heads, tokens, head_dim),
/// by HQQ's solver (see hqq); attention reads what arrived.  The text's first call is quantized whole, and later all
/// tokens anew whenever the residual is full (see requantized_tokens): rows before first_new change as well.
///
/// axis 1 cuts that layout into runs of `group` numbers, along a head's vector; axis 0 into groups of numbers far
/// apart.
struct hf_hqq_cache {
  int bits = 4;
  int axis_key = 0;
  int axis_value = 0;
  std::size_t group = 64;
  std::size_t residual = 128;  ///< tokens
  int iterations = 20;         ///< of HQQ's solver
  requantized_tokens memory{};

  static constexpr cache_point point = cache_point::after_rope;
  static constexpr attention_reads reads = attention_reads::arrived;

  /// Throws as check_arrivals does, and where `group` does not divide the numbers of all tokens so far, which HQQ
  /// cannot quantize; keys, values and memory are then unchanged.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) {
    validate();
    check_arrivals(keys, values, update);
    if (keys.empty() || !memory.due(update, residual)) return;
    const cache_update all{.info = update.info};
    of(axis_key)(head_major_rows(keys, update.info), tensor_info_of(cache_side::keys, all));
    of(axis_value)(head_major_rows(values, update.info), tensor_info_of(cache_side::values, all));
    memory.quantized = keys.rows();
  }

  /// Codes, a scale and a zero in fp16 for each group, and fp16 for the residual: none of a text that came in one call,
  /// else what this cache holds.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const {
    const std::size_t quantized = memory.of(tokens);
    const double side = of(axis_key).stored_bits(quantized, info.width()) +
                        untouched_bits * static_cast<double>((tokens - quantized) * info.width());
    return {.keys = side, .values = side};
  }

  static constexpr std::string_view spec_name = "hf_hqq";
  static constexpr std::string_view summary = "Hugging Face's QuantizedCache by HQQ, old tokens quantized again";
  static constexpr auto fields() {
    return std::tuple{field{"bits", &hf_hqq_cache::bits, "1, 2, 3, 4 or 8"},
                      field{"axis_key", &hf_hqq_cache::axis_key, "1: neighbors form a group; 0: numbers far apart do"},
                      field{"axis_value", &hf_hqq_cache::axis_value, "the same of values"},
                      field{"group", &hf_hqq_cache::group, "numbers in a group"},
                      field{"residual", &hf_hqq_cache::residual, "tokens kept as they arrived, less one"},
                      field{"iterations", &hf_hqq_cache::iterations, "of HQQ's solver at most, 0 for none"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits other than 1 to 4 and 8, an axis that is not 0 or 1, an empty group or residual, and negative
  /// iterations.
  void validate() const {
    if (!((bits >= 1 && bits <= 4) || bits == 8))
      fail("hf_hqq's bits must be 1, 2, 3, 4 or 8, not " + std::to_string(bits));
    for (const int axis : {axis_key, axis_value})
      if (axis != 0 && axis != 1) fail("hf_hqq's axes must be 0 or 1, not " + std::to_string(axis));
    if (group == 0) fail("hf_hqq's group must have at least one number");
    if (residual == 0) fail("hf_hqq's residual must have at least one token");
    if (iterations < 0) fail("hf_hqq's iterations must not be negative");
  }

 private:
  hqq of(int axis) const noexcept { return {.bits = bits, .group = group, .axis = axis, .iterations = iterations}; }
};

static_assert(described<hf_hqq_cache> && named_cache_policy<hf_hqq_cache>);

}  // namespace qfa

#endif
