// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_RUN_CONTROLS_HPP
#define QFA_CONTROLS_RUN_CONTROLS_HPP

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/controls/control_audit.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/controls/survival_variant.hpp"
#include "qfa/sae/relaxed.hpp"
#include "qfa/sae/unlearned.hpp"
#include "qfa/stats/block_length.hpp"

namespace qfa {

/// Cuts the rows of an audit into those that controls run on, the first `max_tokens`, and 32 behind them at most, an
/// eighth of all at most, for matching pruning.  `with.options.block_length`, b* of the reported rows or 0, becomes
/// that of the controls' rows, by which their groups are joined where the audit's are.  Throws without rows.
inline void choose_control_rows(control_material& with, const token_rows& reported, const control_settings& how) {
  const std::size_t spare = (std::min<std::size_t>)(32, reported.rows() / 8);
  std::size_t rows = reported.rows() - spare;
  if (how.max_tokens > 0) rows = (std::min)(rows, (std::max<std::size_t>)(1, how.max_tokens / reported.context));
  with.rows = rows_of(reported, 0, rows);
  with.options.block_length = block_length_of_part(with.options.block_length, reported.rows(), rows);
  with.matching = rows_of(reported, rows, spare);
}

namespace detail {

/// The choices of an audit that its numbers may hang on, each made the other way; `with` must outlive what is returned.
inline std::vector<variant_choice> other_choices(const control_material& with) {
  std::vector<variant_choice> out;
  const bool skips = with.settings.skip_positions > 0;
  out.push_back(
      {variant_kind::positions, skips ? "position 0 in the statistics" : "without position 0", [&with, skips] {
         control_material other = with;
         other.settings.skip_positions = skips ? 0 : 1;
         return other;
       }});
  if (with.model.config.bos)
    out.push_back({variant_kind::bos, with.settings.prepend_bos ? "without BOS" : "with BOS before each row",
                   [&with] {
                     control_material other = with;
                     std::size_t& skipped = other.settings.skip_positions;
                     other.settings.prepend_bos = !with.settings.prepend_bos;
                     other.rows = with_bos_changed(with.rows, *with.model.config.bos, with.settings.prepend_bos);
                     other.settings.context = other.rows.context;
                     // Behind a BOS that the SAE never saw stands what it did see.
                     if (other.settings.prepend_bos) ++skipped;
                     if (with.settings.prepend_bos && skipped > 0) --skipped;
                     return other;
                   },
                   true});
  if (has_threshold(with.dictionary))
    out.push_back({variant_kind::gate, "relaxed gate, f = max(z, 0)", [&with] {
                     control_material other = with;
                     other.dictionary = relaxed(with.dictionary);
                     return other;
                   }});
  return out;
}

/// Dictionaries that have learned nothing, or not these activations; `inputs` are what the encoder reads of some rows,
/// `rates` how often each feature fires.  All must outlive what is returned.
inline std::vector<variant_choice> unlearned_choices(const control_material& with, const std::vector<float>& inputs,
                                                     const std::vector<double>& rates) {
  const matrix_view<const float> x(inputs.data(), inputs.size() / with.dictionary.d_in, with.dictionary.d_in);
  std::vector<double> mean(x.columns(), 0.0);
  for (std::size_t t = 0; t < x.rows(); ++t)
    for (std::size_t i = 0; i < mean.size(); ++i)
      mean[i] += static_cast<double>(x(t, i)) / static_cast<double>(x.rows());
  // Thresholds of its own make a feature fire at a given rate: a gate that has none gets them, and the name says so.
  const activation_kind before = with.dictionary.activation;
  const activation_kind after = before == activation_kind::gated   ? activation_kind::relu
                                : before == activation_kind::top_k ? activation_kind::jump_relu
                                                                   : before;
  const std::string gate =
      after == before ? "" : ", " + std::string(activation_names[static_cast<std::size_t>(after)]) + " gate";
  const auto choice = [&](const std::string& what, auto unlearned) {
    return variant_choice{variant_kind::unlearned, what + gate, [&with, &rates, x, unlearned] {
                            control_material other = with;
                            other.dictionary = unlearned();
                            set_firing_rates(other.dictionary, x, rates);
                            return other;
                          }};
  };
  return {choice("random SAE, same firing rates", [&with] { return random_sae(with.dictionary, 1); }),
          choice("this SAE on rotated activations, same rates",
                 [&with, mean] { return rotated_sae(with.dictionary, mean, 1); })};
}

}  // namespace detail

/// All controls of an audit's weight policies.  Every process that shares the audit calls it; nothing is found in one
/// that makes no report.  Throws as the passes of an audit do (audit/model_passes.hpp), and as the policies.
inline control_findings run_controls(const control_material& with, const control_settings& how) {
  control_findings out;
  std::vector<variant_choice> others = detail::other_choices(with);
  std::vector<std::optional<measured_variant>> found;
  audited_samples audited;
  std::vector<float> inputs;
  std::vector<double> rates;
  {
    control_audit itself(with, how);
    inputs = itself.encoder_sample();
    rates = itself.firing_rates();
    for (variant_choice& unlearned : detail::unlearned_choices(with, inputs, rates))
      others.push_back(std::move(unlearned));
    out = itself.run(others);
    for (std::size_t i = 0; i < others.size(); ++i)
      found.push_back(itself.beside(i));
    audited = itself.audited();
  }  // what it packed of the weights goes, before others are packed
  if (!with.model.config.bos) out.notes.emplace_back("the model names no BOS: rows with it were left out");
  for (std::size_t i = 0; i < others.size(); ++i)
    out.variants.push_back(hold_against(found[i] ? *std::move(found[i]) : run_variant(others[i].what, others[i].make()),
                                        others[i].kind, audited));
  return out;
}

}  // namespace qfa

#endif
