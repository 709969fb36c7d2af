// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_COMPRESS_HPP
#define QFA_MODEL_COMPRESS_HPP

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compress/distortion.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/logical_tensors.hpp"
#include "qfa/simd/kernels.hpp"

namespace qfa {

struct compress_options {
  /// Gives the policy a fused tensor (GPT-NeoX query_key_value, Phi-3 qkv_proj and gate_up_proj) as the one matrix that
  /// is stored, of role `other`, instead of its parts.
  bool fused = false;
  progress on_progress{};
};

/// What a policy did to one matrix.
struct compressed_tensor {
  tensor_info info;
  std::size_t weights = 0;
  distortion change;
};

struct compressed_model {
  language_model model;
  std::vector<compressed_tensor> tensors;  ///< those that the targets chose, in the model's order
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

}  // namespace detail

/// A model whose chosen matrices are what `policy` makes of them.  Every tensor that stays as it was, bit for bit, is
/// shared with `model`, which itself does not change.  Throws where the policy does, where a target pattern matches
/// nothing, and where a weight is no longer finite.
template <weight_policy Policy>
compressed_model compress(const language_model& model, const Policy& policy, const target_patterns& targets = {},
                          const compress_options& options = {}) {
  const std::vector<logical_tensor> chosen = detail::chosen_tensors(model.config, targets, options.fused);
  compressed_model out{model, {}};
  for (std::size_t first = 0; first < chosen.size();) {
    const shared_tensor& before = model.at(chosen[first].slice.weight);
    std::vector<float> after = *before.values;
    // Parts of one stored tensor stand next to each other: they change one copy of it.
    std::size_t last = first;
    for (; last < chosen.size() && chosen[last].slice.weight == chosen[first].slice.weight; ++last) {
      const logical_tensor& tensor = chosen[last];
      report_progress(options.on_progress, "compress", last, chosen.size());
      apply_policy(policy, tensor.of(after.data()), tensor.info);
      out.tensors.push_back({tensor.info, tensor.slice.rows * tensor.slice.columns,
                             measure_distortion(tensor.of(before.data()), tensor.of(std::as_const(after).data()))});
    }
    if (!simd::all_finite(after))
      fail("the policy leaves \"" + chosen[first].slice.weight + "\" with a weight that is NaN or infinite");
    if (std::memcmp(after.data(), before.data(), after.size() * sizeof(float)) != 0)
      out.model.tensors[chosen[first].slice.weight] = share(before.shape, std::move(after));
    first = last;
  }
  report_progress(options.on_progress, "compress", chosen.size(), chosen.size());
  return out;
}

}  // namespace qfa

#endif
