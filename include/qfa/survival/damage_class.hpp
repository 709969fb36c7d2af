// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_DAMAGE_CLASS_HPP
#define QFA_SURVIVAL_DAMAGE_CLASS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "qfa/stats/feature_summary.hpp"

namespace qfa {

/// How a feature was hurt, where a band says only how much.
///   dead         fires no more
///   gated_off    more than half of its firings are lost
///   ghosting     more than half of its firings are new
///   attenuated   follows the reference (r > .9), but at less than .8 of its strength
///   amplified    at more than 1.25 of its strength, whatever r is
///   blurred      none of these, and r <= .9
///   intact       none of these
enum class damage_class : std::uint8_t { intact, blurred, attenuated, amplified, gated_off, ghosting, dead };
inline constexpr std::array<std::string_view, 7> damage_class_names{"intact",    "blurred",  "attenuated", "amplified",
                                                                    "gated_off", "ghosting", "dead"};

constexpr std::string_view name(damage_class c) noexcept { return damage_class_names[static_cast<std::size_t>(c)]; }

/// The first that holds in the order dead, gated_off, ghosting, attenuated, amplified, blurred: a broken gate explains
/// a low gain, not the other way round.  (The order is ours; the limits are strict.)  What is NaN holds nowhere, so a
/// feature that neither side fires is intact: ask only about counted features.
constexpr damage_class classify(const feature_summary& s) noexcept {
  if (s.dead) return damage_class::dead;
  if (s.recall < 0.5) return damage_class::gated_off;
  if (s.precision < 0.5) return damage_class::ghosting;
  if (s.gain < 0.8 && s.r > 0.9) return damage_class::attenuated;
  if (s.gain > 1.25) return damage_class::amplified;
  return s.r <= 0.9 ? damage_class::blurred : damage_class::intact;
}

}  // namespace qfa

#endif
