// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_ACTIVATION_AUDIT_HPP
#define QFA_AUDIT_ACTIVATION_AUDIT_HPP

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/activation_files.hpp"
#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/checkpoint.hpp"
#include "qfa/audit/conclude.hpp"
#include "qfa/audit/condition_turns.hpp"
#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/ladder.hpp"
#include "qfa/audit/long_groups.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/io/checksum.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/sae/families.hpp"

namespace qfa {

/// A compressed model's activations on the reference's tokens, as some runtime dumped them.
struct dumped_activations {
  std::string name;
  std::vector<std::filesystem::path> files;  ///< one after the other
};

namespace detail {

/// Blocks after which an SAE that seems not to fit is looked at more closely.
inline constexpr std::size_t trial_blocks = 4;

/// Sees the reference to its end by itself, and throws if the SAE does not fit it.  The first blocks alone could refuse
/// what the whole file would not.
template <class Block>
void check_alone(const feature_audit& like, Block block_of, const progress& told) {
  feature_audit alone(like.dictionary(), like.layout(), false, 0);
  for (std::size_t b = 0; b < like.layout().blocks(); ++b) {
    report_progress(told, "reference", b, like.layout().blocks());
    alone.pass_reference(block_of(b));
  }
  alone.end_reference();
}

/// What an audit of files is made of: their checksums, which `inputs` may know already.
inline audit_parts parts_of_files(const feature_audit& audit, const audit_settings& settings,
                                  const audit_options& options, std::span<const std::filesystem::path> reference,
                                  std::span<const dumped_activations> compressed, std::span<const input_file> inputs) {
  audit_parts out = parts_of_audit(audit.dictionary(), audit.layout(), settings, options, audit.encode().runs_on().fma);
  const auto add = [&](const std::string& name, std::span<const std::filesystem::path> files) {
    std::string checksums;
    for (const std::filesystem::path& path : files) {
      const auto known = std::ranges::find(inputs, path.string(), &input_file::path);
      checksums += (checksums.empty() ? "" : " ") + (known == inputs.end() ? crc32_of_file(path) : known->checksum);
    }
    out.emplace_back("the checksum of the activations of \"" + name + "\"", checksums);
  };
  add("reference", reference);
  for (const dumped_activations& one : compressed)
    add(one.name, one.files);
  return out;
}

}  // namespace detail

/// The same audit on activations that were dumped elsewhere: features without losses.
///
/// A side's files follow each other and hold one row per token, the tokens of `settings.context` consecutive rows being
/// one text; a short last text is dropped.  All sides are gone over together, a block of tokens at a time, so that
/// memory does not grow with tokens; an SAE that seems not to fit after the first blocks is tried on the reference
/// alone, where no other process has some of its rows.  `settings` is what `settle` made.  Throws where files differ in
/// tokens or width, do not fit the SAE, or where a name is empty or taken ("reference" is).
inline audit_result audit_activations(sae dictionary, const std::vector<std::filesystem::path>& reference,
                                      std::span<const dumped_activations> compressed, const audit_settings& settings,
                                      const audit_options& options = {}, audit_protocol made = {},
                                      const progress& told = {}) {
  require(!options.token_damage, "the damage of tokens is held against losses, which activations do not have");
  std::vector<std::string> names{"reference"};
  for (const dumped_activations& one : compressed) {
    check_condition_name(one.name, names);
    names.push_back(one.name);
  }
  activation_files from(reference);
  const auto check = [&](const activation_files& file) {
    if (file.width() != dictionary.d_in)
      fail(file.where() + " holds activations " + std::to_string(file.width()) + " wide, but the SAE takes " +
           std::to_string(dictionary.d_in));
    if (file.tokens() != from.tokens())
      fail(file.where() + " holds " + std::to_string(file.tokens()) + " tokens, but the reference's " + from.where() +
           " holds " + std::to_string(from.tokens()) + ": they must be the same ones");
  };
  check(from);
  std::vector<activation_files> files;
  for (const dumped_activations& one : compressed)
    check(files.emplace_back(one.files));

  const std::size_t most = options.max_tokens == 0 ? from.tokens() : (std::min)(options.max_tokens, from.tokens());
  const token_layout whole{most / settings.context, settings.context, settings.skip_positions};
  if (whole.rows == 0)
    fail(from.where() + " holds " + std::to_string(from.tokens()) + " tokens, fewer than one context of " +
         std::to_string(settings.context));
  condition_turns turns(options.share);
  const token_layout layout = turns.rows_of(whole);
  require(!options.meaning,
          "what features mean is compared where a model is run over tokens, not on given activations");
  feature_audit audit(std::move(dictionary), layout, options.paired, 0);
  require_one_process(options);
  audit_checkpoint checkpoint;
  if (!options.checkpoint.directory.empty())
    checkpoint = audit_checkpoint(options.checkpoint,
                                  detail::parts_of_files(audit, settings, options, reference, compressed, made.inputs));
  auto [begun, first_block] = checkpoint.take_running();
  if (first_block > 0) audit.resume_reference(std::move(begun.at(0)), first_block);
  std::vector<compressed_side> sides;
  for (std::size_t i = 0; i < files.size(); ++i)
    sides.emplace_back(audit, first_block > 0 ? std::move(begun.at(i + 1)) : audit.begin(compressed[i].name),
                       first_block);
  activations x;
  const auto block_of = [&](activation_files& file, std::size_t b) {
    x.resize((layout.last_row(b) - layout.first_row(b)) * layout.row_tokens, file.width());
    file.read(layout.first_row(b) * layout.row_tokens, x.view());
    return matrix_view<const float>(x.view());
  };
  std::vector<std::reference_wrapper<const pass_record>> records{audit.reference()};
  for (const compressed_side& side : sides)
    records.push_back(side.record());
  for (std::size_t b = first_block; b < layout.blocks(); ++b) {
    report_progress(told, "activations", b, layout.blocks());
    // (A process that has only some of the rows cannot tell by itself.)
    if (layout.run_rows() == whole.rows && b == detail::trial_blocks && !options.allow_bad_sae &&
        !(audit.reference().side.fit().fvu <= 1.0))
      detail::check_alone(
          audit, [&](std::size_t block) { return block_of(from, block); }, told);
    const reference_block seen = audit.pass_reference(block_of(from, b));
    for (std::size_t i = 0; i < files.size(); ++i)
      if (turns.mine(i)) sides[i].add(block_of(files[i], b), seen);
    checkpoint.offer(records, b + 1);
  }

  audit_result out;
  long_groups conclude_one(options);
  const auto add = [&](const pass_record& record) { out.conditions.push_back(conclude_one(record, audit)); };
  turns.complete_reference(audit.reference());
  // No codes are kept that could be counted again: features are near-duplicates here by their decoder rows alone.
  if (options.families && options.share.concludes) audit.group_families(families_by_decoder(audit.dictionary()));
  add(audit.end_reference(options.allow_bad_sae));
  for (compressed_side& side : sides)  // each record is freed as soon as it is concluded
    if (turns.take(std::move(side).record())) turns.settle(add);
  turns.settle(add);
  made.halving = conclude_one.settle(out.conditions, audit);
  out.groups = conclude_one.groups();

  made.source = "activations";
  made.dropped_tokens = most - whole.rows * whole.row_tokens;
  describe_audit(out, std::move(made), audit, settings);
  if (options.share.concludes) conclude_together(out, options.ladder_only);
  return out;
}

/// The same, with the reference in one file.
inline audit_result audit_activations(sae dictionary, const std::filesystem::path& reference,
                                      std::span<const dumped_activations> compressed, const audit_settings& settings,
                                      const audit_options& options = {}, audit_protocol made = {},
                                      const progress& told = {}) {
  return audit_activations(std::move(dictionary), std::vector{reference}, compressed, settings, options,
                           std::move(made), told);
}

}  // namespace qfa

#endif
