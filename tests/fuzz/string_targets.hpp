// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_FUZZ_STRING_TARGETS_HPP
#define QFA_TESTS_FUZZ_STRING_TARGETS_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "argument_words.hpp"
#include "fuzz/places.hpp"
#include "qfa/alignment/keyword_judge.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/alignment/verdict_file.hpp"
#include "qfa/audit/ladder.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/law/law_table.hpp"
#include "qfa/locate/feature_weights.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/processing.hpp"
#include "qfa/sae/load_hooks.hpp"
#include "qfa/text/documents.hpp"

// The parsers of what people write, on a command line or in a file, as functions of bytes.

namespace qfa_fuzz {

inline void policy(bytes data) {
  if (data.size() > 400) return;
  const qfa::any_policy parsed = qfa::parse_policy(text_of(data));
  if (qfa::parse_policy(parsed.name()).name() != parsed.name()) std::abort();
  std::vector<float> weights{1, -2, 3, -4, 5, -6, 7, -8, 0.5f, 0.25f, -0.125f, 0, 0, 1, 2, 3};
  parsed(qfa::matrix_view<float>(weights.data(), 2, 8));
}

inline void cache_plan(bytes data) {
  if (data.size() > 400) return;
  const qfa::cache_plan parsed = qfa::parse_cache_plan(text_of(data), 4);
  if (qfa::parse_cache_plan(parsed.name(), 4).name() != parsed.name()) std::abort();
}

inline void law_table(bytes data) { qfa::parse_law_table(text_of(data), "the table"); }

inline void prompts(bytes data) { qfa::read_prompts(write("prompts.json", data), 100); }

/// Prompts of --harmful, with a token for each byte, and the phrases of --refusal-phrases.
inline void lines(bytes data) {
  std::vector<std::string> read = qfa::lines_of(text_of(data), "the file");
  qfa::prompt_set set;
  const qfa::prompt_encoder encode = [](std::string_view text) {
    std::vector<std::uint32_t> out;
    for (const char c : text)
      out.push_back(static_cast<unsigned char>(c));
    return out;
  };
  tolerate([&] {
    qfa::deal_prompts(set, qfa::prompt_label::harmful, read, encode, 250, "the file");
    qfa::check_prompts(set, "the file");
  });
  const qfa::keyword_judge judge{.phrases = std::move(read)};
  judge({.id = "p", .prompt = "", .response = text_of(data)});
}

inline void verdicts(bytes data) {
  tolerate([&] { qfa::read_verdicts(write("verdicts.csv", data)); });
  qfa::read_verdicts(write("verdicts.json", data));
}

inline void feature_list(bytes data) { qfa::read_feature_list(write("features.txt", data), 1000); }

/// Words of a command line and of paths, each by every parser.
inline void words(bytes data) {
  if (data.size() > 400) return;
  const std::string word(text_of(data));
  qfa::model_config config;
  config.layers = 4;
  tolerate([&] { qfa::parse_hook(word, config); });
  tolerate([&] { qfa::parse_processing(word); });
  tolerate([&] { qfa::parse_weighting(word, 100); });
  tolerate([&] { qfa::wrapped_prompt(word, "text"); });
  tolerate([&] { static_cast<void>(qfa::hook_of_gemma_scope_path(qfa::parse_gemma_scope_path(word))); });
  tolerate([&] { static_cast<void>(qfa::hook_of_submodule(word)); });
  const qfa::target_patterns patterns{.include = {word}, .exclude = {}};
  static_cast<void>(patterns({.name = "model.layers.0.self_attn.q_proj.weight"}));
  if (const auto rung = qfa::rung_of(word); rung && (rung->bits < qfa::lowest_rung || rung->bits > qfa::highest_rung))
    std::abort();
  tolerate([&] { qfa_program::size_of("--memory", word); });
  tolerate([&] { qfa_program::name_and_path(word); });
  tolerate([&] { qfa_program::parse_place(word); });
}

}  // namespace qfa_fuzz

#endif
