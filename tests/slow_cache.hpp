// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SLOW_CACHE_HPP
#define QFA_TESTS_SLOW_CACHE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/cache/plan.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/kv_cache.hpp"

namespace qfa_test {

/// One text with caches, the slow and plain way: for each call, the whole text so far passes through the model, and in
/// each layer the keys and values of tokens from earlier calls are replaced by what the policy has left of them.
class slow_cache {
 public:
  slow_cache(const qfa::decoder<>& model, const qfa::cache_plan& plan)
      : model_(model), policies_(model.config().layers), keys_(policies_.size()), values_(policies_.size()) {
    for (std::size_t l = 0; l < policies_.size() && plan.layers() != 0; ++l)
      policies_[l] = plan[l];
  }

  /// Final hidden states of these tokens, which follow those before.
  std::vector<float> call(std::span<const std::uint32_t> tokens) {
    const std::size_t old = text_.size(), width = qfa::cache_shape(model_.config()).width();
    text_.insert(text_.end(), tokens.begin(), tokens.end());
    qfa::forward_options options{.final_hidden = true};
    for (std::size_t l = 0; l < policies_.size(); ++l)
      for (const qfa::hook_kind kind : {qfa::hook_kind::k, qfa::hook_kind::v, qfa::hook_kind::rot_k})
        options.hooks.push_back({l, kind});
    std::vector<float> after_keys,
        after_values;  // what the caches will hold behind this call, where it reads otherwise
    qfa::matrix_view<float> k, v;
    qfa::forward_scratch scratch;
    const qfa::activations hidden = model_.forward(
        qfa::matrix_view<const std::uint32_t>(text_.data(), 1, text_.size()), options,
        [&](std::size_t i, qfa::matrix_view<float> x) {
          const std::size_t l = i / 3;
          const qfa::hook_kind kind = options.hooks[i].kind;
          if (kind == qfa::hook_kind::k) k = x;
          if (kind == qfa::hook_kind::v) v = x;
          const bool before = policies_[l].point() == qfa::cache_point::before_rope;
          if (kind != (before ? qfa::hook_kind::v : qfa::hook_kind::rot_k)) return;
          // k holds turned keys by now where the policy works behind RoPE: the views are of the model's own buffers.
          std::copy(keys_[l].begin(), keys_[l].end(), k.data());
          std::copy(values_[l].begin(), values_[l].end(), v.data());
          keys_[l].assign(k.data(), k.data() + text_.size() * width);
          values_[l].assign(v.data(), v.data() + text_.size() * width);
          policies_[l]({keys_[l].data(), text_.size(), width}, {values_[l].data(), text_.size(), width},
                       {.info = {.layer = l,
                                 .layers = policies_.size(),
                                 .kv_heads = model_.config().kv_heads,
                                 .head_dim = model_.config().head_dim},
                        .first_new = old});
          if (policies_[l].reads() != qfa::attention_reads::stored) return;
          std::copy(keys_[l].begin(), keys_[l].end(), k.data());
          std::copy(values_[l].begin(), values_[l].end(), v.data());
        },
        scratch);
    return {hidden.values.begin() + static_cast<std::ptrdiff_t>(old * hidden.width), hidden.values.end()};
  }

  const std::vector<float>& keys(std::size_t layer) const { return keys_[layer]; }
  const std::vector<float>& values(std::size_t layer) const { return values_[layer]; }

 private:
  const qfa::decoder<>& model_;
  std::vector<qfa::any_cache_policy> policies_;
  std::vector<std::vector<float>> keys_, values_;
  std::vector<std::uint32_t> text_;
};

}  // namespace qfa_test

#endif
