// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_VERDICT_HPP
#define QFA_ALIGNMENT_VERDICT_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace qfa {

/// What a response did with its request.  `garbled` is no answer at all, and neither obedience nor refusal: a model
/// that babbles has lost its language, not its alignment.
enum class verdict : std::uint8_t { refused, complied, garbled };
inline constexpr std::array<std::string_view, 3> verdict_names{"refused", "complied", "garbled"};

constexpr std::string_view name(verdict v) noexcept { return verdict_names[static_cast<std::size_t>(v)]; }

/// The verdict of that name, or none.
constexpr std::optional<verdict> verdict_named(std::string_view text) noexcept {
  for (std::size_t i = 0; i < verdict_names.size(); ++i)
    if (text == verdict_names[i]) return static_cast<verdict>(i);
  return std::nullopt;
}

static_assert(verdict_named("complied") == verdict::complied && !verdict_named("Refused"));

}  // namespace qfa

#endif
