// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_LINEAR_INPUT_HPP
#define QFA_COMPRESS_LINEAR_INPUT_HPP

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace qfa {

/// What a block's linear layers read, in the order of computation.
///   attention   the normalized residual, read by q, k and v
///   mix         attention's mix of values, read by o
///   mlp         the normalized residual, read by gate and up
///   hidden      the MLP's hidden units, read by down
enum class input_kind : std::uint8_t { attention, mix, mlp, hidden };
inline constexpr std::array<std::string_view, 4> input_kind_names{"attention", "mix", "mlp", "hidden"};
constexpr const auto& names_of(input_kind) noexcept { return input_kind_names; }

/// One place where activations enter linear layers: a row is a token, a column an input channel.
struct linear_input {
  std::size_t layer = 0;
  input_kind kind = input_kind::attention;

  auto operator<=>(const linear_input&) const = default;
};

inline std::string name_of(const linear_input& input) {
  return "the " + std::string(input_kind_names[static_cast<std::size_t>(input.kind)]) + " inputs of layer " +
         std::to_string(input.layer);
}

}  // namespace qfa

#endif
