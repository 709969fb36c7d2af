// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_KIVI_HPP
#define QFA_CACHE_KIVI_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/groups.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/cache/rows.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/exact.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// KIVI (Liu et al., ICML 2024; quant/new_pack.py and models/llama_kivi.py of its code): keys by channel, values by
/// token, the newest tokens as they arrived.
///
///   keys     groups of `group` consecutive tokens of one channel; of T tokens the first floor(T / residual) residual
///            are quantized: the rest waits until `residual` tokens have come together
///   values   groups of `group` consecutive channels of one head of one token, the last of a head shorter where they do
///            not divide; all tokens but the newest `residual` are quantized
///
///   m = min x,  s = (max x - m) / (2^bits - 1),  q = half_even(clamp((x - m) / s, 0, 2^bits - 1)),  x <- q s + m
///
/// s and m are rounded to `store` before they are used, and q = 0 where s is 0, which KIVI's code leaves to 0 / 0.
/// `arithmetic` fp16 and bf16 round x and each operation, too, as torch does where the model runs in that type; m and s
/// are then of that type at the widest.
///
/// Attention reads new tokens as they arrived, so that a prompt in one call is read in full precision.  How many tokens
/// are quantized depends on their number alone: a prompt that comes in several calls ends in the same cache as one
/// that comes at once, and a call of several tokens later on quantizes whatever it makes full.  Its tokens are then
/// read as they arrived by each other and by nobody after.
struct kivi {
  int bits = 2;
  int key_bits = 0;    ///< 0: as bits
  int value_bits = 0;  ///< 0: as bits
  std::size_t group = 32;
  std::size_t residual = 128;
  float_format store = float_format::fp16;
  float_format arithmetic = float_format::fp32;

  static constexpr cache_point point = cache_point::after_rope;
  static constexpr attention_reads reads = attention_reads::arrived;

  /// Throws where shapes disagree, on new values that are not finite, and on those too large for `store` or
  /// `arithmetic`; keys and values are then unchanged.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) const {
    validate();
    check_arrivals(keys, values, update);
    with_format(arithmetic, [&](auto format) { quantize<decltype(format)::value>(keys, values, update); });
  }

  /// The codes; s and m of `store` for each group; 16 bits for each element that is held as it arrived.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const noexcept {
    const auto side = [&](std::size_t quantized, std::size_t groups, int code) {
      const double width = static_cast<double>(info.width());
      return static_cast<double>(quantized) * width * code + static_cast<double>(groups) * 2.0 * bits_of(store) +
             static_cast<double>(tokens - quantized) * width * untouched_bits;
    };
    const std::size_t k = quantized_keys(tokens), v = quantized_values(tokens);
    return {.keys = side(k, k / group * info.width(), bits_for_keys()),
            .values = side(v, v * info.kv_heads * block_count(info.head_dim, group), bits_for_values())};
  }

  static constexpr std::string_view spec_name = "kivi";
  static constexpr std::string_view summary = "KIVI: keys by channel, values by token, the newest tokens as they are";
  static constexpr auto fields() {
    return std::tuple{field{"bits", &kivi::bits, "1 to 8; published are 2 and 4"},
                      field{"key_bits", &kivi::key_bits, "of keys, 0 for bits"},
                      field{"value_bits", &kivi::value_bits, "of values, 0 for bits"},
                      field{"group", &kivi::group, "tokens in a group of keys, channels in a group of values"},
                      field{"residual", &kivi::residual, "newest tokens held as they are, a multiple of group"},
                      field{"store", &kivi::store, "the type of scales and minima"},
                      field{"arithmetic", &kivi::arithmetic, "what each operation is rounded to"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits outside 1 to 8, and where the residual is no positive multiple of the group.
  void validate() const {
    const auto known = [](int b) { return b >= 1 && b <= 8; };
    if (!known(bits) || (key_bits != 0 && !known(key_bits)) || (value_bits != 0 && !known(value_bits)))
      fail("kivi's bits must lie between 1 and 8, not be " + std::to_string(bits) + ", " + std::to_string(key_bits) +
           " for keys, " + std::to_string(value_bits) + " for values");
    if (group == 0 || residual == 0 || residual % group != 0)
      fail("kivi's residual must be a positive multiple of its group, but it is " + std::to_string(residual) +
           " with groups of " + std::to_string(group));
  }

 private:
  int bits_for_keys() const noexcept { return key_bits != 0 ? key_bits : bits; }
  int bits_for_values() const noexcept { return value_bits != 0 ? value_bits : bits; }

  /// How many of the first tokens are quantized once there are `tokens`.
  std::size_t quantized_keys(std::size_t tokens) const noexcept { return tokens / residual * residual; }
  std::size_t quantized_values(std::size_t tokens) const noexcept { return tokens > residual ? tokens - residual : 0; }

  template <float_format F>
  void quantize(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) const {
    const matrix_view<float> k = keys.rows_between(quantized_keys(update.first_new), quantized_keys(keys.rows()));
    const matrix_view<float> v =
        values.rows_between(quantized_values(update.first_new), quantized_values(values.rows()));
    const std::size_t heads = update.info.kv_heads, head_dim = update.info.head_dim;
    std::vector<matrix_view<float>> of_heads;  // groups begin anew with each head
    for (std::size_t h = 0; h < heads && !v.empty(); ++h)
      of_heads.emplace_back(v.data() + h * head_dim, v.rows(), head_dim, v.row_stride());

    const std::vector<float> new_k = quantized<F>(k, {.rows = group, .columns = 1}, bits_for_keys());
    refuse_too_large(new_k, cache_side::keys, update.info);
    std::vector<std::vector<float>> new_v;
    for (const matrix_view<float>& head : of_heads) {
      new_v.push_back(quantized<F>(head, {.rows = 1, .columns = group}, bits_for_values()));
      refuse_too_large(new_v.back(), cache_side::values, update.info);
    }
    write_rows(new_k, k);
    for (std::size_t h = 0; h < of_heads.size(); ++h)
      write_rows(new_v[h], of_heads[h]);
  }

  template <float_format F>
  std::vector<float> quantized(matrix_view<const float> x, const cache_tiling& tiling, int code_bits) const {
    const float highest = static_cast<float>((1 << code_bits) - 1);
    std::vector<float> result = copied_rows(x);
    const std::vector<cache_extent> extents = extents_of<F>(x, tiling);
    for_each_part(matrix_view<float>(result.data(), x.rows(), x.columns()), tiling,
                  [&](std::size_t g, std::span<float> part) {
                    const float m = round_to(store, extents[g].smallest);
                    const float width = round_to<F>(extents[g].largest - extents[g].smallest);
                    const float s = round_to(store, round_to<F>(width / highest));
                    for (float& value : part) {
                      const float offset = round_to<F>(round_to<F>(value) - m);
                      const float code = s == 0.0f ? 0.0f : round_to<F>(offset / s);
                      const float q = half_even(code < 0.0f ? 0.0f : code > highest ? highest : code);
                      value = round_to<F>(round_to<F>(rounded_product(q, s)) + m);
                    }
                  });
    return result;
  }

  void refuse_too_large(const std::vector<float>& result, cache_side side, const cache_info& info) const {
    if (magnitude_bits(absmax(result)) >= infinity_bits)
      fail("the " + name_of(side, info) + " are too large for kivi with store=" + std::string(name_of(store)) +
           " and arithmetic=" + std::string(name_of(arithmetic)));
  }
};

static_assert(named_cache_policy<kivi> && described<kivi>);

}  // namespace qfa

#endif
