// SPDX-License-Identifier: Apache-2.0
#include "align_run.hpp"

#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit_options_cli.hpp"
#include "progress_line.hpp"
#include "qfa/alignment/align.hpp"
#include "qfa/alignment/align_budget.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/alignment/verdict_file.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/learn_cache.hpp"
#include "qfa/model/open_model.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/model/vocabulary.hpp"
#include "qfa/report/alignment_json.hpp"
#include "qfa/report/alignment_tables.hpp"

namespace qfa_program {
namespace {

qfa::token_rows text_of(const align_arguments& a, const std::string& file, const qfa::model_config& config) {
  qfa::token_options options{
      .context = a.context == 0 ? 128 : a.context, .max_tokens = a.max_tokens, .vocabulary = config.vocabulary};
  if (a.prepend_bos) {
    if (!config.bos) qfa::fail("--prepend-bos needs a model whose configuration names BOS");
    options.prepend_bos = config.bos;
  }
  return qfa::read_tokens(file, options);
}

qfa::condition_judge judge_of(const align_arguments& a) {
  if (a.verdicts.empty()) return qfa::default_judge();
  return [table = qfa::read_verdicts(a.verdicts)](const std::string& condition, const qfa::answered_prompt& answer) {
    return table.at(condition, answer.id);
  };
}

void write_whole(const std::filesystem::path& file, const qfa::report_json& what) {
  qfa::atomic_file to(file);
  to.stream() << qfa::json_text(what) << '\n';
  to.commit();
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
  qfa::language_model model = qfa::open_model(a.model);
  const qfa::model_config config = model.config;
  const std::filesystem::path words =
      a.vocabulary.empty() ? std::filesystem::path(a.model) / "vocab.json" : std::filesystem::path(a.vocabulary);
  if (!std::filesystem::exists(words))
    qfa::fail("there is no " + qfa::in_quotes(words.string()) +
              ", by which responses are read: --vocabulary takes a file of words and their ids");
  const qfa::vocabulary vocabulary = qfa::vocabulary::read(words);
  qfa::prompt_set prompts = qfa::read_prompts(a.prompts, config.vocabulary);
  const qfa::token_rows text = a.tokens.empty() ? qfa::token_rows{} : text_of(a, a.tokens, config);
  const qfa::token_rows calibration = a.calibration.empty() ? qfa::token_rows{} : text_of(a, a.calibration, config);
  const qfa::any_decoder reference(model);
  std::vector<qfa::answering> others;
  for (const std::string& spec : a.caches)
    others.emplace_back(qfa::learn_cache(qfa::parse_cache_plan(spec, config.layers), reference, calibration));

  qfa::behavior asked(reference, vocabulary, std::move(prompts), judge_of(a), progress_line());
  const qfa::alignment_result result = qfa::align(asked, text, a.settings, others);
  clear_progress_line();
  std::cout << "alignment of " << a.model << " under quantized caches: " << asked.prompts().prompts.size()
            << " prompts, " << text.ids.size() << " tokens of text\n";
  for (const std::string& warning : result.warnings)
    std::cout << "warning: " << warning << "\n";
  std::cout << "\n"
            << qfa::behavior_table(result) << "\n"
            << qfa::layers_table(result) << "\n"
            << qfa::reductions_table(result) << "\n"
            << qfa::diagnosis_text(result) << "\n"
            << qfa::mitigations_table(result);
  if (result.directions) std::cout << "\n" << qfa::directions_table(*result.directions);
  qfa::report_json report = qfa::to_json(result);
  if (a.budget > 0.0) {
    qfa::cache_meter measure(asked, text, qfa::prompt_split::test, a.budget_tokens);
    const qfa::aligned_budget within =
        qfa::align_within(asked, measure, a.budget, a.budget_tokens, *by, a.settings, progress_line());
    clear_progress_line();
    std::cout << "\n" << qfa::budget_text(within);
    report["budget"] = qfa::to_json(within);
  }
  if (!a.responses.empty()) write_responses(asked, a.responses);
  if (a.out.empty()) return;
  make_output_directory(a.out);
  write_whole(std::filesystem::path(a.out) / "alignment.json", report);
  write_page(a.out);
  std::cout << "\nwritten: " << a.out << "/alignment.json, " << a.out << "/alignment.html\n";
}

}  // namespace qfa_program
