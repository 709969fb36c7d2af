// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_COMPRESS_HPP
#define QFA_MODEL_COMPRESS_HPP

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compress/distortion.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/cached_pass.hpp"
#include "qfa/model/calibrate.hpp"
#include "qfa/model/input_visitor.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/logical_tensors.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/simd/kernels.hpp"

namespace qfa {

struct compress_options {
  /// Gives the policy a fused tensor (GPT-NeoX query_key_value, Phi-3 qkv_proj and gate_up_proj) as the one matrix that
  /// is stored, of role `other`, instead of its parts.
  bool fused = false;
  /// Rows that calibrated policies learn from, by passes of the model before it is compressed.  Without them such a
  /// policy is refused.
  const token_rows* calibration = nullptr;
  std::size_t calibration_budget = default_calibration_budget;  ///< bytes (model/calibrate.hpp)
  const any_decoder* like = nullptr;  ///< a decoder whose packed weights those passes may share
  progress on_progress{};
};

/// What a policy did to one matrix.
struct compressed_tensor {
  tensor_info info;
  std::size_t weights = 0;
  distortion change;
  /// Bits of the whole matrix as deployed, scales included: what the policy says, else what it took before.  None where
  /// neither is known.
  std::optional<double> stored_bits{};
  std::string policy{};  ///< what it got of a policy that treats matrices unlike (name_for)
};

/// Bits a weight takes over all of these matrices; none where it is not known of one of them.
inline std::optional<double> bits_per_weight(std::span<const compressed_tensor> tensors) {
  double bits = 0.0, weights = 0.0;
  for (const compressed_tensor& tensor : tensors) {
    if (!tensor.stored_bits) return std::nullopt;
    bits += *tensor.stored_bits;
    weights += static_cast<double>(tensor.weights);
  }
  if (weights == 0.0) return std::nullopt;
  return bits / weights;
}

struct compressed_model {
  language_model model;
  std::vector<compressed_tensor> tensors{};  ///< those that the targets chose, in the model's order
  /// For decoder::visit_inputs, where the policy changes activations: the inputs that any of those tensors reads, each
  /// text by itself.  Else empty.
  input_visitor on_inputs{};
  cache_use cache{};  ///< for any_decoder::use_cache
};

namespace detail {

/// The matrices that a policy is to see, each with the slice that it is.
inline std::vector<logical_tensor> chosen_tensors(const model_config& config, const target_patterns& targets,
                                                  bool fused) {
  std::vector<tensor_info> all;
  std::vector<logical_tensor> out;
  const auto note = [&](const tensor_info& info) { return all.push_back(info), targets(info); };
  if (!fused) {
    for (logical_tensor& tensor : logical_tensors(config))
      if (note(tensor.info)) out.push_back(std::move(tensor));
  } else {
    for (stored_matrix& matrix : stored_matrices(config)) {
      std::size_t chosen = 0;
      for (const tensor_info& part : matrix.parts)
        chosen += note(part) ? 1U : 0U;
      if (chosen != 0 && chosen != matrix.parts.size())
        fail("the targets choose only part of \"" + matrix.whole.info.name + "\", which cannot be compressed as one");
      if (chosen != 0) out.push_back(std::move(matrix.whole));
    }
  }
  if (const auto idle = targets.matching_nothing(all); !idle.empty())
    fail("the target pattern \"" + idle.front() + "\" matches no tensor of this model, such as \"" + all.front().name +
         "\"");
  if (out.empty()) fail("the targets choose no tensor of this model, such as \"" + all.front().name + "\"");
  return out;
}

/// Refuses matrices whose inputs cannot be learned from or changed, where the policy would.
inline void check_inputs(const std::vector<logical_tensor>& chosen, bool learns, bool changes, const token_rows* rows) {
  for (const logical_tensor& tensor : chosen) {
    if (tensor.input) continue;
    if (learns) fail(quoted(tensor.info) + " has no calibration, which the policy needs: only what blocks read has");
    if (changes)
      fail("the policy changes activations, but what is read by " + quoted(tensor.info) +
           " cannot be changed: only what blocks read can");
  }
  if (learns && (rows == nullptr || rows->rows() == 0))
    fail("compressing " + quoted(chosen.front().info) + " needs calibration tokens, and none were given");
}

inline std::vector<linear_input> inputs_of(const std::vector<logical_tensor>& chosen) {
  std::vector<linear_input> out;
  for (const logical_tensor& tensor : chosen)
    if (tensor.input && (out.empty() || out.back() != *tensor.input)) out.push_back(*tensor.input);
  return out;
}

/// NaN is none.
inline std::optional<double> known_bits(double bits) { return std::isnan(bits) ? std::nullopt : std::optional(bits); }

}  // namespace detail

/// Refuses targets that a model of this configuration does not have: a pattern that matches nothing, no tensor chosen,
/// or, of fused tensors, a part of one.
inline void check_targets(const model_config& config, const target_patterns& targets, bool fused = false) {
  detail::chosen_tensors(config, targets, fused);
}

/// A model whose chosen matrices are what `policy` makes of them.  Every tensor that stays as it was, bit for bit, is
/// shared with `model`, which itself does not change.  Throws where the policy does, where it needs calibration and
/// there is none, where a target pattern matches nothing, and where a weight is no longer finite.
template <weight_policy Policy>
compressed_model compress(const language_model& model, const Policy& policy, const target_patterns& targets = {},
                          const compress_options& options = {}) {
  const std::vector<logical_tensor> chosen = detail::chosen_tensors(model.config, targets, options.fused);
  {
    std::vector<tensor_info> infos;
    for (const logical_tensor& tensor : chosen)
      infos.push_back(tensor.info);
    check_tensors(policy, infos);
  }
  const calibration_needs needs = needs_of(policy);
  const bool changes = changes_activations(policy);
  detail::check_inputs(chosen, needs.any(), changes, options.calibration);
  std::optional<calibrator> learned;
  if (needs.any())
    learned.emplace(model, *options.calibration, needs, detail::inputs_of(chosen), options.calibration_budget,
                    options.like, options.on_progress);

  compressed_model out{.model = model};
  std::map<linear_input, calibration> changed_inputs;
  for (std::size_t first = 0; first < chosen.size();) {
    const shared_tensor& before = model.at(chosen[first].slice.weight);
    std::vector<float> after = *before.values;
    double bits = 0.0;
    std::size_t covered = 0;
    // Parts of one stored tensor stand next to each other: they change one copy of it.
    std::size_t last = first;
    for (; last < chosen.size() && chosen[last].slice.weight == chosen[first].slice.weight; ++last) {
      const logical_tensor& tensor = chosen[last];
      const std::size_t weights = tensor.slice.rows * tensor.slice.columns;
      report_progress(options.on_progress, "compress", last, chosen.size());
      const calibration* const known = learned ? &(*learned)(*tensor.input) : nullptr;
      apply_policy(policy, tensor.of(after.data()), tensor.info, known);
      if (changes && !changed_inputs.contains(*tensor.input))
        changed_inputs.emplace(*tensor.input, known == nullptr
                                                  ? calibration{}
                                                  : calibration{known->inputs.without_gram(), known->column_peaks});
      const double now = stored_bits_of(policy, tensor.slice.rows, tensor.slice.columns, tensor.info)
                             .value_or(before.bits * static_cast<double>(weights));
      bits += now;
      covered += weights;
      out.tensors.push_back({tensor.info, weights,
                             measure_distortion(tensor.of(before.data()), tensor.of(std::as_const(after).data())),
                             detail::known_bits(now), name_for(policy, tensor.info)});
    }
    if (covered < after.size()) bits += before.bits * static_cast<double>(after.size() - covered);
    bits /= static_cast<double>(after.size());
    const std::string& name = chosen[first].slice.weight;
    if (!simd::all_finite(after)) fail("the policy leaves \"" + name + "\" with a weight that is NaN or infinite");
    const bool same = std::memcmp(after.data(), before.data(), after.size() * sizeof(float)) == 0;
    out.model.tensors[name] =
        same ? shared_tensor{before.shape, before.values, bits} : share(before.shape, std::move(after), bits);
    first = last;
  }
  if constexpr (activation_policy<Policy>)
    if (changes) out.on_inputs = change_inputs(policy, std::move(changed_inputs));
  report_progress(options.on_progress, "compress", chosen.size(), chosen.size());
  return out;
}

}  // namespace qfa

#endif
