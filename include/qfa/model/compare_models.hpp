// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_COMPARE_MODELS_HPP
#define QFA_MODEL_COMPARE_MODELS_HPP

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compress/distortion.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/logical_tensors.hpp"

namespace qfa {

/// Refuses a model that is not of the reference's architecture: another family (Mistral counts as Llama), or another
/// number of layers, heads, channels or tokens.  Says which number differs.
inline void check_same_architecture(const language_model& reference, const language_model& other) {
  const model_config& a = reference.config;
  const model_config& b = other.config;
  const std::string both = other.source + " is not a compressed form of " + reference.source + ": it ";
  // GGUF files have no Mistral: it is a Llama there.
  const auto kin = [](model_family f) { return f == model_family::mistral ? model_family::llama : f; };
  if (kin(a.family) != kin(b.family))
    fail(both + "is of the family " + std::string(name_of(b.family)) + ", not " + std::string(name_of(a.family)));
  struct count {
    std::string_view what;
    std::size_t model_config::*of;
  };
  constexpr std::array<count, 7> counts{count{"layers", &model_config::layers},
                                        count{"channels (hidden_size)", &model_config::hidden},
                                        count{"attention heads", &model_config::heads},
                                        count{"key and value heads", &model_config::kv_heads},
                                        count{"channels a head", &model_config::head_dim},
                                        count{"hidden units (intermediate_size)", &model_config::intermediate},
                                        count{"tokens in its vocabulary", &model_config::vocabulary}};
  for (const count& c : counts)
    if (a.*c.of != b.*c.of)
      fail(both + "has " + std::to_string(b.*c.of) + " " + std::string(c.what) + ", not " + std::to_string(a.*c.of));
}

/// What became of the chosen matrices in a model that was compressed elsewhere, as `compress` would have told it; bits
/// are those of the other model's tensors.  Throws where the models are not of one architecture.
inline std::vector<compressed_tensor> compare_tensors(const language_model& reference, const language_model& other,
                                                      const target_patterns& targets = {}, bool fused = false) {
  check_same_architecture(reference, other);
  std::vector<compressed_tensor> out;
  for (const logical_tensor& tensor : detail::chosen_tensors(reference.config, targets, fused)) {
    const shared_tensor& before = reference.at(tensor.slice.weight);
    const shared_tensor& after = other.at(tensor.slice.weight);
    if (before.shape != after.shape)
      fail("tensor \"" + tensor.slice.weight + "\" has another shape in " + other.source + " than in " +
           reference.source);
    const std::size_t weights = tensor.slice.rows * tensor.slice.columns;
    out.push_back({tensor.info, weights, measure_distortion(tensor.of(before.data()), tensor.of(after.data())),
                   detail::known_bits(after.bits * static_cast<double>(weights))});
  }
  return out;
}

/// The other model with every tensor that equals the reference's bit for bit shared with it: held once, and packed once
/// by decoders.
inline language_model share_equal_tensors(const language_model& reference, language_model other) {
  for (auto& [name, tensor] : other.tensors) {
    if (!reference.contains(name)) continue;
    const shared_tensor& same = reference.at(name);
    if (same.shape == tensor.shape &&
        std::memcmp(same.data(), tensor.data(), tensor.values->size() * sizeof(float)) == 0)
      tensor.values = same.values;
  }
  return other;
}

}  // namespace qfa

#endif
