// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_SPEC_HPP
#define QFA_COMPRESS_SPEC_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compress/activation_quantizer.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/awq_search.hpp"
#include "qfa/compress/bnb.hpp"
#include "qfa/compress/catalogue.hpp"
#include "qfa/compress/chain.hpp"
#include "qfa/compress/float_cast.hpp"
#include "qfa/compress/float_presets.hpp"
#include "qfa/compress/fp8.hpp"
#include "qfa/compress/ggml.hpp"
#include "qfa/compress/ggml_mix.hpp"
#include "qfa/compress/gptq.hpp"
#include "qfa/compress/hqq.hpp"
#include "qfa/compress/identity.hpp"
#include "qfa/compress/integer.hpp"
#include "qfa/compress/integer_presets.hpp"
#include "qfa/compress/llm_int8.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/matched_noise.hpp"
#include "qfa/compress/mx.hpp"
#include "qfa/compress/negated_error.hpp"
#include "qfa/compress/nm_pruner.hpp"
#include "qfa/compress/nvfp4.hpp"
#include "qfa/compress/permuted_error.hpp"
#include "qfa/compress/presets.hpp"
#include "qfa/compress/random_pruner.hpp"
#include "qfa/compress/rotated.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/compress/smooth_quant.hpp"
#include "qfa/compress/sparsegpt.hpp"
#include "qfa/compress/spec_text.hpp"
#include "qfa/compress/structured_pruner.hpp"
#include "qfa/compress/ternary.hpp"
#include "qfa/compress/threshold_pruner.hpp"
#include "qfa/compress/wanda.hpp"
#include "qfa/compress/weight_plan.hpp"
#include "qfa/compress/weight_plan_file.hpp"

namespace qfa {

template <described_policy... Policies>
policy_catalogue catalogue_of() {
  return basic_catalogue_of<any_policy, Policies...>();
}

/// qfa's own policies.  A new one is one more type in this list, a new preset one more line in presets.hpp.
///
/// A template, so that only those who ask for it compile all of qfa's policies (8 s of g++ -O0, 25 s at -O3).
template <class = void>
const policy_catalogue& default_catalogue() {
  static const policy_catalogue ours = [] {
    auto all =
        catalogue_of<identity, float_cast, rtn, magnitude_pruner, threshold_pruner, nm_pruner, row_pruner,
                     column_pruner, head_pruner, rotated, random_pruner, matched_noise, permuted_error, negated_error,
                     fp8, mxfp4, mxfp8, nvfp4, nf4, bnb_fp4, ternary, ggml_quantizer, ggml_mix, integer, hqq, gptq,
                     awq_search, sparsegpt, wanda, smooth_quant, llm_int8, activation_quantizer, weight_plan,
                     weight_plan_file>();
    for (const preset& p : presets)
      all.add_preset(std::string(p.name), std::string(p.spec), std::string(p.origin));
    for (const preset& p : float_presets)
      all.add_preset(std::string(p.name), std::string(p.spec), std::string(p.origin));
    for (const preset& p : integer_presets)
      all.add_preset(std::string(p.name), std::string(p.spec), std::string(p.origin));
    return all;
  }();
  return ours;
}

/// What spec strings can name, with options, defaults and a line on each: for listings.
template <class = void>
const std::vector<policy_entry>& registered_policies() { return default_catalogue().entries(); }

/// The policy that `spec` writes: "rtn:bits=6,per=row", "prune:sparsity=0.5+rtn:bits=4", "cast:bf16".  Its grammar is
/// that of `split_spec`; a policy within an option stands in parentheses.
///
/// For every policy p that comes out, parse_policy(describe(p)) describes itself as p does and acts as p does.  Throws,
/// with a list of what is known, where a name, a key or a value is not.
inline any_policy parse_policy(std::string_view spec, const policy_catalogue& catalogue = default_catalogue()) {
  const nested_parser nested = [&](std::string_view inner) { return parse_policy(inner, catalogue); };
  std::vector<any_policy> parts;
  for (const policy_call& call : split_spec(spec))
    parts.push_back(catalogue.at(call.name).make(call.options, nested));
  // By pairs, so that 64 policies stand 6 within one another and not 63: names and what they do are the same.
  while (parts.size() > 1) {
    std::vector<any_policy> pairs;
    for (std::size_t i = 0; i < parts.size(); i += 2)
      pairs.push_back(i + 1 < parts.size() ? any_policy(chain{parts[i], parts[i + 1]}) : parts[i]);
    parts = std::move(pairs);
  }
  return parts.front();
}

}  // namespace qfa

#endif
