// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_CONTRAST_PROMPTS_HPP
#define QFA_ALIGNMENT_CONTRAST_PROMPTS_HPP

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "qfa/alignment/prompts.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Prompts of two classes, as tokens: requests that the model should refuse, and others.
struct contrast_prompts {
  std::vector<std::vector<std::uint32_t>> harmful{}, harmless{};
};

/// Those of one split.
inline contrast_prompts contrast_of(const prompt_set& prompts, prompt_split split) {
  contrast_prompts out;
  for (const std::size_t i : prompts.of(prompt_label::harmful, split))
    out.harmful.push_back(prompts.prompts[i].tokens);
  for (const std::size_t i : prompts.of(prompt_label::harmless, split))
    out.harmless.push_back(prompts.prompts[i].tokens);
  return out;
}

/// Throws where a prompt, token for token, is among both: what is measured on prompts that a direction was fitted on
/// says little of others.
inline void check_apart(const contrast_prompts& fitted, const contrast_prompts& held_out) {
  std::set<std::vector<std::uint32_t>> known(fitted.harmful.begin(), fitted.harmful.end());
  known.insert(fitted.harmless.begin(), fitted.harmless.end());
  for (const auto* prompts : {&held_out.harmful, &held_out.harmless})
    for (std::size_t p = 0; p < prompts->size(); ++p)
      if (known.contains((*prompts)[p]))
        fail("held-out prompt " + std::to_string(p) + " of the " +
             (prompts == &held_out.harmful ? "harmful" : "harmless") +
             " ones is among those that directions are fitted on");
}

}  // namespace qfa

#endif
