// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_GENERATE_HPP
#define QFA_MODEL_GENERATE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "qfa/cache/plan.hpp"
#include "qfa/compress/counter_random.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/decoder_layer.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/prompt_batches.hpp"

namespace qfa {

/// How texts go on.
struct generate_options {
  std::size_t max_new_tokens = 256;
  std::optional<std::uint32_t> end{};  ///< ends a response, of which it is then the last token
  double temperature = 0.0;            ///< 0: greedy, the lowest id among equals; else logits are divided by it
  std::size_t top_k = 0;               ///< sample among the k most likely; 0: among all
  std::uint64_t seed = 0;              ///< of sampling
  /// Every further token from a pass of the whole text so far, in one call and through caches that begin empty, as
  /// where serving keeps no cache: what policies scale by is then always the whole text.
  bool whole_passes = false;
};

struct generated_text {
  std::vector<std::uint32_t> tokens{};  ///< behind the prompt
  bool ended = false;                   ///< by `end`, not by the limit
};

/// The likeliest token, the lowest id among equals.  Throws without logits.
inline std::uint32_t likeliest(std::span<const float> logits) {
  require(!logits.empty(), "there must be a token to choose");
  return static_cast<std::uint32_t>(std::ranges::max_element(logits) - logits.begin());
}

/// The token that a number in [0, 1) chooses: ids from the likeliest on, the lowest first among equals, as far as top_k
/// goes; the first whose cumulative probability exceeds the number.  In double.  Throws without logits, and where the
/// temperature is not above 0.
inline std::uint32_t sampled(std::span<const float> logits, const generate_options& options, double uniform) {
  require(!logits.empty() && options.temperature > 0.0, "sampling needs logits, and a temperature above 0");
  std::vector<std::uint32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0U);
  std::ranges::stable_sort(ids, [&](std::uint32_t a, std::uint32_t b) { return logits[a] > logits[b]; });
  if (options.top_k > 0 && options.top_k < ids.size()) ids.resize(options.top_k);
  const auto top = static_cast<double>(logits[ids.front()]);
  std::vector<double> sums;
  double sum = 0.0;
  for (const std::uint32_t id : ids)
    sums.push_back(sum += std::exp((static_cast<double>(logits[id]) - top) / options.temperature));
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (sums[i] > uniform * sum) return ids[i];
  return ids.back();
}

/// Lets each prompt go on by itself, through caches of its own as the plan has them: a prompt comes in one call, each
/// further token in another, as in serving.
///
/// Neither the other prompts nor the threads change a token: prompts of one length share their first call, and texts
/// that have not ended share each later one.  Sampling draws the number for token t of prompt p from (seed, p, t).
/// Throws where a prompt is empty or holds what is no token.
template <class Decoder>
std::vector<generated_text> generate(const Decoder& model, std::span<const std::vector<std::uint32_t>> prompts,
                                     const generate_options& options, const cache_plan& plan = {}) {
  const std::size_t vocabulary = model.config().vocabulary;
  std::vector<generated_text> out(prompts.size());
  forward_scratch scratch;
  activations logits;
  std::vector<float> last;
  // Chooses a token for each text of a pass, of whose tokens each row's last counts; says which go on.
  const auto choose = [&](const activations& hidden, std::span<const std::size_t> texts) {
    const std::size_t columns = hidden.tokens / texts.size();
    last.clear();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto row = hidden.view().row((i + 1) * columns - 1);
      last.insert(last.end(), row.begin(), row.end());
    }
    logits.resize(texts.size(), vocabulary);
    model.unembed(matrix_view<const float>(last.data(), texts.size(), hidden.width), logits.view());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      generated_text& text = out[texts[i]];
      const auto row = std::as_const(logits).view().row(i);
      if (options.temperature == 0.0) {
        text.tokens.push_back(likeliest(row));
      } else {
        const counter_random random(options.seed, "prompt " + std::to_string(texts[i]), random_use::sampling);
        text.tokens.push_back(sampled(row, options, random.uniform(text.tokens.size())));
      }
      text.ended = options.end && text.tokens.back() == *options.end;
    }
  };

  for_each_prompt_batch(prompts, {}, [&](const prompt_batch& batch) {
    const std::size_t length = batch.prompt_tokens;
    std::vector<std::size_t> texts(batch.prompts.begin(), batch.prompts.end());
    std::vector<kv_cache> caches(texts.size(), kv_cache(model.config(), plan));
    std::vector<std::uint32_t> next(batch.tokens.data(), batch.tokens.data() + batch.tokens.size());
    for (std::size_t t = 0; t < options.max_new_tokens && !texts.empty(); ++t) {
      const std::size_t columns = t == 0 ? length : options.whole_passes ? length + t : 1;
      choose(model.extend(matrix_view<const std::uint32_t>(next.data(), texts.size(), columns), caches,
                          {.final_hidden = true}, no_visitor{}, scratch),
             texts);
      std::size_t kept = 0;
      next.clear();
      for (std::size_t i = 0; i < texts.size(); ++i) {
        if (out[texts[i]].ended) continue;
        const std::size_t p = texts[i];
        if (options.whole_passes) {
          next.insert(next.end(), prompts[p].begin(), prompts[p].end());
          next.insert(next.end(), out[p].tokens.begin(), out[p].tokens.end());
        } else {
          next.push_back(out[p].tokens.back());
          if (kept != i) caches[kept] = std::move(caches[i]);
        }
        texts[kept++] = p;
      }
      texts.resize(kept);
      caches.erase(caches.begin() + static_cast<std::ptrdiff_t>(kept), caches.end());
      if (options.whole_passes) caches.assign(kept, kv_cache(model.config(), plan));
    }
  });
  return out;
}

}  // namespace qfa

#endif
