// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_SPEC_HPP
#define QFA_CACHE_SPEC_HPP

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/chain.hpp"
#include "qfa/cache/hf_hqq.hpp"
#include "qfa/cache/hf_quanto.hpp"
#include "qfa/cache/kivi.hpp"
#include "qfa/cache/kvquant.hpp"
#include "qfa/cache/llama_cpp.hpp"
#include "qfa/cache/matched_noise_cache.hpp"
#include "qfa/cache/modelopt.hpp"
#include "qfa/cache/only.hpp"
#include "qfa/cache/presets.hpp"
#include "qfa/cache/random_groups.hpp"
#include "qfa/cache/token_rows.hpp"
#include "qfa/cache/uniform.hpp"
#include "qfa/cache/vllm.hpp"
#include "qfa/compress/catalogue.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/compress/spec_text.hpp"

namespace qfa {

/// The cache policies that spec strings can name.  A value: copy qfa's own and add to it.
///
///   auto mine = qfa::default_cache_catalogue();
///   mine.add<my_cache>();                                   // describes its own fields
///   mine.add({halves{}, "halves"}, "keep every second");    // has none
using cache_catalogue = basic_policy_catalogue<any_cache_policy>;
using cache_entry = basic_policy_entry<any_cache_policy>;

/// The weight policies that token_rows_cache is given in specs: those that need no statistics of activations and see
/// rows, not heads.  Any other can be had in code.
template <class = void>
const policy_catalogue& row_policies() {
  static const policy_catalogue ours = [] {
    auto all = catalogue_of<identity, float_cast, rtn, integer, fp8, mxfp4, mxfp8, nvfp4, nf4, bnb_fp4, ternary,
                            ggml_quantizer, hqq, rotated, magnitude_pruner>();
    for (const preset& p : float_presets)
      all.add_preset(std::string(p.name), std::string(p.spec), std::string(p.origin));
    for (const preset& p : integer_presets)
      all.add_preset(std::string(p.name), std::string(p.spec), std::string(p.origin));
    return all;
  }();
  return ours;
}

/// qfa's own cache policies.  A new one is one more type in this list, a new preset one more line in presets.hpp.
///
/// A template, so that only those who ask for it compile all of them.
template <class = void>
const cache_catalogue& default_cache_catalogue() {
  static const cache_catalogue ours = [] {
    auto all =
        basic_catalogue_of<any_cache_policy, uniform_cache, kivi, only, llama_cpp_cache, vllm_cache, hf_quanto_cache,
                           hf_hqq_cache, modelopt_cache, kvquant_cache, random_groups, matched_noise_cache>();
    all.add<token_rows_cache>([](std::string_view weights) { return parse_policy(weights, row_policies()); });
    all.add(any_cache_policy{}, "keep what arrives");
    for (const preset& p : cache_presets)
      all.add_preset(std::string(p.name), std::string(p.spec), std::string(p.origin));
    for (const preset& p : serving_cache_presets)
      all.add_preset(std::string(p.name), std::string(p.spec), std::string(p.origin));
    return all;
  }();
  return ours;
}

/// The cache policy that `spec` writes: "kivi:bits=2,group=32,residual=128", "only:of=(section4:bits=3),side=keys".
/// Its grammar is that of weight policies (`split_spec`): A+B applies A, then B, where both work on the same keys and
/// attention reads the same with both (`cache_chain`).
///
/// For every policy p that comes out, parse_cache(p.name()) has p's name and acts as p does.  Throws, with a list of
/// what is known, where a name, a key or a value is not.
inline any_cache_policy parse_cache(std::string_view spec,
                                    const cache_catalogue& catalogue = default_cache_catalogue()) {
  const basic_nested_parser<any_cache_policy> nested = [&](std::string_view inner) {
    return parse_cache(inner, catalogue);
  };
  std::vector<any_cache_policy> parts;
  for (const policy_call& call : split_spec(spec))
    parts.push_back(catalogue.at(call.name).make(call.options, nested));
  if (parts.size() == 1) return std::move(parts.front());
  return any_cache_policy(cache_chain(std::move(parts)));
}

}  // namespace qfa

#endif
