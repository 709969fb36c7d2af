// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_PROTOCOL_HPP
#define QFA_SURVIVAL_PROTOCOL_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/bands.hpp"

namespace qfa {

/// The rules by which a survey counts features, named in every report.
struct protocol {
  std::string_view name;
  /// A feature is active if it fires on more than this share of the reference's tokens (strict).  Inactive features
  /// are in no count.
  double active_rate = 0.001;
  /// An active feature is unmeasured unless it fires on the reference this often, ...
  std::uint64_t minimum_firings = 0;
  /// ... in this many groups of rows, ...
  std::size_t minimum_groups = 0;
  /// ... with evidence worth this many groups of equal size (`group_evidence::effective`).
  double minimum_effective_groups = 0.0;
  /// True: the published guard, under which a silent feature has r = 0.  False: r is NaN where it is undefined.
  bool guarded_r = false;
  correlation_bands bands{};

  constexpr bool operator==(const protocol&) const = default;
};

/// As arXiv 2606.03002 counts: every active feature has a band.
inline constexpr protocol published{.name = "published: arXiv 2606.03002", .guarded_r = true};

/// The same bands, for features with evidence enough to have one.
inline constexpr protocol honest{.name = "honest",
                                 .minimum_firings = minimum_firings,
                                 .minimum_groups = minimum_groups,
                                 .minimum_effective_groups = minimum_effective_groups};

constexpr bool is_active(const protocol& rules, double firing_rate) noexcept { return firing_rate > rules.active_rate; }

/// Whether the reference's evidence suffices for a verdict.  A matter of the reference alone: conditions of one audit
/// count the same features.  Without the guard, a reference that does not vary has no r to judge.
inline bool is_measured(const protocol& rules, const feature_totals& t, const group_evidence& evidence) noexcept {
  return t.fired.reference_firings >= rules.minimum_firings && evidence.groups >= rules.minimum_groups &&
         evidence.effective >= rules.minimum_effective_groups && (rules.guarded_r || t.all.xx > 0.0);
}

/// The features that the rules count, increasing: those that are active and measured.
inline std::vector<std::uint32_t> counted_features(const feature_table& table, const protocol& rules) {
  std::vector<std::uint32_t> counted;
  for (std::size_t f = 0; f < table.width(); ++f) {
    const feature_totals total = table.total(f);
    if (is_active(rules, firing_rate(total)) && is_measured(rules, total, evidence_of(table, f)))
      counted.push_back(static_cast<std::uint32_t>(f));
  }
  return counted;
}

}  // namespace qfa

#endif
