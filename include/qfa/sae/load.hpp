// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_LOAD_HPP
#define QFA_SAE_LOAD_HPP

#include <filesystem>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/sae/load_dictionary_learning.hpp"
#include "qfa/sae/load_gemma_scope.hpp"
#include "qfa/sae/load_saelens.hpp"
#include "qfa/sae/load_sparsify.hpp"
#include "qfa/sae/sae.hpp"

#ifdef QFA_HAS_NPZ
#include "qfa/io/npz.hpp"
#endif

namespace qfa {

// Two functions under one name: where libzip is linked (qfa::npz), .npz files are read, else they are refused.  The
// inline namespaces keep a program of both kinds of files from mixing them up.
#ifdef QFA_HAS_NPZ
inline namespace with_npz {
/// Reads an SAE of Gemma Scope 1.  Throws as read_npz and gemma_scope_sae.
inline sae load_npz_sae(const std::filesystem::path& path) { return gemma_scope_sae(read_npz(path), path); }
#else
inline namespace without_npz {
/// Throws: this program was built without libzip.
inline sae load_npz_sae(const std::filesystem::path& path) {
  fail(in_quotes(path) + " is a .npz file, but this program was built without libzip (CMake target qfa::npz)");
}
#endif

/// Reads a trained SAE, whatever wrote it.  Takes its directory, or one of the files in it; the files that are there
/// decide the format:
///
///   cfg.json, sae_weights.safetensors         SAELens
///   cfg.json, sae.safetensors                 sparsify
///   config.json with "trainer", *.safetensors dictionary_learning
///   config.json, params.safetensors           Gemma Scope 2
///   params.npz, or another .npz file          Gemma Scope 1
///
/// Throws, naming what is missing or wrong, for anything else.
inline sae load_sae(const std::filesystem::path& path) {
  if (!path_exists(path)) fail("there is no SAE " + in_quotes(path));
  if (path.extension() == ".npz") return load_npz_sae(path);
  std::filesystem::path directory = path;
  if (!path_is_directory(path)) directory = path.has_parent_path() ? path.parent_path() : ".";
  const auto has = [&](const char* name) { return path_exists(directory / name); };
  if (has("cfg.json")) {
    if (has("sae_weights.safetensors")) return load_saelens(directory);
    if (has("sae.safetensors")) return load_sparsify(directory);
    fail("there is cfg.json in " + in_quotes(directory) +
         ", but neither sae_weights.safetensors nor sae.safetensors beside it");
  }
  if (has("params.npz")) return load_npz_sae(directory / "params.npz");
  if (has("config.json")) {
    const json config = read_json(directory / "config.json");
    if (config.is_object() && config.contains("trainer")) return load_dictionary_learning(directory);
    if (has("params.safetensors")) return load_gemma_scope_2(directory);
  }
  if (has("hyperparams.json"))
    fail("the SAE in " + in_quotes(directory) + " is in the format of Llama Scope, which is not supported");
  fail("there is no SAE in " + in_quotes(directory) +
       ": cfg.json with sae_weights.safetensors or sae.safetensors, config.json with ae.safetensors or "
       "params.safetensors, or params.npz is expected");
}

}  // with_npz or without_npz

}  // namespace qfa

#endif
