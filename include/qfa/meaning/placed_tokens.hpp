// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_PLACED_TOKENS_HPP
#define QFA_MEANING_PLACED_TOKENS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The previous token of a row's first one.
inline constexpr std::uint32_t no_token = (std::numeric_limits<std::uint32_t>::max)();

/// Where the kept tokens of a block of whole rows stand, and what they are.  Token t of the block's codes is token
/// `skip_positions` + t % kept_per_row() of its row.
struct placed_tokens {
  matrix_view<const std::uint32_t> ids;           ///< (rows, tokens of a row), the skipped ones too
  std::size_t first_row = 0;                      ///< of the block, in the whole
  std::size_t skip_positions = 0;                 ///< of each row, without codes
  std::span<const std::uint32_t> group_of_row{};  ///< (rows), as row_groups has them

  std::size_t kept_per_row() const noexcept { return ids.columns() - skip_positions; }
  std::size_t kept() const noexcept { return ids.rows() * kept_per_row(); }
  std::size_t row_of(std::size_t t) const noexcept { return t / kept_per_row(); }  ///< in the block
  std::size_t position_of(std::size_t t) const noexcept { return skip_positions + t % kept_per_row(); }
  std::uint32_t group_of(std::size_t t) const noexcept { return group_of_row[row_of(t)]; }

  std::uint32_t current(std::size_t t) const noexcept { return ids(row_of(t), position_of(t)); }
  /// Of the same row, skipped or not; `no_token` of the row's first.
  std::uint32_t previous(std::size_t t) const noexcept {
    const std::size_t position = position_of(t);
    return position == 0 ? no_token : ids(row_of(t), position - 1);
  }
};

}  // namespace qfa

#endif
