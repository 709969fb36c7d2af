// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_AUDIT_OPTIONS_CLI_HPP
#define QFA_EXAMPLES_QFA_AUDIT_OPTIONS_CLI_HPP

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "output_paths.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/steering/recovery.hpp"
#include "qfa/steering/steering_findings.hpp"
#include "text_input.hpp"

namespace qfa_program {

/// What the options of `qfa audit` say, before anything is read.
struct audit_arguments {
  std::string model, sae, tokens, out;
  text_arguments text;                       ///< in place of `tokens`
  std::vector<std::string> activations;      ///< the reference's files, one after the other
  std::vector<std::string> policies;         ///< spec strings, one with a cache besides as "POLICY & PLAN"
  std::vector<std::string> caches;           ///< plans' spec strings
  std::optional<std::size_t> cache_prefill;  ///< tokens of a row's first call
  std::size_t cache_step = 1;                ///< and of each later one
  std::vector<std::string> compressed;       ///< NAME=FILE; a name's files, one after the other
  std::vector<std::string> against;          ///< NAME=PATH or PATH: models compressed elsewhere
  std::vector<std::string> match;            ///< spec strings that pruning is matched to
  double match_tolerance = 0.0005;           ///< nats
  std::string calibration;  ///< tokens that calibrated policies learn from; or text.calibration, or spare rows
  std::size_t calibration_tokens = 16384;
  std::string hook, processing, order, protocol = "honest", memory = "1G", split = "tokens", gate = "own";
  std::string format = "text";  ///< of what is printed: text or md
  std::string row_documents;    ///< .npy file: the document of each row of --tokens; empty: not known
  std::string meaning_floor;    ///< spec string of a policy that only rounds; empty: none
  std::size_t context = 0, max_tokens = 0, loss_batch = 0;
  std::optional<long> skip_positions;
  bool prepend_bos = false, no_prepend_bos = false, no_loss = false;
  bool allow_bad_sae = false, keep_groups = false, paired = false, token_damage = false, fused = false, meaning = false;
  bool resume = false;
  bool ladder = false;    ///< add the rungs of round-to-nearest that are missing, in the report but in no table
  bool controls = false;  ///< whether claims are held against controls
  qfa::control_settings control{};
  bool steering = false;  ///< whether models are steered with features
  qfa::steering_options steer{};
  std::vector<std::string> steering_vectors;  ///< NAME=FILE or FILE: directions of the caller's own
  bool patching = false;                      ///< whether features are restored
  qfa::patching_options patch{};
  double checkpoint_seconds = 30.0;  ///< below 0: no checkpoints
  std::string kept_in;               ///< directory of the checkpoint; empty: OUT/resume
  qfa::target_patterns targets;

  /// Whether calibrated policies learn from files of their own.
  bool has_calibration() const { return !calibration.empty() || !text.calibration.empty(); }
  /// The option that names those files.
  std::string calibration_option() const { return calibration.empty() ? "--calibration-text" : "--calibration"; }

  /// Where the state of a long run lies until its report is written.
  std::filesystem::path checkpoint() const {
    return kept_in.empty() ? std::filesystem::path(out) / "resume" : std::filesystem::path(kept_in);
  }

  std::filesystem::path control_checkpoint() const { return std::filesystem::path(out) / "resume-controls"; }

  /// The same as the library takes it.  Throws for a word that is none of an option's.
  qfa::audit_options options() const;
};

/// Declares the options that shape an audit (not where its input comes from).
void add_audit_options(CLI::App& command, audit_arguments& arguments);

/// What a run of the program found: the audit, and what its controls, steering and patching say where they were asked
/// for.
struct finished_audit {
  qfa::audit_result result;
  std::optional<qfa::control_findings> controls{};
  std::optional<qfa::steering_findings> steering{};
  std::optional<qfa::patching_findings> patching{};
};

/// The SAE as the arguments ask for it, with its own gate or none; `made` says so.
qfa::sae read_dictionary(const audit_arguments& arguments, qfa::audit_protocol& made);

/// Prints the tables and what they mean to standard output, in columns or in Markdown, to be pasted into a page.
/// Tokens read as the words of the model directory's vocab.json, where it has one.
void print_audit(const finished_audit& audit, const std::filesystem::path& model = {},
                 qfa::table_form form = qfa::table_form::columns);

/// How `--format` asks for tables.  Throws for a word that is no format.
qfa::table_form format_of(const std::string& format);

/// Writes report.json, features.csv and report.html, which shows both.  Leaves nothing behind if one of the first two
/// fails.
void write_audit(const finished_audit& audit, const std::filesystem::path& directory);

/// Writes the page of the report that a directory holds: report.html of report.json and features.csv, alignment.html of
/// alignment.json.  Throws where it has neither.
void write_page(const std::filesystem::path& directory);

/// Says on standard output where an audit's files are.
void print_written(const std::string& directory);

}  // namespace qfa_program

#endif
