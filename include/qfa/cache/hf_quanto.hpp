// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_HF_QUANTO_HPP
#define QFA_CACHE_HF_QUANTO_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/cache/quanto_groups.hpp"
#include "qfa/cache/requantized_tokens.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Hugging Face's QuantizedCache with quanto (Optimum Quanto) behind it: keys after RoPE and values in groups with a
/// float shift (see quanto_groups), all in fp32; attention reads what arrived.  The text's first call is quantized
/// whole, and later all tokens anew whenever the residual is full (see requantized_tokens): rows before first_new
/// change as well.
struct hf_quanto_cache {
  int bits = 4;
  quanto_axis axis_key = quanto_axis::first;
  quanto_axis axis_value = quanto_axis::first;
  std::size_t group = 64;
  std::size_t residual = 128;  ///< tokens
  requantized_tokens memory{};

  static constexpr cache_point point = cache_point::after_rope;
  static constexpr attention_reads reads = attention_reads::arrived;

  /// Throws as check_arrivals does; keys, values and memory are then unchanged.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) {
    validate();
    check_arrivals(keys, values, update);
    if (keys.empty() || !memory.due(update, residual)) return;
    round_quanto_groups(head_major_rows(keys, update.info), bits, axis_key, group);
    round_quanto_groups(head_major_rows(values, update.info), bits, axis_value, group);
    memory.quantized = keys.rows();
  }

  /// Codes, a scale and a shift in fp16 for each group, and fp16 for the residual: none of a text that came in one
  /// call, else what this cache holds.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const noexcept {
    const std::size_t quantized = memory.of(tokens), rows = quantized * info.kv_heads;
    const auto side = [&](quanto_axis axis) {
      return bits * static_cast<double>(rows * info.head_dim) +
             32.0 * static_cast<double>(quanto_group_count(rows, info.head_dim, axis, group)) +
             untouched_bits * static_cast<double>((tokens - quantized) * info.width());
    };
    return {.keys = side(axis_key), .values = side(axis_value)};
  }

  static constexpr std::string_view spec_name = "hf_quanto";
  static constexpr std::string_view summary = "Hugging Face's QuantizedCache by quanto, old tokens quantized again";
  static constexpr auto fields() {
    return std::tuple{field{"bits", &hf_quanto_cache::bits, "2 or 4"},
                      field{"axis_key", &hf_quanto_cache::axis_key, "0: along a head's vector; -1: along tokens"},
                      field{"axis_value", &hf_quanto_cache::axis_value, "the same of values"},
                      field{"group", &hf_quanto_cache::group, "numbers in a group"},
                      field{"residual", &hf_quanto_cache::residual, "tokens kept as they arrived, less one"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits other than 2 and 4, and for an empty group or residual.
  void validate() const {
    if (bits != 2 && bits != 4) fail("hf_quanto's bits must be 2 or 4, not " + std::to_string(bits));
    if (group == 0) fail("hf_quanto's group must have at least one number");
    if (residual == 0) fail("hf_quanto's residual must have at least one token");
  }
};

static_assert(described<hf_quanto_cache> && named_cache_policy<hf_quanto_cache>);

}  // namespace qfa

#endif
