// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_HOOKS_HPP
#define QFA_MODEL_HOOKS_HPP

#include <array>
#include <charconv>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/model/config.hpp"

namespace qfa {

/// What can be looked at, and changed, while a block runs; in the order in which a block computes it.
///
///   resid_pre      the block's input
///   q, k, v        projections, before RoPE; rot_q and rot_k after it
///   z              attention's mix of values, heads side by side
///   attn_raw_out   the output projection's result; attn_out what attention adds, after Gemma-2's post-norm
///   resid_mid      after attention was added; not where attention and MLP run side by side
///   mlp_post       after the nonlinearity, and times up x in a gated MLP
///   mlp_raw_out    the down projection's result; mlp_out what the MLP adds, after Gemma-2's post-norm
///   resid_post     the block's output
// clang-format off
enum class hook_kind : std::uint8_t {
  resid_pre, q, k, v, rot_q, rot_k, z, attn_raw_out, attn_out, resid_mid, mlp_post, mlp_raw_out, mlp_out, resid_post
};
// clang-format on

/// As TransformerLens spells them, behind "blocks.L."; the raw_outs are of our own.
inline constexpr std::array<std::string_view, 14> hook_kind_names{
    "hook_resid_pre",  "attn.hook_q", "attn.hook_k",  "attn.hook_v",    "attn.hook_rot_q",
    "attn.hook_rot_k", "attn.hook_z", "attn.raw_out", "hook_attn_out",  "hook_resid_mid",
    "mlp.hook_post",   "mlp.raw_out", "hook_mlp_out", "hook_resid_post"};

/// A place in a decoder.
struct hook_point {
  std::size_t layer = 0;
  hook_kind kind = hook_kind::resid_post;

  auto operator<=>(const hook_point&) const = default;
};

inline std::string name_of(const hook_point& hook) {
  return "blocks." + std::to_string(hook.layer) + "." +
         std::string(hook_kind_names[static_cast<std::size_t>(hook.kind)]);
}

inline bool exists(const model_config& config, const hook_point& hook) noexcept {
  return hook.layer < config.layers && !(hook.kind == hook_kind::resid_mid && config.parallel_residual);
}

/// Floats per token at a hook.
inline std::size_t hook_width(const model_config& config, const hook_point& hook) noexcept {
  switch (hook.kind) {
    case hook_kind::q:
    case hook_kind::rot_q:
    case hook_kind::z:
      return config.query_width();
    case hook_kind::k:
    case hook_kind::v:
    case hook_kind::rot_k:
      return config.key_width();
    case hook_kind::mlp_post:
      return config.intermediate;
    default:
      return config.hidden;
  }
}

/// Every hook of a model, in the order of computation.
inline std::vector<hook_point> hooks_of(const model_config& config) {
  std::vector<hook_point> out;
  for (std::size_t l = 0; l < config.layers; ++l)
    for (std::size_t k = 0; k < hook_kind_names.size(); ++k)
      if (const hook_point hook{l, static_cast<hook_kind>(k)}; exists(config, hook)) out.push_back(hook);
  return out;
}

/// The hook of that name.  Throws a sentence that lists what the model has.
inline hook_point parse_hook(std::string_view name, const model_config& config) {
  const std::string quoted = "hook \"" + std::string(name) + "\"";
  const auto kinds = [&] {
    std::string list;
    for (std::size_t k = 0; k < hook_kind_names.size(); ++k)
      if (exists(config, {0, static_cast<hook_kind>(k)}))
        list += (list.empty() ? "" : ", ") + std::string(hook_kind_names[k]);
    return "blocks.L. with L from 0 to " + std::to_string(config.layers - 1) + ", followed by one of " + list;
  };
  constexpr std::string_view prefix = "blocks.";
  hook_point out;
  const char* const end = name.data() + name.size();
  if (!name.starts_with(prefix)) fail(quoted + " is not one of this model's: " + kinds());
  const auto [rest, problem] = std::from_chars(name.data() + prefix.size(), end, out.layer);
  if (problem != std::errc{} || rest == end || *rest != '.') fail(quoted + " is not one of this model's: " + kinds());
  const std::string_view kind(rest + 1, static_cast<std::size_t>(end - rest - 1));
  for (std::size_t k = 0; k < hook_kind_names.size(); ++k) {
    if (hook_kind_names[k] != kind) continue;
    out.kind = static_cast<hook_kind>(k);
    if (out.layer >= config.layers)
      fail(quoted + " is beyond this model's " + std::to_string(config.layers) + " layers: " + kinds());
    if (!exists(config, out))
      fail(quoted + " does not exist where attention and MLP run side by side, as they do in this model: " + kinds());
    return out;
  }
  fail(quoted + " is not one of this model's: " + kinds());
}

}  // namespace qfa

#endif
