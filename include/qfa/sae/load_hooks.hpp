// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_LOAD_HOOKS_HPP
#define QFA_SAE_LOAD_HOOKS_HPP

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "qfa/io/file.hpp"

namespace qfa {

// Every library names the place in the model that an SAE reads in its own way.  These give TransformerLens' name, or
// nothing where the place is not certain.

/// Cuts `prefix` and the number behind it off the front of a text; without both the text stays as it is.
inline std::optional<std::size_t> take_number(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  const std::string_view rest = text.substr(prefix.size());
  std::size_t n = 0;
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
  if (problem != std::errc{}) return std::nullopt;
  text = rest.substr(static_cast<std::size_t>(end - rest.data()));
  return n;
}

inline std::string block_hook(std::size_t layer, std::string_view place) {
  return "blocks." + std::to_string(layer) + "." + std::string(place);
}

/// Gemma Scope 2 names a module and its end: model.layers.17.self_attn.o_proj.input.
inline std::optional<std::string> hook_of_gemma_module(std::string_view module) {
  const auto layer = take_number(module, "model.layers.");
  if (!layer) return std::nullopt;
  if (module == ".output") return block_hook(*layer, "hook_resid_post");
  if (module == ".self_attn.o_proj.input") return block_hook(*layer, "attn.hook_z");
  if (module == ".post_attention_layernorm.output") return block_hook(*layer, "hook_attn_out");
  if (module == ".post_feedforward_layernorm.output") return block_hook(*layer, "hook_mlp_out");
  return std::nullopt;
}

/// sparsify names a directory after the module whose output the SAE reads: layers.20 or layers.20.mlp (h.20 in GPT-2).
inline std::optional<std::string> hook_of_sparsify_directory(const std::filesystem::path& directory) {
  const std::filesystem::path whole = whole_path(directory).lexically_normal();
  const std::string name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  std::string_view module = name;
  auto layer = take_number(module, "layers.");
  if (!layer) layer = take_number(module, "h.");
  if (!layer) return std::nullopt;
  if (module.empty()) return block_hook(*layer, "hook_resid_post");
  if (module == ".mlp") return block_hook(*layer, "hook_mlp_out");
  return std::nullopt;
}

/// dictionary_learning names a submodule: resid_post_layer_12.
inline std::optional<std::string> hook_of_submodule(std::string_view submodule) {
  const auto layer = take_number(submodule, "resid_post_layer_");
  if (!layer || !submodule.empty()) return std::nullopt;
  return block_hook(*layer, "hook_resid_post");
}

/// What the path of a Gemma Scope 1 file says: gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82/params.npz.
struct gemma_scope_path {
  std::optional<std::size_t> layer;
  std::string site;   ///< res, att, mlp, transcoders; empty where the path does not tell
  std::string model;  ///< gemma-2-2b, gemma-2-9b-it; likewise
  bool embedding = false;
};

inline gemma_scope_path parse_gemma_scope_path(const std::filesystem::path& file) {
  gemma_scope_path out;
  for (const std::filesystem::path& part : whole_path(file).parent_path()) {
    const std::string name = part.string();
    std::string_view rest = name;
    if (const auto layer = take_number(rest, "layer_"); layer && rest.empty()) out.layer = layer;
    if (name == "embedding") out.embedding = true;
    const std::size_t release = name.find("gemma-scope-");
    const std::size_t dash = name.rfind('-');
    if (release == std::string::npos || dash < release + 12) continue;
    out.site = name.substr(dash + 1);
    out.model = "gemma-2-" + name.substr(release + 12, dash - release - 12);
    if (out.model.ends_with("-pt")) out.model.resize(out.model.size() - 3);
  }
  return out;
}

/// Nothing where the path does not name a layer.  A path without a site is taken to mean the residual stream.
inline std::optional<std::string> hook_of_gemma_scope_path(const gemma_scope_path& path) {
  if (path.embedding) return "hook_embed";
  if (!path.layer) return std::nullopt;
  if (path.site == "att") return block_hook(*path.layer, "attn.hook_z");
  if (path.site == "mlp") return block_hook(*path.layer, "hook_mlp_out");
  return block_hook(*path.layer, "hook_resid_post");
}

}  // namespace qfa

#endif
