// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_PLANTED_LAYERS_HPP
#define QFA_TESTS_PLANTED_LAYERS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "qfa/alignment/direction_error.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tensor_editor.hpp"

namespace qfa_test {

/// The small Llama of tests/data, three layers, in which attention adds something in layer `heard` alone: whatever the
/// other layers' caches do, nobody hears of it.
inline qfa::language_model only_heard_in(std::size_t heard) {
  qfa::language_model model = qfa::load_model(std::filesystem::path(QFA_TEST_DATA) / "models" / "llama");
  qfa::detail::tensor_editor edit(model);
  for (std::size_t l = 0; l < model.config.layers; ++l) {
    if (l == heard) continue;
    std::ranges::fill(edit.change("model.layers." + std::to_string(l) + ".self_attn.o_proj.weight"), 0.0f);
  }
  edit.finish();
  return model;
}

/// Prompts of 1 + i % lengths tokens.
inline std::vector<std::vector<std::uint32_t>> made_prompts(std::size_t count, std::size_t lengths, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::vector<std::uint32_t>> prompts(count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t t = 0; t <= i % lengths; ++t)
      prompts[i].push_back(static_cast<std::uint32_t>(random() % 100));
  return prompts;
}

/// Of `channels` channels: 0.6 along one, 0.8 along another.
inline qfa::subspace made_axis(std::size_t channels, std::size_t a, std::size_t b) {
  std::vector<double> axis(channels, 0.0);
  axis[a] = 0.6;
  axis[b] = 0.8;
  return {axis, channels};
}

}  // namespace qfa_test

#endif
