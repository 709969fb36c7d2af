// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_LOAD_DICTIONARY_LEARNING_HPP
#define QFA_SAE_LOAD_DICTIONARY_LEARNING_HPP

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/sae/load_hooks.hpp"
#include "qfa/sae/load_tensors.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/sae/validate.hpp"

namespace qfa {

namespace detail {

/// The one .safetensors file of a directory, or `ae.safetensors` where there are several.
inline std::filesystem::path dictionary_learning_file(const std::filesystem::path& directory) {
  if (path_exists(directory / "ae.safetensors")) return directory / "ae.safetensors";
  std::vector<std::filesystem::path> found;
  std::error_code ignored;  // a directory that cannot be read holds nothing
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
    if (entry.path().extension() == ".safetensors") found.push_back(entry.path());
  if (found.size() == 1) return found.front();
  if (found.empty() && path_exists(directory / "ae.pt"))
    fail(in_quotes(directory / "ae.pt") +
         " is a pickle, which may run any program: save its tensors as ae.safetensors");
  fail("there is no ae.safetensors in " + in_quotes(directory));
}

/// The global threshold of batch top-k, which training sets; -1 stands for one that it never set.
inline void batch_top_k(sae& out, const sae_tensors& tensors) {
  const float threshold = narrow(tensors.scalar("threshold"));
  if (threshold < 0.0f) {  // every code that is not negative passes: a ReLU
    out.metadata.notes.push_back("The threshold in " + tensors.where() +
                                 " was never set, so that every feature fires "
                                 "where its activation is positive.");
    return;
  }
  out.activation = activation_kind::jump_relu;
  out.threshold.assign(out.d_sae, threshold);
}

}  // namespace detail

/// Reads an SAE in the layout of dictionary_learning: a directory with `config.json` and, instead of the pickle
/// `ae.pt`, its tensors as `ae.safetensors` (or the one .safetensors file there is).
///
/// Which class was trained decides what the tensors are called, which way they lie and whether the decoder's bias is
/// subtracted from the input.  Throws, naming it, for a class that is no autoencoder of one hook.
inline sae load_dictionary_learning(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "config.json";
  const json value = read_json(path);
  const json_fields config(value, in_quotes(path));
  const std::optional<json_fields> trainer = config.object("trainer");
  if (!trainer) fail(config.where() + " should have \"trainer\", an object");
  const std::string dictionary = trainer->needed_text("dict_class");

  sae out;
  out.d_in = trainer->needed_size("activation_dim");
  out.d_sae = trainer->needed_size("dict_size");
  out.metadata.format = "dictionary_learning";
  out.metadata.model_name = trainer->text("lm_name").value_or("");
  if (const auto submodule = trainer->text("submodule_name")) out.metadata.hook = hook_of_submodule(*submodule);
  if (const auto buffer = config.object("buffer")) out.metadata.context = buffer->size("ctx_len");

  const sae_tensors tensors{safetensors(detail::dictionary_learning_file(directory))};
  const auto linear = [&](const char* bias) {  // torch.nn.Linear: (out, in)
    out.w_enc = tensors.matrix("encoder.weight", out.d_in, out.d_sae, stored_as::columns_rows);
    out.w_dec = tensors.matrix("decoder.weight", out.d_sae, out.d_in, stored_as::columns_rows);
    out.b_dec = tensors.vector(bias, out.d_in);
  };
  const auto parameters = [&] {
    out.w_enc = tensors.matrix("W_enc", out.d_in, out.d_sae, stored_as::rows_columns);
    out.w_dec = tensors.matrix("W_dec", out.d_sae, out.d_in, stored_as::rows_columns);
    out.b_enc = tensors.vector("b_enc", out.d_sae);
    out.b_dec = tensors.vector("b_dec", out.d_in);
  };

  if (dictionary == "AutoEncoder") {
    tensors.expect_only({"encoder.weight", "encoder.bias", "decoder.weight", "bias"});
    linear("bias");
    out.b_enc = tensors.vector("encoder.bias", out.d_sae);
  } else if (dictionary == "AutoEncoderNew") {
    tensors.expect_only({"encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"});
    linear("decoder.bias");
    out.b_enc = tensors.vector("encoder.bias", out.d_sae);
    out.apply_b_dec_to_input = false;
  } else if (dictionary == "GatedAutoEncoder") {
    tensors.expect_only({"encoder.weight", "r_mag", "gate_bias", "mag_bias", "decoder.weight", "decoder_bias"});
    linear("decoder_bias");
    out.activation = activation_kind::gated;
    out.b_enc = tensors.vector("gate_bias", out.d_sae);
    out.r_mag = tensors.vector("r_mag", out.d_sae);
    out.b_mag = tensors.vector("mag_bias", out.d_sae);
  } else if (dictionary == "JumpReluAutoEncoder") {
    tensors.expect_only({"W_enc", "b_enc", "W_dec", "b_dec", "threshold"});
    parameters();
    out.activation = activation_kind::jump_relu;
    out.threshold = tensors.vector("threshold", out.d_sae);
    out.apply_b_dec_to_input = trainer->flag("apply_b_dec_to_input").value_or(false);
  } else if (dictionary == "AutoEncoderTopK") {
    tensors.expect_only({"encoder.weight", "encoder.bias", "decoder.weight", "b_dec", "k", "threshold"});
    linear("b_dec");
    out.b_enc = tensors.vector("encoder.bias", out.d_sae);
    out.activation = activation_kind::top_k;
    const std::optional<std::size_t> said = trainer->size("k");
    const double k = tensors.contains("k") ? tensors.scalar("k") : said ? static_cast<double>(*said) : 0.0;
    if (!(k >= 1.0 && k <= static_cast<double>(out.d_sae)))
      fail("k of the SAE in " + tensors.where() + " should lie between 1 and its " + std::to_string(out.d_sae) +
           " features");
    out.k = static_cast<std::size_t>(k);
    if (said && *said != out.k)
      fail("k is " + std::to_string(out.k) + " in " + tensors.where() + ", but " + std::to_string(*said) + " in " +
           config.where());
  } else if (dictionary == "BatchTopKSAE") {
    tensors.expect_only({"encoder.weight", "encoder.bias", "decoder.weight", "b_dec", "k", "threshold"});
    linear("b_dec");
    out.b_enc = tensors.vector("encoder.bias", out.d_sae);
    detail::batch_top_k(out, tensors);
  } else if (dictionary == "MatryoshkaBatchTopKSAE") {
    tensors.expect_only({"W_enc", "b_enc", "W_dec", "b_dec", "group_sizes", "k", "threshold"});
    parameters();
    detail::batch_top_k(out, tensors);
  } else {
    fail("\"dict_class\" in " + config.where() + " is " + in_quotes(dictionary) +
         ", which is not supported: AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder, "
         "AutoEncoderTopK, BatchTopKSAE or MatryoshkaBatchTopKSAE is expected");
  }
  validate(out, tensors.where());
  return out;
}

}  // namespace qfa

#endif
