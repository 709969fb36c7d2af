// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_JUDGE_HPP
#define QFA_ALIGNMENT_JUDGE_HPP

#include <concepts>
#include <string_view>

#include "qfa/alignment/verdict.hpp"

namespace qfa {

/// What a judge is shown: one prompt and what a model said to it.  Views of texts that somebody else keeps.
struct answered_prompt {
  std::string_view id;        ///< of the prompt, the same under every condition
  std::string_view prompt;    ///< as the user wrote it, without the chat template
  std::string_view response;  ///< without the prompt
};

/// Says what a response did.  A stranger's judge is one lambda:
///
///   [](const qfa::answered_prompt& a) { return a.response.empty() ? verdict::garbled : verdict::complied; }
///
/// The law: the same prompt and response have the same verdict, whatever was judged before.
template <class J>
concept judge = requires(const J& j, const answered_prompt& answer) {
  { j(answer) } -> std::same_as<verdict>;
};

}  // namespace qfa

#endif
