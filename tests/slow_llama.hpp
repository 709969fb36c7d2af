// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_SLOW_LLAMA_HPP
#define QFA_TESTS_SLOW_LLAMA_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "qfa/compress/linear_input.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/rope.hpp"

namespace qfa_test {

/// Tokens of one text, a row a token.
using row_list = std::vector<std::vector<double>>;

/// A Llama, one text at a time and one number at a time, in double: final hidden states.  `change(input, x)` may change
/// what linear layers read.
template <class Change>
row_list slow_llama(const qfa::language_model& model, std::span<const std::uint32_t> text, Change change) {
  const qfa::model_config& c = model.config;
  const auto at = [&](const std::string& name, std::size_t i) { return static_cast<double>(model.at(name).data()[i]); };
  const auto times = [&](const row_list& x, const std::string& name) {
    const std::size_t out = model.at(name).shape[0], in = model.at(name).shape[1];
    row_list y(x.size(), std::vector<double>(out, 0.0));
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t o = 0; o < out; ++o)
        for (std::size_t i = 0; i < in; ++i)
          y[t][o] += at(name, o * in + i) * x[t][i];
    return y;
  };
  const auto norm = [&](const row_list& x, const std::string& name) {
    row_list y = x;
    for (auto& row : y) {
      double squares = 0.0;
      for (const double v : row)
        squares += v * v;
      const double by = 1.0 / std::sqrt(squares / static_cast<double>(row.size()) + c.norm_epsilon);
      for (std::size_t i = 0; i < row.size(); ++i)
        row[i] *= by * at(name, i);
    }
    return y;
  };
  const auto add = [](row_list& to, const row_list& x) {
    for (std::size_t t = 0; t < to.size(); ++t)
      for (std::size_t i = 0; i < to[t].size(); ++i)
        to[t][i] += x[t][i];
  };
  const std::vector<double> turn = qfa::rope_frequencies(c);
  const auto rotate = [&](row_list& x) {
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t head = 0; head < x[t].size(); head += c.head_dim)
        for (std::size_t i = 0; i < turn.size(); ++i) {
          const double angle = static_cast<double>(t) * turn[i];
          double& a = x[t][head + i];
          double& b = x[t][head + i + turn.size()];
          const double was = a;
          a = was * std::cos(angle) - b * std::sin(angle);
          b = b * std::cos(angle) + was * std::sin(angle);
        }
  };

  row_list residual(text.size(), std::vector<double>(c.hidden));
  for (std::size_t t = 0; t < text.size(); ++t)
    for (std::size_t i = 0; i < c.hidden; ++i)
      residual[t][i] = at("model.embed_tokens.weight", text[t] * c.hidden + i);
  for (std::size_t l = 0; l < c.layers; ++l) {
    const std::string layer = "model.layers." + std::to_string(l) + ".";
    row_list x = norm(residual, layer + "input_layernorm.weight");
    change(qfa::linear_input{l, qfa::input_kind::attention}, x);
    row_list q = times(x, layer + "self_attn.q_proj.weight");
    row_list k = times(x, layer + "self_attn.k_proj.weight");
    const row_list v = times(x, layer + "self_attn.v_proj.weight");
    rotate(q);
    rotate(k);
    row_list z(text.size(), std::vector<double>(c.query_width(), 0.0));
    for (std::size_t h = 0; h < c.heads; ++h)
      for (std::size_t t = 0; t < text.size(); ++t) {
        const std::size_t from = h * c.head_dim, shared = h / (c.heads / c.kv_heads) * c.head_dim;
        std::vector<double> weight(t + 1, 0.0);
        double sum = 0.0;
        for (std::size_t s = 0; s <= t; ++s) {
          for (std::size_t i = 0; i < c.head_dim; ++i)
            weight[s] += q[t][from + i] * k[s][shared + i] * c.query_scale;
          weight[s] = std::exp(weight[s]);
          sum += weight[s];
        }
        for (std::size_t s = 0; s <= t; ++s)
          for (std::size_t i = 0; i < c.head_dim; ++i)
            z[t][from + i] += weight[s] / sum * v[s][shared + i];
      }
    change(qfa::linear_input{l, qfa::input_kind::mix}, z);
    add(residual, times(z, layer + "self_attn.o_proj.weight"));
    x = norm(residual, layer + "post_attention_layernorm.weight");
    change(qfa::linear_input{l, qfa::input_kind::mlp}, x);
    const row_list gate = times(x, layer + "mlp.gate_proj.weight");
    row_list up = times(x, layer + "mlp.up_proj.weight");
    for (std::size_t t = 0; t < text.size(); ++t)
      for (std::size_t i = 0; i < c.intermediate; ++i)
        up[t][i] *= gate[t][i] / (1.0 + std::exp(-gate[t][i]));
    change(qfa::linear_input{l, qfa::input_kind::hidden}, up);
    add(residual, times(up, layer + "mlp.down_proj.weight"));
  }
  return norm(residual, "model.norm.weight");
}

}  // namespace qfa_test

#endif
