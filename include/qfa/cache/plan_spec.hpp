// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_PLAN_SPEC_HPP
#define QFA_CACHE_PLAN_SPEC_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/cache/spec.hpp"
#include "qfa/compress/number_set.hpp"
#include "qfa/compress/spec_text.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// A plan as text: the policy of most layers, then those of the others.
///
///   "section4:bits=3"                               the same for all layers
///   "section4:bits=3;0=none;5-7|9=kivi:bits=4"      other ones for layers 0, 5, 6, 7 and 9
///
/// Exceptions that are none are left out; where no layer has the policy of most, that of layer 0 takes its place.  It
/// reads back by parse_cache_plan, except where a policy's name is no spec.
inline std::string plan_text(const any_cache_policy& most, const std::vector<any_cache_policy>& layers) {
  std::vector<std::pair<std::string, std::vector<std::size_t>>> others;  // in the order of their first layers
  std::size_t as_most = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (layers[l].name() == most.name()) {
      ++as_most;
      continue;
    }
    std::size_t i = 0;
    while (i < others.size() && others[i].first != layers[l].name())
      ++i;
    if (i == others.size()) others.emplace_back(layers[l].name(), std::vector<std::size_t>{});
    others[i].second.push_back(l);
  }
  if (as_most == 0 && !layers.empty()) return plan_text(layers.front(), layers);
  std::string text = most.name();
  for (auto& [name, numbers] : others)
    text += ";" + number_set(std::move(numbers)).text() + "=" + name;
  return text;
}

/// The plan that `spec` writes, for a model of so many layers:
///
///   plan       =  [ policy { "+" policy } ] { ";" exception }
///   exception  =  layers "=" policy { "+" policy }
///   layers     =  range { "|" range }
///   range      =  number [ "-" number ]
///
/// with policies as parse_cache reads them; a semicolon within parentheses is a policy's own.  Layers without a policy
/// hold what arrives.  The plan's name is its shortest text in a fixed order (`plan_text`), which reads back as a plan
/// of the same name that acts the same.  Throws on layers that the model has not, and where two exceptions name one.
inline cache_plan parse_cache_plan(std::string_view spec, std::size_t layers,
                                   const cache_catalogue& catalogue = default_cache_catalogue()) {
  any_cache_policy most;
  std::vector<std::optional<any_cache_policy>> others(layers);
  bool first = true;
  for (const std::string_view piece : split_outside_parentheses(spec, ';')) {
    const std::size_t equals = piece.find('=');
    const std::string_view before = equals == std::string_view::npos ? std::string_view() : piece.substr(0, equals);
    const bool names_layers = !before.empty() && before.find_first_not_of("0123456789-| ") == std::string_view::npos;
    if (!names_layers) {
      if (!first)
        fail("cache plan " + in_quotes(spec) + " has " + in_quotes(piece) +
             " where layers=policy was expected, as in 0|5-7=none");
      most = parse_cache(piece, catalogue);
      first = false;
      continue;
    }
    first = false;
    const std::optional<number_set> some = number_set::from_text(before.substr(0, before.find_last_not_of(' ') + 1));
    if (!some) fail("cache plan " + in_quotes(spec) + " names layers by " + in_quotes(before) + ", not as 0|5-7");
    const any_cache_policy policy = parse_cache(piece.substr(equals + 1), catalogue);
    for (const std::size_t l : some->listed()) {
      if (l >= layers)
        fail("cache plan " + in_quotes(spec) + " names layer " + std::to_string(l) + " of a model that has " +
             std::to_string(layers));
      if (others[l]) fail("cache plan " + in_quotes(spec) + " names layer " + std::to_string(l) + " twice");
      others[l] = policy;
    }
  }
  std::vector<any_cache_policy> all;
  for (std::optional<any_cache_policy>& other : others)
    all.push_back(other ? std::move(*other) : most);
  std::string text = plan_text(most, all);
  return cache_plan(std::move(all), std::move(text));
}

}  // namespace qfa

#endif
