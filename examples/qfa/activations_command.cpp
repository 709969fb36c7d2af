// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "output_paths.hpp"
#include "progress_line.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/npy_writer.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/open_model.hpp"
#include "qfa/model/processing.hpp"
#include "ranks.hpp"
#include "text_input.hpp"

namespace qfa_program {
namespace {

struct activations_arguments {
  std::string model, tokens, hook, policy, out, processing;
  text_arguments text;
  std::size_t context = 256, max_tokens = 0;
  bool prepend_bos = false;
  qfa::target_patterns targets;
};

/// Rows of `tokens` through `model`, block by block; `give(hidden, tokens)` sees the final states of each.
template <class Give>
void each_final_state(const qfa::any_decoder& model, const qfa::token_rows& tokens, Give give) {
  const qfa::token_layout layout{.rows = tokens.rows(), .row_tokens = tokens.context};
  const qfa::progress told = progress_line();
  for (std::size_t b = 0; b < layout.blocks(); ++b) {
    qfa::report_progress(told, "forward", b, layout.blocks());
    const auto rows = tokens.view().rows_between(layout.first_row(b), layout.last_row(b));
    give(model.final_hidden(rows), rows);
  }
}

void write_logits(const qfa::any_decoder& model, const qfa::token_rows& tokens, const std::string& out) {
  const std::size_t vocabulary = model.config().vocabulary;
  qfa::npy_writer<float> file(out, {vocabulary});
  constexpr std::size_t at_once = 256;  // tokens' logits in memory
  qfa::activations logits;
  each_final_state(model, tokens, [&](const qfa::activations& hidden, auto) {
    for (std::size_t first = 0; first < hidden.tokens; first += at_once) {
      const std::size_t last = std::min(hidden.tokens, first + at_once);
      logits.resize(last - first, vocabulary);
      model.unembed(hidden.view().rows_between(first, last), logits.view());
      file.append(logits.values);
    }
  });
  file.commit();
}

void write_losses(const qfa::any_decoder& model, const qfa::token_rows& tokens, const std::string& out) {
  qfa::npy_writer<double> file(out, {tokens.context - 1});
  each_final_state(model, tokens, [&](const qfa::activations& hidden, qfa::matrix_view<const std::uint32_t> rows) {
    std::vector<double> nll(rows.rows() * (tokens.context - 1));
    qfa::score_tokens(model, hidden.view(), rows, nll);
    file.append(nll);
  });
  file.commit();
}

void write_hook(const qfa::any_decoder& model, const qfa::token_rows& tokens, const qfa::hook_point& hook,
                const std::string& out) {
  qfa::npy_writer<float> file(out, {qfa::hook_width(model.config(), hook)});
  const qfa::token_layout layout{.rows = tokens.rows(), .row_tokens = tokens.context};
  const qfa::progress told = progress_line();
  for (std::size_t b = 0; b < layout.blocks(); ++b) {
    qfa::report_progress(told, "forward", b, layout.blocks());
    model.forward(tokens.view().rows_between(layout.first_row(b), layout.last_row(b)), {.hooks = {hook}},
                  [&](std::size_t, qfa::matrix_view<float> x) {
                    for (std::size_t t = 0; t < x.rows(); ++t)
                      file.append(x.row(t));
                  });
  }
  file.commit();
}

void run(const activations_arguments& arguments) {
  const std::optional<qfa::any_policy> policy =
      arguments.policy.empty() ? std::nullopt : std::optional(qfa::parse_policy(arguments.policy));
  if (policy && policy->needs().any())
    qfa::fail(policy->name() +
              " learns from calibration tokens, which `qfa activations` does not take: audit the model with it, " +
              "or give the model as another tool compressed it");
  if (!policy && !(arguments.targets.include.empty() && arguments.targets.exclude.empty()))
    qfa::fail("--targets and --except choose what --policy compresses, and no policy is given");
  check_output_file(arguments.out);
  qfa::language_model model = qfa::open_model(arguments.model);
  qfa::input_visitor on_inputs;
  if (policy) {
    qfa::compressed_model compressed = qfa::compress(model, *policy, arguments.targets);
    model = std::move(compressed.model);
    on_inputs = std::move(compressed.on_inputs);
  }
  const qfa::processing parts = qfa::applicable(
      arguments.processing.empty() ? qfa::processing{} : qfa::parse_processing(arguments.processing), model.config);
  if (on_inputs && parts != qfa::keeping_inputs(parts))
    qfa::fail(
        "a policy that changes activations meets those of the weights as they are stored: leave fold_ln and "
        "fold_value_biases out of --processing");
  model = qfa::process(model, parts);
  qfa::audit_settings settings;
  settings.context = arguments.context;
  settings.prepend_bos = arguments.prepend_bos;
  const bool final = arguments.hook == "logits" || arguments.hook == "nll";
  const std::optional<qfa::hook_point> hook =
      final ? std::nullopt : std::optional(qfa::parse_hook(arguments.hook, model.config));
  const qfa::token_rows tokens = read_token_input(arguments.tokens, arguments.text, arguments.model, model.config,
                                                  qfa::tokens_for(settings, model.config, arguments.max_tokens))
                                     .rows;
  qfa::any_decoder ready(model);
  ready.visit_inputs(std::move(on_inputs));
  if (hook)
    write_hook(ready, tokens, *hook, arguments.out);
  else if (arguments.hook == "nll")
    write_losses(ready, tokens, arguments.out);
  else
    write_logits(ready, tokens, arguments.out);
  clear_progress_line();
  std::cout << arguments.out << ": " << arguments.hook << " of " << tokens.rows() << " rows of " << tokens.context
            << " tokens\n";
}

}  // namespace

void add_activations(CLI::App& app) {
  auto a = std::make_shared<activations_arguments>();
  CLI::App* command = app.add_subcommand("activations", "writes what passes at a hook, a line for each token");
  command->add_option("--model", a->model, "a Hugging Face model directory, or a .gguf file")->required();
  command->add_option("--tokens", a->tokens, "token ids, .npy: a stream, or rows");
  add_text_options(*command, a->text);
  command->add_option("--hook", a->hook, "a hook, `logits`, or `nll` (one row per text)")->required();
  command->add_option("--policy", a->policy, "compress the model first");
  command->add_option("--targets", a->targets.include, "only tensors whose names match one of these patterns");
  command->add_option("--except", a->targets.exclude, "but not tensors whose names match one of these");
  command->add_option("--processing", a->processing, "weights as TransformerLens folds them (tl), or parts of that");
  command->add_option("--context", a->context, "tokens in a row, BOS included; 256");
  command->add_option("--max-tokens", a->max_tokens, "use no more tokens than this");
  command->add_flag("--prepend-bos", a->prepend_bos, "begin every row with BOS");
  command->add_option("--out", a->out, "the .npy file to write")->required();
  command->callback([a, command] {
    check_token_source(*command, a->tokens, {}, a->text);
    if (ranks().leads()) run(*a);
  });
}

}  // namespace qfa_program
