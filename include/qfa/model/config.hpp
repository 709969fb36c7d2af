// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_CONFIG_HPP
#define QFA_MODEL_CONFIG_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qfa {

/// The decoders that are read from Hugging Face directories.  The family decides how tensors are named and fused, and
/// what an absent key means; everything that the arithmetic depends on is a member of model_config.
enum class model_family : std::uint8_t { gpt_neox, gemma2, llama, mistral, qwen2, phi3 };
inline constexpr std::array<std::string_view, 6> model_family_names{"gpt_neox", "gemma2", "llama",
                                                                    "mistral",  "qwen2",  "phi3"};
inline constexpr std::array<std::string_view, 6> model_architecture_names{"GPTNeoXForCausalLM", "Gemma2ForCausalLM",
                                                                          "LlamaForCausalLM",   "MistralForCausalLM",
                                                                          "Qwen2ForCausalLM",   "Phi3ForCausalLM"};

/// What a norm divides by.
///   layer  (x - mean) / sqrt(mean (x - mean)^2 + eps)
///   rms    x / sqrt(mean x^2 + eps)
enum class norm_kind : std::uint8_t { layer, rms };

/// The nonlinearity of an MLP.
///   gelu       x Phi(x), with the error function
///   gelu_tanh  x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
///   silu       x / (1 + exp(-x))
///   relu       max(x, 0)
enum class mlp_activation : std::uint8_t { gelu, gelu_tanh, silu, relu };
inline constexpr std::array<std::string_view, 4> mlp_activation_names{"gelu", "gelu_tanh", "silu", "relu"};

/// Llama 3's stretching of the slow rotations.  With wavelength l = 2 pi / v of the inverse frequency v and
/// n = original_positions: l < n / high keeps v, l > n / low gives v / factor, and between them
/// s = (n / l - low) / (high - low) mixes (1 - s) v / factor + s v.
struct llama3_scaling {
  double factor = 8.0;
  double low_frequency_factor = 1.0;
  double high_frequency_factor = 4.0;
  double original_positions = 8192.0;

  bool operator==(const llama3_scaling&) const = default;
};

/// More layers than any decoder has; a file that claims more is refused before memory is asked for them.
inline constexpr std::size_t most_layers = 65536;

/// Everything that distinguishes one supported decoder from another.
struct model_config {
  model_family family = model_family::llama;

  std::size_t hidden = 0;  ///< width of the residual stream (d_model)
  std::size_t layers = 0;
  std::size_t heads = 0;     ///< query heads
  std::size_t kv_heads = 0;  ///< key and value heads; divides heads
  std::size_t head_dim = 0;
  std::size_t intermediate = 0;  ///< width of the MLP
  std::size_t vocabulary = 0;
  std::size_t max_positions = 0;  ///< 0: not stated

  norm_kind norm = norm_kind::rms;
  double norm_epsilon = 1e-6;
  bool norm_adds_one = false;      ///< a norm scales by 1 + w (Gemma)
  bool post_norms = false;         ///< attention's and the MLP's output pass a norm before they are added (Gemma-2)
  bool parallel_residual = false;  ///< attention and MLP both read the block's input; there is no resid_mid

  bool gated = true;  ///< down(act(gate x) * up x), else down(act(up x))
  mlp_activation activation = mlp_activation::silu;

  double rope_base = 10000.0;
  std::size_t rotated = 0;  ///< leading dimensions of a head that are rotated; even
  std::optional<llama3_scaling> rope_scaling{};

  bool qkv_bias = false;
  bool attention_out_bias = false;
  bool mlp_bias = false;

  double embedding_scale = 1.0;        ///< what an embedding is multiplied by
  double query_scale = 0.0;            ///< what q.k is multiplied by
  double attention_softcap = 0.0;      ///< c > 0: scores become c tanh(score / c), before the mask
  double logit_softcap = 0.0;          ///< likewise for logits
  std::vector<std::size_t> windows{};  ///< per layer: W > 0 lets i see j only if i - j < W; 0 sees all of the past
  bool tied = false;                   ///< the unembedding is the embedding
  bool states_tied = false;            ///< config.json itself says whether they are tied
  std::optional<std::uint32_t> bos{};  ///< the first token of a text, where config.json names it

  std::size_t query_width() const noexcept { return heads * head_dim; }
  std::size_t key_width() const noexcept { return kv_heads * head_dim; }

  bool operator==(const model_config&) const = default;
};

inline std::string_view name_of(model_family family) noexcept {
  return model_family_names[static_cast<std::size_t>(family)];
}

}  // namespace qfa

#endif
