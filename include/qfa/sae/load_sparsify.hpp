// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_LOAD_SPARSIFY_HPP
#define QFA_SAE_LOAD_SPARSIFY_HPP

#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/sae/load_hooks.hpp"
#include "qfa/sae/load_tensors.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/sae/validate.hpp"

namespace qfa {

/// Reads an SAE in the layout of sparsify: a directory, named after its hookpoint, with `cfg.json` and
/// `sae.safetensors`.
///
/// There the k largest are taken after the ReLU, here before: the codes are the same, since what is not positive is no
/// code.  b_dec is subtracted from the input whatever normalize_decoder says.  Throws for transcoders, skip
/// connections, GroupMax and signed codes.
inline sae load_sparsify(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "cfg.json";
  const json value = read_json(path);
  const json_fields config(value, in_quotes(path));
  const auto refuse = [&](const char* what) { fail("the SAE in " + config.where() + " " + what); };
  if (config.flag("transcode").value_or(false))
    refuse("is a transcoder: it writes other activations than it reads, but an autoencoder is needed");
  if (config.flag("skip_connection").value_or(false))
    refuse("has a skip connection past its features, which is not supported");
  if (config.flag("signed").value_or(false)) refuse("has signed codes, but codes that are not negative are needed");
  const std::string activation = config.text("activation").value_or("topk");
  if (activation != "topk")
    fail("\"activation\" in " + config.where() + " is " + in_quotes(activation) + ", but topk is expected");

  sae out;
  out.activation = activation_kind::top_k;
  out.d_in = config.needed_size("d_in");
  out.d_sae = config.size("num_latents").value_or(0);
  if (out.d_sae == 0) {
    const std::size_t factor = config.size("expansion_factor").value_or(32);
    if (factor != 0 && out.d_in > (std::numeric_limits<std::size_t>::max)() / factor)
      refuse("has more features than can be counted");
    out.d_sae = out.d_in * factor;
  }
  out.k = config.size("k").value_or(32);
  const sae_tensors tensors{safetensors(directory / "sae.safetensors")};
  tensors.expect_only({"encoder.weight", "encoder.bias", "W_dec", "b_dec"});
  out.w_enc = tensors.matrix("encoder.weight", out.d_in, out.d_sae, stored_as::columns_rows);
  out.w_dec = tensors.matrix("W_dec", out.d_sae, out.d_in, stored_as::rows_columns);
  out.b_enc = tensors.vector("encoder.bias", out.d_sae);
  out.b_dec = tensors.vector("b_dec", out.d_in);
  out.metadata.format = "sparsify";
  out.metadata.hook = hook_of_sparsify_directory(directory);
  validate(out, tensors.where());
  return out;
}

}  // namespace qfa

#endif
