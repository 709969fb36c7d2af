// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALLOCATE_ALLOCATION_HPP
#define QFA_ALLOCATE_ALLOCATION_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/allocate/damage_table.hpp"
#include "qfa/budget/budget_choice.hpp"
#include "qfa/budget/choice_table.hpp"
#include "qfa/core/error.hpp"

// min over b_t of sum_t sum_j w_j I_tj(b_t) within a budget of bytes.  Both objectives, features and KL,
// add up over units, so that the least is exact (budget/budget_choice.hpp).  Of both at once one is bounded.

namespace qfa {

/// A policy for each unit, and what is predicted of them together.
struct allocation {
  std::vector<std::size_t> chosen{};  ///< (units) options
  std::uint64_t bits = 0;
  double damage = 0.0;    ///< weighted mean of nu over features, summed over units
  double kl = 0.0;        ///< nats a token, summed over units
  double bound = 0.0;     ///< of whichever was made least: no choice is predicted to do less
  bool exact = false;     ///< whether no choice is, up to rounding
  double kl_share = 0.0;  ///< of KL in the sum that was made least: 0 damage alone, 1 KL alone
};

namespace detail {

inline double sum_over(std::span<const double> costs, std::size_t options, std::span<const std::size_t> chosen) {
  double sum = 0.0;
  for (std::size_t u = 0; u < chosen.size(); ++u)
    sum += costs[u * options + chosen[u]];
  return sum;
}

/// The least of some costs within a budget.
inline budget_choice least_of(const damage_table& table, std::vector<double> costs, std::uint64_t most_bits) {
  return least_cost_choice({.choices = table.options.size(), .costs = std::move(costs), .sizes = table.bits},
                           most_bits);
}

}  // namespace detail

/// What is predicted of a choice; `damages` are table.damages of the weights.
inline allocation predict_allocation(const damage_table& table, std::span<const double> damages,
                                     std::vector<std::size_t> chosen) {
  allocation out;
  out.damage = detail::sum_over(damages, table.options.size(), chosen);
  out.kl = detail::sum_over(table.kl, table.options.size(), chosen);
  out.bits = table.bits_of(chosen);
  out.chosen = std::move(chosen);
  return out;
}

/// The least damage to features within a budget, whatever becomes of the model otherwise.  Throws as least_cost_choice.
inline allocation least_damage(const damage_table& table, std::span<const double> damages, std::uint64_t most_bits) {
  const budget_choice found = detail::least_of(table, {damages.begin(), damages.end()}, most_bits);
  allocation out = predict_allocation(table, damages, found.chosen);
  out.bound = found.exact ? out.damage : found.bound;
  out.exact = found.exact;
  return out;
}

/// The least KL within a budget.
inline allocation least_kl(const damage_table& table, std::span<const double> damages, std::uint64_t most_bits) {
  const budget_choice found = detail::least_of(table, table.kl, most_bits);
  allocation out = predict_allocation(table, damages, found.chosen);
  out.bound = found.exact ? out.kl : found.bound;
  out.exact = found.exact;
  out.kl_share = 1.0;
  return out;
}

namespace detail {

/// Changes one unit's option, or two units' at once, while that lowers the damage and keeps both budgets; always the
/// first change that does.
inline void improve_within(const damage_table& table, std::span<const double> damages, std::uint64_t most_bits,
                           double most_kl, allocation& from) {
  const std::size_t units = table.units.size(), options = table.options.size();
  const auto better = [&](std::vector<std::size_t> chosen) {
    allocation next = predict_allocation(table, damages, std::move(chosen));
    if (next.bits > most_bits || next.kl > most_kl || !(next.damage < from.damage)) return false;
    next.bound = from.bound;
    next.kl_share = from.kl_share;
    from = std::move(next);
    return true;
  };
  // Differences alone decide whether a pair is worth adding up: there are (units options)^2 / 2 of them.
  const auto gain = [&](std::span<const double> costs, std::size_t u, std::size_t o) {
    return costs[u * options + o] - costs[u * options + from.chosen[u]];
  };
  const auto one_more = [&] {
    for (std::size_t u = 0; u < units; ++u)
      for (std::size_t o = 0; o < options; ++o)
        for (std::size_t v = u; v < units; ++v)
          for (std::size_t p = 0; p < (v == u ? 1 : options); ++p) {
            const std::size_t q = v == u ? o : p;
            const double damage = gain(damages, u, o) + (v == u ? 0.0 : gain(damages, v, q));
            const double kl = gain(table.kl, u, o) + (v == u ? 0.0 : gain(table.kl, v, q));
            if (!(damage < 0.0) || kl > most_kl - from.kl) continue;
            std::vector<std::size_t> chosen = from.chosen;
            chosen[u] = o;
            chosen[v] = q;
            if (better(std::move(chosen))) return true;
          }
    return false;
  };
  while (one_more()) {
  }
}

}  // namespace detail

/// The least damage to features within a budget of bits and with no more predicted KL than `like` has, which keeps the
/// budget: features as far as the model's predictions do not pay for them.  (Units behind the hook harm no feature, and
/// would get what is left over.)  Never predicted to do more damage than `like`.
///
/// By Lagrangian relaxation of KL.  With damage in units of what least KL does, f, and KL in units of its budget, k,
///
///   c(s) = min over choices of (1 - s) f + s k,   exact in each step;   since k <= 1 where the budget is kept,
///   f >= (c(s) - s) / (1 - s)   for every s: `bound` is the largest of those
///
/// s by bisection to 2^-14; then, from there and from `like`, changes of one or two units.  Throws where `like` takes
/// more than `most_bits`.
inline allocation least_damage_at_kl(const damage_table& table, std::span<const double> damages,
                                     std::uint64_t most_bits, const allocation& like) {
  require(like.bits <= most_bits, "what bounds KL must keep the budget itself");
  const double most_kl = like.kl;
  const allocation free = least_damage(table, damages, most_bits);
  if (free.kl <= most_kl) return free;
  allocation best = least_kl(table, damages, most_bits);  // as little KL as `like` at least, up to rounding
  if (!(best.kl <= most_kl)) best = like;
  if (best.damage == 0.0 || most_kl == 0.0) return best;
  const double unit = best.damage;
  double bound = free.bound, low = 0.0, high = 1.0;
  for (int step = 0; step < 14; ++step) {
    const double s = 0.5 * (low + high);
    std::vector<double> costs;
    for (std::size_t i = 0; i < damages.size(); ++i)
      costs.push_back((1.0 - s) * damages[i] / unit + s * table.kl[i] / most_kl);
    const budget_choice found = detail::least_of(table, std::move(costs), most_bits);
    bound = (std::max)(bound, ((found.exact ? found.cost : found.bound) - s) / (1.0 - s) * unit);
    allocation next = predict_allocation(table, damages, found.chosen);
    next.kl_share = s;
    const bool keeps = next.kl <= most_kl;
    (keeps ? high : low) = s;
    if (keeps && next.damage < best.damage) best = std::move(next);
  }
  allocation other = like;
  for (allocation* const one : {&best, &other})
    detail::improve_within(table, damages, most_bits, most_kl, *one);
  if (other.damage < best.damage) best = std::move(other);
  best.bound = (std::min)(bound, best.damage);  // above it by rounding alone
  best.exact = best.damage - best.bound <= 1e-12 * best.damage;
  return best;
}

}  // namespace qfa

#endif
