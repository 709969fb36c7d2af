// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_TARGETS_HPP
#define QFA_COMPRESS_TARGETS_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/compress/tensor_info.hpp"

namespace qfa {

/// Whether `text` as a whole is what `pattern` says: '*' stands for any characters or none, '?' for exactly one.
///
/// On a mismatch only the last star grows: whatever an earlier one could swallow, the last can too.  So the time is
/// at most |pattern| |text|, however many stars there are.
constexpr bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  constexpr auto none = std::string_view::npos;
  std::size_t p = 0, t = 0, after_star = none, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (after_star != none) {
      p = after_star;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

static_assert(glob_matches("*.mlp.*", "model.layers.0.mlp.up_proj.weight") && !glob_matches("a?c", "ac"));

/// Whether a glob on names means this matrix: by its own name ("...query_key_value.weight#q"), or by that of the tensor
/// in the file ("...query_key_value.weight").
inline bool names_tensor(std::string_view pattern, const tensor_info& info) noexcept {
  return glob_matches(pattern, info.name) || glob_matches(pattern, stored_name(info.name));
}

/// Which matrices of a model a policy is applied to.
///
/// Without patterns: the published set (arXiv 2606.03002), every matrix of attention and MLP, never embeddings, biases
/// or norms.  Patterns are globs on tensor names (`names_tensor`).
struct target_patterns {
  std::vector<std::string> include{};  ///< empty: the published set; else what any of these match, whatever its role
  std::vector<std::string> exclude{};  ///< taken out again, whatever included it

  bool operator()(const tensor_info& info) const {
    const auto matched = [&](const std::string& pattern) { return names_tensor(pattern, info); };
    if (std::ranges::any_of(exclude, matched)) return false;
    return include.empty() ? info.role != tensor_role::other : std::ranges::any_of(include, matched);
  }

  /// The patterns of either list that match none of `tensors`: almost surely misspelled, and the caller's to refuse.
  std::vector<std::string> matching_nothing(std::span<const tensor_info> tensors) const {
    std::vector<std::string> idle;
    for (const auto* patterns : {&include, &exclude})
      for (const std::string& pattern : *patterns)
        if (std::ranges::none_of(tensors, [&](const tensor_info& info) { return names_tensor(pattern, info); }))
          idle.push_back(pattern);
    return idle;
  }

  /// One line for a report's protocol block.
  std::string name() const {
    std::string text = include.empty() ? "attention and MLP matrices" : "";
    for (const std::string& pattern : include)
      (text += text.empty() ? "" : ", ") += pattern;
    for (std::size_t i = 0; i < exclude.size(); ++i)
      (text += i == 0 ? " except " : ", ") += exclude[i];
    return text;
  }
};

}  // namespace qfa

#endif
