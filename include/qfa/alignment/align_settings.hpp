// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_ALIGN_SETTINGS_HPP
#define QFA_ALIGNMENT_ALIGN_SETTINGS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/alignment/critical_layers.hpp"
#include "qfa/alignment/decision_tree.hpp"
#include "qfa/alignment/mode_posterior.hpp"
#include "qfa/alignment/onset.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "qfa/stats/rogan_gladen.hpp"

namespace qfa {

/// What the diagnosis of a model's caches goes by.  Defaults as in arXiv 2606.09864's released code, where it has them.
struct align_settings {
  std::vector<int> bits{8, 6, 5, 4, 3, 2};  ///< of the sweep, one range for each token ("section4")
  int mechanism_bits = 3;                   ///< of ablations and reductions, symmetric ("section5")
  std::optional<int> deployed_bits{};       ///< of the cache that mitigations protect; nothing: as the sweep says
  std::size_t group = 64;                   ///< channels in a group
  std::size_t block = 32;                   ///< tokens that are flushed together, with lifetime=grouped
  critical_layer_rule critical{};
  decision_tree tree{};
  posterior_options posterior{};
  flip_thresholds thresholds{};
  std::uint64_t seed = 1;
  std::optional<judge_error> judge{};  ///< how often verdicts are right, where it is known: reports correct by it
};

/// Specs of the plans that the diagnosis compares, all with keys before RoPE, keys and values alike.
struct align_specs {
  const align_settings* settings;

  std::string sweep(int bits) const { return "section4:bits=" + std::to_string(bits); }
  std::string groups(int bits) const {
    return uniform(bits, "channel_group") + ",key_group=" + size(settings->group) +
           ",value_group=" + size(settings->group);
  }
  std::string tensor() const { return uniform(settings->mechanism_bits, "tensor"); }
  std::string channels() const { return uniform(settings->mechanism_bits, "channel"); }
  static std::string uniform(int bits, std::string_view per) {
    return "uniform:bits=" + std::to_string(bits) + ",range=symmetric,keys=" + std::string(per) +
           ",values=" + std::string(per);
  }
  static std::string size(std::size_t n) { return std::to_string(n); }
};

/// The spec of a plan with one policy in some layers and another in the rest.
inline std::string plan_with(const std::string& most, std::vector<std::size_t> layers, const std::string& there) {
  if (layers.empty()) return most;
  std::ranges::sort(layers);
  std::string numbers;
  for (const std::size_t l : layers)
    numbers += (numbers.empty() ? "" : "|") + std::to_string(l);
  return (most == "none" ? "" : most + ";") + numbers + "=" + there;
}

}  // namespace qfa

#endif
