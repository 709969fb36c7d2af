// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_AUDIT_PARTS_HPP
#define QFA_AUDIT_AUDIT_PARTS_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/layout.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/io/checksum.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/processing.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/version.hpp"

namespace qfa {

/// What an audit is made of: names of parts and their values, by which a checkpoint is known to be of the same audit.
/// A part's name fits into "NAME is VALUE".
using audit_parts = std::vector<std::pair<std::string, std::string>>;

namespace detail {

inline std::string checksum_of(archive_writer&& values) {
  return hexadecimal(checksum_of_archive(std::move(values).finish()));
}

/// Of large arrays, which are worth a thread each.
inline std::string checksum_of(std::span<const std::span<const float>> arrays) {
  std::vector<std::uint32_t> each(arrays.size());
  parallel_for(arrays.size(), [&](std::size_t i) { each[i] = crc32(std::as_bytes(arrays[i])); });
  archive_writer all("arrays", 1);
  all(each);
  return checksum_of(std::move(all));
}

}  // namespace detail

/// Checksum of an SAE's numbers, whatever file they came from.
inline std::string checksum_of(const sae& s) {
  const std::vector<std::span<const float>> arrays{s.w_enc, s.w_dec, s.b_enc, s.b_dec, s.threshold, s.r_mag, s.b_mag};
  archive_writer all("sae", 1);
  all(s.activation, s.norm, s.apply_b_dec_to_input, s.d_in, s.d_sae, s.k, detail::checksum_of(arrays));
  return detail::checksum_of(std::move(all));
}

/// Checksum of a model's configuration and weights as they are stored.
inline std::string checksum_of(const language_model& model) {
  std::vector<std::span<const float>> arrays;
  archive_writer all("model", 1);
  for (const auto& [name, tensor] : model.tensors) {
    all(name, tensor.shape, tensor.bits);
    arrays.emplace_back(*tensor.values);
  }
  const model_config& c = model.config;
  all(c.family, c.hidden, c.layers, c.heads, c.kv_heads, c.head_dim, c.intermediate, c.vocabulary, c.norm,
      c.norm_epsilon, c.norm_adds_one, c.post_norms, c.parallel_residual, c.gated, c.activation, c.rope_base, c.rotated,
      c.rope_scaling, c.qkv_bias, c.attention_out_bias, c.mlp_bias, c.embedding_scale, c.query_scale,
      c.attention_softcap, c.logit_softcap, c.windows, c.tied, detail::checksum_of(arrays));
  return detail::checksum_of(std::move(all));
}

inline std::string checksum_of(const token_rows& tokens) {
  return hexadecimal(write_archive(
      "tokens", 1, [&](archive_writer& all) { all(tokens.context, tokens.ids); }, [](std::span<const std::byte>) {}));
}

inline std::string checksum_of(const row_groups& groups) {
  archive_writer all("groups", 1);
  all(groups);
  return detail::checksum_of(std::move(all));
}

/// The parts that every audit has: the library, the SAE, the rows and this process's share of them, and what is
/// gathered there.  Instruction sets with fused multiply-adds have the same bits (`fma`), and need not be the same.
inline audit_parts parts_of_audit(const sae& dictionary, const token_layout& layout, const audit_settings& settings,
                                  const audit_options& options, bool fma) {
  const auto number = [](std::size_t n) { return std::to_string(n); };
  return {{"the library's version", version},
          {"fused multiply-adds", fma ? "on" : "off"},
          {"the SAE's checksum", checksum_of(dictionary)},
          {"the hook", settings.hook},
          {"the number of rows", number(layout.rows)},
          {"the context", number(layout.row_tokens)},
          {"the checksum of the groups of rows", checksum_of(layout.groups())},
          {"the number of skipped positions", number(layout.skip_positions)},
          {"the first row", number(layout.first)},
          {"the number of rows of this process", number(layout.run_rows())},
          {"the length of blocks", number(layout.tokens_per_block)},
          {"pairing", options.paired ? "on" : "off"}};
}

/// Those that an audit of a model has besides.
inline audit_parts parts_of_model_audit(const language_model& model, const token_rows& tokens,
                                        const audit_settings& settings, const audit_options& options) {
  return {
      {"the model's checksum", checksum_of(model)},
      {"the tokens' checksum", checksum_of(tokens)},
      {"the weights' processing", describe(settings.weight_processing)},
      {"the order of compression and processing", std::string(order_names[static_cast<std::size_t>(settings.order)])},
      {"fusing", options.fused ? "on" : "off"},
      {"losses", options.losses ? "on" : "off"},
      {"damage by token", options.token_damage ? "on" : "off"},
      {"the comparison of meanings", options.meaning ? "on" : "off"}};
}

}  // namespace qfa

#endif
