// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_LLAMA_CPP_HPP
#define QFA_CACHE_LLAMA_CPP_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/head_rotation.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/ggml.hpp"
#include "qfa/compress/hadamard.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Whether keys and values are rotated before they are quantized: where llama.cpp does by itself, always, or never.
enum class llama_cpp_hadamard : std::uint8_t { automatic, on, off };
inline constexpr std::array<std::string_view, 3> llama_cpp_hadamard_names{"auto", "on", "off"};
constexpr const auto& names_of(llama_cpp_hadamard) noexcept { return llama_cpp_hadamard_names; }

/// llama.cpp's cache (-ctk, -ctv): keys after RoPE and values, each token's in blocks of 32 numbers of a ggml type, as
/// the reference code packs them, which its CUDA kernels agree with; attention reads what is stored.  (On x86,
/// llama.cpp rounds Q8_0 by 127 / absmax and half to even, which differs in a code now and then.)
///
/// A head's vectors are rotated first where its type is quantized and head_dim a multiple of 64 (pull request 21038,
/// 2026): keys in blocks of the largest power of two that divides head_dim, values in blocks of 64 (see head_rotation).
/// A row of the cache is all heads' vectors, so that blocks of 32 straddle heads where head_dim is no multiple of 32.
struct llama_cpp_cache {
  ggml_type keys = ggml_type::f16;
  ggml_type values = ggml_type::f16;
  llama_cpp_hadamard hadamard = llama_cpp_hadamard::automatic;

  static constexpr cache_point point = cache_point::after_rope;
  static constexpr attention_reads reads = attention_reads::stored;

  /// Throws as check_arrivals and check_ggml_can_store do, where a token's row is no whole blocks, and where a rotation
  /// is asked for that head_dim does not allow; keys are then unchanged unless a value is beyond the range of its type.
  void operator()(matrix_view<float> all_keys, matrix_view<float> all_values, const cache_update& update) const {
    validate();
    check_arrivals(all_keys, all_values, update);
    for (const ggml_type type : {keys, values})
      if (!divides_rows(type, update.info.width()))
        fail("llama.cpp packs a token's row of layer " + std::to_string(update.info.layer) + " in blocks of " +
             std::to_string(entry_of(type).elements) + ", which do not divide its " +
             std::to_string(update.info.width()) + " numbers");
    const std::size_t of_keys = rotated_columns(cache_side::keys, update.info);
    const std::size_t of_values = rotated_columns(cache_side::values, update.info);
    store(keys, of_keys, new_rows(all_keys, update), cache_side::keys, update);
    store(values, of_values, new_rows(all_values, update), cache_side::values, update);
  }

  /// The columns of a head that are rotated together; 0 where none are.  Throws where hadamard=on is asked of heads
  /// whose size is no multiple of 64.
  std::size_t rotated_columns(cache_side side, const cache_info& info) const {
    const ggml_type type = side == cache_side::keys ? keys : values;
    const bool fits = info.head_dim % 64 == 0 && info.head_dim != 0;
    if (hadamard == llama_cpp_hadamard::off) return 0;
    if (hadamard == llama_cpp_hadamard::automatic && !(fits && entry_of(type).elements > 1)) return 0;
    if (!fits)
      fail("llama.cpp rotates heads whose size is a multiple of 64 only, and those of layer " +
           std::to_string(info.layer) + " are " + std::to_string(info.head_dim) + " wide");
    return side == cache_side::keys ? largest_power_of_two_in(info.head_dim) : 64;
  }

  /// The packed blocks, scales included.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const {
    return {.keys = ggml_stored_bits(keys, tokens, info.width()),
            .values = ggml_stored_bits(values, tokens, info.width())};
  }

  static constexpr std::string_view spec_name = "llama_cpp";
  static constexpr std::string_view summary = "llama.cpp's cache: blocks of 32 numbers of a token, rotated or not";
  static constexpr auto fields() {
    return std::tuple{field{"keys", &llama_cpp_cache::keys, "f32, f16, bf16, q8_0, q5_0, q5_1, q4_0, q4_1 or iq4_nl"},
                      field{"values", &llama_cpp_cache::values, "the same choice"},
                      field{"hadamard", &llama_cpp_cache::hadamard, "whether heads are rotated before"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for a type that llama.cpp has no cache of.
  void validate() const {
    for (const ggml_type type : {keys, values}) {
      const std::string_view known = entry_of(type).name;
      if (known.ends_with("_K") || type == ggml_type::mxfp4 || type == ggml_type::nvfp4)
        fail("llama.cpp has no cache of type " + std::string(known) +
             "; it has f32, f16, bf16, q8_0, q5_0, q5_1, q4_0, q4_1 and iq4_nl");
    }
  }

 private:
  static void store(ggml_type type, std::size_t size, matrix_view<float> x, cache_side side,
                    const cache_update& update) {
    if (x.empty()) return;
    in_rotated_heads(x, size, 0, update.info,
                     [&](matrix_view<float>) { through_ggml_blocks(type, x, tensor_info_of(side, update)); });
  }
};

static_assert(described<llama_cpp_cache> && named_cache_policy<llama_cpp_cache>);

}  // namespace qfa

#endif
