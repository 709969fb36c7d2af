// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_MODELOPT_HPP
#define QFA_CACHE_MODELOPT_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/learned_scale.hpp"
#include "qfa/cache/nvfp4_blocks.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/fp8.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// ModelOpt's configurations of caches, FP8_KV_CFG and NVFP4_KV_CFG.
enum class modelopt_cache_type : std::uint8_t { fp8, nvfp4 };
inline constexpr std::array<std::string_view, 2> modelopt_cache_type_names{"fp8", "nvfp4"};
constexpr const auto& names_of(modelopt_cache_type) noexcept { return modelopt_cache_type_names; }

/// NVIDIA ModelOpt's caches: keys after RoPE and values, each side by one scale from the largest magnitude of its
/// calibration tokens (absmax / 448, or / 2688); attention reads what is stored.
///
///   fp8     E4M3(x / s) s, saturating
///   nvfp4   blocks of 16 numbers of a head with E4M3 scales of their own (see nvfp4_blocks), s the tensor scale
struct modelopt_cache {
  modelopt_cache_type type = modelopt_cache_type::fp8;
  float key_scale = 0.0f;    ///< 0: learned
  float value_scale = 0.0f;  ///< 0: learned

  static constexpr cache_point point = cache_point::after_rope;
  static constexpr attention_reads reads = attention_reads::stored;

  /// Throws as check_arrivals does, and where a scale is neither given nor learned; all is then unchanged.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) const {
    validate();
    if (learns()) fail_unlearned("modelopt", update.info);
    check_arrivals(keys, values, update);
    round(new_rows(keys, update), key_scale, update.info);
    round(new_rows(values, update), value_scale, update.info);
  }

  bool learns() const noexcept { return key_scale == 0.0f || value_scale == 0.0f; }
  /// From now on the policy has the scales that it learned; one that was given stays.
  void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) {
    validate();
    check_calibration_tokens(keys, values, info);
    const float largest = type == modelopt_cache_type::fp8 ? e4m3::limit() : e2m1::limit() * e4m3::limit();
    if (key_scale == 0.0f) key_scale = learned_scale(keys, largest);
    if (value_scale == 0.0f) value_scale = learned_scale(values, largest);
  }

  /// Codes, 32 bits for each side's scale, and nvfp4's eight bits for each block.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const noexcept {
    const double side = type == modelopt_cache_type::nvfp4 ? nvfp4_bits(tokens * info.kv_heads, info.head_dim)
                        : tokens == 0                      ? 0.0
                                                           : 8.0 * static_cast<double>(tokens * info.width()) + 32.0;
    return {.keys = side, .values = side};
  }

  static constexpr std::string_view spec_name = "modelopt";
  static constexpr std::string_view summary = "ModelOpt's FP8 and NVFP4 caches, scales from calibration tokens";
  static constexpr auto fields() {
    return std::tuple{field{"type", &modelopt_cache::type, "the number format"},
                      field{"key_scale", &modelopt_cache::key_scale, "the keys' scale; 0: learned"},
                      field{"value_scale", &modelopt_cache::value_scale, "the values' scale; 0: learned"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for a scale that is neither 0 nor finite and at least 2^-110.
  void validate() const {
    if (key_scale != 0.0f) check_scale("modelopt's key_scale", key_scale);
    if (value_scale != 0.0f) check_scale("modelopt's value_scale", value_scale);
  }

 private:
  void round(matrix_view<float> x, float scale, const cache_info& info) const {
    if (x.empty()) return;
    if (type == modelopt_cache_type::nvfp4) return round_nvfp4_blocks(head_rows(x, info), scale);
    fp8{.format = fp8_format::e4m3, .scale = fp8_scale::fixed, .fixed = scale}(x);
  }
};

static_assert(described<modelopt_cache> && named_cache_policy<modelopt_cache> && learning_cache_policy<modelopt_cache>);

}  // namespace qfa

#endif
