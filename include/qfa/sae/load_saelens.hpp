// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_LOAD_SAELENS_HPP
#define QFA_SAE_LOAD_SAELENS_HPP

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/sae/load_fold.hpp"
#include "qfa/sae/load_tensors.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/sae/validate.hpp"

namespace qfa {

namespace detail {

/// The first of two fields that is there: configurations renamed some.
inline std::optional<std::string> either_text(const json_fields& fields, std::string_view now, std::string_view then) {
  const std::optional<std::string> first = fields.text(now);
  return first ? first : fields.text(then);
}

/// Whatever a SAELens configuration says about the training, in any of its generations: since version 6 under
/// "metadata", before that beside the rest, with defaults for what was not written down.
inline sae_metadata saelens_metadata(const json_fields& config) {
  const std::optional<json_fields> nested = config.object("metadata");
  const json_fields& fields = nested ? *nested : config;
  sae_metadata out;
  out.format = "saelens";
  out.model_name = fields.text("model_name").value_or("");
  out.hook = either_text(fields, "hook_name", "hook_point");
  if (out.hook) {
    const std::size_t layer = out.hook->find("{layer}");
    if (layer != std::string::npos) {
      const auto number = fields.size("hook_layer") ? fields.size("hook_layer") : fields.size("hook_point_layer");
      if (!number) fail(fields.where() + " names the hook " + in_quotes(*out.hook) + " and no layer");
      out.hook->replace(layer, 7, std::to_string(*number));
    }
  }
  out.head = fields.size("hook_head_index") ? fields.size("hook_head_index") : fields.size("hook_point_head_index");
  out.context = fields.size("context_size");
  out.prepend_bos = fields.flag("prepend_bos");
  if (!out.prepend_bos && !nested) out.prepend_bos = true;
  const json* const special = fields.find("exclude_special_tokens");  // a flag, or a list of tokens
  if (special != nullptr) out.exclude_special_tokens = special->is_boolean() ? special->get<bool>() : !special->empty();
  const json* const page = fields.find("neuronpedia_id");
  if (page != nullptr && page->is_string()) out.neuronpedia_id = page->get<std::string>();
  if (const auto processing = fields.object("model_from_pretrained_kwargs")) {
    out.fold_ln = processing->flag("fold_ln");
    out.center_writing_weights = processing->flag("center_writing_weights");
    // The model is loaded without processing but for what stands here.
    if (out.fold_ln == true && out.center_writing_weights == true) out.transformer_lens_default = true;
    if (out.fold_ln == false || out.center_writing_weights == false) out.transformer_lens_default = false;
  }
  out.dtype = config.text("dtype").value_or("float32");
  if (out.dtype.starts_with("torch.")) out.dtype.erase(0, 6);
  return out;
}

/// The scale that a checkpoint's inputs still have to be multiplied by, where one of the files beside it tells.
inline std::optional<double> saelens_input_scale(const std::filesystem::path& directory) {
  std::optional<double> scale;
  const std::filesystem::path scaler = directory / "activation_scaler.json";
  const std::filesystem::path store = directory / "activations_store_state.safetensors";  // before version 6
  if (path_exists(scaler)) {
    const json value = read_json(scaler);
    scale = json_fields(value, in_quotes(scaler)).number("scaling_factor");
  } else if (path_exists(store)) {
    const sae_tensors tensors{safetensors(store)};
    if (tensors.contains("estimated_norm_scaling_factor")) scale = tensors.scalar("estimated_norm_scaling_factor");
  }
  if (scale && !(std::isfinite(*scale) && *scale > 0.0))
    fail("the scale of the activations beside " + in_quotes(directory) + " is " + std::to_string(*scale) +
         ", but should be positive");
  return scale;
}

struct saelens_norm {
  input_norm norm = input_norm::none;
  bool average = false;  ///< the scale is one number for all tokens, folded into the weights sooner or later
};

inline saelens_norm parse_saelens_norm(const json_fields& config) {
  const json* const value = config.find("normalize_activations");
  if (value == nullptr || *value == "none" || *value == false) return {};
  if (*value == "expected_average_only_in" || *value == true) return {.average = true};
  if (*value == "constant_norm_rescale") return {.norm = input_norm::constant_norm_rescale};
  if (*value == "layer_norm") return {.norm = input_norm::layer_norm};
  fail("\"normalize_activations\" in " + config.where() + " is " + in_quotes(value->dump()) +
       ", but none, expected_average_only_in, constant_norm_rescale or layer_norm is expected");
}

/// "standard", "topk", "jumprelu", "gated", "batchtopk", or a sentence about what is not an SAE of one hook.
inline std::string saelens_architecture(const json_fields& config, const sae_tensors& tensors) {
  const std::string name = config.text("architecture").value_or("standard");
  const std::optional<json_fields> nested = config.object("metadata");
  const std::optional<std::string> writes = (nested ? *nested : config).text("hook_name_out");
  const std::optional<std::string> reads = (nested ? *nested : config).text("hook_name");
  if (name.find("transcoder") != std::string::npos || (writes && writes != reads) || tensors.contains("b_dec_out") ||
      tensors.contains("W_skip"))
    fail(tensors.where() + " is a transcoder: it writes other activations than it reads, but an autoencoder is needed");
  const std::string function = either_text(config, "activation_fn", "activation_fn_str").value_or("relu");
  if (function == "topk" && (name == "standard" || name == "topk")) return "topk";
  if (function != "relu")
    fail("the activation function in " + config.where() + " is " + in_quotes(function) +
         ", but relu is expected, or topk of a standard SAE");
  if (name == "matryoshka_batchtopk") return "batchtopk";
  for (const std::string_view known : {"standard", "topk", "jumprelu", "gated", "batchtopk"})
    if (name == known) return name;
  fail("\"architecture\" in " + config.where() + " is " + in_quotes(name) +
       ", but standard, topk, jumprelu or gated is expected");
}

inline std::vector<float> exponentials(std::vector<float> xs) {
  for (float& x : xs)
    x = std::exp(x);
  return xs;
}

}  // namespace detail

/// Reads an SAE in the layout of SAELens, of any generation: a directory with `cfg.json` and
/// `sae_weights.safetensors`.
///
/// Checkpoints from the middle of a training are made what a finished one would be: log thresholds, thresholds of
/// batch top-k, decoder norms and the average scale of the activations are folded in.  Throws, naming file and tensor,
/// for transcoders and other architectures and for files that are incomplete.
inline sae load_saelens(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "cfg.json";
  const json value = read_json(path);
  const json_fields config(value, in_quotes(path));
  const sae_tensors tensors{safetensors(directory / "sae_weights.safetensors")};
  const std::string architecture = detail::saelens_architecture(config, tensors);
  const detail::saelens_norm norm = detail::parse_saelens_norm(config);
  const std::string reshape = config.text("reshape_activations").value_or("none");
  if (reshape != "none" && reshape != "hook_z")  // heads stand side by side already
    fail("\"reshape_activations\" in " + config.where() + " is " + in_quotes(reshape) +
         ", but none or hook_z is expected");

  sae out;
  out.metadata = detail::saelens_metadata(config);
  out.norm = norm.norm;
  out.apply_b_dec_to_input = config.flag("apply_b_dec_to_input").value_or(true);
  out.d_in = config.needed_size("d_in");
  out.d_sae = config.needed_size("d_sae");
  tensors.expect_only({"W_enc", "W_dec", "b_enc", "b_dec", "threshold", "log_threshold", "b_gate", "r_mag", "b_mag",
                       "topk_threshold", "scaling_factor", "finetuning_scaling_factor"});
  out.w_enc = tensors.matrix("W_enc", out.d_in, out.d_sae, stored_as::rows_columns);
  out.w_dec = tensors.matrix("W_dec", out.d_sae, out.d_in, stored_as::rows_columns);
  out.b_enc = tensors.vector(architecture == "gated" ? "b_gate" : "b_enc", out.d_sae);
  out.b_dec = tensors.vector("b_dec", out.d_in);
  if (architecture == "gated") {
    out.activation = activation_kind::gated;
    out.r_mag = tensors.vector("r_mag", out.d_sae);
    out.b_mag = tensors.vector("b_mag", out.d_sae);
  } else if (architecture == "topk") {
    out.activation = activation_kind::top_k;
    const auto arguments = config.object("activation_fn_kwargs");
    const auto k = config.size("k") ? config.size("k") : arguments ? arguments->size("k") : std::nullopt;
    if (!k) fail(config.where() + " should have \"k\", the number of features that fire on a token");
    out.k = *k;
  } else if (architecture == "jumprelu") {
    out.activation = activation_kind::jump_relu;
    out.threshold = tensors.contains("log_threshold") && !tensors.contains("threshold")
                        ? detail::exponentials(tensors.vector("log_threshold", out.d_sae))
                        : tensors.vector("threshold", out.d_sae);
  } else if (architecture == "batchtopk") {
    out.activation = activation_kind::jump_relu;
    out.threshold.assign(out.d_sae, narrow(tensors.scalar("topk_threshold")));
  }

  for (const char* name : {"scaling_factor", "finetuning_scaling_factor"}) {
    if (!tensors.contains(name)) continue;
    const std::vector<float> scale = tensors.vector(name, out.d_sae);
    bool ones = true;
    for (const float x : scale)
      ones = ones && std::fabs(x - 1.0f) <= 1e-5f;
    if (ones) continue;  // written for a while, and meaning nothing
    if (!config.flag("finetuning_scaling_factor").value_or(false))
      fail("tensor " + in_quotes(name) + " in " + tensors.where() + " is not 1, though " + config.where() +
           " says that nothing was scaled");
    fold_decoder_scale(out, scale);
  }
  // A finished jumprelu SAE may still have this field from its training, and ignores it.
  if ((architecture == "topk" || architecture == "batchtopk") &&
      config.flag("rescale_acts_by_decoder_norm").value_or(false))
    fold_decoder_norms(out);
  if (norm.average) {
    if (const std::optional<double> scale = detail::saelens_input_scale(directory)) {
      fold_input_scale(out, *scale);
    } else {
      out.metadata.notes.push_back("The average scale of the activations is taken to be folded into " +
                                   tensors.where() + ", since no file beside it tells the scale.");
    }
  }
  validate(out, tensors.where());
  return out;
}

}  // namespace qfa

#endif
