// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_WEIGHT_SCOPE_HPP
#define QFA_COMPRESS_WEIGHT_SCOPE_HPP

#include <array>
#include <cstdint>
#include <string_view>

namespace qfa {

/// Which weights compete with each other, or change places.
///   tensor   all of the matrix
///   row      those of one output channel
enum class weight_scope : std::uint8_t { tensor, row };
inline constexpr std::array<std::string_view, 2> weight_scope_names{"tensor", "row"};
constexpr const auto& names_of(weight_scope) noexcept { return weight_scope_names; }

}  // namespace qfa

#endif
