// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "audit_options_cli.hpp"
#include "audit_run.hpp"
#include "commands.hpp"
#include "kept_run.hpp"
#include "progress_line.hpp"
#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/conclude.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/audit/team_share.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/locate/bench_checkpoint.hpp"
#include "qfa/locate/lengthen_groups.hpp"
#include "qfa/locate/locate_damage.hpp"
#include "qfa/model/open_model.hpp"
#include "qfa/report/halving_note.hpp"
#include "qfa/report/locate_json.hpp"
#include "qfa/report/locate_text.hpp"
#include "qfa/sae/load.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

struct locate_arguments {
  audit_arguments audit;
  std::string policy, units = "tensors", weights = "uniform";
};

struct located {
  qfa::damage_location found;
  qfa::audit_protocol made;
  qfa::sae_metadata sae;
  std::string activation;
  std::size_t sae_width = 0;
};

located locate(const locate_arguments& arguments) {
  const audit_arguments& a = arguments.audit;
  const qfa::any_policy policy = qfa::parse_policy(arguments.policy);
  qfa::unit_bench::check(policy);
  qfa::audit_options asked = a.options();
  qfa::sae dictionary = qfa::load_sae(a.sae);
  const qfa::audit_settings settings = qfa::settle(asked, dictionary.metadata);
  qfa::language_model model = qfa::open_model(a.model);

  qfa::location_options how{.targets = a.targets};
  for (std::size_t i = 0; i < qfa::unit_kind_names.size(); ++i)
    if (arguments.units == qfa::unit_kind_names[i]) how.kind = static_cast<qfa::unit_kind>(i);
  how.weighting = qfa::parse_weighting(arguments.weights, dictionary.d_sae);
  const bool processed_first = settings.order == qfa::compression_order::process_then_compress;
  (void)qfa::units_of(processed_first ? qfa::processed_config(settings.weight_processing, model.config) : model.config,
                      how.kind, a.targets, asked.fused);  // refuses targets before anything is run

  const bool calibrates = policy.needs().any(), from_tokens = calibrates && !a.has_calibration();
  if (!calibrates && a.has_calibration())
    qfa::fail(a.calibration_option() + " means nothing with " + policy.name() + ", which learns from no tokens");
  token_input source =
      read_token_input(a.tokens, a.text, a.model, model.config, qfa::tokens_for(settings, model.config, 0));
  if (a.keep_groups) source.rows.documents.clear();
  split_tokens tokens =
      split(std::move(source.rows), a.max_tokens, 0, from_tokens ? a.calibration_tokens / settings.context : 0);
  token_input own{.rows = std::move(tokens.calibration)};
  if (calibrates && !from_tokens)
    own = read_token_input(a.calibration, a.text.of_calibration(), a.model, model.config,
                           qfa::tokens_for(settings, model.config, a.calibration_tokens));
  qfa::token_rows& calibration = own.rows;

  located out{.found = {},
              .made = {},
              .sae = dictionary.metadata,
              .activation = std::string(qfa::activation_names[static_cast<std::size_t>(dictionary.activation)]),
              .sae_width = dictionary.d_sae};
  qfa::audit_protocol made;
  add_inputs(made, a.model, "model");
  add_inputs(made, a.sae, "sae");
  for (const std::string& input : source.files)
    add_inputs(made, input, source.text ? "text" : "tokens");
  made.text = source.text;
  for (const std::string& input : own.files)
    add_inputs(made, input, "calibration");
  qfa::check_same_inputs(ranks(), made.inputs);
  qfa::describe_model_run(made, settings, asked, tokens.reported, model.config);
  made.targets = a.targets.name();
  made.model_dtype = stored_dtype(a.model, model);
  if (const auto warning = qfa::reference_warning(model)) made.warnings.push_back(*warning);
  const bool wants_bos = expects_bos_before(tokens.reported, a.model, model.config);

  asked.checkpoint.made_of = {{"the policy", policy.name()},
                              {"the kind of units", arguments.units},
                              {"the choice of tensors", a.targets.name()},
                              {"the checksum of rows for calibration", qfa::checksum_of(calibration)}};
  for (auto& part : parts_of_weighting(arguments.weights, how.weighting))
    asked.checkpoint.made_of.push_back(std::move(part));
  qfa::bench_checkpoint checkpoint(asked.checkpoint);
  qfa::unit_bench bench(std::move(model), std::move(dictionary), std::move(tokens.reported), settings,
                        {.losses = asked.losses,
                         .fused = asked.fused,
                         .allow_bad_sae = asked.allow_bad_sae,
                         .memory = asked.spill_budget,
                         .checkpoint = &checkpoint,
                         .ranks = ranks()},
                        progress_line());
  if (calibrates) {
    made.calibration_tokens = calibration.ids.size();
    made.calibration = from_tokens ? "rows of " + source.where + ", which are not reported" : own.where;
    if (const auto warning = qfa::reported_rows_warning(calibration, bench.tokens())) made.warnings.push_back(*warning);
    bench.calibrate_on(std::move(calibration));
  }
  if (const auto warning = qfa::missing_bos_warning(bench.model().reference(), bench.tokens(), wants_bos))
    made.warnings.push_back(*warning);
  const qfa::unit_option compressed = bench.compress(policy, a.targets);
  if (!a.keep_groups) made.halving = qfa::lengthen_groups(bench, compressed, bench.units(how.kind, a.targets));
  out.found = qfa::locate_damage(bench, compressed, how);
  qfa::audit_result described;
  qfa::describe_audit(described, std::move(made), bench.reference(), settings);
  out.made = std::move(described.made);
  return out;
}

void print(const located& l) {
  const qfa::audit_protocol& made = l.made;
  std::cout << l.found.policy << " at " << made.hook << ": " << made.rows << " rows of " << made.context << " tokens, "
            << made.analyzed_tokens << " analyzed, " << made.groups << " groups, "
            << (made.prepend_bos ? "with BOS" : "no BOS") << "; processing " << made.processing << ", order "
            << made.order << "\n"
            << l.activation << " SAE of " << l.sae_width << " features, FVU " << qfa::fixed(l.found.reference_fvu, 4)
            << " on the reference, " << qfa::fixed(l.found.compressed_fvu, 4) << " compressed (unmeasured); "
            << l.found.features << " features measured, their evidence worth "
            << qfa::fixed(l.found.effective_groups[0], 1) << " to " << qfa::fixed(l.found.effective_groups[1], 1)
            << " groups\n";
  if (!made.calibration.empty()) std::cout << "calibrated on " << made.calibration << "\n";
  for (const std::string& warning : made.warnings)
    std::cout << "warning: " << warning << "\n";
  std::cout << qfa::halving_note(made.halving) << qfa::short_groups_warning(made.halving, made.rows);
  std::cout << "\n" << qfa::location_text(l.found);
}

void run(const locate_arguments& arguments) {
  const std::filesystem::path out = arguments.audit.out;
  if (!out.empty()) check_output_directory(out);
  (void)arguments.audit.options();  // refuses what cannot be
  const qfa::checkpoint_directory kept(out.empty() ? out : arguments.audit.checkpoint(), "bench");
  const auto find = [&] { return locate(arguments); };
  const located l = ranks().leads() ? run_kept(kept, arguments.audit.resume, "report", find) : find();
  if (!ranks().leads()) return;
  clear_progress_line();
  print(l);
  if (out.empty()) return;
  make_output_directory(out);
  qfa::atomic_file report(out / "locate.json");
  report.stream() << qfa::json_text(qfa::to_json(l.found, l.made)) << '\n';
  report.commit();
  kept.remove();
  if (arguments.audit.resume) remove_partial_files(out / "locate.json");
  std::cout << "\nwritten: " << (out / "locate.json").string() << "\n";
}

}  // namespace

void add_locate(CLI::App& app) {
  auto arguments = std::make_shared<locate_arguments>();
  audit_arguments& a = arguments->audit;
  a.max_tokens = 65536;
  CLI::App* command = app.add_subcommand("locate", "where in a model a compression's damage to features comes from");
  command->add_option("model,--model", a.model, "a Hugging Face model directory, or a .gguf file")->required();
  command->add_option("sae,--sae", a.sae, "a trained SAE: directory or file")->required();
  command->add_option("tokens,--tokens", a.tokens, "token ids, .npy: a stream, or rows");
  add_text_options(*command, a.text);
  command->add_option("--policy", arguments->policy, "the compression (`qfa list policies`)")->required();
  command
      ->add_option("--units", arguments->units,
                   "what is compressed by itself: tensors, layers, or heads (with their share of q, k, v and o)")
      ->check(CLI::IsMember({"tensors", "layers", "heads"}));
  command->add_option(
      "--weights", arguments->weights,
      "what a feature counts: uniform, mass (what it adds to the residual stream), logit (to logits), or "
      "a file that lists the features that count, one a line");
  command->add_option("--max-tokens", a.max_tokens,
                      "use no more tokens than this (65536; 0: all): a pass for each unit takes its time");
  command->add_option("--out", a.out, "directory for locate.json");
  command->add_option("--hook", a.hook, "where features are read; default from the SAE's metadata");
  command->add_option("--context", a.context,
                      "tokens in a row, BOS included; default from the SAE's metadata, then 256");
  command->add_flag("--prepend-bos", a.prepend_bos, "begin every row with BOS; default from the SAE's metadata");
  command->add_flag("--no-prepend-bos", a.no_prepend_bos, "leave rows as they are");
  command->add_option("--skip-positions", a.skip_positions,
                      "leave the first N positions of a row out of the statistics");
  command->add_flag(
      "--keep-groups", a.keep_groups,
      "leave out each of 64 groups of rows however far rows depend on each other; without, groups are cut "
      "between documents, where these are known, and joined where they are too short");
  command->add_option("--protocol", a.protocol, "whose features are measured, honest or published");
  command->add_option("--processing", a.processing,
                      "weights as stored (none), as TransformerLens folds them (tl), or parts of that");
  command->add_option("--order", a.order, "compress,process (as deployed) or process,compress (as published)");
  command->add_option("--targets", a.targets.include, "only tensors whose names match one of these patterns (* and ?)");
  command->add_option("--except", a.targets.exclude, "but not tensors whose names match one of these");
  command->add_option("--calibration", a.calibration,
                      "token ids, .npy, that a calibrated policy learns from; default: rows of --tokens that are then "
                      "not reported");
  add_calibration_text(*command, a.text);
  command->add_option("--calibration-tokens", a.calibration_tokens, "calibrate on no more tokens than this (16384)");
  command->add_flag("--no-loss", a.no_loss, "end each pass with the hook: features alone, in less time");
  command->add_flag("--fused", a.fused, "give policies fused tensors as they are stored");
  command->add_option("--memory", a.memory, "bytes (512M, 2G) for what is measured at a time; 1G");
  add_checkpoint_options(*command, a, "a run", "OUT/resume", "locate.json");
  command->add_flag("--allow-bad-sae", a.allow_bad_sae, "go on although the SAE explains nothing (FVU > 1)");
  command->callback([arguments, command] {
    audit_arguments& given = arguments->audit;
    check_token_source(*command, given.tokens, given.calibration, given.text);
    if (given.out.empty()) {
      if (given.resume || command->count("--checkpoint-seconds") > 0)
        qfa::fail("--resume and --checkpoint-seconds are of what is kept in OUT/resume, and there is no --out");
      given.checkpoint_seconds = -1.0;
    }
    run(*arguments);
  });
}

}  // namespace qfa_program
