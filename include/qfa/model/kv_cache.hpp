// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_KV_CACHE_HPP
#define QFA_MODEL_KV_CACHE_HPP

#include <cstddef>
#include <string>
#include <vector>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"

namespace qfa {

/// The shape of a model's caches.
inline cache_info cache_shape(const model_config& config) noexcept {
  return {.layers = config.layers, .kv_heads = config.kv_heads, .head_dim = config.head_dim};
}

/// What one text has left behind in each layer of a model: its keys and values, as the layer's policy keeps them.
///
/// decoder::extend fills it.  Copied before it goes on, a text can go on in two ways.
class kv_cache {
 public:
  /// Empty.  Throws where the plan is of another number of layers.
  explicit kv_cache(const model_config& config, const cache_plan& plan = {})
      : shape_(cache_shape(config)), layers_(config.layers) {
    check_layers(plan, config.layers);
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      layers_[l].info = shape_;
      layers_[l].info.layer = l;
      if (plan.layers() != 0) layers_[l].policy = plan[l];
    }
  }

  /// Tokens that have passed through the model.
  std::size_t tokens() const noexcept { return tokens_; }
  std::size_t layers() const noexcept { return layers_.size(); }
  const cache_info& shape() const noexcept { return shape_; }

  /// (tokens, kv_heads head_dim), keys at the point of the layer's policy.
  matrix_view<const float> keys(std::size_t layer) const { return view(layers_.at(layer), layers_.at(layer).keys); }
  matrix_view<const float> values(std::size_t layer) const { return view(layers_.at(layer), layers_.at(layer).values); }
  cache_point point(std::size_t layer) const { return layers_.at(layer).policy.point(); }
  attention_reads reads(std::size_t layer) const { return layers_.at(layer).policy.reads(); }

  /// Takes the keys and values of the tokens behind `tokens()`, as they arrive.  Throws where the layer lacks tokens
  /// before these.
  void append(std::size_t layer, matrix_view<const float> keys, matrix_view<const float> values) {
    one_layer& at = layers_.at(layer);
    if (at.keys.size() != tokens_ * at.info.width())
      fail("layer " + std::to_string(layer) +
           " of this cache has not seen every token before these: a pass that ended "
           "earlier had left it out");
    for (std::size_t t = 0; t < keys.rows(); ++t) {
      at.keys.insert(at.keys.end(), keys.row(t).begin(), keys.row(t).end());
      at.values.insert(at.values.end(), values.row(t).begin(), values.row(t).end());
    }
  }
  /// Lets the layer's policy have what arrived last.
  void store(std::size_t layer) {
    one_layer& at = layers_.at(layer);
    if (at.policy.is_none()) return;
    const std::size_t rows = at.keys.size() / at.info.width();
    at.policy(matrix_view<float>(at.keys.data(), rows, at.info.width()),
              matrix_view<float>(at.values.data(), rows, at.info.width()), {.info = at.info, .first_new = tokens_});
  }
  /// All layers that the pass reached have so many tokens more.
  void advance(std::size_t tokens) noexcept { tokens_ += tokens; }

 private:
  struct one_layer {
    cache_info info{};
    any_cache_policy policy{};
    std::vector<float> keys{}, values{};
  };
  static matrix_view<const float> view(const one_layer& layer, const std::vector<float>& x) noexcept {
    return {x.data(), x.size() / layer.info.width(), layer.info.width()};
  }

  cache_info shape_;
  std::vector<one_layer> layers_;
  std::size_t tokens_ = 0;
};

}  // namespace qfa

#endif
