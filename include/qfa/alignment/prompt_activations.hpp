// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_PROMPT_ACTIVATIONS_HPP
#define QFA_ALIGNMENT_PROMPT_ACTIVATIONS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/alignment/text_position.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/cached_pass.hpp"
#include "qfa/model/decoder_layer.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/prompt_batches.hpp"

namespace qfa {

/// The mean row, in double, rounded once: one row comes back as it is.  Throws without rows, and where `mean` is of
/// another width.
inline void mean_of_rows(matrix_view<const float> rows, std::span<float> mean) {
  require(rows.rows() > 0 && rows.columns() == mean.size(), "a mean needs rows, and room for one");
  for (std::size_t c = 0; c < mean.size(); ++c) {
    double sum = 0.0;
    for (std::size_t r = 0; r < rows.rows(); ++r)
      sum += static_cast<double>(rows(r, c));
    mean[c] = static_cast<float>(sum / static_cast<double>(rows.rows()));
  }
}

/// In which calls a batch's texts reach a model: in one where its caches hold what arrives; else by its schedule where
/// that says how the first call is; else as in serving, the prompt in one call, each token of the response in another.
inline std::vector<std::size_t> calls_of(const cache_use& use, const prompt_batch& batch) {
  const std::size_t columns = batch.tokens.columns();
  if (use.plan.is_none()) return {columns};
  if (use.schedule.prefill) return calls_of(use.schedule, use.plan, columns);
  std::vector<std::size_t> out{batch.prompt_tokens};
  out.resize(1 + columns - batch.prompt_tokens, 1);
  return out;
}

/// What passes at hooks while a model reads each prompt and then, where there is one, a fixed response, the same behind
/// every prompt: for each hook (prompts, hook_width), the row of prompt p from the tokens at `position`.
///
/// A model that uses a cache (any_decoder::use_cache) shows what its own caches make of it, errors of earlier layers
/// and tokens included, in calls as `calls_of` has them.  Where attention reads new tokens as they arrived, the first
/// call shows nothing of it: give a response and look at its tokens.
///
/// Neither the other prompts nor the threads change a bit.  Throws for empty prompts, for those that lack the position,
/// as any_decoder::forward does, and where the position lies within a call that shows nothing.
inline std::vector<activations> activations_at(const any_decoder& model,
                                               std::span<const std::vector<std::uint32_t>> prompts,
                                               std::span<const hook_point> hooks, const text_position& position,
                                               std::span<const std::uint32_t> response = {}) {
  std::vector<activations> out(hooks.size());
  for (std::size_t i = 0; i < hooks.size(); ++i)
    out[i].resize(prompts.size(), hook_width(model.config(), hooks[i]));
  const forward_options options{.hooks = {hooks.begin(), hooks.end()}};
  forward_scratch scratch;
  std::vector<activations> taken(hooks.size());  // the position's tokens, those of one text after another's
  for_each_prompt_batch(prompts, response, [&](const prompt_batch& batch) {
    const token_span at = position.tokens_of(batch.prompt_tokens, response.size());
    const cache_use& use = model.cache();
    const std::vector<std::size_t> calls = calls_of(use, batch);
    if (use.plan.reads_arrived() && at.last <= calls.front())
      fail(use.plan.name() +
           " shows nothing in the tokens of the first call, whose attention reads what arrived: look at a token of a "
           "response");
    const std::size_t texts = batch.prompts.size();
    std::size_t done = 0;
    const auto take = [&](std::size_t i, matrix_view<const float> x) {
      const std::size_t n = x.rows() / texts;
      taken[i].resize(texts * at.size(), x.columns());
      for (std::size_t t = (std::max)(done, at.first); t < (std::min)(done + n, at.last); ++t)
        for (std::size_t r = 0; r < texts; ++r)
          std::ranges::copy(x.row(r * n + (t - done)), taken[i].view().row(r * at.size() + (t - at.first)).begin());
    };
    if (use.plan.is_none()) {
      model.forward(batch.tokens, options, take, scratch);
    } else {
      std::vector<kv_cache> caches(texts, kv_cache(model.config(), use.plan));
      for (const std::size_t n : calls) {
        if (done >= at.last) break;  // nothing that comes later changes what has been
        const std::uint32_t* const call = batch.tokens.data() + done;
        model.extend({call, texts, n, batch.tokens.row_stride()}, caches, options, take, scratch);
        done += n;
      }
    }
    for (std::size_t i = 0; i < hooks.size(); ++i)
      for (std::size_t r = 0; r < texts; ++r)
        mean_of_rows(std::as_const(taken[i]).view().rows_between(r * at.size(), (r + 1) * at.size()),
                     out[i].view().row(batch.prompts[r]));
  });
  return out;
}

/// The same at one hook.
inline activations activations_at(const any_decoder& model, std::span<const std::vector<std::uint32_t>> prompts,
                                  const hook_point& hook, const text_position& position,
                                  std::span<const std::uint32_t> response = {}) {
  return std::move(activations_at(model, prompts, std::span(&hook, 1), position, response).front());
}

}  // namespace qfa

#endif
