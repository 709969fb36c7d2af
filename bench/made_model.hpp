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

/// A llama of random weights, 103 million of them in linear layers, and two texts of 512 tokens.
class made_model {
 public:
  made_model() : ids_(texts * context) {
    qfa::model_config& c = model_.config;
    c.hidden = 1024;
    c.head_dim = 64;
    c.layers = 8;
    c.heads = c.kv_heads = c.hidden / c.head_dim;
    c.intermediate = 2816;
    c.vocabulary = 512;
    c.rotated = c.head_dim;
    c.query_scale = 1.0 / std::sqrt(static_cast<double>(c.head_dim));
    c.windows.assign(c.layers, 0);
    std::mt19937 bits(1);
    const float spread = std::sqrt(3.0f / static_cast<float>(c.hidden));
    std::uniform_real_distribution<float> uniform(-spread, spread);
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
  qfa::matrix_view<const std::uint32_t> tokens() const noexcept { return {ids_.data(), texts, context}; }

  double weights() const {
    double sum = 0.0;
    for (const qfa::logical_tensor& tensor : qfa::logical_tensors(model_.config))
      if (tensor.info.role != qfa::tensor_role::other)
        sum += static_cast<double>(tensor.slice.rows * tensor.slice.columns);
    return sum;
  }
  /// Of the linear layers, and of causal attention: a token meets (context + 1) / 2 on average, in a product with the
  /// keys and one with the values.  Norms and activation functions are not counted.
  double flops() const {
    const double mixing = 2.0 * static_cast<double>(model_.config.layers * model_.config.hidden * (context + 1));
    return static_cast<double>(ids_.size()) * (2.0 * weights() + mixing);
  }

 private:
  static constexpr std::size_t texts = 2, context = 512;
  qfa::language_model model_;
  std::vector<std::uint32_t> ids_;
};

}  // namespace qfa_bench

#endif
