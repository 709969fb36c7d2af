// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_CACHED_PASS_HPP
#define QFA_MODEL_CACHED_PASS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "qfa/cache/plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/decoder_layer.hpp"
#include "qfa/model/kv_cache.hpp"

namespace qfa {

/// In which calls a text's tokens reach the model while its caches fill.
struct cache_schedule {
  /// Tokens of the first call; 0: the whole text.  Nothing: the whole text, unless a policy's attention reads new
  /// tokens as they arrived.  Those would change nothing in one call, so that their texts come token by token.
  std::optional<std::size_t> prefill{};
  std::size_t step = 1;  ///< tokens of each later call
};

/// What texts pass through.
struct cache_use {
  cache_plan plan{};
  cache_schedule schedule{};
};

/// Sizes of the calls by which a text of `tokens` comes.  Throws where the one call of them would hide the policies.
inline std::vector<std::size_t> calls_of(const cache_schedule& schedule, const cache_plan& plan, std::size_t tokens) {
  require(schedule.step > 0, "a call needs at least one token");
  const std::size_t asked = schedule.prefill.value_or(plan.reads_arrived() ? 1 : 0);
  const std::size_t first = asked == 0 ? tokens : (std::min)(asked, tokens);
  if (first == tokens && tokens > 1 && plan.reads_arrived())
    fail(plan.name() +
         " shows nothing in a text that comes in one call, whose attention reads what arrived: say how "
         "many tokens come first");
  std::vector<std::size_t> out;
  if (tokens > 0) out.push_back(first);
  for (std::size_t done = first; done < tokens; done += out.back())
    out.push_back((std::min)(schedule.step, tokens - done));
  return out;
}

/// decoder::forward with caches: texts, the rows of `tokens`, come in calls, and attention reads what the plan's
/// policies have left.  `visit` is shown the whole pass at the end, in the order of the hooks, where there is more than
/// one call; then what it writes comes to nothing.
template <class Decoder, class Visit>
activations forward_with_cache(const Decoder& model, const cache_use& use, matrix_view<const std::uint32_t> tokens,
                               const forward_options& options, Visit&& visit, forward_scratch& scratch) {
  if (tokens.empty() || (options.hooks.empty() && !options.final_hidden)) return {};
  const std::size_t rows = tokens.rows(), context = tokens.columns();
  const std::vector<std::size_t> calls = calls_of(use.schedule, use.plan, context);
  std::vector<kv_cache> caches(rows, kv_cache(model.config(), use.plan));
  if (calls.size() == 1) return model.extend(tokens, caches, options, visit, scratch);

  activations out;
  std::vector<activations> seen(options.hooks.size());
  std::size_t done = 0;
  const auto keep = [&](matrix_view<const float> x, std::size_t n, activations& to) {
    to.resize(tokens.size(), x.columns());
    for (std::size_t t = 0; t < x.rows(); ++t)
      std::copy(x.row(t).begin(), x.row(t).end(), to.view().row(t / n * context + done + t % n).begin());
  };
  std::vector<std::uint32_t> part;
  for (const std::size_t n : calls) {
    part.clear();
    for (std::size_t r = 0; r < rows; ++r) {
      const auto call = tokens.row(r).subspan(done, n);
      part.insert(part.end(), call.begin(), call.end());
    }
    const activations hidden = model.extend(
        matrix_view<const std::uint32_t>(part.data(), rows, n), caches, options,
        [&](std::size_t i, matrix_view<float> x) { keep(x, n, seen[i]); }, scratch);
    if (options.final_hidden) keep(hidden.view(), n, out);
    done += n;
  }
  std::vector<std::size_t> order(options.hooks.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return options.hooks[i]; });
  for (const std::size_t i : order)
    visit(i, seen[i].view());
  return out;
}

}  // namespace qfa

#endif
