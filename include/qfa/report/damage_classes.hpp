// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_DAMAGE_CLASSES_HPP
#define QFA_REPORT_DAMAGE_CLASSES_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/survival/damage_class.hpp"

namespace qfa {

/// How many of the features that the honest protocol counts are of each damage class, indexed by it.
inline std::array<std::size_t, damage_class_names.size()> count_damage_classes(const condition_result& c) noexcept {
  std::array<std::size_t, damage_class_names.size()> count{};
  for (const std::uint32_t f : c.by_honest.counted)
    if (f < c.features.size()) ++count[static_cast<std::size_t>(classify(c.features[f]))];
  return count;
}

/// The name of each feature's damage class; empty for those that the honest protocol does not count.
inline std::vector<std::string_view> damage_classes_of(const condition_result& c) {
  std::vector<std::string_view> names(c.features.size());
  for (const std::uint32_t f : c.by_honest.counted)
    if (f < names.size()) names[f] = name(classify(c.features[f]));
  return names;
}

}  // namespace qfa

#endif
