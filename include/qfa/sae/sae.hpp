// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_SAE_HPP
#define QFA_SAE_SAE_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qfa {

/// How a pre-activation becomes a code.  z = x W_enc + b_enc, comparisons strict.
///   relu        f = max(z, 0)
///   jump_relu   f = max(z, 0) where z > threshold
///   top_k       the k largest z of a token, then max(z, 0): fewer than k may fire; ties go to the lower feature
///   gated       f = max(exp(r_mag) (x W_enc) + b_mag, 0) where x W_enc + b_gate > 0
enum class activation_kind : std::uint8_t { relu, jump_relu, top_k, gated };
inline constexpr std::array<std::string_view, 4> activation_names{"relu", "jump_relu", "top_k", "gated"};

/// What happens to a token's activations before b_dec is subtracted, and is undone after decoding.
///   none
///   constant_norm_rescale   x <- x sqrt(d_in) / |x|
///   layer_norm              x <- (x - mean) / (sd + 1e-5), sd with n - 1; undone as x sd + mean
/// `expected_average_only_in` is no mode of its own: SAELens folds its scale into the weights when it saves, and the
/// loader folds it where a file still carries it.
enum class input_norm : std::uint8_t { none, constant_norm_rescale, layer_norm };
inline constexpr std::array<std::string_view, 3> input_norm_names{"none", "constant_norm_rescale", "layer_norm"};

/// How the SAE was trained, as far as its files tell.  What they do not tell stays empty.
struct sae_metadata {
  /// Which loader read it: "saelens", "gemma_scope", "gemma_scope_2", "sparsify", "dictionary_learning".
  std::string format;
  std::string model_name;
  std::optional<std::string> hook;  ///< TransformerLens name, e.g. blocks.4.hook_resid_post
  std::optional<std::size_t> context;
  std::optional<bool> prepend_bos;
  std::optional<bool> exclude_special_tokens;
  std::optional<std::string> neuronpedia_id;
  std::optional<bool> fold_ln;                 ///< model_from_pretrained_kwargs, where given
  std::optional<bool> center_writing_weights;  ///< likewise
  /// False where the file says that the model's weights were not processed, true where it says that they were folded
  /// and centred as TransformerLens does by default.
  std::optional<bool> transformer_lens_default;
  std::optional<std::size_t> head;  ///< the one attention head that the activations come from
  std::string dtype = "float32";
  std::vector<std::string> notes;  ///< what the loader had to assume, one sentence each
};

/// A frozen sparse autoencoder in one layout, whatever file it came from.  f32, row-major.
struct sae {
  activation_kind activation = activation_kind::relu;
  input_norm norm = input_norm::none;
  bool apply_b_dec_to_input = true;
  std::size_t d_in = 0;   ///< width of the activations
  std::size_t d_sae = 0;  ///< features
  std::size_t k = 0;      ///< top_k only

  std::vector<float> w_enc;      // (d_in, d_sae)
  std::vector<float> w_dec;      // (d_sae, d_in)
  std::vector<float> b_enc;      // (d_sae); gated: b_gate
  std::vector<float> b_dec;      // (d_in)
  std::vector<float> threshold;  // (d_sae), jump_relu only
  std::vector<float> r_mag;      // (d_sae), gated only
  std::vector<float> b_mag;      // (d_sae), gated only

  sae_metadata metadata;
};

/// |w_j| of every feature's decoder row: what turns an activation into a length in the residual stream.
inline std::vector<float> decoder_norms(const sae& s) {
  std::vector<float> norms(s.d_sae);
  for (std::size_t j = 0; j < s.d_sae; ++j) {
    double squares = 0.0;
    for (std::size_t i = 0; i < s.d_in; ++i) {
      const auto w = static_cast<double>(s.w_dec[j * s.d_in + i]);
      squares += w * w;
    }
    norms[j] = static_cast<float>(std::sqrt(squares));
  }
  return norms;
}

}  // namespace qfa

#endif
