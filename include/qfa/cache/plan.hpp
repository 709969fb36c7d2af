// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_PLAN_HPP
#define QFA_CACHE_PLAN_HPP

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Which cache policy each layer of a model has.
class cache_plan {
 public:
  /// No layer has one: caches hold what arrives.
  cache_plan() = default;

  /// The same for all layers.
  cache_plan(any_cache_policy policy, std::size_t layers) : name_(policy.name()), layers_(layers, policy) {}

  /// One for each layer, under a name.
  cache_plan(std::vector<any_cache_policy> layers, std::string name)
      : name_(std::move(name)), layers_(std::move(layers)) {}

  const std::string& name() const noexcept { return name_; }
  /// Whether caches hold what arrives, in all layers.
  bool is_none() const noexcept {
    return std::ranges::all_of(layers_, [](const any_cache_policy& p) { return p.is_none(); });
  }
  std::size_t layers() const noexcept { return layers_.size(); }
  const any_cache_policy& operator[](std::size_t layer) const { return layers_.at(layer); }
  any_cache_policy& operator[](std::size_t layer) { return layers_.at(layer); }

  /// Whether any layer's attention reads new tokens as they arrived, so that what happens to a text that comes in one
  /// call shows in the next call only.
  bool reads_arrived() const {
    return std::ranges::any_of(layers_,
                               [](const any_cache_policy& p) { return p.reads() == attention_reads::arrived; });
  }
  bool learns() const {
    return std::ranges::any_of(layers_, [](const any_cache_policy& p) { return p.learns(); });
  }

  /// Bits that the caches of one text of so many tokens take in all layers, where `plain_bits` is what an element takes
  /// that no policy touches.  Nothing where a policy does not say.
  std::optional<double> stored_bits(std::size_t tokens, const cache_info& shape, double plain_bits = 16.0) const {
    const double untouched = 2.0 * static_cast<double>(tokens * shape.width()) * plain_bits;
    double sum = 0.0;
    for (std::size_t l = 0; l < shape.layers; ++l) {
      cache_info info = shape;
      info.layer = l;
      if (l >= layers_.size() || layers_[l].is_none()) {
        sum += untouched;
      } else if (const std::optional<double> bits = layers_[l].stored_bits(tokens, info)) {
        sum += *bits;
      } else {
        return std::nullopt;
      }
    }
    return sum;
  }

 private:
  std::string name_ = "none";
  std::vector<any_cache_policy> layers_;  // none, or one for each layer
};

/// Throws where a plan is of another model.
inline void check_layers(const cache_plan& plan, std::size_t layers) {
  if (plan.layers() != 0 && plan.layers() != layers)
    fail("a cache plan of " + std::to_string(plan.layers()) + " layers is not for a model of " +
         std::to_string(layers));
}

}  // namespace qfa

#endif
