// SPDX-License-Identifier: Apache-2.0
#include "audit_options_cli.hpp"

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "argument_words.hpp"
#include "kept_run.hpp"
#include "qfa/audit/team_share.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/vocabulary.hpp"
#include "qfa/report/audit_json.hpp"
#include "qfa/report/audit_page.hpp"
#include "qfa/report/audit_text.hpp"
#include "qfa/report/controls_json.hpp"
#include "qfa/report/features_csv.hpp"
#include "qfa/report/group_shifts.hpp"
#include "qfa/report/patching_json.hpp"
#include "qfa/report/steering_json.hpp"
#include "qfa/sae/load.hpp"
#include "qfa/sae/relaxed.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

/// The enumerator of that name, if `word` is not empty.
template <class Enum, std::size_t N>
std::optional<Enum> one_of(const std::string& option, const std::string& word,
                           const std::array<std::string_view, N>& names) {
  if (word.empty()) return std::nullopt;
  const auto at = std::find(names.begin(), names.end(), word);
  if (at != names.end()) return static_cast<Enum>(at - names.begin());
  std::string known;
  for (const auto name : names)
    known += (known.empty() ? "" : " or ") + std::string(name);
  qfa::fail(option + " takes " + known + ", not \"" + word + "\"");
}

}  // namespace

qfa::audit_options audit_arguments::options() const {
  qfa::audit_options o;
  if (protocol != "honest" && protocol != "published")
    qfa::fail("--protocol takes honest or published, not \"" + protocol + "\"");
  if (prepend_bos && no_prepend_bos) qfa::fail("--prepend-bos and --no-prepend-bos exclude each other");
  o.rules = protocol == "published" ? qfa::published : qfa::honest;
  if (!hook.empty()) o.hook = hook;
  if (context > 0) o.context = context;
  if (prepend_bos || no_prepend_bos) o.prepend_bos = prepend_bos;
  if (skip_positions) {
    if (*skip_positions < 0)
      qfa::fail("--skip-positions takes a number of positions, not " + std::to_string(*skip_positions));
    o.skip_positions = static_cast<std::size_t>(*skip_positions);
  }
  if (!processing.empty()) o.weight_processing = qfa::parse_processing(processing);
  o.order = one_of<qfa::compression_order>("--order", order, qfa::order_names);
  o.max_tokens = max_tokens;
  o.loss_batch_rows = loss_batch;
  o.halve_groups = !keep_groups;
  o.allow_bad_sae = allow_bad_sae;
  o.paired = paired;
  o.token_damage = token_damage;
  if (token_damage && no_loss) qfa::fail("--token-damage holds damage against losses, which --no-loss leaves out");
  o.meaning = meaning || !meaning_floor.empty();
  if (!meaning_floor.empty()) o.meaning_floor = qfa::parse_policy(meaning_floor).name();
  o.fused = fused;
  o.losses = !no_loss;
  o.spill_budget = size_of("--memory", memory);
  o.share = qfa::share_among(
      ranks(), one_of<qfa::audit_split>("--split", split, qfa::split_names).value_or(qfa::audit_split::tokens));
  if (resume && !ranks().alone())
    qfa::fail("--resume goes on with one process, and mpirun started " + std::to_string(ranks().size));
  if (resume && checkpoint_seconds < 0.0)
    qfa::fail("--resume goes on from a checkpoint, which --checkpoint-seconds below 0 keeps none of");
  if (ranks().alone() && checkpoint_seconds >= 0.0)
    o.checkpoint = {.directory = checkpoint(), .seconds = checkpoint_seconds, .resume = resume, .made_of = {}};
  return o;
}

qfa::sae read_dictionary(const audit_arguments& arguments, qfa::audit_protocol& made) {
  if (arguments.gate != "own" && arguments.gate != "relaxed")
    qfa::fail("--gate takes own or relaxed, not \"" + arguments.gate + "\"");
  qfa::sae dictionary = qfa::load_sae(arguments.sae);
  const std::string gate(qfa::activation_names[static_cast<std::size_t>(dictionary.activation)]);
  made.gate = gate;
  if (arguments.gate == "own") return dictionary;
  if (!qfa::has_threshold(dictionary))
    qfa::fail("--gate relaxed ignores the threshold of a gate, and the relu SAE " + qfa::in_quotes(arguments.sae) +
              " has none");
  made.gate += ", ignored: f = max(z, 0)";
  return qfa::relaxed(std::move(dictionary));
}

void add_audit_options(CLI::App& command, audit_arguments& a) {
  command.add_option("--split", a.split,
                     "what the processes share that mpirun started: the tokens (tokens), or the conditions (policies), "
                     "each over all tokens; what is written is the same");
  command.add_option("--hook", a.hook, "where activations are read; default from the SAE's metadata");
  command.add_option("--gate", a.gate,
                     "the SAE's own gate (own), or none, f = max(z, 0) (relaxed): what survives is then comparable "
                     "with a ReLU SAE");
  command.add_option("--context", a.context,
                     "tokens in a row, BOS included; default from the SAE's metadata, then 256");
  command.add_option("--max-tokens", a.max_tokens, "use no more tokens than this");
  command.add_flag("--prepend-bos", a.prepend_bos, "begin every row with BOS; default from the SAE's metadata");
  command.add_flag("--no-prepend-bos", a.no_prepend_bos, "leave rows as they are");
  command.add_option("--skip-positions", a.skip_positions,
                     "leave the first N positions of a row out of the statistics");
  command.add_flag("--keep-groups", a.keep_groups,
                   "leave out each of 64 groups of rows however far rows depend on each other; without, groups are cut "
                   "between documents, where these are known, and joined where they are too short");
  command.add_option("--row-documents", a.row_documents,
                     "an .npy file with a number for each row of --tokens, which differs between rows of different "
                     "documents: groups of rows are cut there");
  command.add_option("--protocol", a.protocol,
                     "whose numbers the table shows, honest or published; the report has both");
  command.add_option("--format", a.format,
                     "what is printed: text, or the same in Markdown (md), to be pasted into a page");
  command.add_option("--processing", a.processing,
                     "weights as stored (none), as TransformerLens folds them (tl), or parts of that");
  command.add_option("--order", a.order, "compress,process (as deployed) or process,compress (as published)");
  command.add_option("--targets", a.targets.include, "only tensors whose names match one of these patterns (* and ?)");
  command.add_option("--except", a.targets.exclude, "but not tensors whose names match one of these");
  command.add_option("--match-pruning", a.match, "also prune by magnitude until it costs as much as this policy");
  command.add_option("--match-tolerance", a.match_tolerance, "how near, in nats per token");
  command.add_option(
      "--calibration", a.calibration,
      "token ids, .npy, that calibrated policies learn from; default: rows of --tokens that are then not "
      "reported");
  add_calibration_text(command, a.text);
  command.add_option("--calibration-tokens", a.calibration_tokens, "calibrate on no more tokens than this (16384)");
  command.add_option("--cache-prefill", a.cache_prefill,
                     "tokens of a row that reach its caches in the first call; default all, or 1 where attention reads "
                     "new tokens as they arrive");
  command.add_option("--cache-step", a.cache_step, "tokens of each later call (1)");
  command.add_option("--loss-batch", a.loss_batch, "also report the unweighted mean over batches of N rows");
  command.add_flag("--no-loss", a.no_loss, "end each pass with the hook: features alone, in less time");
  command.add_flag("--ladder", a.ladder,
                   "measure every condition in bits of round-to-nearest: rtn:bits=3 to 8 are run besides, and stand in "
                   "the report but in no table");
  command.add_flag("--fused", a.fused, "give policies fused tensors as they are stored");
  command.add_flag(
      "--paired", a.paired,
      "keep the reference's activations, to account for how far they move: what the SAE explains of it, and "
      "which features carry it");
  command.add_flag("--token-damage", a.token_damage,
                   "also say which tokens are hurt: KL against what happens to their codes, by position, frequency and "
                   "how sure the reference is");
  command.add_flag("--meaning", a.meaning,
                   "also compare what features fire on, their strongest contexts and tokens, and where firings that "
                   "are missed went");
  command.add_option("--meaning-floor", a.meaning_floor,
                     "a policy that only rounds, cast:to=bf16, audited too: by how much meanings differ beyond it");
  command.add_option("--memory", a.memory,
                     "bytes (512M, 2G) of the reference's codes and states to hold; what is beyond goes to a temporary "
                     "file; 1G");
  add_checkpoint_options(command, a, "an audit", "OUT/resume", "the report");
  command.add_flag("--controls", a.controls,
                   "hold each claim against its controls: the reference itself, rounding, noise as large as a policy's "
                   "error, the same errors elsewhere or with their signs turned");
  command
      .add_option("--control-seeds", a.control.seeds,
                  "runs of each random control of the weights (5); other controls are run once")
      ->check(CLI::PositiveNumber);
  command.add_option("--control-tokens", a.control.max_tokens,
                     "run controls on no more of the reported tokens than this (40960); 0: on all");
  command.add_flag(
      "--steering", a.steering,
      "also steer both models with features, and say how alike their logits move, and whether r predicts it");
  command
      .add_option(
          "--steering-features", a.steer.features,
          "of the counted features, from the most to the least damaged (64); each takes ten passes of every model")
      ->check(CLI::Range(std::size_t{8}, std::size_t{1'000'000}));
  command.add_option("--steering-vector", a.steering_vectors,
                     "FILE or NAME=FILE: an .npy file with a direction to steer with as well, as wide as the hook; "
                     "repeatable");
  command.add_flag(
      "--patching", a.patching,
      "also give features the reference's codes in the compressed model, and say how much of the KL goes: of "
      "the worst by r, of the largest errors, at random");
  command.add_flag("--allow-bad-sae", a.allow_bad_sae, "go on although the SAE explains nothing (FVU > 1)");
}

namespace {

/// The model's words, where its directory has them.
qfa::vocabulary words_of(const std::filesystem::path& model) {
  std::error_code ignored;
  const std::filesystem::path words = model / "vocab.json";
  const bool readable = !model.empty() && std::filesystem::is_regular_file(words, ignored);
  return readable ? qfa::vocabulary::read(words) : qfa::vocabulary();
}

}  // namespace

qfa::table_form format_of(const std::string& format) {
  return one_of<qfa::table_form>("--format", format, qfa::table_form_names).value_or(qfa::table_form::columns);
}

void print_audit(const finished_audit& audit, const std::filesystem::path& model, qfa::table_form form) {
  const auto at = [](const auto& part) { return part ? &*part : nullptr; };
  std::cout << qfa::audit_text(audit.result,
                               {.controls = at(audit.controls),
                                .steering = at(audit.steering),
                                .patching = at(audit.patching),
                                .words = words_of(model)},
                               form);
}

void write_audit(const finished_audit& audit, const std::filesystem::path& directory) {
  const bool made = make_output_directory(directory);
  try {
    qfa::atomic_file report(directory / "report.json");
    qfa::report_json json = qfa::to_json(audit.result);
    if (audit.controls) json["controls"] = qfa::to_json(*audit.controls);
    if (audit.steering) json["steering"] = qfa::to_json(*audit.steering);
    if (audit.patching) json["patching"] = qfa::to_json(*audit.patching);
    report.stream() << qfa::json_text(json) << '\n';
    qfa::atomic_file features(directory / "features.csv");
    qfa::write_features_csv(audit.result, features.stream());
    for (qfa::atomic_file* const file : {&report, &features})
      if (!file->stream().flush()) file->commit();  // refuses, before any file of an earlier audit is replaced
    qfa::write_group_shifts(audit.result, directory / "groups.npy");
    std::error_code ignored;
    std::filesystem::remove(directory / "report.html", ignored);  // of an earlier audit, too
    features.commit();
    report.commit();
  } catch (...) {
    std::error_code ignored;
    if (made) std::filesystem::remove_all(directory, ignored);
    throw;
  }
  write_page(directory);  // of what was written: hours of work stay where a page has no room
}

}  // namespace qfa_program
