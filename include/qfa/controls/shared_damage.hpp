// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_SHARED_DAMAGE_HPP
#define QFA_CONTROLS_SHARED_DAMAGE_HPP

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "qfa/controls/null_overlap.hpp"
#include "qfa/controls/partial_damage.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// What may be said of two compressions' damage (validity, section 6): a shared mode only where both J - J_null and
/// the partial Spearman lie above 0 for sure.
///   shared         both do
///   not_shared     one of the two lies below 0 for sure
///   undetermined   neither, though there is a control
///   nothing_failed  one of them fails no feature
///   no_control      there is no noise to hold it against
enum class sharing : std::uint8_t { shared, not_shared, undetermined, nothing_failed, no_control };
inline constexpr std::array<std::string_view, 5> sharing_names{"shared mode", "not a shared mode", "undetermined",
                                                               "nothing failed", "no control"};

constexpr std::string_view name(sharing s) noexcept { return sharing_names[static_cast<std::size_t>(s)]; }

/// The claim that two compressions hurt the same features, with what decides it.
struct shared_damage {
  std::string a;
  std::string b;
  null_overlap overlap;
  damage_agreement order;

  sharing verdict() const noexcept {
    if (overlap.sizes.a == 0 || overlap.sizes.b == 0) return sharing::nothing_failed;
    if (overlap.controls == 0) return sharing::no_control;
    const interval& e = overlap.excess.range;
    const interval& p = order.partial.range;
    const auto known = [](const interval& range) { return range.kind != interval_kind::refused; };
    if (known(e) && known(p) && e.lower > 0.0 && p.lower > 0.0) return sharing::shared;
    if ((known(e) && e.upper < 0.0) || (known(p) && p.upper < 0.0)) return sharing::not_shared;
    return sharing::undetermined;
  }
};

}  // namespace qfa

#endif
