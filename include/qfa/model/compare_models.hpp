// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_COMPARE_MODELS_HPP
#define QFA_MODEL_COMPARE_MODELS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compress/distortion.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/logical_tensors.hpp"
#include "qfa/model/rope.hpp"

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

namespace detail {

inline std::string describe(const std::optional<llama3_scaling>& s) {
  if (!s) return "none";
  return "llama3 by " + value_to_text(s->factor) + " with " + value_to_text(s->low_frequency_factor) + " and " +
         value_to_text(s->high_frequency_factor) + " of " + value_to_text(s->original_positions) + " positions";
}

inline std::string describe_windows(const std::vector<std::size_t>& windows) {
  std::string out;
  for (std::size_t first = 0, last = 0; first < windows.size(); first = last) {
    while (last < windows.size() && windows[last] == windows[first])
      ++last;
    out += (out.empty() ? "" : ", ") + std::to_string(windows[first]) + " in " + std::to_string(last - first) +
           (last - first == 1 ? " layer" : " layers");
  }
  return std::all_of(windows.begin(), windows.end(), [](std::size_t w) { return w == 0; }) ? "none" : out;
}

}  // namespace detail

/// What two models of one architecture compute differently although no weight says so, each with both values:
/// "rope base 10000, not 500000" where the reference has 500000.
inline std::vector<std::string> differing_choices(const model_config& reference, const model_config& other) {
  std::vector<std::string> out;
  const auto differ = [&](std::string_view what, const std::string& there, const std::string& here) {
    out.push_back(std::string(what) + " " + here + ", not " + there);
  };
  const auto number = [&](std::string_view what, double model_config::*of) {
    // A file that keeps floats has no other value than one that keeps decimals.
    if (std::fabs(reference.*of - other.*of) > 1e-6 * std::fabs(reference.*of))
      differ(what, value_to_text(reference.*of), value_to_text(other.*of));
  };
  number("rope base", &model_config::rope_base);
  if (reference.rotated != other.rotated)
    differ("rotated dimensions", std::to_string(reference.rotated), std::to_string(other.rotated));
  model_config scaled = reference;  // other parameters may mean the same frequencies
  scaled.rope_scaling = other.rope_scaling;
  if (rope_frequencies(scaled) != rope_frequencies(reference))
    differ("rope scaling", detail::describe(reference.rope_scaling), detail::describe(other.rope_scaling));
  const std::string windows = detail::describe_windows(reference.windows);
  if (const std::string others = detail::describe_windows(other.windows); windows != others)
    differ("sliding windows", windows, others);
  number("attention softcap", &model_config::attention_softcap);
  number("logit softcap", &model_config::logit_softcap);
  number("norm epsilon", &model_config::norm_epsilon);
  if (reference.activation != other.activation)
    differ("activation", std::string(mlp_activation_names[static_cast<std::size_t>(reference.activation)]),
           std::string(mlp_activation_names[static_cast<std::size_t>(other.activation)]));
  number("query scale", &model_config::query_scale);
  number("embedding scale", &model_config::embedding_scale);
  if (reference.parallel_residual != other.parallel_residual)
    differ("parallel residual", reference.parallel_residual ? "on" : "off", other.parallel_residual ? "on" : "off");
  return out;
}

/// What to say of a reference that another tool had compressed.
inline std::optional<std::string> reference_warning(const language_model& reference) {
  if (reference.quantization.empty()) return std::nullopt;
  return "the reference is itself quantized (" + reference.quantization +
         (reference.beyond_weights.empty() ? "" : ", " + reference.beyond_weights + " left out") +
         "): what that did to it is part of what survival is measured against";
}

/// What a reader of a comparison should know of a model that was compressed elsewhere: that its files ask for more than
/// weights, which is not done, and what it computes differently.  `name` is what reports call it.
inline std::vector<std::string> comparison_warnings(const std::string& name, const language_model& reference,
                                                    const language_model& other) {
  std::vector<std::string> out;
  if (!other.beyond_weights.empty())
    out.push_back(name + " asks for " + other.beyond_weights + ", which is not done: its weights alone are audited");
  std::string all;
  for (const std::string& one : differing_choices(reference.config, other.config))
    all += (all.empty() ? "" : "; ") + one;
  if (!all.empty()) out.push_back(name + " differs from the reference in more than weights: " + all);
  return out;
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
    if (tensor.values != same.values && same.shape == tensor.shape &&
        std::memcmp(same.data(), tensor.data(), tensor.values->size() * sizeof(float)) == 0)
      tensor.values = same.values;
  }
  return other;
}

}  // namespace qfa

#endif
