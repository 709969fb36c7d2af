// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_INPUT_VISITOR_HPP
#define QFA_MODEL_INPUT_VISITOR_HPP

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "qfa/compress/calibration.hpp"
#include "qfa/compress/linear_input.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// Called with what linear layers are about to read: (tokens, input_width), texts of `context` rows one after the
/// other.  What it writes into the view is what they read.
using input_visitor = std::function<void(const linear_input&, matrix_view<float>, std::size_t context)>;

/// The hook behind the first linear layer that reads such inputs.
constexpr hook_kind first_reader(input_kind kind) noexcept {
  switch (kind) {
    case input_kind::attention:
      return hook_kind::q;
    case input_kind::mix:
      return hook_kind::attn_raw_out;
    case input_kind::mlp:
      return hook_kind::mlp_post;
    case input_kind::hidden:
      break;
  }
  return hook_kind::mlp_raw_out;
}

/// What the step to a hook is the first to read; nothing where it has no linear layer, or another has read it before.
constexpr std::optional<input_kind> first_read_by(hook_kind hook) noexcept {
  for (const input_kind kind : {input_kind::attention, input_kind::mix, input_kind::mlp, input_kind::hidden})
    if (first_reader(kind) == hook) return kind;
  return std::nullopt;
}

/// Floats per token of such inputs.
inline std::size_t input_width(const model_config& config, input_kind kind) noexcept {
  if (kind == input_kind::mix) return config.query_width();
  return kind == input_kind::hidden ? config.intermediate : config.hidden;
}

/// A visitor by which `policy` changes the inputs that `known` lists, and leaves all others alone.  Each text is
/// changed by itself, threads share the texts, and the policy is told what `known` says of the inputs.
template <weight_policy Policy>
input_visitor change_inputs(const Policy& policy, std::map<linear_input, calibration> known) {
  struct state {
    Policy policy;
    std::map<linear_input, calibration> known;
  };
  const auto held = std::make_shared<const state>(state{policy, std::move(known)});
  return [held](const linear_input& input, matrix_view<float> x, std::size_t context) {
    const auto found = held->known.find(input);
    if (found == held->known.end()) return;
    parallel_for(x.rows() / context, [&](std::size_t text) {
      apply_to_activations(held->policy, x.rows_between(text * context, (text + 1) * context), input, &found->second);
    });
  };
}

}  // namespace qfa

#endif
