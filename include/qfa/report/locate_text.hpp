// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_LOCATE_TEXT_HPP
#define QFA_REPORT_LOCATE_TEXT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/locate/depth_patch.hpp"
#include "qfa/locate/locate_damage.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

inline std::string number_text(const estimate& e, int decimals) {
  if (!std::isfinite(e.value)) return "unmeasured (" + std::string(e.range.reason) + ")";
  if (e.range.kind == interval_kind::refused)
    return fixed(e.value, decimals) + " (no interval: " + std::string(e.range.reason) + ")";
  return with_range(fixed(e.value, decimals), e.range, decimals);
}

/// Units from the largest share down.
inline std::vector<const located_unit*> by_share(const damage_location& found) {
  std::vector<const located_unit*> out;
  for (const located_unit& unit : found.units)
    out.push_back(&unit);
  std::ranges::stable_sort(out, [](const auto* a, const auto* b) { return a->isolated.all > b->isolated.all; });
  return out;
}

inline std::string additivity_text(const damage_location& found) {
  const unit_additivity& a = found.adds_up;
  std::string out = "Together the units do " + number_text(a.median, 2) +
                    " times the sum of what each does alone, to the median feature; quartiles " +
                    fixed(a.lower_quartile, 2) + " and " + fixed(a.upper_quartile, 2) + " (unmeasured)";
  if (a.undefined > 0) out += ", undefined for " + std::to_string(a.undefined);
  out += ".\n";
  const std::string range = "[" + fixed(unit_additivity::least, 2) + ", " + fixed(unit_additivity::most, 1) + "]";
  out += a.holds() ? "That lies within " + range + ": shares may be added up.\n"
                   : "That leaves " + range + ": shares say who is worse, and must NOT be added up.\n";
  return out;
}

inline std::string ranking_text(const damage_location& found) {
  if (found.ranked < 3) return "";
  const estimate& r = found.ranking;
  const bool sure = r.range.kind == interval_kind::two_sided || r.range.kind == interval_kind::at_least;
  const std::string numbers = "even and odd groups of rows rank the " + std::to_string(found.ranked) +
                              " units that do damage with Spearman's rho " + number_text(r, 3) + ".\n";
  if (sure && r.range.lower > 0.9) return "The ranking is stable: " + numbers;
  if (sure && r.range.lower > 0.0) return "The ranking is partly stable: " + numbers;
  return "The ranking is NOT shown to be stable: " + numbers;
}

inline std::string depth_text(const depth_profile& p) {
  if (!std::isfinite(p.kl.value) || p.kl.value == 0.0) return "The predictions do not change.\n";
  const auto name = [](const patched_depth& d) {
    return d.layer == 0 ? std::string("the embedding") : "layer " + std::to_string(d.layer - 1);
  };
  std::vector<const patched_depth*> order;
  for (const patched_depth& d : p.depths)
    if (d.entering.value != 0.0) order.push_back(&d);
  const std::size_t all = order.size();
  constexpr std::size_t shown = 6;
  std::string out = "By depth, damage to predictions (KL " + number_text(p.kl, 4) + " nats a token) enters in ";
  if (all > shown) {
    std::ranges::stable_sort(order, [](const auto* a, const auto* b) { return a->entering_even > b->entering_even; });
    order.resize(shown);
    out += "these most, chosen on the even groups of rows and measured on the odd ones: ";
  }
  for (std::size_t i = 0; i < order.size(); ++i)
    out += (i == 0 ? "" : ", ") + name(*order[i]) + " " +
           percent_text(all > shown ? order[i]->entering_odd : order[i]->entering);
  const double rest = 1.0 - p.depths.back().recovered.value;
  if (rest > 5e-4) out += (all == 0 ? "" : ", ") + std::string("the unembedding ") + fixed(100.0 * rest, 1) + " %";
  return out + ".\n";
}

}  // namespace detail

/// The units with the largest shares, a line each, and one for the others.
inline std::string units_table(const damage_location& found, std::size_t most_rows = 12) {
  const auto sorted = detail::by_share(found);
  const bool with_kl = found.units.front().kl.has_value();
  std::vector<std::string> heads{"alone", "bits", "share %", "95 %", "saved if spared %", "95 %"};
  if (with_kl) heads.insert(heads.end(), {"KL alone", "95 %"});
  text_table table(std::move(heads));
  double rest = 0.0;
  std::size_t others = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const located_unit& u = *sorted[i];
    if (!u.reaches_hook) continue;
    if (i >= most_rows) {
      rest += u.share.value;
      ++others;
      continue;
    }
    std::vector<std::string> row{u.name,
                                 u.bits ? fixed(*u.bits / static_cast<double>(u.weights), 2) : "-",
                                 fixed(100.0 * u.share.value, 1),
                                 range_text(u.share.range, 1, 100.0),
                                 fixed(100.0 * u.left_out_share.value, 1),
                                 range_text(u.left_out_share.range, 1, 100.0)};
    if (with_kl) row.insert(row.end(), {fixed(u.kl->value, 5), range_text(u.kl->range, 5)});
    table.add(std::move(row));
  }
  std::string out = table.str();
  if (others > 0)
    out += "and " + std::to_string(others) + " more, with " + fixed(100.0 * rest, 1) +
           " % of the sum of what each does alone\n";
  return out;
}

/// The finding in sentences, with its evidence.
inline std::string location_text(const damage_location& found) {
  const auto behind = static_cast<std::size_t>(
      std::ranges::count_if(found.units, [](const located_unit& u) { return !u.reaches_hook; }));
  const std::size_t reaching = found.units.size() - behind;
  const std::string kind(unit_kind_names[static_cast<std::size_t>(found.kind)]);
  const located_unit& worst = found.units[found.worst];
  std::string out;
  if (!(found.whole.all > 0.0)) return "Nothing that " + found.policy + " does reaches the features at this hook.\n";
  const bool leads = found.lead.range.kind == interval_kind::two_sided && found.lead.range.lower > 0.0;
  if (leads || found.second == found.worst) {
    out += worst.name + " carries the largest share of what " + found.policy +
           " does to the features: " + percent_text(found.worst_share) +
           ", measured on the odd groups of rows after the even ones chose it.\n";
  } else {
    out += worst.name + " carries most of what " + found.policy + " does to the features on the even groups of rows, " +
           percent_text(found.worst_share) + " on the odd ones; it cannot be told from " +
           found.units[found.second].name + ", which it leads by " + percent_text(found.lead) + ".\n";
  }
  out += "Of " + std::to_string(reaching) + " units (" + kind + ") before the hook, " + std::to_string(found.carriers) +
         (found.adds_up.holds() ? " carry half of it" : " have half of the sum of what each does alone") +
         ", chosen on the even groups of rows, and " + percent_text(found.carried) + " on the odd ones";
  if (behind > 0) out += "; " + std::to_string(behind) + " change nothing before the hook";
  out += ".\n";
  out += "With all of them compressed, noise to signal of the mean feature (weights " +
         std::string(feature_weighting_names[static_cast<std::size_t>(found.weighting)]) + ") is " +
         detail::number_text(found.noise, 3) + ".\n";
  if (found.whole.limited > 0)
    out += std::to_string(found.whole.limited) + " of " + std::to_string(found.features) + " features count as noise " +
           fixed(most_noise, 0) + " (|r| of 0.1 or less), " + std::to_string(found.whole.lost) +
           " of them lost altogether.\n";
  if (const std::size_t silent = (std::max)(found.whole.silent[0], found.whole.silent[1]); silent > 0)
    out += std::to_string(silent) + " features are silent on one half of the groups, and count nothing there.\n";
  out += detail::additivity_text(found);
  out += detail::ranking_text(found);
  if (found.depths) out += detail::depth_text(*found.depths);
  return out + "\n" + units_table(found);
}

}  // namespace qfa

#endif
