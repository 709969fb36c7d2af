// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_CACHE_BUDGET_HPP
#define QFA_ALIGNMENT_CACHE_BUDGET_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/layer_costs.hpp"
#include "qfa/budget/budget_choice.hpp"
#include "qfa/budget/choice_table.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// What a cache may take.
struct cache_budget_options {
  double bytes = 0.0;      ///< keys and values of one text in all layers, scales included
  std::size_t tokens = 0;  ///< of that text
  /// What plans really cost, since costs of layers alone need not add up.  Best over other prompts than the costs.
  plan_cost measure{};
  std::size_t most_states = std::size_t{1} << 22;  ///< beyond which the search is greedy: see least_cost_choice
};

/// A plan that was weighed.
struct budgeted_plan {
  cache_plan plan{};
  std::vector<std::size_t> chosen{};  ///< for each layer, which of the choices
  double bytes = 0.0;
  double predicted = 0.0;            ///< the sum of its layers' costs, each alone
  std::optional<double> measured{};  ///< nothing where it takes more than the budget, or nobody measures
};

/// Which cache each layer should have.
struct cache_budget {
  double bytes = 0.0;  ///< that it may take
  std::size_t tokens = 0;
  budgeted_plan searched{};               ///< of all plans within the budget the one predicted to cost least
  std::vector<budgeted_plan> uniform{};   ///< each choice in all layers
  std::optional<std::size_t> fallback{};  ///< the uniform plan that measured better than the one searched for
  double bound = 0.0;                     ///< no plan within the budget is predicted to cost less (Lagrangian)
  bool exact = false;                     ///< whether none is predicted to cost less than `searched`

  /// What to use.
  const budgeted_plan& chosen() const { return fallback ? uniform[*fallback] : searched; }
  double gap() const noexcept { return searched.predicted - bound; }
  /// Measured over predicted cost of the plan searched for: 1 where layers' costs add up, to be relied on within
  /// `additive_range`.  Nothing where it was not measured or predicted 0.
  std::optional<double> additivity() const noexcept {
    if (!searched.measured || searched.predicted == 0.0) return std::nullopt;
    return *searched.measured / searched.predicted;
  }
  /// A line for what was chosen and how, and one for each uniform plan.
  std::string text() const;
};

namespace detail {

inline std::string four_digits(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

inline std::string line_of(const budgeted_plan& plan) {
  std::string line = plan.plan.name() + ": " + std::to_string(static_cast<std::uint64_t>(std::ceil(plan.bytes))) +
                     " bytes, cost " + four_digits(plan.predicted) + " predicted";
  return plan.measured ? line + ", " + four_digits(*plan.measured) + " measured" : line;
}

/// Whole bits of each choice in each layer: (layers, choices).
inline std::vector<std::uint64_t> layer_bits(const layer_costs& costs, cache_info info, std::size_t tokens) {
  std::vector<std::uint64_t> bits;
  for (info.layer = 0; info.layer < costs.layers; ++info.layer)
    for (const cache_plan& choice : costs.choices) {
      const any_cache_policy policy = policy_in(choice, info.layer);
      const std::optional<double> said =
          policy.is_none() ? untouched_cache_bits(tokens, info).sum() : policy.stored_bits(tokens, info);
      if (!said)
        fail("the cache " + policy.name() + " does not say how many bits it takes, so that no budget can hold it");
      if (!(*said >= 0.0 && *said <= 0x1p53))
        fail("the cache " + policy.name() + " must take between 0 and 2^53 bits in a layer");
      bits.push_back(static_cast<std::uint64_t>(std::ceil(*said)));
    }
  return bits;
}

/// The plan with the chosen policy in each layer, named by its spec (plan_text); the commonest one, the first of
/// equals, is that of most layers.
inline cache_plan plan_of(const layer_costs& costs, const std::vector<std::size_t>& chosen) {
  std::vector<any_cache_policy> layers;
  for (std::size_t l = 0; l < chosen.size(); ++l)
    layers.push_back(policy_in(costs.choices[chosen[l]], l));
  const auto count = [&](const any_cache_policy& policy) {
    return std::ranges::count_if(layers, [&](const any_cache_policy& p) { return p.name() == policy.name(); });
  };
  const any_cache_policy most = *std::ranges::max_element(layers, {}, count);
  std::string name = plan_text(most, layers);
  return {std::move(layers), std::move(name)};
}

}  // namespace detail

namespace detail {

/// The budget in bits, and the table of what choices cost and take.  Throws as choose_cache does.
inline std::pair<std::uint64_t, choice_table> priced(const layer_costs& costs, const cache_info& shape,
                                                     const cache_budget_options& options) {
  require(shape.layers == costs.layers, "the costs of layers and the shape of caches must be of one model");
  require(options.tokens > 0, "a budget of bytes needs the number of tokens whose cache it is to hold");
  require(options.bytes >= 0.0 && options.bytes <= 0x1p50, "a budget must lie between 0 bytes and 2^50");
  choice_table table{
      .choices = costs.choices.size(), .costs = costs.costs, .sizes = layer_bits(costs, shape, options.tokens)};
  table.validate();
  const auto bits = static_cast<std::uint64_t>(options.bytes * 8.0);
  if (table.least_size() > bits)
    fail("a budget of " + std::to_string(bits / 8) + " bytes is too small for a cache of " +
         std::to_string(options.tokens) + " tokens, which takes at least " +
         std::to_string((table.least_size() + 7) / 8) + " bytes with these choices");
  return {bits, std::move(table)};
}

}  // namespace detail

/// Refuses, before any cost is measured, what choose_cache refuses of these choices whatever they cost: a policy that
/// does not say what it takes, and a budget that not even the smallest plan keeps, naming the least that one could.
inline void check_cache_budget(std::vector<cache_plan> choices, const cache_info& shape,
                               const cache_budget_options& options) {
  layer_costs unpriced{.layers = shape.layers, .choices = std::move(choices)};
  unpriced.costs.resize(unpriced.layers * unpriced.choices.size());
  (void)detail::priced(unpriced, shape, options);
}

/// Chooses for each layer one of the policies whose costs were measured, so that the sum of costs is least and all
/// layers' keys and values keep a budget of bytes: exact for tens of layers (least_cost_choice).  Never predicted to
/// cost more than the best uniform plan that keeps the budget.
///
/// With options.measure the plan and each uniform plan within the budget are measured, and where one of these comes out
/// strictly better it is the one to use.  `shape` is the model's (cache_shape).  Throws where a policy does not say
/// what it takes; and where not even the smallest plan keeps the budget, naming the least that one could.
inline cache_budget choose_cache(const layer_costs& costs, const cache_info& shape,
                                 const cache_budget_options& options) {
  const auto priced = detail::priced(costs, shape, options);
  const std::uint64_t bits = priced.first;  // clang 14 captures no structured bindings
  const choice_table& table = priced.second;

  const auto weighed = [&](cache_plan plan, std::vector<std::size_t> chosen) {
    budgeted_plan out{.plan = std::move(plan),
                      .bytes = static_cast<double>(table.size_of(chosen)) / 8.0,
                      .predicted = table.cost_of(chosen)};
    out.chosen = std::move(chosen);
    return out;
  };
  const auto measure = [&](budgeted_plan& plan) {
    plan.measured = options.measure(plan.plan);
    if (!std::isfinite(*plan.measured)) fail("the measured cost of the cache " + plan.plan.name() + " is not finite");
  };
  const budget_choice best = least_cost_choice(table, bits, options.most_states);
  cache_budget out{.bytes = options.bytes, .tokens = options.tokens, .bound = best.bound, .exact = best.exact};
  out.searched = weighed(detail::plan_of(costs, best.chosen), best.chosen);
  if (options.measure) measure(out.searched);
  for (std::size_t c = 0; c < table.choices; ++c) {
    budgeted_plan& same = out.uniform.emplace_back(weighed(costs.choices[c], std::vector(table.layers(), c)));
    if (!options.measure || table.size_of(same.chosen) > bits) continue;
    if (same.chosen == out.searched.chosen)
      same.measured = out.searched.measured;
    else
      measure(same);
    if (*same.measured < *out.chosen().measured) out.fallback = c;
  }
  return out;
}

inline std::string cache_budget::text() const {
  std::string out = "cache of " + std::to_string(tokens) + " tokens in " +
                    std::to_string(static_cast<std::uint64_t>(bytes)) + " bytes\n";
  out += "  chosen    " + detail::line_of(chosen()) + "\n";
  if (fallback)
    out += "  it measured better than what was searched for, since costs of layers do not add up\n  searched  " +
           detail::line_of(searched) + "\n";
  out += std::string("  ") + (exact ? "exact" : "greedy") + "; no plan is predicted below " +
         detail::four_digits(bound) + " (gap " + detail::four_digits(gap() > 1e-12 * std::fabs(bound) ? gap() : 0.0) +
         ")\n";
  if (const std::optional<double> ratio = additivity())
    out += "  measured over predicted cost " + detail::four_digits(*ratio) +
           (additive_range::holds(*ratio) ? "\n" : ": layers' costs do not add up\n");
  for (const budgeted_plan& plan : uniform)
    out += "  uniform   " + detail::line_of(plan) + (plan.bytes > bytes ? ", beyond the budget\n" : "\n");
  return out;
}

}  // namespace qfa

#endif
