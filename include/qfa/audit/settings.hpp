// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_SETTINGS_HPP
#define QFA_AUDIT_SETTINGS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/model/processing.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/survival/protocol.hpp"

namespace qfa {

/// Whether a policy meets the weights as they are stored, as in deployment, or as they are after processing, as in the
/// published Pythia run.  quantize(fold(W)) is not fold(quantize(W)).
enum class compression_order : std::uint8_t { compress_then_process, process_then_compress };
inline constexpr std::array<std::string_view, 2> order_names{"compress,process", "process,compress"};

/// Where an audit keeps its state, so that after a crash it goes on where it was and ends with the same bytes
/// (audit/checkpoint.hpp).
struct checkpoint_options {
  std::filesystem::path directory{};  ///< made when it is needed; empty: nothing is kept
  double seconds = 30.0;              ///< at least so long between two savings; 0: after every block
  bool resume = false;                ///< go on from what the directory holds, if it holds anything
  /// Whatever else must be the same for a checkpoint to be taken up, beside what an audit knows of itself (model, SAE,
  /// tokens, settings, names of conditions): calibration rows, targets, conditions to come.  What it is, and its value.
  std::vector<std::pair<std::string, std::string>> made_of{};
};

struct pass_record;  // audit/pass_record.hpp

/// What processes share out among them: the tokens of every pass, by groups of rows (stats/row_groups.hpp), or the
/// conditions, each of which is run over all rows by one of them.  Each runs the reference over what it needs of it.
enum class audit_split : std::uint8_t { tokens, policies };
inline constexpr std::array<std::string_view, 2> split_names{"tokens", "policies"};

/// What one process does of an audit that several run together, each with the same input.  By itself it does all.
struct audit_share {
  std::size_t part = 0;   ///< of `parts`: groups [part G / parts, (part + 1) G / parts), or conditions by turns
  std::size_t parts = 1;  ///< any number: beyond the number of groups some have no rows
  /// Called at the end of each pass, by all processes in the same order: puts the merged record of all (in any order,
  /// by +=) in place of this one's.
  std::function<void(pass_record&)> complete{};
  audit_split by = audit_split::tokens;
  /// Whether this process makes the report.  Where not, `complete` may leave out what fired.
  bool concludes = true;
};

/// What a caller asks of an audit.  What is left empty comes from the SAE's metadata, then from the defaults named
/// beside each member.
struct audit_options {
  protocol rules = honest;               ///< whose headline numbers are shown; a report has both protocols'
  std::optional<std::string> hook{};     ///< no default: an audit without a hook is an error
  std::optional<std::size_t> context{};  ///< tokens a row, BOS included; 256
  std::optional<bool> prepend_bos{};     ///< false
  std::optional<std::size_t>
      skip_positions{};  ///< 1 where BOS is prepended and the SAE excludes special tokens, else 0
  std::optional<processing> weight_processing{};  ///< none (model/processing.hpp)
  std::optional<compression_order> order{};       ///< published mode: process, then compress; honest mode: the reverse
  std::size_t max_tokens = 0;                     ///< 0: all that the file holds
  bool halve_groups = false;                      ///< join groups of rows that are too short (audit/long_groups.hpp)
  /// Rows: b* of these rows where it is known before, as it is of controls; with `halve_groups`, groups begin joined.
  double block_length = 0.0;
  bool allow_bad_sae = false;       ///< go on although FVU > 1
  bool paired = false;              ///< keep the reference's dense activations, to account for how far they move
  bool token_damage = false;        ///< also say which tokens are hurt; needs losses
  bool meaning = false;             ///< compare what features fire on, and where lost firings went (meaning/)
  bool families = true;             ///< find families of near-duplicate features, which predictions hold out as wholes
                                    ///< and the ladder takes as a sample; without, every feature is a family
  std::string meaning_floor{};      ///< the condition that only rounds, against which meanings are held too
  bool fused = false;               ///< give policies fused tensors as they are stored
  bool losses = true;               ///< run models to their end, for losses and KL; without, passes end with the hook
  std::size_t loss_batch_rows = 0;  ///< > 0: also the published unweighted mean of batches of so many rows
  std::size_t spill_budget = std::size_t{1} << 30;  ///< bytes of the reference's codes and states held, all together,
                                                    ///< before temporary files are used
  audit_share share{};
  checkpoint_options checkpoint{};
  /// Conditions that stand in the audit as rungs of its ladder (audit/ladder.hpp) and are in no table.
  std::vector<std::string> ladder_only{};
};

/// What the audit runs with, every choice made, and a sentence for each conflict that was settled on the way.
struct audit_settings {
  protocol rules = honest;
  std::string hook;
  std::size_t context = 256;
  bool prepend_bos = false;
  std::size_t skip_positions = 0;
  processing weight_processing{};
  compression_order order = compression_order::compress_then_process;
  std::vector<std::string> warnings;
};

namespace detail {

/// The caller's word, else the metadata's, else the default; a difference between the first two is worth a warning.
template <class T, class Show>
T settle(std::string_view what, const std::optional<T>& asked, const std::optional<T>& recorded, T otherwise,
         std::vector<std::string>& warnings, Show show) {
  if (asked && recorded && *asked != *recorded)
    warnings.push_back(std::string(what) + " is " + show(*asked) + ", as asked, although the SAE was trained with " +
                       show(*recorded));
  return asked ? *asked : recorded.value_or(otherwise);
}

}  // namespace detail

/// Settles every choice: option, then the SAE's metadata, then the default.  Throws where no hook is known.
inline audit_settings settle(const audit_options& options, const sae_metadata& trained) {
  audit_settings s;
  s.rules = options.rules;
  auto& w = s.warnings;
  const auto word = [](const std::string& x) { return x; };
  const auto number = [](std::size_t x) { return std::to_string(x); };
  const auto truth = [](bool x) { return std::string(x ? "on" : "off"); };

  s.hook = detail::settle<std::string>("the hook", options.hook, trained.hook, "", w, word);
  require(!s.hook.empty(),
          "the SAE's metadata name no hook: say where to read activations with --hook, "
          "for instance --hook blocks.4.hook_resid_post");
  s.context = detail::settle<std::size_t>("the context", options.context, trained.context, 256, w, number);
  s.prepend_bos = detail::settle<bool>("prepending BOS", options.prepend_bos, trained.prepend_bos, false, w, truth);

  const bool excludes = trained.exclude_special_tokens.value_or(false);
  s.skip_positions = options.skip_positions.value_or(s.prepend_bos && excludes ? 1 : 0);
  if (s.prepend_bos && excludes && s.skip_positions == 0)
    w.push_back("the statistics include BOS, as asked, although the SAE was trained without special tokens");
  if (s.skip_positions >= s.context)
    fail("skipping " + number(s.skip_positions) + " positions leaves nothing of rows of " + number(s.context) +
         " tokens");

  std::optional<processing> recorded;
  if (trained.transformer_lens_default) {
    recorded = *trained.transformer_lens_default ? transformer_lens_processing : processing{};
    recorded->fold_ln = trained.fold_ln.value_or(recorded->fold_ln);
    recorded->center_writing_weights = trained.center_writing_weights.value_or(recorded->center_writing_weights);
  }
  s.weight_processing = detail::settle<processing>("the weights' processing", options.weight_processing, recorded,
                                                   processing{}, w, [](const processing& p) { return describe(p); });
  s.order = options.order.value_or(options.rules == published ? compression_order::process_then_compress
                                                              : compression_order::compress_then_process);
  return s;
}

}  // namespace qfa

#endif
