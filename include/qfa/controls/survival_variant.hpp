// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_SURVIVAL_VARIANT_HPP
#define QFA_CONTROLS_SURVIVAL_VARIANT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/controls/control_passes.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/controls/variant_contrast.hpp"
#include "qfa/sae/unlearned.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/aggregates.hpp"

namespace qfa {

/// Everything that an audit's controls run with, for as many of them as are asked for.
struct control_material {
  language_model model;
  sae dictionary;
  token_rows rows;
  token_rows matching;     ///< other rows, for matching pruning; may be empty
  token_rows calibration;  ///< that calibrated policies learn from
  audit_settings settings;
  audit_options options;
  std::vector<any_policy> policies;
  target_patterns targets;
  progress told{};
};

inline survival_variant::condition condition_of(const damage_sample& s, double limit = 0.9) {
  const auto share = [&](std::size_t g) { return surviving_share(s.without(g), limit); };
  const auto mean = [&](std::size_t g) { return mean_correlation(s.without(g)); };
  return {s.name, jackknife(share(s.groups), s.groups, share, {.scale = interval_scale::logit}),
          jackknife(mean(s.groups), s.groups, mean, {.scale = interval_scale::atanh}), s.flip_share};
}

/// A variant with what it is held against the audit by: nothing of it is left where a process makes no report.
struct measured_variant {
  survival_variant found;
  std::vector<std::uint32_t> counted;  ///< features, increasing
  std::vector<damage_sample> samples;  ///< of the policies, in their order
};

/// What the audit itself found on the same rows, for its variants to be held against.
struct audited_samples {
  std::vector<std::uint32_t> counted;   ///< features, increasing
  std::vector<std::uint32_t> families;  ///< of these
  std::vector<damage_sample> samples;   ///< of the policies, in their order
};

/// The variant of that kind, each of its policies held against the audit's.
inline survival_variant hold_against(measured_variant v, variant_kind kind, const audited_samples& audited) {
  v.found.kind = kind;
  const std::span<const std::uint32_t> families = kind == variant_kind::unlearned
                                                      ? std::span<const std::uint32_t>(audited.families)
                                                      : std::span<const std::uint32_t>{};
  for (std::size_t i = 0; i < v.samples.size(); ++i)
    v.found.conditions[i].against =
        contrast_with_variant(audited.samples[i], audited.counted, v.samples[i], v.counted, families);
  return std::move(v.found);
}

/// Runs the reference and the policies once more, as `with` says; nothing of it is kept in a checkpoint.  Where a
/// process makes no report, the variant is empty.
inline measured_variant run_variant(std::string what, const control_material& with) {
  audit_options options = with.options;
  options.checkpoint = {};
  options.losses = false;
  options.paired = false;
  options.allow_bad_sae = true;
  control_passes passes(with.model, with.dictionary, with.rows, with.settings, options, with.told);
  passes.model().calibrate_on(with.calibration);
  measured_variant out;
  out.found.what = std::move(what);
  out.counted = passes.counted();
  out.found.counted = out.counted.size();
  out.found.fvu = passes.reference().side.fit().fvu;
  for (const any_policy& policy : with.policies)
    passes.run(
        policy.name(), [&] { return passes.model().compress_by(policy, with.targets); },
        [&](const pass_record& record) {
          if (!with.options.share.concludes) return;
          out.samples.push_back(sample_of(record.table, passes.counted(), record.name));
          out.found.conditions.push_back(condition_of(out.samples.back()));
        });
  passes.settle();
  return out;
}

/// One choice of an audit made otherwise.
struct variant_choice {
  variant_kind kind = variant_kind::positions;
  std::string what;
  std::function<control_material()> make;  ///< called again for each time that it is needed: SAEs are large
  bool own_rows = false;                   ///< other rows than the audit's, over which models have to run again
};

/// The same as `run_variant` of an audit's own model and rows, with another SAE or other positions in the statistics:
/// gathered beside the audit's own passes, from what passes at the hook of them, so that no model runs for it.
///
///   variant_beside v(what, with);
///   for each block of the reference   v.add_reference(block, x);      // every position of every row
///   for each policy                   v.begin(name);  for each block  v.add(block, x);  v.end();
///   v.found()
///
/// A pass of which it is not shown all blocks, in order, leaves nothing to be found: some were in a checkpoint.
class variant_beside {
 public:
  variant_beside(std::string what, control_material with)
      : features_(std::move(with.dictionary), layout_of(with.rows, with.settings, with.options), false,
                  with.options.spill_budget / 8) {
    measured_.found.what = std::move(what);
  }

  /// What the SAE's matrices take, and what is packed of them.
  static std::size_t bytes_of(const sae& s) noexcept { return 4 * s.d_in * s.d_sae * sizeof(float); }

  void add_reference(std::size_t block, matrix_view<const float> x) {
    if (!(whole_ = whole_ && block == blocks_)) return;
    features_.add_reference(x);
    if (++blocks_ < features_.layout().blocks()) return;
    features_.end_reference(true);
    measured_.counted = counted_features(features_.reference().table, honest);
    measured_.found.counted = measured_.counted.size();
    measured_.found.fvu = features_.reference().side.fit().fvu;
  }

  void begin(const std::string& policy) {
    whole_ = whole_ && features_.reference().complete();
    if (whole_) side_.emplace(features_, policy);
    blocks_ = 0;
  }
  void add(std::size_t block, matrix_view<const float> x) {
    if (!(whole_ = whole_ && block == blocks_)) return;
    side_->add(x);
    ++blocks_;
  }
  void end() {
    if (!(whole_ = whole_ && blocks_ == features_.layout().blocks())) return;
    const pass_record record = std::move(*side_).record();
    side_.reset();
    measured_.samples.push_back(sample_of(record.table, measured_.counted, record.name));
    measured_.found.conditions.push_back(condition_of(measured_.samples.back()));
  }

  /// Nothing where it was not shown everything.
  std::optional<measured_variant> found() const {
    return whole_ && features_.reference().complete() ? std::optional(measured_) : std::nullopt;
  }

 private:
  feature_audit features_;
  std::optional<compressed_side> side_;
  std::size_t blocks_ = 0;  // of the pass, so far
  bool whole_ = true;
  measured_variant measured_;
};

/// Rows with BOS where they had none: behind it, all but the last token.  Rows that begin with it lose it, and are one
/// token shorter.  Throws where the model names no BOS.
inline token_rows with_bos_changed(const token_rows& rows, std::uint32_t bos, bool has_bos) {
  token_rows out{.context = has_bos ? rows.context - 1 : rows.context};
  out.documents = rows.documents;
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    const auto row = rows.view().row(r);
    if (!has_bos) out.ids.push_back(bos);
    out.ids.insert(out.ids.end(), row.begin() + (has_bos ? 1 : 0), row.end() - (has_bos ? 0 : 1));
  }
  return out;
}

/// How many of the first rows thresholds are set on: enough tokens, but no more than 16,384, fewer for large
/// dictionaries.
inline std::size_t rows_for_thresholds(const control_material& with) {
  const std::size_t work = with.dictionary.d_in * with.dictionary.d_sae;
  const std::size_t tokens = std::clamp<std::size_t>(std::size_t{20'000'000'000} / work, 1024, 16384);
  return (std::min)(with.rows.rows(), (std::max<std::size_t>)(1, tokens / with.rows.context));
}

/// What the SAE's encoder reads of the reference on those rows.
inline std::vector<float> sample_encoder_inputs(const control_material& with) {
  const audited_model model(with.model, with.dictionary, with.settings, with.options.fused, with.told);
  const token_rows rows = rows_of(with.rows, 0, rows_for_thresholds(with));
  const token_layout layout{rows.rows(), rows.context, with.settings.skip_positions};
  std::vector<float> inputs;
  run_over(
      model.reference(), rows, layout, model.hook(), "thresholds", with.told,
      [&](std::size_t, matrix_view<const std::uint32_t>, matrix_view<const float> x, matrix_view<const float>) {
        const kept_activations kept(x, layout);
        const std::vector<float> some = encoder_inputs(with.dictionary, kept.view());
        inputs.insert(inputs.end(), some.begin(), some.end());
      },
      0, false);
  return inputs;
}

}  // namespace qfa

#endif
