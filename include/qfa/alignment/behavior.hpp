// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_BEHAVIOR_HPP
#define QFA_ALIGNMENT_BEHAVIOR_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/garbled.hpp"
#include "qfa/alignment/judge.hpp"
#include "qfa/alignment/keyword_judge.hpp"
#include "qfa/alignment/per_channel_reduction.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/alignment/verdict.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/generate.hpp"
#include "qfa/model/vocabulary.hpp"

namespace qfa {

/// A model that answers, under a name that no other has: what it has said is kept by it.
struct answering {
  std::string name = "reference";      ///< of the condition: the plan's, and the weights' where these are compressed
  cache_plan plan{};                   ///< through which caches; learned already, where it learns
  bool whole_passes = false;           ///< generate_options::whole_passes
  const any_decoder* model = nullptr;  ///< nullptr: the reference

  answering() = default;
  /// The reference with caches.
  explicit answering(cache_plan caches) : name(caches.name()), plan(std::move(caches)) {
    if (plan.is_none()) name = "reference";
  }
};

/// What a prompt was answered by two models, of which the first refused.
struct flipped_answer {
  prompt to{};
  std::string refusal{}, answer{};
};

/// A judge who may look at the condition as well, whose verdicts a file may hold.
using condition_judge = std::function<verdict(const std::string& condition, const answered_prompt& answer)>;

/// The text of a response's tokens, without blanks at its ends.
using response_reader = std::function<std::string(std::span<const std::uint32_t>)>;

/// The published kind of judge, which sees garbled output first.
inline condition_judge default_judge() {
  return [rules = garbled_first<keyword_judge>{}](const std::string&, const answered_prompt& a) { return rules(a); };
}

/// What models say to prompts, greedily, and what a judge calls it.  Each condition says it once: later questions are
/// answered from memory, by its name.
class behavior {
 public:
  /// Throws where there is no prompt, or a reader that is empty, and where `check_prompts` does.
  behavior(any_decoder reference, vocabulary words, prompt_set prompts, condition_judge judge = default_judge(),
           progress told = {})
      : behavior(std::move(reference), response_reader([words = std::move(words)](std::span<const std::uint32_t> ids) {
                   return words.text(ids);
                 }),
                 std::move(prompts), std::move(judge), std::move(told)) {}

  /// With another reader of responses than a list of words.
  behavior(any_decoder reference, response_reader reader, prompt_set prompts, condition_judge judge = default_judge(),
           progress told = {})
      : reference_(std::move(reference)),
        text_of_(std::move(reader)),
        prompts_(std::move(prompts)),
        judge_(std::move(judge)),
        told_(std::move(told)) {
    require(!prompts_.prompts.empty(), "behavior needs at least one prompt");
    require(static_cast<bool>(text_of_), "behavior needs a reader of responses, not an empty function");
    check_prompts(prompts_, "the set of prompts");
  }

  const any_decoder& reference() const noexcept { return reference_; }
  const prompt_set& prompts() const noexcept { return prompts_; }

  /// Verdicts on the responses to the prompts at these places.
  std::vector<verdict> verdicts(const answering& who, std::span<const std::size_t> which) {
    const std::vector<std::optional<answer>>& known = answers(who, which);
    std::vector<verdict> out;
    for (const std::size_t i : which)
      out.push_back(known[i]->judged);
    return out;
  }

  /// The same prompts' verdicts at reference and under a condition.
  flip_counts flips(const answering& who, std::span<const std::size_t> which) {
    const std::vector<verdict> before = verdicts({}, which), after = verdicts(who, which);
    flip_counts out;
    for (std::size_t i = 0; i < which.size(); ++i)
      out(before[i], after[i]);
    return out;
  }

  /// Which of the prompts that the reference refuses flip under a coarse and under a fine grain.  Garbled output is no
  /// flip.
  reduction_counts reduction(const answering& coarse, const answering& fine, std::span<const std::size_t> which) {
    const std::vector<verdict> before = verdicts({}, which), by_coarse = verdicts(coarse, which),
                               by_fine = verdicts(fine, which);
    reduction_counts out;
    for (std::size_t i = 0; i < which.size(); ++i)
      if (before[i] == verdict::refused) out(by_coarse[i] == verdict::complied, by_fine[i] == verdict::complied);
    return out;
  }

  /// The harmful prompts of a split that the reference refuses and a condition answers, with what each has said, as far
  /// as both were asked.  A harmless prompt's refusal is no loss.
  std::vector<flipped_answer> flipped(const std::string& condition, prompt_split split) const {
    std::vector<flipped_answer> out;
    const auto before = said_.find("reference"), after = said_.find(condition);
    if (before == said_.end() || after == said_.end()) return out;
    for (std::size_t i = 0; i < prompts_.prompts.size(); ++i) {
      const prompt& to = prompts_.prompts[i];
      const auto& refused = before->second.answers[i];
      const auto& answered = after->second.answers[i];
      if (to.label != prompt_label::harmful || to.split != split || !refused || !answered) continue;
      if (refused->judged != verdict::refused || answered->judged != verdict::complied) continue;
      out.push_back({.to = to, .refusal = refused->response, .answer = answered->response});
    }
    return out;
  }

  /// Calls show(condition, prompt, response, verdict) for everything that has been said, by condition, in the prompts'
  /// order.
  template <class Show>
  void for_each_answer(Show show) const {
    for (const auto& [condition, memory] : said_)
      for (std::size_t i = 0; i < memory.answers.size(); ++i)
        if (const std::optional<answer>& a = memory.answers[i])
          show(condition, prompts_.prompts[i], a->response, a->judged);
  }

 private:
  struct answer {
    std::string response;
    verdict judged = verdict::garbled;
  };

  struct memory_of_condition {
    bool whole_passes = false, of_reference = true;
    std::vector<std::optional<answer>> answers{};  // a place for each prompt
  };

  const std::vector<std::optional<answer>>& answers(const answering& who, std::span<const std::size_t> which) {
    const auto [place, fresh] =
        said_.try_emplace(who.name, memory_of_condition{who.whole_passes, who.model == nullptr, {}});
    memory_of_condition& memory = place->second;
    if (memory.whole_passes != who.whole_passes || memory.of_reference != (who.model == nullptr))
      fail("two conditions have the name " + in_quotes(who.name) + ": what they say is kept by it");
    std::vector<std::optional<answer>>& known = memory.answers;
    known.resize(prompts_.prompts.size());
    std::vector<std::size_t> open;
    std::vector<std::vector<std::uint32_t>> asked;
    for (const std::size_t i : which)
      if (!known.at(i)) {
        open.push_back(i);
        asked.push_back(prompts_.prompts[i].tokens);
      }
    if (open.empty()) return known;
    report_progress(told_, who.name, 0, open.size());
    const any_decoder& model = who.model == nullptr ? reference_ : *who.model;
    const std::vector<generated_text> texts = generate(
        model, asked,
        {.max_new_tokens = prompts_.max_new_tokens, .end = prompts_.end, .whole_passes = who.whole_passes}, who.plan);
    for (std::size_t i = 0; i < open.size(); ++i) {
      std::span<const std::uint32_t> response = texts[i].tokens;
      if (texts[i].ended) response = response.first(response.size() - 1);
      const prompt& to = prompts_.prompts[open[i]];
      answer said{text_of_(response), {}};
      said.judged = judge_(who.name, {.id = to.id, .prompt = to.text, .response = said.response});
      known[open[i]] = std::move(said);
    }
    report_progress(told_, who.name, open.size(), open.size());
    return known;
  }

  any_decoder reference_;
  response_reader text_of_;
  prompt_set prompts_;
  condition_judge judge_;
  progress told_;
  std::map<std::string, memory_of_condition> said_;  // by the condition's name
};

}  // namespace qfa

#endif
