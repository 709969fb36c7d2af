// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_DECODER_HPP
#define QFA_MODEL_DECODER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/cached_texts.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/decoder_layer.hpp"
#include "qfa/model/elementwise.hpp"
#include "qfa/model/forward_options.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/input_visitor.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"
#include "qfa/model/linear.hpp"
#include "qfa/model/norm.hpp"
#include "qfa/model/token_places.hpp"
#include "qfa/simd/batch.hpp"
#include "qfa/simd/packed_rows.hpp"

namespace qfa {

/// A decoder ready to run: weights packed once for the matrix product, one forward pass for all families.
///
/// Every number depends on the weights and on its own text alone: not on the threads, not on the other texts of a
/// batch, not on the vector width.
template <class Arch = simd::best_arch>
class decoder {
 public:
  explicit decoder(const language_model& model) : decoder(model, nullptr) {}
  /// Shares with `like` the packed form of every tensor that the two models share: what a compression leaves alone,
  /// the unembedding above all, is held once.
  decoder(const language_model& model, const decoder& like) : decoder(model, &like) {}

  const model_config& config() const noexcept { return config_; }

  /// From here on every pass shows `visit` what linear layers read, right before they do, all tokens of the pass at
  /// once, in the order of computation, from the thread that calls `forward`; what it writes is what they read.  Hooks
  /// before them (z, mlp_post) show the values from before such a change.  The unembedding's inputs are not shown.  A
  /// pass that ends with a hook shows nothing from behind it.  An empty visitor: passes as they were.
  void visit_inputs(input_visitor visit) { on_inputs_ = std::move(visit); }

  /// Runs texts, the rows of `tokens`, and shows `visit(i, values)` what passes at options.hooks[i]: a
  /// matrix_view<float> (tokens, hook_width) with token t of row r at r context + t.  Hooks come in the order of
  /// computation, from this thread.  What the visitor writes into the view is what the model goes on with.
  ///
  /// Returns the final hidden states (tokens, hidden), behind the last norm, where options ask for them; otherwise
  /// nothing, and the pass ends with the last hook.  Memory grows with the tokens: pass a few thousand at a time.
  /// A pass that goes on from a residual visits the inputs of the layers that it runs.  Throws as `check_pass` does.
  template <class Visit>
  activations forward(matrix_view<const std::uint32_t> tokens, const forward_options& options, Visit&& visit,
                      forward_scratch& scratch) const {
    check_pass(config_, tokens, options);
    if (options.hooks.empty() && !options.final_hidden) return {};
    return run(tokens, {.columns = tokens.columns()}, {}, options, visit, scratch);
  }
  template <class Visit>
  activations forward(matrix_view<const std::uint32_t> tokens, const forward_options& options, Visit&& visit) const {
    forward_scratch scratch;
    return forward(tokens, options, visit, scratch);
  }

  /// The same for tokens that follow what `caches` hold: row r of `tokens` goes on with the text of caches[r], which
  /// holds it afterwards, as far as the pass went.  Hooks `k` and `v` show what the projections give; `rot_k` shows
  /// keys as they are stored, where a policy works before RoPE.
  ///
  /// Where no policy changes them, what comes out is, to the bit, what one pass over the whole text gives.  Throws
  /// besides where the pass is to go on from a residual, where there is not one cache for each row, or one is of
  /// another shape or lacks tokens in a layer.
  template <class Visit>
  activations extend(matrix_view<const std::uint32_t> tokens, std::span<kv_cache> caches,
                     const forward_options& options, Visit&& visit, forward_scratch& scratch) const {
    check_pass(config_, tokens, options);
    require(!options.from,
            "a pass with caches begins at the embedding: the caches of layers before would lack its tokens");
    check_caches(config_, caches, tokens.rows());
    const std::vector<std::size_t> past = tokens_in(caches);
    activations out = run(tokens, {.columns = tokens.columns(), .past = past}, caches, options, visit, scratch);
    for (kv_cache& cache : caches)
      cache.advance(tokens.columns());
    return out;
  }

  /// The final hidden states of texts.
  activations final_hidden(matrix_view<const std::uint32_t> tokens) const {
    return forward(tokens, {.final_hidden = true}, no_visitor{});
  }

  /// Logits (tokens, vocabulary) of final hidden states, whenever and in whatever portions those were computed.
  void unembed(matrix_view<const float> final_hidden, matrix_view<float> logits) const {
    unembedding_(final_hidden, logits);
    if (config_.logit_softcap > 0.0)
      for_each_chunk(logits.rows(), [&](std::size_t first, std::size_t last) {
        soft_cap<Arch>(static_cast<float>(config_.logit_softcap), logits.rows_between(first, last));
      });
  }

  /// Logits (tokens, columns) of packed final hidden states, of the ids [first, first + columns) alone, on the calling
  /// thread: what a loss needs that never holds all of them.  `first` is a multiple of packed_matrix's panel width.
  void unembed(const simd::packed_rows<Arch>& final_hidden, std::size_t first, matrix_view<float> logits) const {
    using batch = simd::floats<Arch>;
    const batch cap(static_cast<float>(config_.logit_softcap));
    const bool capped = config_.logit_softcap > 0.0;
    unembedding_(final_hidden,
                 [&](std::size_t row, std::size_t column, const batch& logit, std::size_t valid) {
                   simd::store_valid<Arch>(capped ? soft_capped<Arch>(logit, cap) : logit,
                                           logits.data() + row * logits.row_stride() + (column - first), valid);
                 },
                 {.first_column = first, .last_column = first + logits.columns()});
  }

  /// Logits (tokens, vocabulary) of texts.  For a large vocabulary take final_hidden and unembed by portions.
  activations logits(matrix_view<const std::uint32_t> tokens) const {
    const activations hidden = final_hidden(tokens);
    activations out;
    out.resize(hidden.tokens, config_.vocabulary);
    unembed(hidden.view(), out.view());
    return out;
  }

  /// How many linear layers read the same packed panels as `other`'s.
  std::size_t shared_panels(const decoder& other) const noexcept {
    std::size_t count = unembedding_.shares_with(other.unembedding_) ? 1 : 0;
    for (std::size_t l = 0; l < layers_.size(); ++l)
      count += layers_[l].shared_panels(other.layers_[l]);
    return count;
  }

 private:
  decoder(const language_model& model, const decoder* like) : config_(model.config) {
    for (const expected_tensor& expected : expected_tensors(config_))
      if (model.at(expected.name).shape != expected.shape)
        fail("tensor \"" + expected.name + "\" in " + model.source +
             " does not have the shape that its configuration asks for");
    if (like != nullptr && like->layers_.size() != config_.layers) like = nullptr;
    const model_layout layout = layout_of(config_);
    embedding_ = model.at(layout.embedding);
    for (std::size_t l = 0; l < config_.layers; ++l)
      layers_.emplace_back(model, layout.layers[l], config_.windows[l], like == nullptr ? nullptr : &like->layers_[l]);
    final_norm_ = {model, layout.final_norm};
    unembedding_ = {model, layout.unembedding, like == nullptr ? nullptr : &like->unembedding_};
  }

  /// A pass over tokens at their places, with a cache for each row or none at all.
  template <class Visit>
  activations run(matrix_view<const std::uint32_t> tokens, const token_places& places, std::span<kv_cache> caches,
                  const forward_options& options, Visit& visit, forward_scratch& scratch) const {
    if (tokens.empty()) return {};
    scratch.make_room(config_, tokens.size());
    scratch.rope.reserve(config_, places.end());
    for_each_chunk(tokens.size(), [&](std::size_t first, std::size_t last) {
      if (!options.from) return embed(tokens, first, last, scratch);
      for (std::size_t t = first; t < last; ++t)
        std::ranges::copy(options.from->residual.row(t), scratch.residual.view().row(t).begin());
    });

    // A block is a list of steps, each named after the hook behind it.  What lies between two places where all tokens
    // must meet (attention, a hook that somebody looks at, inputs that are visited) runs in one go for each chunk of
    // tokens.
    const std::size_t steps = config_.layers * kinds;
    std::size_t seen = 0;
    for (std::size_t step = options.from ? options.from->layer * kinds : 0; step < steps;) {
      const std::optional<input_kind> visited = visited_before(step);
      if (visited) visit_inputs_of(step, *visited, tokens, scratch);
      std::size_t meet = step;
      while (meet + 1 < steps && kind_of(meet) != hook_kind::z && !hooked(options, meet) && !visited_before(meet + 1) &&
             !stores_behind(meet, caches))
        ++meet;
      const std::size_t end = kind_of(meet) == hook_kind::z ? meet : meet + 1;
      if (step < end)
        for_each_chunk(tokens.size(), [&](std::size_t first, std::size_t last) {
          chunk_scratch<Arch> work;
          for (std::size_t s = step; s < end; ++s)
            layers_[s / kinds].step(kind_of(s), places, scratch.rope, first, last, scratch, work,
                                    {.prepared = visited && s == step, .unseen = !adding_seen(options, s)});
        });
      if (kind_of(meet) == hook_kind::z) attend(meet / kinds, tokens.columns(), caches, scratch);
      for (std::size_t i = 0; i < options.hooks.size(); ++i) {
        if (step_of(options.hooks[i]) != meet) continue;
        visit(i, scratch.at(kind_of(meet)).view());
        ++seen;
      }
      if (stores_behind(meet, caches)) store_arrived(caches, meet / kinds, scratch);
      if (seen == options.hooks.size() && !options.final_hidden) return {};
      step = meet + 1;
    }
    activations out;
    out.resize(tokens.size(), config_.hidden);
    for_each_chunk(tokens.size(), [&](std::size_t first, std::size_t last) {
      final_norm_.template operator()<Arch>(scratch.residual.view().rows_between(first, last),
                                            out.view().rows_between(first, last));
    });
    return out;
  }

  /// Whether caches take the keys and values behind this step: before RoPE, where their policy works there.
  static bool stores_behind(std::size_t step, std::span<const kv_cache> caches) {
    return !caches.empty() && kind_of(step) == hook_kind::v &&
           caches.front().point(step / kinds) == cache_point::before_rope;
  }
  void attend(std::size_t layer, std::size_t context, std::span<kv_cache> caches, forward_scratch& scratch) const {
    if (caches.empty()) return layers_[layer].meet(context, scratch);
    if (caches.front().point(layer) == cache_point::after_rope) store_arrived(caches, layer, scratch);
    layers_[layer].meet(attended_texts<Arch>(caches, layer, scratch), scratch);
    store_after_reading(caches, layer);
  }

  static constexpr std::size_t kinds = hook_kind_names.size();
  static hook_kind kind_of(std::size_t step) noexcept { return static_cast<hook_kind>(step % kinds); }
  static std::size_t step_of(const hook_point& hook) noexcept {
    return hook.layer * kinds + static_cast<std::size_t>(hook.kind);
  }
  static bool hooked(const forward_options& options, std::size_t step) noexcept {
    return std::ranges::any_of(options.hooks, [&](const hook_point& hook) { return step_of(hook) == step; });
  }

  /// Whether somebody looks at what the sublayer of this step adds.
  static bool adding_seen(const forward_options& options, std::size_t step) noexcept {
    const bool attention = kind_of(step) <= hook_kind::resid_mid;
    const std::size_t raw_out = step_of({step / kinds, attention ? hook_kind::attn_raw_out : hook_kind::mlp_raw_out});
    return hooked(options, raw_out) || hooked(options, raw_out + 1);
  }

  /// The inputs that somebody is to see before this step.
  std::optional<input_kind> visited_before(std::size_t step) const noexcept {
    return on_inputs_ ? first_read_by(kind_of(step)) : std::nullopt;
  }
  void visit_inputs_of(std::size_t step, input_kind kind, matrix_view<const std::uint32_t> tokens,
                       forward_scratch& s) const {
    const decoder_layer<Arch>& layer = layers_[step / kinds];
    for_each_chunk(tokens.size(),
                   [&](std::size_t first, std::size_t last) { layer.prepare(kind_of(step), first, last, s); });
    on_inputs_({step / kinds, kind}, s.read_as(kind).view(), tokens.columns());
  }

  /// Calls run(first, last) for chunks of [0, count) tokens, on all threads.  Chunks large enough for a matrix product
  /// to be worth its packing, small enough that their activations stay near, as even as may be and as many for each
  /// thread; no result depends on where they are cut.
  template <class Run>
  static void for_each_chunk(std::size_t count, Run run) {
    constexpr std::size_t least = 48, most = 192;
    const std::size_t threads = thread_count();
    const std::size_t enough = (count + most * threads - 1) / (most * threads) * threads;
    const std::size_t chunks = (std::min)((count + least - 1) / least, enough);
    parallel_for(chunks, [&](std::size_t i) { run(i * count / chunks, (i + 1) * count / chunks); });
  }

  void embed(matrix_view<const std::uint32_t> tokens, std::size_t first, std::size_t last, forward_scratch& s) const {
    const auto scale = static_cast<float>(config_.embedding_scale);
    const matrix_view<const float> table(embedding_.data(), config_.vocabulary, config_.hidden);
    for (std::size_t t = first; t < last; ++t) {
      const auto from = table.row(tokens(t / tokens.columns(), t % tokens.columns()));
      std::ranges::transform(from, s.residual.view().row(t).begin(), [&](float x) { return x * scale; });
    }
  }

  model_config config_;
  shared_tensor embedding_;
  std::vector<decoder_layer<Arch>> layers_;
  norm_weights final_norm_;
  linear<Arch> unembedding_;
  input_visitor on_inputs_;
};

}  // namespace qfa

#endif
