// SPDX-License-Identifier: Apache-2.0
#include "align_run.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "align_prompts.hpp"
#include "audit_options_cli.hpp"
#include "progress_line.hpp"
#include "qfa/alignment/align.hpp"
#include "qfa/alignment/align_budget.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/cache_budget.hpp"
#include "qfa/alignment/garbled.hpp"
#include "qfa/alignment/keyword_judge.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/alignment/verdict_file.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/trimmed.hpp"
#include "qfa/model/learn_cache.hpp"
#include "qfa/model/open_model.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/report/alignment_json.hpp"
#include "qfa/report/alignment_tables.hpp"
#include "qfa/report/report_json.hpp"
#include "qfa/stats/rogan_gladen.hpp"

namespace qfa_program {
namespace {

qfa::token_rows rows_of(const align_arguments& a, const std::string& tokens, const text_arguments& text,
                        const qfa::model_config& config) {
  if (tokens.empty() && text.files.empty()) return {};
  qfa::token_options options{
      .context = a.context == 0 ? 128 : a.context, .max_tokens = a.max_tokens, .vocabulary = config.vocabulary};
  if (a.prepend_bos) {
    if (!config.bos) qfa::fail("--prepend-bos needs a model whose configuration names BOS");
    options.prepend_bos = config.bos;
  }
  return read_token_input(tokens, text, a.model, config, options).rows;
}

/// A file's lines without blanks at their ends.
std::vector<std::string> phrases_of(const std::string& file) {
  std::vector<std::string> out = read_lines(file);
  for (std::string& line : out)
    line = std::string(qfa::trimmed(line));
  return out;
}

qfa::condition_judge judge_of(const align_arguments& a) {
  if (!a.verdicts.empty() && !a.refusal_phrases.empty())
    qfa::fail("--refusal-phrases means nothing with --verdicts, which are a judge's own");
  if (!a.refusal_phrases.empty())
    return [rules = qfa::garbled_first<qfa::keyword_judge>{{.phrases = phrases_of(a.refusal_phrases)}, {}}](
               const std::string&, const qfa::answered_prompt& answer) { return rules(answer); };
  if (a.verdicts.empty()) return qfa::default_judge();
  return [table = qfa::read_verdicts(a.verdicts)](const std::string& condition, const qfa::answered_prompt& answer) {
    return table.at(condition, answer.id);
  };
}

/// Throws where one of the two is given alone, or a judge is no better than a coin.
std::optional<qfa::judge_error> errors_of_judge(const align_arguments& a) {
  if (a.judge_sensitivity.has_value() != a.judge_specificity.has_value())
    qfa::fail("--judge-sensitivity and --judge-specificity come together: one of them alone corrects nothing");
  if (!a.judge_sensitivity) return std::nullopt;
  const qfa::judge_error judge{*a.judge_sensitivity, *a.judge_specificity};
  (void)qfa::corrected_rate(0.0, judge);  // refuses what corrects no rate, before anything is run
  return judge;
}

void write_whole(const std::filesystem::path& file, const qfa::report_json& what) {
  qfa::atomic_file to(file);
  to.stream() << qfa::json_text(what) << '\n';
  to.commit();
}

/// The first of the harmful prompts whose refusals flipped, with what was said in their place.
constexpr std::size_t shown_flips = 3, kept_flips = 20;

void print_flipped(const std::vector<qfa::flipped_answer>& flipped, const std::string& cache) {
  if (flipped.empty()) return;
  std::cout << "\nsaid through " << cache << " in place of a refusal, the first of " << flipped.size() << ":\n";
  for (std::size_t i = 0; i < std::min(shown_flips, flipped.size()); ++i)
    std::cout << "  " << qfa::text_in_quotes(flipped[i].to.text.empty() ? flipped[i].to.id : flipped[i].to.text)
              << "\n    reference: " << qfa::text_in_quotes(flipped[i].refusal)
              << "\n    answered:  " << qfa::text_in_quotes(flipped[i].answer) << "\n";
}

qfa::report_json flipped_json(const std::vector<qfa::flipped_answer>& flipped, const std::string& cache) {
  qfa::report_json list = qfa::report_json::array();
  for (std::size_t i = 0; i < std::min(kept_flips, flipped.size()); ++i)
    list.push_back({{"id", flipped[i].to.id},
                    {"prompt", flipped[i].to.text},
                    {"reference", flipped[i].refusal},
                    {"response", flipped[i].answer}});
  return {{"cache", cache}, {"flipped", flipped.size()}, {"first", std::move(list)}};
}

void write_responses(const qfa::behavior& asked, const std::string& file) {
  qfa::report_json list = qfa::report_json::array();
  asked.for_each_answer(
      [&](const std::string& condition, const qfa::prompt& to, const std::string& response, qfa::verdict judged) {
        list.push_back({{"id", to.id},
                        {"condition", condition},
                        {"label", qfa::prompt_label_names[static_cast<std::size_t>(to.label)]},
                        {"split", qfa::prompt_split_names[static_cast<std::size_t>(to.split)]},
                        {"prompt", to.text},
                        {"response", response},
                        {"verdict", std::string(qfa::name(judged))}});
      });
  write_whole(file, list);
}

}  // namespace

void run_align(const align_arguments& a) {
  if (!a.out.empty()) check_output_directory(a.out);
  std::optional<qfa::budget_cost> by;
  for (std::size_t i = 0; i < qfa::budget_cost_names.size(); ++i)
    if (a.budget_by == qfa::budget_cost_names[i]) by = static_cast<qfa::budget_cost>(i);
  if (!by) qfa::fail("--budget-by takes direction or flips, not \"" + a.budget_by + "\"");
  qfa::align_settings settings = a.settings;
  settings.judge = errors_of_judge(a);
  qfa::language_model model = qfa::open_model(a.model);
  const qfa::model_config config = model.config;
  if (a.budget > 0.0)  // too small a budget is known before anything is run
    qfa::check_cache_budget(qfa::budget_choices(settings, config.layers), qfa::cache_shape(config),
                            {.bytes = a.budget, .tokens = a.budget_tokens});
  asked_prompts prompts = read_asked_prompts(a, config);
  const qfa::token_rows text = rows_of(a, a.tokens, a.text, config);
  const qfa::token_rows calibration = rows_of(a, a.calibration, a.text.of_calibration(), config);
  const qfa::any_decoder reference(model);
  std::vector<qfa::answering> others;
  for (const std::string& spec : a.caches)
    others.emplace_back(qfa::learn_cache(qfa::parse_cache_plan(spec, config.layers), reference, calibration));

  qfa::behavior asked(reference, prompts.reader, std::move(prompts.prompts), judge_of(a), progress_line());
  qfa::alignment_result result = qfa::align(asked, text, settings, others);
  result.warnings.insert(result.warnings.end(), prompts.warnings.begin(), prompts.warnings.end());
  clear_progress_line();
  std::cout << "alignment of " << a.model << " under quantized caches: " << asked.prompts().prompts.size()
            << " prompts, " << text.ids.size() << " tokens of text\n";
  if (!prompts.made.is_null())
    std::cout << prompts.made["encoded"] << " prompts by " << prompts.made["kind"].get<std::string>() << " "
              << prompts.made["tokenizer"].get<std::string>() << ", template "
              << qfa::text_in_quotes(prompts.made["template"].get<std::string>()) << (a.prompt_bos ? ", BOS first" : "")
              << "\n";
  for (const std::string& warning : result.warnings)
    std::cout << "warning: " << warning << "\n";
  std::cout << "\n"
            << qfa::behavior_table(result) << "\n"
            << qfa::layers_table(result) << "\n"
            << qfa::reductions_table(result) << "\n"
            << qfa::diagnosis_text(result) << "\n"
            << qfa::mitigations_table(result);
  if (result.directions) std::cout << "\n" << qfa::directions_table(*result.directions);
  const std::string& deployed = result.verified.unprotected.name;
  const std::vector<qfa::flipped_answer> flipped = asked.flipped(deployed, qfa::prompt_split::test);
  print_flipped(flipped, deployed);
  qfa::report_json report = qfa::to_json(result);
  if (!prompts.made.is_null()) report["prompts"] = prompts.made;
  report["answers"] = flipped_json(flipped, deployed);
  if (a.budget > 0.0) {
    qfa::cache_meter measure(asked, text, qfa::prompt_split::test, a.budget_tokens);
    const qfa::aligned_budget within =
        qfa::align_within(asked, measure, a.budget, a.budget_tokens, *by, settings, progress_line());
    clear_progress_line();
    std::cout << "\n" << qfa::budget_text(within, settings.judge);
    report["budget"] = qfa::to_json(within, settings.judge);
  }
  if (!a.responses.empty()) write_responses(asked, a.responses);
  if (a.out.empty()) return;
  make_output_directory(a.out);
  write_whole(std::filesystem::path(a.out) / "alignment.json", report);
  write_page(a.out);
  std::cout << "\nwritten: " << a.out << "/alignment.json, " << a.out << "/alignment.html\n";
}

}  // namespace qfa_program
