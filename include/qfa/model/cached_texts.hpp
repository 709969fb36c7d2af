// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_CACHED_TEXTS_HPP
#define QFA_MODEL_CACHED_TEXTS_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "qfa/cache/policy.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/attention.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/decoder_layer.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/token_places.hpp"

namespace qfa {

// What a decoder does with the caches of a pass's texts, row r of the pass being that of caches[r].

/// Throws where there is not one cache for each row, where one is of another model's shape, or where policies differ
/// from text to text in where they work.
inline void check_caches(const model_config& config, std::span<const kv_cache> caches, std::size_t rows) {
  if (caches.size() != rows)
    fail(std::to_string(rows) + " rows of tokens need as many caches, not " + std::to_string(caches.size()));
  for (const kv_cache& cache : caches) {
    require(cache.layers() == config.layers && cache.shape().width() == cache_shape(config).width(),
            "a cache must have been made for the model that fills it");
    for (std::size_t l = 0; l < cache.layers(); ++l)
      require(cache.point(l) == caches.front().point(l) && cache.reads(l) == caches.front().reads(l),
              "texts of one pass need caches whose policies work at the same point and are read alike");
  }
}

/// How many tokens each text has.
inline std::vector<std::size_t> tokens_in(std::span<const kv_cache> caches) {
  std::vector<std::size_t> out;
  for (const kv_cache& cache : caches)
    out.push_back(cache.tokens());
  return out;
}

/// Puts what the pass has in k and v into the layer's caches, and lets policies have it unless attention is to read it
/// as it arrived.  What they make of keys before RoPE is what the pass goes on with.
inline void store_arrived(std::span<kv_cache> caches, std::size_t layer, forward_scratch& s) {
  const std::size_t columns = s.k.tokens / caches.size();
  parallel_for(caches.size(), [&](std::size_t r) {
    kv_cache& cache = caches[r];
    const auto keys = s.k.view().rows_between(r * columns, (r + 1) * columns);
    cache.append(layer, keys, s.v.view().rows_between(r * columns, (r + 1) * columns));
    if (cache.reads(layer) != attention_reads::stored) return;
    cache.store(layer);
    if (cache.point(layer) != cache_point::before_rope) return;
    const auto stored = cache.keys(layer).rows_between(cache.tokens(), cache.tokens() + columns);
    for (std::size_t t = 0; t < columns; ++t)
      std::copy(stored.row(t).begin(), stored.row(t).end(), keys.row(t).begin());
  });
}

/// What attention reads in a layer: all that the caches hold, keys turned to their positions where they are not yet.
template <class Arch>
std::vector<attended_text> attended_texts(std::span<const kv_cache> caches, std::size_t layer, forward_scratch& s) {
  std::vector<attended_text> out;
  for (const kv_cache& cache : caches)
    out.push_back({cache.keys(layer), cache.values(layer)});
  if (caches.empty() || caches.front().point(layer) == cache_point::after_rope) return out;
  if (s.turned.size() < caches.size()) s.turned.resize(caches.size());
  parallel_for(caches.size(), [&](std::size_t r) {
    const matrix_view<const float> keys = out[r].keys;
    s.turned[r].resize(keys.rows(), keys.columns());
    const matrix_view<float> turned = s.turned[r].view();
    for (std::size_t t = 0; t < keys.rows(); ++t)
      std::copy(keys.row(t).begin(), keys.row(t).end(), turned.row(t).begin());
    s.rope.template operator()<Arch>(turned, token_places{.columns = keys.rows()});
    out[r].keys = turned;
  });
  return out;
}

/// Lets the policies have what attention was to read as it arrived.
inline void store_after_reading(std::span<kv_cache> caches, std::size_t layer) {
  parallel_for(caches.size(), [&](std::size_t r) {
    if (caches[r].reads(layer) == attention_reads::arrived) caches[r].store(layer);
  });
}

}  // namespace qfa

#endif
