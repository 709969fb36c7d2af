// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_PROMPT_BATCHES_HPP
#define QFA_MODEL_PROMPT_BATCHES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Texts of one length, each a prompt and the response that follows every one of them.
struct prompt_batch {
  std::span<const std::size_t> prompts{};     ///< which they are, in the order of the rows
  matrix_view<const std::uint32_t> tokens{};  ///< (prompts, prompt + response)
  std::size_t prompt_tokens = 0;              ///< of each
};

/// Calls `use(batch)` for prompts of the same length together, the shortest first, about `tokens_at_once` tokens at a
/// time.  Throws where a prompt is empty.
template <class Use>
void for_each_prompt_batch(std::span<const std::vector<std::uint32_t>> prompts, std::span<const std::uint32_t> response,
                           Use use, std::size_t tokens_at_once = 4096) {
  std::map<std::size_t, std::vector<std::size_t>> by_length;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    require(!prompts[p].empty(), "a prompt needs at least one token");
    by_length[prompts[p].size()].push_back(p);
  }
  std::vector<std::uint32_t> tokens;
  for (const auto& [length, all] : by_length) {
    const std::size_t columns = length + response.size();
    const std::size_t at_once = (std::max<std::size_t>)(1, tokens_at_once / columns);
    for (std::size_t begin = 0; begin < all.size(); begin += at_once) {
      const auto some = std::span(all).subspan(begin, (std::min)(at_once, all.size() - begin));
      tokens.clear();
      for (const std::size_t p : some) {
        tokens.insert(tokens.end(), prompts[p].begin(), prompts[p].end());
        tokens.insert(tokens.end(), response.begin(), response.end());
      }
      use(prompt_batch{some, {tokens.data(), some.size(), columns}, length});
    }
  }
}

}  // namespace qfa

#endif
