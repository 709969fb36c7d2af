// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_RUN_CONTROLS_HPP
#define QFA_CONTROLS_RUN_CONTROLS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "qfa/controls/control_audit.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/controls/survival_variant.hpp"
#include "qfa/sae/relaxed.hpp"
#include "qfa/sae/unlearned.hpp"

namespace qfa {

/// Cuts the rows of an audit into those that controls run on, the first `max_tokens`, and 32 behind them at most, an
/// eighth of all at most, for matching pruning.
inline void choose_control_rows(control_material& with, const token_rows& reported, const control_settings& how) {
  const std::size_t spare = (std::min<std::size_t>)(32, reported.rows() / 8);
  std::size_t rows = reported.rows() - spare;
  if (how.max_tokens > 0) rows = (std::min)(rows, (std::max<std::size_t>)(1, how.max_tokens / reported.context));
  with.rows = rows_of(reported, 0, rows);
  with.matching = rows_of(reported, rows, spare);
}

namespace detail {

/// The choices of an audit that its numbers may hang on, each made the other way.
inline void run_variants(const control_material& with, std::vector<survival_variant>& out,
                         std::vector<std::string>& notes) {
  {
    control_material other = with;
    std::size_t& skipped = other.settings.skip_positions;
    skipped = skipped == 0 ? 1 : 0;
    out.push_back(run_variant(skipped == 0 ? "position 0 in the statistics" : "without position 0", other));
  }
  if (with.model.config.bos) {
    control_material other = with;
    other.settings.prepend_bos = !with.settings.prepend_bos;
    other.rows = with_bos_changed(with.rows, *with.model.config.bos, with.settings.prepend_bos);
    other.settings.context = other.rows.context;
    // Behind a BOS that the SAE never saw stands what it did see.
    if (other.settings.prepend_bos) ++other.settings.skip_positions;
    if (with.settings.prepend_bos && other.settings.skip_positions > 0) --other.settings.skip_positions;
    out.push_back(run_variant(other.settings.prepend_bos ? "with BOS before each row" : "without BOS", other));
  } else {
    notes.emplace_back("the model names no BOS: rows with it were left out");
  }
  if (has_threshold(with.dictionary)) {
    control_material other = with;
    other.dictionary = relaxed(with.dictionary);
    out.push_back(run_variant("relaxed gate, f = max(z, 0)", other));
  }
}

/// Dictionaries that have learned nothing, or not these activations.
inline void run_unlearned(const control_material& with, std::span<const double> rates,
                          std::vector<survival_variant>& out) {
  const std::vector<float> inputs = sample_encoder_inputs(with);
  const matrix_view<const float> x(inputs.data(), inputs.size() / with.dictionary.d_in, with.dictionary.d_in);
  std::vector<double> mean(x.columns(), 0.0);
  for (std::size_t t = 0; t < x.rows(); ++t)
    for (std::size_t i = 0; i < mean.size(); ++i)
      mean[i] += static_cast<double>(x(t, i)) / static_cast<double>(x.rows());
  control_material other = with;
  // Thresholds of its own make a feature fire at a given rate: a gate that has none gets them, and the name says so.
  const auto run = [&](std::string what, sae unlearned) {
    other.dictionary = std::move(unlearned);
    set_firing_rates(other.dictionary, x, rates);
    if (other.dictionary.activation != with.dictionary.activation)
      what += ", " + std::string(activation_names[static_cast<std::size_t>(other.dictionary.activation)]) + " gate";
    out.push_back(run_variant(what, other));
  };
  run("random SAE, same firing rates", random_sae(with.dictionary, 1));
  run("this SAE on rotated activations, same rates", rotated_sae(with.dictionary, mean, 1));
}

}  // namespace detail

/// All controls of an audit's weight policies.  Every process that shares the audit calls it; nothing is found in one
/// that makes no report.
inline control_findings run_controls(const control_material& with, const control_settings& how) {
  control_findings out;
  std::vector<double> rates;
  {
    control_audit itself(with, how);
    out = itself.run();
    rates = itself.firing_rates();
  }  // what it packed of the weights goes, before others are packed
  detail::run_variants(with, out.variants, out.notes);
  detail::run_unlearned(with, rates, out.variants);
  return out;
}

}  // namespace qfa

#endif
