// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "audit_options_cli.hpp"
#include "audit_run.hpp"
#include "commands.hpp"
#include "kept_run.hpp"
#include "progress_line.hpp"
#include "qfa/allocate/allocate.hpp"
#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/audit/team_share.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/compress/weight_plan_file.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/locate/bench_checkpoint.hpp"
#include "qfa/model/open_model.hpp"
#include "qfa/report/allocation_json.hpp"
#include "qfa/report/allocation_text.hpp"
#include "qfa/sae/load.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

struct allocate_arguments {
  audit_arguments audit;  ///< what shapes the passes
  std::string budget = "like:rtn:bits=4", weights = "uniform", kl = "keep", report;
  std::vector<std::string> options{"rtn:bits=3", "rtn:bits=4", "rtn:bits=5", "rtn:bits=6", "rtn:bits=7", "rtn:bits=8"};
  std::size_t fit_tokens = 16384, held_out_tokens = 65536;
};

void read_budget(const std::string& text, qfa::allocate_options& to) {
  constexpr std::string_view like = "like:";
  if (text.starts_with(like)) {
    to.like = qfa::parse_policy(std::string_view(text).substr(like.size()));
    return;
  }
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), to.bytes);
  if (problem != std::errc{} || end != text.data() + text.size() || to.bytes == 0 || to.bytes > std::uint64_t{1} << 49)
    qfa::fail("--budget takes a number of bytes, or like:POLICY for what that takes in all matrices, not \"" + text +
              "\"");
}

void run(const allocate_arguments& a) {
  if (a.kl != "keep" && a.kl != "free") qfa::fail("--kl takes keep or free, not \"" + a.kl + "\"");
  qfa::allocate_options options{
      .keep_kl = a.kl == "keep", .targets = a.audit.targets, .join_groups = !a.audit.keep_groups};
  read_budget(a.budget, options);
  for (const std::string& spec : a.options)
    options.options.push_back(qfa::parse_policy(spec));
  for (std::size_t i = 0; i < options.options.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (options.options[i].name() == options.options[j].name())
        qfa::fail("the policy " + options.options[i].name() + " is given twice");
  const bool learns = std::ranges::any_of(options.options, [](const auto& policy) { return policy.needs().any(); }) ||
                      (options.bytes == 0 && options.like.needs().any());
  if (!learns && a.audit.has_calibration())
    qfa::fail(a.audit.calibration_option() + " means nothing with these policies, none of which learns from tokens");
  check_output_file(a.audit.out);
  if (!a.report.empty()) check_output_file(a.report);
  qfa::audit_options audit = a.audit.options();
  const qfa::sae dictionary = qfa::load_sae(a.audit.sae);
  const qfa::audit_settings settings = qfa::settle(audit, dictionary.metadata);
  options.weighting = qfa::parse_weighting(a.weights, dictionary.d_sae);
  const qfa::language_model model = qfa::open_model(a.audit.model);
  const token_input source = read_token_input(a.audit.tokens, a.audit.text, a.audit.model, model.config,
                                              qfa::tokens_for(settings, model.config, audit.max_tokens));
  const qfa::token_rows& tokens = source.rows;
  token_input own;
  if (a.audit.has_calibration())
    own = read_token_input(a.audit.calibration, a.audit.text.of_calibration(), a.audit.model, model.config,
                           qfa::tokens_for(settings, model.config, a.audit.calibration_tokens));
  const qfa::token_rows& calibration = own.rows;
  options.fit_rows = std::max<std::size_t>(1, a.fit_tokens / tokens.context);
  options.held_out_rows = std::max<std::size_t>(1, a.held_out_tokens / tokens.context);

  options.expects_bos = expects_bos_before(tokens, a.audit.model, model.config);
  qfa::audit_protocol made{.source = "model", .hook = settings.hook};
  add_inputs(made, a.audit.model, "model");
  add_inputs(made, a.audit.sae, "sae");
  for (const std::string& input : source.files)
    add_inputs(made, input, source.text ? "text" : "tokens");
  made.text = source.text;
  for (const std::string& input : own.files)
    add_inputs(made, input, "calibration");
  qfa::check_same_inputs(ranks(), made.inputs);
  made.rules = settings.rules.name;
  made.rows = tokens.rows();
  made.context = tokens.context;
  made.tokens = tokens.ids.size();
  made.dropped_tokens = tokens.dropped;
  made.prepend_bos = settings.prepend_bos;
  made.bos_added = tokens.bos_added;
  made.skip_positions = settings.skip_positions;
  made.processing = qfa::describe(settings.weight_processing);
  made.order = qfa::order_names[static_cast<std::size_t>(settings.order)];
  made.fused = audit.fused;
  made.targets = a.audit.targets.name();
  made.architecture = qfa::name_of(model.config.family);
  made.model_dtype = stored_dtype(a.audit.model, model);
  if (calibration.rows() > 0) {
    made.calibration = own.where;
    made.calibration_tokens = calibration.ids.size();
  }
  made.warnings = settings.warnings;
  if (const auto warning = qfa::reference_warning(model)) made.warnings.push_back(*warning);

  std::string policies;
  for (const qfa::any_policy& policy : options.options)
    policies += (policies.empty() ? "" : " ") + policy.name();
  audit.checkpoint.made_of = {{"the list of policies", policies},
                              {"the budget", options.bytes > 0 ? a.budget : "like:" + options.like.name()},
                              {"KL", a.kl},
                              {"the choice of tensors", a.audit.targets.name()},
                              {"the number of rows to fit on", std::to_string(options.fit_rows)},
                              {"the number of held-out rows", std::to_string(options.held_out_rows)},
                              {"the checksum of all rows", qfa::checksum_of(tokens)},
                              {"the checksum of rows for calibration", qfa::checksum_of(calibration)}};
  for (auto& part : parts_of_weighting(a.weights, options.weighting))
    audit.checkpoint.made_of.push_back(std::move(part));
  const qfa::checkpoint_directory kept(a.audit.checkpoint(), "bench");
  const auto find = [&] {
    qfa::bench_checkpoint checkpoint(audit.checkpoint);
    options.bench = {
        .fused = audit.fused, .allow_bad_sae = audit.allow_bad_sae, .checkpoint = &checkpoint, .ranks = ranks()};
    return qfa::allocate(model, dictionary, tokens, settings, options, calibration, progress_line());
  };
  const qfa::allocation_result result = ranks().leads() ? run_kept(kept, a.audit.resume, "plan", find) : find();
  if (!ranks().leads()) return;
  clear_progress_line();
  std::cout << qfa::allocation_header(result, made) << "\n"
            << qfa::allocation_finding(result) << "\n"
            << qfa::allocation_table(result);
  qfa::write_weight_plan(result.plan, a.audit.out,
                         "qfa allocate: " + result.weighting + " weights on features at " + result.hook);
  std::cout << "\nwritten: " << a.audit.out << " (--policy plan_file:" << a.audit.out << ")";
  if (!a.report.empty()) {
    qfa::atomic_file report(a.report);
    report.stream() << qfa::json_text(qfa::to_json(result, made)) << '\n';
    report.commit();
    std::cout << ", " << a.report;
  }
  kept.remove();
  if (a.audit.resume)
    for (const std::string& file : {a.audit.out, a.report})
      if (!file.empty()) remove_partial_files(file);
  std::cout << "\n";
}

}  // namespace

void add_allocate(CLI::App& app) {
  auto arguments = std::make_shared<allocate_arguments>();
  audit_arguments& audit = arguments->audit;
  CLI::App* command =
      app.add_subcommand("allocate", "mixed precision within a budget of bytes that keeps features of a model");
  command->add_option("model,--model", audit.model, "the reference: a Hugging Face model directory, or a .gguf file")
      ->required();
  command->add_option("sae,--sae", audit.sae, "a trained SAE: directory or file")->required();
  command->add_option("tokens,--tokens", audit.tokens, "token ids, .npy: a stream, or rows");
  add_text_options(*command, audit.text);
  command->add_option("--budget", arguments->budget,
                      "bytes that all matrices may take, scales included, or like:POLICY (like:rtn:bits=4)");
  command->add_option("--options", arguments->options,
                      "policies to choose from, one after the other (rtn:bits=3 to rtn:bits=8; `qfa list policies`)");
  command->add_option(
      "--weights", arguments->weights,
      "what features count for: uniform, mass (sum of x |w|), logit (their direct effect on logits), or "
      "a file that lists the features to keep, one a line");
  command->add_option("--kl", arguments->kl,
                      "keep: predicted KL no larger than that of uniform precision; free: features alone (keep)");
  command->add_option("--fit-tokens", arguments->fit_tokens, "fit on no more tokens than this (16384)");
  command->add_option("--held-out-tokens", arguments->held_out_tokens, "compare on no more tokens than this (65536)");
  command->add_option("--out", audit.out, "where the plan goes, a file that --policy plan_file:FILE reads")->required();
  command->add_option("--report", arguments->report, "also write all numbers to this JSON file");
  command->add_option("--hook", audit.hook, "where activations are read; default from the SAE's metadata");
  command->add_option("--context", audit.context, "tokens in a row; default from the SAE's metadata, then 256");
  command->add_option("--max-tokens", audit.max_tokens, "use no more tokens of the file than this");
  command->add_flag("--prepend-bos", audit.prepend_bos, "begin every row with BOS; default from the SAE's metadata");
  command->add_flag("--no-prepend-bos", audit.no_prepend_bos, "leave rows as they are");
  command->add_option("--skip-positions", audit.skip_positions,
                      "leave the first N positions of a row out of the statistics");
  command->add_flag(
      "--keep-groups", audit.keep_groups,
      "leave out each group of held-out rows however far rows depend on each other; without, neighbors are "
      "joined where they are too short");
  command->add_option("--protocol", audit.protocol, "which features count: honest (measured) or published (active)");
  command->add_option("--processing", audit.processing, "weights as stored (none), as TransformerLens folds them (tl)");
  command->add_option("--order", audit.order, "compress,process (as deployed) or process,compress (as published)");
  command->add_option("--targets", audit.targets.include,
                      "only tensors whose names match one of these patterns (* and ?)");
  command->add_option("--except", audit.targets.exclude, "but not tensors whose names match one of these");
  command->add_option("--calibration", audit.calibration, "token ids, .npy, that calibrated policies learn from");
  add_calibration_text(*command, audit.text);
  command->add_option("--calibration-tokens", audit.calibration_tokens,
                      "calibrate on no more tokens than this (16384)");
  add_checkpoint_options(*command, audit, "a run", "FILE.resume", "the plan");
  command->add_flag("--fused", audit.fused, "give policies fused tensors as they are stored");
  command->add_flag("--allow-bad-sae", audit.allow_bad_sae, "go on although the SAE explains nothing (FVU > 1)");
  command->callback([arguments, command] {
    audit_arguments& given = arguments->audit;
    given.kept_in = given.out + ".resume";
    check_token_source(*command, given.tokens, given.calibration, given.text);
    run(*arguments);
  });
}

}  // namespace qfa_program
