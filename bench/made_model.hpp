// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BENCH_MADE_MODEL_HPP
#define QFA_BENCH_MADE_MODEL_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/logical_tensors.hpp"

namespace qfa_bench {

/// The shape of a llama.
inline qfa::model_config llama_config(std::size_t hidden, std::size_t head_dim, std::size_t layers, std::size_t mlp,
                                      std::size_t vocabulary) {
  qfa::model_config out;
  out.hidden = hidden;
  out.head_dim = head_dim;
  out.layers = layers;
  out.heads = out.kv_heads = out.hidden / out.head_dim;
  out.intermediate = mlp;
  out.vocabulary = vocabulary;
  out.rotated = out.head_dim;
  out.query_scale = 1.0 / std::sqrt(static_cast<double>(out.head_dim));
  out.windows.assign(out.layers, 0);
  return out;
}

/// A model of random weights, and texts of random tokens for it.
class made_model {
 public:
  made_model(const qfa::model_config& c, std::size_t texts, std::size_t context)
      : texts_(texts), context_(context), ids_(texts * context) {
    model_.config = c;
    std::mt19937 bits(1);
    const float spread = std::sqrt(3.0f / static_cast<float>(c.hidden));
    std::uniform_real_distribution<float> uniform(-spread, spread);  // a hundred million normal ones take seconds
    for (const qfa::expected_tensor& tensor : qfa::expected_tensors(c)) {
      std::size_t count = 1;
      for (const std::size_t n : tensor.shape)
        count *= n;
      std::vector<float> values(count, 1.0f);
      if (tensor.shape.size() == 2)
        for (float& x : values)
          x = uniform(bits);
      model_.tensors[tensor.name] = qfa::share(tensor.shape, std::move(values));
    }
    for (std::uint32_t& id : ids_)
      id = static_cast<std::uint32_t>(bits() % c.vocabulary);
  }

  const qfa::language_model& model() const noexcept { return model_; }
  qfa::matrix_view<const std::uint32_t> tokens() const noexcept { return {ids_.data(), texts_, context_}; }

  /// In linear layers.
  double weights() const {
    double sum = 0.0;
    for (const qfa::logical_tensor& tensor : qfa::logical_tensors(model_.config))
      if (tensor.info.role != qfa::tensor_role::other)
        sum += static_cast<double>(tensor.slice.rows * tensor.slice.columns);
    return sum;
  }
  /// Of the linear layers.  Norms and activation functions are not counted.
  double linear_flops() const { return static_cast<double>(ids_.size()) * 2.0 * weights(); }
  /// Of causal attention as well: a token meets (context + 1) / 2 on average, in a product with the keys and one with
  /// the values.
  double flops() const {
    const double mixing = 2.0 * static_cast<double>(model_.config.layers * model_.config.hidden * (context_ + 1));
    return linear_flops() + static_cast<double>(ids_.size()) * mixing;
  }

 private:
  std::size_t texts_, context_;
  qfa::language_model model_;
  std::vector<std::uint32_t> ids_;
};

}  // namespace qfa_bench

#endif
