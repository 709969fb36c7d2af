// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_ALIGN_HPP
#define QFA_ALIGNMENT_ALIGN_HPP

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/align_directions.hpp"
#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/baseline_rankings.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/cache_sweep.hpp"
#include "qfa/alignment/channel_geometry.hpp"
#include "qfa/alignment/decision_tree.hpp"
#include "qfa/alignment/diagnosis.hpp"
#include "qfa/alignment/layer_ablation.hpp"
#include "qfa/alignment/measured_cache.hpp"
#include "qfa/alignment/mitigation.hpp"
#include "qfa/alignment/prompts.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa {

/// What `align` found.
struct alignment_result {
  align_settings settings{};
  measured_cache reference{};            ///< on the test prompts
  cache_sweep sweep{};                   ///< on the test prompts
  std::vector<measured_cache> others{};  ///< further caches that were asked for, on the test prompts
  prompt_split layers_chosen_on = prompt_split::fit;
  std::size_t choosing_prompts = 0;  ///< harmful ones that chose the layers
  layer_ablation layers{};
  std::size_t counted_prompts = 0;  ///< harmful ones of the calibration split
  channel_geometry geometry{};      ///< on the calibration prompts
  diagnosis found{};
  /// The same reductions in all layers on the test prompts, and whether the calibration prompts foretold their side of
  /// 30 % (the published check of the 20-prompt protocol); nothing where either is undefined.
  grain_reduction test_per_channel{}, test_groups{};
  std::optional<bool> foretold{};
  std::optional<aligned_directions> directions{};  ///< none where prompts are too few
  verified_mitigations verified{};
  std::vector<std::string> warnings{};
};

/// The published diagnosis and repair of a quantized cache (arXiv 2606.09864), end to end and on disjoint prompts: a
/// sweep over bits, the layers that flip, the grain of their scales, the failure mode, its prescription, and what that
/// and all other mitigations recover; the directions behind refusals beside it, whose rankings of layers make baselines
/// (with prompts too few for these, the first layers alone do).  `others` are measured besides.
///
/// Layers are chosen on the `fit` prompts and PCR is counted on the `calibration` prompts; without prompts to fit, both
/// on the latter, with a warning.  Throws where harmful prompts of the calibration or the test split are missing.
inline alignment_result align(behavior& asked, const token_rows& text, const align_settings& settings = {},
                              const std::vector<answering>& others = {}) {
  const prompt_set& prompts = asked.prompts();
  const std::size_t layers = asked.reference().config().layers;
  const auto fit = prompts.of(prompt_label::harmful, prompt_split::fit),
             calibration = prompts.of(prompt_label::harmful, prompt_split::calibration);
  for (const prompt_split split : {prompt_split::calibration, prompt_split::test})
    require(!prompts.of(prompt_label::harmful, split).empty(),
            "alignment needs harmful prompts to choose by and others to report: splits \"calibration\" and \"test\"");
  cache_meter measure(asked, text, prompt_split::test);

  alignment_result out{.settings = settings, .reference = measure({})};
  out.sweep = sweep_bits(measure, layers, settings);
  for (const answering& other : others)
    out.others.push_back(measure(other));

  out.layers_chosen_on = fit.empty() ? prompt_split::calibration : prompt_split::fit;
  const std::vector<std::size_t>& choosing = fit.empty() ? calibration : fit;
  if (fit.empty())
    out.warnings.push_back(
        "no prompts of the split \"fit\": the layers were chosen on the prompts that PCR is counted "
        "on, which flatters the worst of them");
  out.choosing_prompts = choosing.size();
  out.layers = ablate_layers(asked, choosing, settings);
  out.counted_prompts = calibration.size();
  out.geometry = measure_geometry(asked, out.layers.worst, calibration, settings);
  out.found = diagnose(out.layers, out.geometry, settings);

  const align_specs specs{&settings};
  const auto everywhere = [&](const std::string& spec) { return answering(parse_cache_plan(spec, layers)); };
  for (const auto& [to, fine] : {std::pair{&out.test_per_channel, specs.channels()},
                                 std::pair{&out.test_groups, specs.groups(settings.mechanism_bits)}}) {
    to->counts = asked.reduction(everywhere(specs.tensor()), everywhere(fine), measure.harmful());
    to->estimate = estimate_reduction(to->counts);
  }
  out.test_per_channel.scales = out.geometry.published().scales;  // of prompts as long
  out.test_groups.scales = out.geometry.published_groups().scales;
  const double foretelling = out.geometry.published().estimate.value, told = out.test_per_channel.estimate.value;
  if (!std::isnan(foretelling) && !std::isnan(told)) out.foretold = pcr_predicts(foretelling, told);

  const int bits = bits_to_protect(out.sweep, settings);
  std::vector<layer_ranking> rankings{ranking_by_position(layers)};
  if (has_directions(prompts)) {
    out.directions = look_at_directions(asked, everywhere(specs.sweep(bits)).plan, settings);
    rankings = out.directions->rankings;
  } else {
    out.warnings.push_back(
        "directions need two harmful and two harmless prompts of the splits \"fit\" and "
        "\"calibration\" each, and were left out");
  }
  out.verified =
      verify(asked, measure, mitigations(out.layers, bits, rankings, settings), bits, out.found.mode, settings);
  const proportion refused{out.reference.harmful.reference(verdict::refused), out.reference.harmful.prompts()};
  if (refused.value() < 0.5)
    out.warnings.push_back("the reference refuses only " + std::to_string(refused.hits) + " of " +
                           std::to_string(refused.trials) + " harmful test prompts: flips are of these alone");
  return out;
}

}  // namespace qfa

#endif
