// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_GGML_MIX_HPP
#define QFA_COMPRESS_GGML_MIX_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/ggml.hpp"
#include "qfa/compress/ggml_types.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The mixtures of types that llama.cpp's files are mostly of.
enum class ggml_mixture : std::uint8_t { q4_k_m, q4_k_s, q5_k_m };
inline constexpr std::array<std::string_view, 3> ggml_mixture_names{"q4_k_m", "q4_k_s", "q5_k_m"};
constexpr const auto& names_of(ggml_mixture) noexcept { return ggml_mixture_names; }

/// The first and the last eighth of the layers, and every third between them.
constexpr bool uses_more_bits(std::size_t layer, std::size_t layers) noexcept {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

/// Quantizes each matrix to the type that llama.cpp's tool gives it in a file of this mixture (llama-quant.cpp):
///
///                      q4_k_m                     q4_k_s                       q5_k_m
///   unembedding        Q6_K                       Q6_K                         Q6_K
///   v                  Q6_K in uses_more_bits     Q5_K in the first 4 layers   Q6_K in uses_more_bits
///   down               Q6_K in uses_more_bits     Q5_K in the first eighth     Q6_K in uses_more_bits
///   fused q, k and v   Q5_K                       Q4_K                         Q6_K
///   all others         Q4_K                       Q4_K                         Q5_K
///
/// and in Llama-2-70B and its like, taken to be whatever has 80 layers and 8 key and value heads, v is Q5_K where it
/// would be Q4_K.  Rows that are no whole blocks become another type (see type_for_columns).
///
/// What a matrix is, is told by its role and layer; the unembedding ("lm_head", "embed_out") by its name, and the parts
/// of a fused tensor by theirs ("...#q", or as a whole "...query_key_value.weight", "...qkv_proj.weight").  An
/// embedding that is the unembedding as well is quantized as one with `tied`, which nothing else tells.
struct ggml_mix {
  ggml_mixture mix = ggml_mixture::q4_k_m;
  bool tied = false;

  /// Throws where the info does not say how many layers the model has, or says what cannot be.
  ggml_type type_of(const tensor_info& info) const {
    if (info.layers == 0)
      fail("ggml_mix chooses a type by the layer, but nothing says of how many layers " + quoted(info) + " is one");
    if (info.layer >= info.layers)
      fail("ggml_mix is told that " + quoted(info) + " stands in layer " + std::to_string(info.layer) + " of " +
           std::to_string(info.layers));
    const bool keeps_small = mix == ggml_mixture::q4_k_s;
    const ggml_type most = mix == ggml_mixture::q5_k_m ? ggml_type::q5_K : ggml_type::q4_K;
    const std::string_view stored = stored_name(info.name);
    const auto named = [&](std::string_view part) { return stored.find(part) != std::string_view::npos; };
    if (info.role == tensor_role::other) {
      const bool embedding = named("embed_tokens") || named("embed_in");
      if (named("lm_head") || named("embed_out") || (tied && embedding)) return ggml_type::q6_K;
    }
    if (named("query_key_value") || named("qkv_proj"))
      return keeps_small ? ggml_type::q4_K : mix == ggml_mixture::q4_k_m ? ggml_type::q5_K : ggml_type::q6_K;
    if (info.role != tensor_role::value && info.role != tensor_role::down) return most;
    ggml_type type = most;
    if (keeps_small) {
      const std::size_t better = info.role == tensor_role::value ? 4 : info.layers / 8;
      if (info.layer < better) type = ggml_type::q5_K;
    } else if (uses_more_bits(info.layer, info.layers)) {
      type = ggml_type::q6_K;
    }
    const bool grouped_70b = info.role == tensor_role::value && info.layers == 80 && info.heads == 8;
    return grouped_70b && type == ggml_type::q4_K ? ggml_type::q5_K : type;
  }

  void operator()(matrix_view<float> weights, const tensor_info& info) const {
    through_ggml_blocks(type_of(info), weights, info);
  }
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& info) const {
    return ggml_stored_bits(type_of(info), rows, columns);
  }

  static constexpr std::string_view spec_name = "ggml_mix";
  static constexpr std::string_view summary = "each matrix in the type that llama.cpp's mixture gives it";
  static constexpr auto fields() {
    return std::tuple{field{"mix", &ggml_mix::mix, "as llama.cpp calls it"},
                      field{"tied", &ggml_mix::tied, "the embedding is the unembedding too"}};
  }
  std::string name() const { return spec_of(*this); }
};

static_assert(described_policy<ggml_mix> && named_policy<ggml_mix>);

}  // namespace qfa

#endif
