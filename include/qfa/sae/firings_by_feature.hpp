// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_FIRINGS_BY_FEATURE_HPP
#define QFA_SAE_FIRINGS_BY_FEATURE_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/sae/codes.hpp"

namespace qfa {

/// The same firings as a batch of codes, feature by feature, each in the order of the tokens: for threads that share
/// out the features.
class firings_by_feature {
 public:
  struct firing {
    std::uint32_t token = 0;
    float value = 0.0f;  ///< > 0
  };

  explicit firings_by_feature(const sparse_codes& codes) : begin_(codes.width() + 1, 0), firings_(codes.firings()) {
    for (std::size_t t = 0; t < codes.tokens(); ++t)
      for (const std::uint32_t j : codes[t].features)
        ++begin_[j + 1];
    for (std::size_t j = 0; j < codes.width(); ++j)
      begin_[j + 1] += begin_[j];
    std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
    for (std::size_t t = 0; t < codes.tokens(); ++t) {
      const sparse_codes::token token = codes[t];
      for (std::size_t i = 0; i < token.features.size(); ++i)
        firings_[next[token.features[i]]++] = {static_cast<std::uint32_t>(t), token.values[i]};
    }
  }

  std::size_t width() const noexcept { return begin_.size() - 1; }
  std::span<const firing> operator[](std::size_t feature) const noexcept {
    return std::span(firings_).subspan(begin_[feature], begin_[feature + 1] - begin_[feature]);
  }

 private:
  std::vector<std::size_t> begin_;
  std::vector<firing> firings_;
};

}  // namespace qfa

#endif
