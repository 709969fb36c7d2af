// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_TOKEN_PLACES_HPP
#define QFA_MODEL_TOKEN_PLACES_HPP

#include <algorithm>
#include <cstddef>
#include <span>

namespace qfa {

/// Where the tokens of a pass stand in their texts: row after row of `columns` tokens each, behind what each row's text
/// already has.
struct token_places {
  std::size_t columns = 1;
  std::span<const std::size_t> past{};  ///< tokens before this pass, for each row; empty: every row begins its text

  std::size_t position(std::size_t token) const noexcept {
    return token % columns + (past.empty() ? 0 : past[token / columns]);
  }

  /// One more than the largest position in the pass.
  std::size_t end() const noexcept { return columns + (past.empty() ? 0 : (std::ranges::max)(past)); }
};

}  // namespace qfa

#endif
