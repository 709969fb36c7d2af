// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_DIRECTION_FINDING_HPP
#define QFA_ALIGNMENT_DIRECTION_FINDING_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/alignment/detection.hpp"
#include "qfa/alignment/direction.hpp"
#include "qfa/alignment/direction_site.hpp"
#include "qfa/alignment/paired_activations.hpp"
#include "qfa/alignment/probe.hpp"
#include "qfa/alignment/subspace.hpp"
#include "qfa/alignment/vulnerability.hpp"
#include "qfa/alignment/vulnerability_controls.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The readings of vulnerability, each qfa's own (vulnerability_ratios).
enum class vulnerability_form : std::uint8_t { relative, concentration, margin };
inline constexpr std::array<std::string_view, 3> vulnerability_form_names{"V_rel", "V_conc", "V_marg"};
constexpr const auto& names_of(vulnerability_form) noexcept { return vulnerability_form_names; }

inline double value_of(const vulnerability_ratios& v, vulnerability_form form) noexcept {
  return form == vulnerability_form::relative        ? v.relative
         : form == vulnerability_form::concentration ? v.concentration
                                                     : v.margin;
}

/// What compression does to the direction at one site.  Where no direction is fitted, all of it is NaN.
struct direction_finding {
  direction_site site{};
  std::size_t channels = 0;
  double separation = 0.0;                ///< of the fitted prompts' means; 0: they are the same, there is no direction
  controlled_vulnerability vulnerable{};  ///< on held-out prompts; of its controls, too
  detection_loss detection{};             ///< on held-out prompts
  direction_stability stability{};        ///< of the direction that the compressed model gives, on fitted prompts
  probe_fidelity probe{};                 ///< of the direction as a frozen probe, on held-out prompts

  double value(vulnerability_form form) const noexcept { return value_of(vulnerable.direction.all, form); }
  /// How much of the error along the direction is the same for every prompt, (E rD)^2 / E(rD)^2: what a constant would
  /// undo.  NaN where there is no error along it.
  double bias_share() const noexcept {
    const vulnerability& v = vulnerable.direction;
    return v.error.inside == 0.0 ? std::numeric_limits<double>::quiet_NaN() : v.bias.inside / v.error.inside;
  }
};

/// The findings of sites, in the order of the sites.  Those of different layers may be made apart and merged.
struct direction_findings {
  std::vector<direction_finding> sites{};

  /// Throws where a site is in both.
  direction_findings& operator+=(const direction_findings& other) {
    std::vector<direction_finding> all = sites;
    all.insert(all.end(), other.sites.begin(), other.sites.end());
    std::ranges::sort(all, {}, &direction_finding::site);
    const auto twice = std::ranges::adjacent_find(all, {}, &direction_finding::site);
    if (twice != all.end()) fail("the direction at " + name_of(twice->site) + " was found twice");
    sites = std::move(all);
    return *this;
  }

  /// Places in `sites`, the most vulnerable first, equals in the order of the sites; those without a value last.
  std::vector<std::size_t> ranked(vulnerability_form form) const {
    std::vector<std::size_t> order(sites.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto key = [&](std::size_t i) {
      const double v = sites[i].value(form);
      return std::isnan(v) ? -std::numeric_limits<double>::infinity() : v;
    };
    std::ranges::stable_sort(order, std::ranges::greater{}, key);
    return order;
  }
  /// The most vulnerable one.  Throws where there is none that has a value.
  const direction_finding& worst(vulnerability_form form) const {
    const std::vector<std::size_t> order = ranked(form);
    require(!order.empty() && !std::isnan(sites[order.front()].value(form)),
            "no site has a vulnerability: there is no error, or no direction");
    return sites[order.front()];
  }
};

/// Whether two sets of prompts have a difference of means at all.  At layer 0, tokens alone decide keys and values: a
/// template that ends all prompts alike leaves none.
inline bool has_direction(matrix_view<const float> harmful, matrix_view<const float> harmless) {
  return mean_row(harmful) != mean_row(harmless);
}

namespace detail {

/// What `measure` gives, or `otherwise`: where activations differ by few tokens alone, as they do in the first layer,
/// half of the prompts, or other labels of them, may have no difference of means, which find_direction refuses.
template <class T, class Measure>
T unless_there_is_no_direction(T otherwise, Measure measure) {
  try {
    return measure();
  } catch (const error&) {
    return otherwise;
  }
}

}  // namespace detail

/// Fits a direction on the reference's activations in `fitted`, and measures on `held_out`, other prompts at the same
/// site.  Where a control has no direction, the ranks among them are NaN.  Throws as paired_activations::validate does,
/// and for activations that are not finite.
inline direction_finding find_vulnerability(const direction_site& site, const paired_activations& fitted,
                                            const paired_activations& held_out, std::uint64_t seed,
                                            const control_options& controls = {}) {
  fitted.validate();
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const vulnerability_meter meter(held_out);
  const bool found = has_direction(fitted.harmful, fitted.harmless);
  const bool kept = has_direction(fitted.harmful_compressed, fitted.harmless_compressed);
  direction_finding out{.site = site, .channels = fitted.channels()};
  out.vulnerable.among_permuted = out.vulnerable.among_axes = {none, none, none};
  out.detection.sign_flips.trials = held_out.prompts();
  if (!found) return out;
  const contrast_direction direction = find_direction(fitted.harmful, fitted.harmless);
  out.separation = direction.separation;
  out.vulnerable.direction = meter(subspace(direction));
  out.vulnerable = detail::unless_there_is_no_direction(
      out.vulnerable, [&] { return control_vulnerability(meter, fitted.harmful, fitted.harmless, seed, controls); });
  out.detection = compare_detection(direction, held_out);
  out.probe = measure_probe(direction.unit, fitted, held_out);
  out.stability.split_half =
      detail::unless_there_is_no_direction(none, [&] { return split_half_cosine(fitted.harmful, fitted.harmless); });
  if (kept)
    out.stability.cosine =
        cosine(direction.unit, find_direction(fitted.harmful_compressed, fitted.harmless_compressed).unit);
  return out;
}

}  // namespace qfa

#endif
