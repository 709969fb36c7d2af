// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_LOAD_GEMMA_SCOPE_HPP
#define QFA_SAE_LOAD_GEMMA_SCOPE_HPP

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/sae/load_hooks.hpp"
#include "qfa/sae/load_tensors.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/sae/validate.hpp"

namespace qfa {

namespace detail {

/// The five tensors, whose names differ in case, of an SAE whose widths only its biases tell.
inline sae gemma_scope_tensors(const sae_tensors& tensors, const char* encoder, const char* decoder) {
  tensors.expect_only({encoder, decoder, "b_enc", "b_dec", "threshold"});
  sae out;
  out.activation = activation_kind::jump_relu;
  out.apply_b_dec_to_input = false;
  for (const auto& [bias, width] : {std::pair("b_dec", &out.d_in), std::pair("b_enc", &out.d_sae)}) {
    const auto shape = tensors.shape(bias);
    if (shape.size() != 1)
      fail("tensor " + in_quotes(bias) + " in " + tensors.where() + " has the shape " + shape_text(shape) +
           ", but a vector is expected");
    *width = shape[0];
  }
  out.w_enc = tensors.matrix(encoder, out.d_in, out.d_sae, stored_as::rows_columns);
  out.w_dec = tensors.matrix(decoder, out.d_sae, out.d_in, stored_as::rows_columns);
  out.b_enc = tensors.vector("b_enc", out.d_sae);
  out.b_dec = tensors.vector("b_dec", out.d_in);
  out.threshold = tensors.vector("threshold", out.d_sae);
  // How these SAEs were trained; no file says so.
  out.metadata.prepend_bos = true;
  out.metadata.context = 1024;
  return out;
}

}  // namespace detail

/// Makes an SAE of Gemma Scope 1 from the arrays of its `params.npz` (read with io/npz.hpp, which needs libzip).
///
/// The arrays are all there is to the file; layer, site and model stand in its path, as published:
/// gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82/params.npz.  Without them the SAE has no hook.  A path with
/// "embedding" gets the square root of d_in that lies between the table and what the model reads; one with "transcoder"
/// is refused.  Throws there, and for arrays that are missing or of other shapes.
inline sae gemma_scope_sae(std::map<std::string, npy_array> arrays, const std::filesystem::path& path) {
  const sae_tensors tensors(std::move(arrays), in_quotes(path));
  const gemma_scope_path told = parse_gemma_scope_path(path);
  if (told.site.starts_with("transcoder"))
    fail(tensors.where() + " is a transcoder: it writes other activations than it reads, but an autoencoder is needed");
  sae out = detail::gemma_scope_tensors(tensors, "W_enc", "W_dec");
  out.metadata.format = "gemma_scope";
  out.metadata.model_name = told.model;
  out.metadata.hook = hook_of_gemma_scope_path(told);
  if (out.metadata.hook && told.site.empty() && !told.embedding)
    out.metadata.notes.push_back("The hook " + *out.metadata.hook + " is taken from the path of " + tensors.where() +
                                 ", which does not name the site.");
  if (told.embedding) {
    // Trained on the table of embeddings; hook_embed carries these times sqrt(d_in), as the model reads them.
    const double root = std::sqrt(static_cast<double>(out.d_in));
    for (float& w : out.w_enc)
      w = static_cast<float>(static_cast<double>(w) / root);
    for (float& w : out.w_dec)
      w = static_cast<float>(static_cast<double>(w) * root);
  }
  validate(out, tensors.where());
  return out;
}

/// Reads an SAE of Gemma Scope 2: a directory with `config.json` and `params.safetensors`.  Throws for transcoders,
/// crosscoders and SAEs with an affine skip connection.
inline sae load_gemma_scope_2(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "config.json";
  const json value = read_json(path);
  const json_fields config(value, in_quotes(path));
  const std::string type = config.text("type").value_or("sae");
  if (type != "sae") fail("\"type\" in " + config.where() + " is " + in_quotes(type) + ", but sae is expected");
  const std::string architecture = config.text("architecture").value_or("jump_relu");
  if (architecture != "jump_relu")
    fail("\"architecture\" in " + config.where() + " is " + in_quotes(architecture) + ", but jump_relu is expected");
  if (config.flag("affine_connection").value_or(false))
    fail("the SAE in " + config.where() + " has an affine skip connection past its features, which is not supported");

  const sae_tensors tensors{safetensors(directory / "params.safetensors")};
  sae out = detail::gemma_scope_tensors(tensors, "w_enc", "w_dec");
  const std::optional<std::size_t> width = config.size("width");
  if (width && *width != out.d_sae)
    fail("tensor \"b_enc\" in " + tensors.where() + " has " + std::to_string(out.d_sae) +
         " numbers, but the width in " + config.where() + " is " + std::to_string(*width));
  out.metadata.format = "gemma_scope_2";
  out.metadata.model_name = config.text("model_name").value_or("");
  if (const auto module = config.text("hf_hook_point_in")) out.metadata.hook = hook_of_gemma_module(*module);
  validate(out, tensors.where());
  return out;
}

}  // namespace qfa

#endif
