// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_TOKEN_ROWS_HPP
#define QFA_CACHE_TOKEN_ROWS_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/head_rotation.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/cache/rows.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// What a weight policy takes for a row: all heads of a token, side by side, or one.
enum class cache_row : std::uint8_t { token, token_head };
inline constexpr std::array<std::string_view, 2> cache_row_names{"token", "token_head"};
constexpr const auto& names_of(cache_row) noexcept { return cache_row_names; }

/// Any weight policy as a cache's: it sees what arrived in one call as a matrix whose rows are tokens, so that what it
/// does to a row of weights it does to a token.  A policy that looks at more than a row (per=tensor, hqq with axis=0)
/// does other things where tokens come in other calls.  Policies that need statistics of activations have none here
/// and say so.
///
/// `hadamard` rotates keys and values first (see head_rotation) and back afterwards.
struct token_rows_cache {
  any_policy keys{};
  any_policy values{};
  cache_row row = cache_row::token;
  std::size_t hadamard = 0;  ///< columns in a block: a power of two from 2 on that divides head_dim; 0: none
  cache_point point = cache_point::after_rope;

  /// Throws as check_arrivals and the policies do, and where `hadamard` does not divide a head's vectors; keys and
  /// values are then unchanged.
  void operator()(matrix_view<float> all_keys, matrix_view<float> all_values, const cache_update& update) const {
    validate();
    check_arrivals(all_keys, all_values, update);
    const matrix_view<float> new_keys = new_rows(all_keys, update), new_values = new_rows(all_values, update);
    if (new_keys.empty()) return;
    // The values' policy may refuse after the keys' has acted.
    const std::vector<float> kept = copied_rows(new_keys);
    try {
      act(keys, new_keys, cache_side::keys, update);
      act(values, new_values, cache_side::values, update);
    } catch (...) {
      write_rows(kept, new_keys);
      throw;
    }
  }

  /// What the policies say of so many rows at once; nothing where one does not say.
  std::optional<cache_bits> side_bits(std::size_t tokens, const cache_info& info) const {
    const std::size_t rows = row == cache_row::token ? tokens : tokens * info.kv_heads;
    const std::size_t columns = row == cache_row::token ? info.width() : info.head_dim;
    const auto bits_of_side = [&](const any_policy& policy, cache_side side) -> std::optional<double> {
      if (policy.name() == any_policy{}.name()) return untouched_bits * static_cast<double>(rows * columns);
      return policy.stored_bits(rows, columns, tensor_info_of(side, {.info = info}));
    };
    const auto of_keys = bits_of_side(keys, cache_side::keys), of_values = bits_of_side(values, cache_side::values);
    if (!of_keys || !of_values) return std::nullopt;
    return cache_bits{.keys = *of_keys, .values = *of_values};
  }
  std::optional<double> stored_bits(std::size_t tokens, const cache_info& info) const {
    const std::optional<cache_bits> bits = side_bits(tokens, info);
    return bits ? std::optional(bits->sum()) : std::nullopt;
  }

  static constexpr std::string_view spec_name = "rows";
  static constexpr std::string_view summary = "a weight policy for new keys, one for new values, a row for each token";
  static constexpr auto fields() {
    return std::tuple{field{"keys", &token_rows_cache::keys, "the policy for keys"},
                      field{"values", &token_rows_cache::values, "the policy for values"},
                      field{"row", &token_rows_cache::row, "what is a row: a token, or each of its heads"},
                      field{"hadamard", &token_rows_cache::hadamard, "columns in a block that is rotated; 0: none"},
                      field{"point", &token_rows_cache::point, "which keys"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where hadamard is neither 0 nor a power of two from 2 on.
  void validate() const {
    if (hadamard == 1 || (hadamard != 0 && !std::has_single_bit(hadamard)))
      fail("rows rotates blocks of a power of two columns from 2 on, not of " + std::to_string(hadamard));
  }

 private:
  void act(const any_policy& policy, matrix_view<float> x, cache_side side, const cache_update& update) const {
    if (policy.name() == any_policy{}.name()) return;
    in_rotated_heads(x, hadamard, 0, update.info, [&](matrix_view<float> heads) {
      policy(row == cache_row::token ? x : heads, tensor_info_of(side, update));
    });
  }
};

static_assert(described<token_rows_cache> && named_cache_policy<token_rows_cache>);

}  // namespace qfa

#endif
