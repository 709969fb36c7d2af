// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "argument_words.hpp"
#include "audit_options_cli.hpp"
#include "audit_run.hpp"
#include "commands.hpp"
#include "kept_run.hpp"
#include "progress_line.hpp"
#include "qfa/audit/activation_audit.hpp"
#include "qfa/audit/checkpoint.hpp"
#include "qfa/audit/team_share.hpp"
#include "qfa/compress/spec_text.hpp"
#include "qfa/sae/load.hpp"
#include "ranks.hpp"

namespace qfa_program {
namespace {

/// The sides in the order in which their names first come; a name that comes again goes on with another file.
std::vector<qfa::dumped_activations> compressed_sides(const std::vector<std::string>& arguments) {
  std::vector<qfa::dumped_activations> sides;
  for (const std::string& argument : arguments) {
    const named_path file = name_and_path(argument);
    const auto side =
        std::find_if(sides.begin(), sides.end(), [&](const auto& known) { return known.name == file.name; });
    if (side == sides.end())
      sides.push_back({file.name, {file.path}});
    else
      side->files.emplace_back(file.path);
  }
  return sides;
}

finished_audit run_on_activations(const audit_arguments& arguments) {
  if (!arguments.tokens.empty() || !arguments.text.files.empty() || !arguments.policies.empty() ||
      !arguments.caches.empty() || !arguments.match.empty() || !arguments.against.empty())
    qfa::fail("--tokens, --text, --policy, --cache, --against and --match-pruning need --model, not --activations");
  if (!arguments.row_documents.empty()) qfa::fail("--row-documents is of the rows of --tokens, not of --activations");
  if (arguments.compressed.empty())
    qfa::fail("--activations needs --compressed NAME=FILE, once for each compressed model");
  const std::vector<qfa::dumped_activations> compressed = compressed_sides(arguments.compressed);
  qfa::audit_protocol made;
  qfa::sae dictionary = read_dictionary(arguments, made);
  qfa::audit_options options = arguments.options();
  if (!options.hook && !dictionary.metadata.hook) options.hook = "unknown (activations were given)";
  const qfa::audit_settings settings = qfa::settle(options, dictionary.metadata);
  add_inputs(made, arguments.sae, "sae");
  std::map<std::string, qfa::audit_protocol> known;  // a file may stand in the lists many times, and is read once
  const auto add_file = [&](const std::string& file, const std::string& role) {
    const auto [entry, is_new] = known.try_emplace(file);
    if (is_new) add_inputs(entry->second, file, role);
    made.inputs.insert(made.inputs.end(), entry->second.inputs.begin(), entry->second.inputs.end());
    made.inputs.back().role = role;
  };
  for (const std::string& file : arguments.activations)
    add_file(file, "activations");
  for (const qfa::dumped_activations& one : compressed)
    for (const std::filesystem::path& file : one.files)
      add_file(file.string(), "compressed activations");
  qfa::check_same_inputs(ranks(), made.inputs);
  const std::vector<std::filesystem::path> reference(arguments.activations.begin(), arguments.activations.end());
  return {qfa::audit_activations(std::move(dictionary), reference, compressed, settings, options, std::move(made),
                                 progress_line())};
}

/// Refuses options that would be silently left alone by the kind of audit that is asked for.
void refuse_idle_options(const CLI::App& command, const audit_arguments& arguments) {
  const auto refuse = [&](std::initializer_list<const char*> options, const char* with, const char* need) {
    for (const char* option : options)
      if (command.count(option) > 0) qfa::fail(std::string(option) + " means nothing with " + with + ", which " + need);
  };
  if (arguments.model.empty()) {
    refuse({"--tokenizer",        "--documents",
            "--separator",        "--invalid-utf8",
            "--calibration",      "--calibration-tokens",
            "--calibration-text", "--targets",
            "--except",           "--fused",
            "--processing",       "--order",
            "--loss-batch",       "--meaning",
            "--meaning-floor",    "--token-damage",
            "--cache-prefill",    "--cache-step",
            "--no-loss",          "--match-tolerance",
            "--controls",         "--control-seeds",
            "--control-tokens",   "--ladder"},
           "--activations", "runs and compresses no model");
    refuse({"--steering", "--steering-features", "--steering-vector", "--patching"}, "--activations",
           "steers no model");
    refuse({"--memory"}, "--activations", "holds no more than a block of tokens of each side");
  } else {
    check_token_source(command, arguments.tokens, arguments.calibration, arguments.text);
    refuse({"--compressed"}, "--model", "takes models that were compressed elsewhere by --against");
    if (!arguments.controls)
      refuse({"--control-seeds", "--control-tokens"}, "an audit without --controls", "runs no controls");
    if (!arguments.steering)
      refuse({"--steering-features", "--steering-vector"}, "an audit without --steering", "steers no model");
    if (arguments.match.empty())
      refuse({"--match-tolerance"}, "an audit without --match-pruning", "matches no pruning");
    const auto of_weights = [](const std::string& spec) {
      return qfa::split_outside_parentheses(spec, '&').size() == 1;
    };
    const auto weights = std::ranges::count_if(arguments.policies, of_weights);
    const bool some_with_caches = std::ssize(arguments.policies) > weights;
    if (arguments.caches.empty() && !some_with_caches)
      refuse({"--cache-prefill", "--cache-step"}, "an audit without a cache", "reads every row in one call");
    const bool ladder_alone = arguments.ladder && arguments.caches.empty() && arguments.against.empty();
    if (weights == 0 && arguments.match.empty() && !(ladder_alone && !some_with_caches))
      refuse({"--controls"}, "an audit without a policy for weights alone", "has nothing to hold them against");
  }
}

void run(const CLI::App& command, const audit_arguments& arguments) {
  if (arguments.model.empty() == arguments.activations.empty())
    qfa::fail(
        "an audit takes either --model DIR and --tokens FILE or --text FILE, or --activations FILE and --compressed "
        "NAME=FILE");
  refuse_idle_options(command, arguments);
  const auto audit = [&] { return arguments.model.empty() ? run_on_activations(arguments) : run_on_model(arguments); };
  if (!ranks().leads()) {
    audit();
    return;
  }
  check_output_directory(arguments.out);
  const qfa::table_form form = format_of(arguments.format);
  (void)arguments.options();  // refuses what cannot be
  const qfa::checkpoint_directory kept(arguments.checkpoint(), "audit");
  const finished_audit result = run_kept(kept, arguments.resume, "report", audit);
  clear_progress_line();
  write_audit(result, arguments.out);
  qfa::remove_checkpoint(arguments.control_checkpoint());
  kept.remove();
  if (arguments.resume)
    for (const char* file : {"report.json", "features.csv", "groups.npy", "report.html"})
      remove_partial_files(std::filesystem::path(arguments.out) / file);
  print_audit(result, arguments.model, form);
  if (form == qfa::table_form::columns) print_written(arguments.out);
}

}  // namespace

void add_audit(CLI::App& app) {
  auto arguments = std::make_shared<audit_arguments>();
  CLI::App* command = app.add_subcommand("audit", "what compression does to the features inside a model");
  command->add_option("--model", arguments->model, "the reference: a Hugging Face model directory, or a .gguf file");
  command->add_option("--sae", arguments->sae, "a trained SAE: directory or file")->required();
  command->add_option("--tokens", arguments->tokens, "token ids, .npy: a stream, or rows");
  add_text_options(*command, arguments->text);
  command->add_option(
      "--policy", arguments->policies,
      "a compression; repeat it for a sweep (`qfa list policies`); \"POLICY & PLAN\" has a cache besides");
  command->add_option("--cache", arguments->caches,
                      "a quantized KV cache with the weights as they are; repeatable (`qfa list caches`); "
                      "\"section4:bits=3;0|5-7=none\" treats some layers otherwise");
  command->add_option(
      "--against", arguments->against,
      "PATH or NAME=PATH: the model as another tool compressed it, a directory (float, compressed-tensors, "
      "GPTQ, AWQ) or a .gguf file; repeatable");
  command->add_option("--activations", arguments->activations,
                      "instead of a model: the reference's activations, .npy or .safetensors; repeat it where they "
                      "are in several files, one after the other");
  command->add_option("--compressed", arguments->compressed,
                      "NAME=FILE with a compressed model's activations; repeatable, and a NAME that comes again goes "
                      "on with another file");
  command->add_option("--out", arguments->out, "directory for report.json, features.csv, groups.npy and report.html")
      ->required();
  add_audit_options(*command, *arguments);
  command->callback([arguments, command] { run(*command, *arguments); });
}

}  // namespace qfa_program
