// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_VLLM_HPP
#define QFA_CACHE_VLLM_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/head_rotation.hpp"
#include "qfa/cache/learned_scale.hpp"
#include "qfa/cache/nvfp4_blocks.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/cache/token_head_rules.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/fp8.hpp"
#include "qfa/compress/hadamard.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// vLLM's values of --kv-cache-dtype.
enum class vllm_cache_type : std::uint8_t {
  fp8_e4m3,
  fp8_e5m2,
  fp8_per_token_head,
  int8_per_token_head,
  int4_per_token_head,
  nvfp4,
  nvfp4_4over6
};
inline constexpr std::array<std::string_view, 7> vllm_cache_type_names{
    "fp8_e4m3", "fp8_e5m2",    "fp8_per_token_head", "int8_per_token_head", "int4_per_token_head",
    "nvfp4",    "nvfp4_4over6"};
constexpr const auto& names_of(vllm_cache_type) noexcept { return vllm_cache_type_names; }

/// vLLM's quantized caches, of keys after RoPE and of values; attention reads what is stored.
///
///   fp8_e4m3, fp8_e5m2    round(x / s) s, saturating, s one fp32 number for keys and one for values
///   ..._per_token_head    one fp32 scale for each head of each token (see token_head_rules); int4 after a rotation of
///                         the head by Hadamard's matrix behind random signs
///   nvfp4, nvfp4_4over6   blocks of 16 numbers of a head (see nvfp4_blocks), s its tensor scale
///
/// vLLM's s is 1 unless a checkpoint has scales: `calibrated` learns absmax / largest number from calibration tokens
/// (nvfp4: absmax / 2688), as llm-compressor does.
struct vllm_cache {
  vllm_cache_type type = vllm_cache_type::fp8_e4m3;
  float key_scale = 1.0f;
  float value_scale = 1.0f;
  bool calibrated = false;
  int8_rounding rounding = int8_rounding::trunc;
  bool hadamard = true;
  std::uint64_t seed = 1;  ///< of int4's signs, vLLM's own being its own; 0: none

  static constexpr cache_point point = cache_point::after_rope;
  static constexpr attention_reads reads = attention_reads::stored;

  /// Throws as check_arrivals does, where scales are to be learned and are not, and where int4's rotation finds no
  /// power of two in head_dim; keys and values are then unchanged.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) const {
    validate();
    if (learns()) fail_unlearned("vllm", update.info);
    check_arrivals(keys, values, update);
    round(new_rows(keys, update), key_scale, update.info);
    round(new_rows(values, update), value_scale, update.info);
  }

  bool learns() const noexcept { return calibrated; }
  /// From now on the policy has the scales that it learned.
  void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) {
    validate();
    if (!calibrated) return;
    check_calibration_tokens(keys, values, info);
    key_scale = learned_scale(keys, largest());
    value_scale = learned_scale(values, largest());
    calibrated = false;
  }

  /// Codes and scales: an fp32 scale a side, or one a token-head; nvfp4 has eight bits for each block besides.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const noexcept {
    const auto numbers = static_cast<double>(tokens * info.width());
    const auto heads = static_cast<double>(tokens * info.kv_heads);
    double side = 0.0;
    switch (type) {
      case vllm_cache_type::fp8_e4m3:
      case vllm_cache_type::fp8_e5m2:
        side = tokens == 0 ? 0.0 : 8.0 * numbers + 32.0;
        break;
      case vllm_cache_type::fp8_per_token_head:
      case vllm_cache_type::int8_per_token_head:
        side = 8.0 * numbers + 32.0 * heads;
        break;
      case vllm_cache_type::int4_per_token_head:
        side = 4.0 * numbers + 32.0 * heads;
        break;
      case vllm_cache_type::nvfp4:
      case vllm_cache_type::nvfp4_4over6:
        side = nvfp4_bits(tokens * info.kv_heads, info.head_dim);
        break;
    }
    return {.keys = side, .values = side};
  }

  static constexpr std::string_view spec_name = "vllm";
  static constexpr std::string_view summary = "vLLM's quantized caches";
  static constexpr auto fields() {
    return std::tuple{
        field{"type", &vllm_cache::type, "as vLLM calls it"},
        field{"key_scale", &vllm_cache::key_scale, "the keys' scale, with fp8_e4m3, fp8_e5m2 and nvfp4"},
        field{"value_scale", &vllm_cache::value_scale, "the values' scale, with the same"},
        field{"calibrated", &vllm_cache::calibrated, "whether these two are learned from calibration tokens"},
        field{"rounding", &vllm_cache::rounding, "of int8_per_token_head"},
        field{"hadamard", &vllm_cache::hadamard, "whether int4_per_token_head rotates"},
        field{"seed", &vllm_cache::seed, "of the signs before that rotation; 0: none"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for a scale that is not finite and at least 2^-110, and for options that exclude each other or mean nothing
  /// with the type.
  void validate() const {
    check_scale("vllm's key_scale", key_scale);
    check_scale("vllm's value_scale", value_scale);
    const vllm_cache plain{.type = type};
    if (per_token_head() && (key_scale != 1.0f || value_scale != 1.0f || calibrated))
      fail("vllm's key_scale, value_scale and calibrated mean nothing with one scale for each token-head");
    if (calibrated && (key_scale != 1.0f || value_scale != 1.0f))
      fail("vllm's key_scale and value_scale are given, and calibrated would learn them");
    if (rounding != plain.rounding && type != vllm_cache_type::int8_per_token_head)
      fail("vllm's rounding means something with type=int8_per_token_head only");
    if ((hadamard != plain.hadamard || seed != plain.seed) && type != vllm_cache_type::int4_per_token_head)
      fail("vllm's hadamard and seed mean something with type=int4_per_token_head only");
  }

 private:
  bool per_token_head() const noexcept {
    return type == vllm_cache_type::fp8_per_token_head || type == vllm_cache_type::int8_per_token_head ||
           type == vllm_cache_type::int4_per_token_head;
  }
  float largest() const noexcept {
    return type == vllm_cache_type::fp8_e4m3   ? e4m3::limit()
           : type == vllm_cache_type::fp8_e5m2 ? e5m2::limit()
                                               : e2m1::limit() * e4m3::limit();
  }

  void round(matrix_view<float> x, float scale, const cache_info& info) const {
    if (x.empty()) return;
    const matrix_view<float> heads = head_rows(x, info);
    const auto each_head = [&](auto rule) {
      for_each_row(heads, [&](std::size_t, std::span<float> row) { rule(row); });
    };
    switch (type) {
      case vllm_cache_type::fp8_e4m3:
      case vllm_cache_type::fp8_e5m2:
        fp8{.format = type == vllm_cache_type::fp8_e4m3 ? fp8_format::e4m3 : fp8_format::e5m2,
            .scale = fp8_scale::fixed,
            .fixed = scale}(x);
        break;
      case vllm_cache_type::fp8_per_token_head:
        each_head(round_fp8_token_head);
        break;
      case vllm_cache_type::int8_per_token_head:
        each_head([&](std::span<float> row) { round_int8_token_head(row, rounding); });
        break;
      case vllm_cache_type::int4_per_token_head:
        in_rotated_heads(x, int4_block(info), seed, info,
                         [&](matrix_view<float>) { each_head(round_int4_token_head); });
        break;
      case vllm_cache_type::nvfp4:
        round_nvfp4_blocks(heads, scale);
        break;
      case vllm_cache_type::nvfp4_4over6:
        round_nvfp4_blocks(heads, scale, nvfp4_peak::four_or_six);
        break;
    }
  }

  std::size_t int4_block(const cache_info& info) const {
    if (!hadamard) return 0;
    const std::size_t size = largest_power_of_two_in(info.head_dim);
    if (size < 2)
      fail("vllm's int4_per_token_head rotates heads of an even size, and those of layer " +
           std::to_string(info.layer) + " are " + std::to_string(info.head_dim) + " wide");
    return size;
  }
};

static_assert(described<vllm_cache> && named_cache_policy<vllm_cache> && learning_cache_policy<vllm_cache>);

}  // namespace qfa

#endif
