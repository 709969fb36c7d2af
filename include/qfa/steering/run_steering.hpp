// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_RUN_STEERING_HPP
#define QFA_STEERING_RUN_STEERING_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "qfa/audit/layout.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/edited_pass.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/row_groups.hpp"
#include "qfa/steering/compression_recipe.hpp"
#include "qfa/steering/conclude_direction.hpp"
#include "qfa/steering/conclude_steering.hpp"
#include "qfa/steering/steer.hpp"
#include "qfa/steering/steering_findings.hpp"
#include "qfa/steering/steering_sample.hpp"
#include "qfa/steering/steering_vectors.hpp"

namespace qfa {

/// An audit's rows for steering, spread over all of them: those that are measured, and others by which targets are
/// chosen.
struct steered_rows {
  sampled_rows measured, pilot;
};

/// `most_pilot`: rows whose logits may be held.  `groups`: of the audit, the rows' own where none are given.  Throws
/// for fewer than two rows.
inline steered_rows choose_steered_rows(const token_rows& rows, const steering_options& how, std::size_t skip_positions,
                                        std::size_t most_pilot, const std::optional<row_groups>& groups = {}) {
  require(rows.rows() >= 2, "steering needs two rows of tokens: one to measure on, one to choose targets on");
  const std::size_t pilot = (std::max<std::size_t>)(1, (std::min)(how.pilot_rows, most_pilot));
  const std::size_t all = (std::min)(rows.rows(), how.rows + pilot);
  const std::size_t chosen_on = (std::max<std::size_t>)(1, pilot * all / (how.rows + pilot));
  const std::vector<std::size_t> spread = spread_evenly(rows.rows(), all);
  std::vector<std::size_t> measured, choosing;
  const std::vector<std::size_t> places = spread_evenly(all, chosen_on);
  for (std::size_t i = 0; i < all; ++i)
    (std::ranges::binary_search(places, i) ? choosing : measured).push_back(spread[i]);
  const std::size_t positions = skip_positions + how.positions;
  return {take_rows(rows, measured, positions, groups), take_rows(rows, choosing, positions, groups)};
}

namespace detail {

/// What a code is multiplied with on its way back into the residual stream, in the mean over the positions that are not
/// skipped: 1 where the SAE does not normalize its input.  A first token's activations are often many times as long as
/// any others, so with skipped positions among them dose 1 would be no feature's activation.  Throws as frame_of does.
inline double mean_input_scale(const sae& s, matrix_view<const float> activations, const token_layout& layout) {
  if (s.norm == input_norm::none) return 1.0;
  const kept_activations kept(activations, layout);
  double sum = 0.0;
  for (const input_frame& frame : frames_of(s, kept.view()))
    sum += static_cast<double>(frame.scale);
  return ratio(sum, static_cast<double>(kept.view().rows()));
}

}  // namespace detail

/// Steers the reference and every compressed model with vectors of a sample of features, and with random ones of equal
/// length, and says whether r of the audit predicts how faithfully they steer: the validity test of the whole method.
///
/// A feature's vector is its decoder row, times its mean activation where it fires on the reference.  Models come one
/// after the other.  Throws where there are fewer than two rows, and as edited_pass does; where no feature is measured,
/// a note says so, and conditions have the caller's own directions alone.
inline steering_findings run_steering(const finished_models& of, const steering_options& how = {}) {
  const std::vector<std::uint32_t>& counted = of.counted();
  std::vector<std::vector<double>> r;
  for (const compression_recipe& recipe : of.recipes)
    r.push_back(of.condition(recipe.condition).by_honest.correlations.of(counted));
  const std::vector<std::uint32_t> features = sample_by_damage(counted, r, how.features);

  const any_decoder& reference = of.model.reference();
  const steering_site site{of.model.hook(), of.settings.skip_positions};
  const std::size_t positions = (std::min)(of.rows.context, site.skip_positions + how.positions);
  const steered_rows rows = choose_steered_rows(of.rows, how, site.skip_positions,
                                                detail::steered_rows_per_block(reference.config(), positions),
                                                of.audit.halves ? of.audit.halves : of.audit.groups);
  // Where half of the rows chooses and the other half judges, groups are more; all other numbers are by the audit's.
  const bool joins = of.audit.halves && of.audit.groups && *of.audit.halves != *of.audit.groups;
  const std::vector<std::uint32_t> places =
      joins ? of.audit.halves->places_among(*of.audit.groups) : std::vector<std::uint32_t>{};
  const token_layout layout{rows.pilot.tokens.rows(), rows.pilot.tokens.context, site.skip_positions};
  const double scale = detail::mean_input_scale(
      of.dictionary, edited_pass(reference, rows.pilot.tokens.view(), site.hook).at_hook(), layout);
  std::vector<steering_vector> own, random;
  for (const std::uint32_t f : features) {
    const double activation = of.audit.conditions.front().features[f].mean_when_active;
    own.push_back(feature_vector(of.dictionary, f, scale * activation));
    random.push_back(random_vector(own.back(), how.seed, f));
  }
  for (std::size_t i = 0; i < how.directions.size(); ++i) {
    own.push_back({how.directions[i].values, 0});
    random.push_back(random_vector(own.back(), how.seed, of.dictionary.d_sae + i));
  }
  choose_targets(own, reference, rows.pilot, site, of.told);
  choose_targets(random, reference, rows.pilot, site, of.told);

  steering_findings out{.options = how,
                        .doses = steering_doses,
                        .hook = name_of(site.hook),
                        .gate = of.dictionary.activation,
                        .counted = counted.size(),
                        .rows = rows.measured.tokens.rows(),
                        .positions = positions - site.skip_positions,
                        .tokens = rows.measured.tokens.rows() * (positions - site.skip_positions),
                        .groups = joins ? rows.measured.filled_groups(places) : rows.measured.filled_groups(),
                        .pilot_tokens = rows.pilot.tokens.rows() * (positions - site.skip_positions),
                        .conditions = {},
                        .notes = {}};
  if (counted.empty()) {
    out.notes.emplace_back("no feature is measured, so there is none to steer with");
    if (how.directions.empty()) return out;
  }
  for (const compression_recipe& recipe : of.recipes) {
    const condition_result& audited = of.condition(recipe.condition);
    const any_decoder compressed = of.model.ready(recipe.make());
    const auto steered = [&](std::span<const steering_vector> by, const char* what) {
      return steer(reference, compressed, rows.measured, site, by, out.doses, what + recipe.condition, of.told);
    };
    const steering_record gathered = steered(own, "steer "), at_random = steered(random, "steer at random ");
    const steering_record by_own = joins ? gathered.joined(places) : gathered;
    const steering_record by_random = joins ? at_random.joined(places) : at_random;
    steered_condition& to = out.conditions.emplace_back();
    if (features.empty()) {
      to.policy = recipe.condition;
      to.predicted_by_r.range.reason = "no feature is steered with";
    } else {
      to = conclude_steering(recipe.condition, features, std::span(own).first(features.size()),
                             audited.by_honest.correlations, audited.by_honest.rules.bands, out.doses, by_own,
                             by_random, joins ? &gathered : nullptr);
    }
    for (std::size_t i = 0; i < how.directions.size(); ++i) {
      const std::size_t number = features.size() + i;
      to.directions.push_back(
          conclude_direction(how.directions[i].name, own[number], number, out.doses, by_own, by_random));
    }
  }
  return out;
}

}  // namespace qfa

#endif
