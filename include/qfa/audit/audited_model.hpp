// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_AUDITED_MODEL_HPP
#define QFA_AUDIT_AUDITED_MODEL_HPP

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/compare_models.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/learn_cache.hpp"
#include "qfa/model/processing.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// The model that an audit is about, as it is stored and as it is processed, and how compressed ones are made of it.
class audited_model {
 public:
  /// Throws where the hook is not there or has another width than the SAE.
  audited_model(language_model stored, const sae& dictionary, const audit_settings& settings, bool fused, progress told)
      : stored_(std::move(stored)),
        settings_(settings),
        fused_(fused),
        told_(std::move(told)),
        hook_(parse_hook(settings.hook, stored_.config)),
        processed_((check_width(dictionary), process(stored_, settings.weight_processing))),
        reference_(processed_) {}

  const language_model& stored() const noexcept { return stored_; }
  const audit_settings& settings() const noexcept { return settings_; }
  const hook_point& hook() const noexcept { return hook_; }
  /// The reference's weights, processed.
  const language_model& processed() const noexcept { return processed_; }
  /// The reference, ready to run.
  const any_decoder& reference() const noexcept { return reference_; }

  /// Rows that policies learn from.
  const token_rows& calibration() const noexcept { return calibration_; }
  void calibrate_on(token_rows rows) { calibration_ = std::move(rows); }

  /// What policies are given: the weights as they are stored, or processed, as the order of the settings has it.
  const language_model& given_to_policies() const noexcept { return compresses_first() ? stored_ : processed_; }

  /// A compressed form of what policies are given.
  template <class Policy>
  compressed_model compress_given(const Policy& policy, const target_patterns& targets) const {
    return compress(given_to_policies(), policy, targets,
                    {.fused = fused_, .calibration = &calibration_, .like = &reference_, .on_progress = told_});
  }

  /// The same, processed where that comes after: what is audited.
  template <class Policy>
  compressed_model compress_by(const Policy& policy, const target_patterns& targets) const {
    return finish(compress_given(policy, targets));
  }

  /// What is audited of any compressed form of what policies are given.
  compressed_model finish(compressed_model compressed) const {
    if (compresses_first()) process_compressed(compressed);
    return compressed;
  }

  /// A model that was compressed elsewhere, as it is stored.  `on_inputs` changes the inputs of its linear layers.
  /// Throws where it is not of the reference's architecture.
  compressed_model take(language_model compressed, const target_patterns& targets, input_visitor on_inputs) const {
    compressed_model out{.model = {},
                         .tensors = compare_tensors(stored_, compressed, targets, fused_),
                         .on_inputs = std::move(on_inputs)};
    out.model = share_equal_tensors(stored_, std::move(compressed));
    process_compressed(out);
    return out;
  }

  /// The reference's weights as they are: what a cache is audited with by itself.
  compressed_model uncompressed() const { return {.model = processed_}; }

  /// A compressed model with caches, which learn from the calibration rows as that model sees them.
  compressed_model with_cache(compressed_model compressed, const cache_use& use) const {
    compressed.cache = {learn_cache(use.plan, ready(compressed), calibration_, told_), use.schedule};
    return compressed;
  }

  /// A compressed model, ready to run.
  any_decoder ready(const compressed_model& compressed) const {
    any_decoder out(compressed.model, reference_);
    out.visit_inputs(compressed.on_inputs);
    out.use_cache(compressed.cache.plan, compressed.cache.schedule);
    return out;
  }

  /// What a weight of these tensors takes in the reference; none where that is not known.
  std::optional<double> bits_before(std::vector<compressed_tensor> tensors) const {
    for (compressed_tensor& tensor : tensors) {
      const std::string_view name = stored_name(tensor.info.name);
      // Processing gives a tied unembedding a tensor of its own.
      const language_model& holder = stored_.contains(name) ? stored_ : processed_;
      tensor.stored_bits = detail::known_bits(holder.at(name).bits * static_cast<double>(tensor.weights));
    }
    return bits_per_weight(tensors);
  }

 private:
  bool compresses_first() const noexcept { return settings_.order == compression_order::compress_then_process; }

  void check_width(const sae& dictionary) const {
    const std::size_t width = hook_width(stored_.config, hook_);
    if (width != dictionary.d_in)
      fail("the SAE takes activations " + std::to_string(dictionary.d_in) + " wide, but " + settings_.hook + " of " +
           stored_.source + " is " + std::to_string(width) + " wide");
  }

  /// Processes a model that was compressed as it is stored.  Where its inputs are changed as well, that is done as in
  /// deployment, to what the stored weights read: the parts of processing that would move inputs are left out, which
  /// move no hook but v and z.
  void process_compressed(compressed_model& compressed) const {
    processing parts = applicable(settings_.weight_processing, stored_.config);
    if (compressed.on_inputs) {
      if (parts.fold_value_biases && stored_.config.qkv_bias &&
          (hook_.kind == hook_kind::v || hook_.kind == hook_kind::z))
        fail("a policy that changes activations cannot be audited at " + settings_.hook +
             ", which fold_value_biases moves: leave that part out of the processing, or process before compressing");
      parts = keeping_inputs(parts);
    }
    // What the policy left alone is shared with the reference again.
    compressed.model = share_equal_tensors(processed_, process(compressed.model, parts));
  }

  language_model stored_;
  audit_settings settings_;
  bool fused_;
  progress told_;
  hook_point hook_;
  language_model processed_;
  any_decoder reference_;
  token_rows calibration_;
};

}  // namespace qfa

#endif
