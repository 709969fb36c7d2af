// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_ALIGN_RUN_HPP
#define QFA_EXAMPLES_QFA_ALIGN_RUN_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "text_input.hpp"

namespace qfa_program {

/// What the options of `qfa align` say.
struct align_arguments {
  std::string model, prompts, tokens, vocabulary, verdicts, responses, calibration, out;
  std::string harmful, harmless;                 ///< files of prompts, a line each, in place of `prompts`
  std::string prompt_template, end_of_response;  ///< of prompts that are text; empty: not given
  bool prompt_bos = false;
  std::size_t max_new_tokens = 0;                                  ///< 0: as the file of prompts has it
  std::string refusal_phrases;                                     ///< a file, a line each; empty: the judge's own
  std::optional<double> judge_sensitivity{}, judge_specificity{};  ///< both or none
  text_arguments text;              ///< in place of `tokens` and `calibration`, and which tokenizer
  std::vector<std::string> caches;  ///< plans measured beside the sweep
  std::size_t context = 0, max_tokens = 16384;
  bool prepend_bos = false;
  double budget = 0.0;  ///< bytes; 0: no search
  std::size_t budget_tokens = 1024;
  std::string budget_by = "direction";
  qfa::align_settings settings;
};

/// Runs the protocol, prints what it found, and writes what was asked for.
void run_align(const align_arguments& arguments);

}  // namespace qfa_program

#endif
