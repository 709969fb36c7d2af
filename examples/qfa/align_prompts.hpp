// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_ALIGN_PROMPTS_HPP
#define QFA_EXAMPLES_QFA_ALIGN_PROMPTS_HPP

#include <string>
#include <vector>

#include "align_run.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/model/config.hpp"
#include "qfa/report/report_json.hpp"

namespace qfa_program {

/// The prompts of `qfa align`, and what reads the responses.
struct asked_prompts {
  qfa::prompt_set prompts;
  qfa::response_reader reader;
  std::vector<std::string> warnings;
  qfa::report_json made;  ///< how their tokens were made of text; null where they were tokens
};

/// Reads the prompts that the arguments name: tokens, or text by the model's tokenizer.
asked_prompts read_asked_prompts(const align_arguments& arguments, const qfa::model_config& config);

}  // namespace qfa_program

#endif
