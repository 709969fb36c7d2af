// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_CODES_HPP
#define QFA_SAE_CODES_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// Which features fired on each token, and how strongly.
///
/// Compressed rows: token t owns entries [begin_[t], begin_[t + 1]), features increasing, values > 0.  Flat arrays
/// instead of a vector per token, so that a batch costs three allocations, not one per token, and statistics stream
/// through memory in order.
class sparse_codes {
 public:
  struct token {
    std::span<const std::uint32_t> features;  ///< strictly increasing
    std::span<const float> values;            ///< > 0, one for each feature
  };

  sparse_codes() = default;
  /// No tokens yet, of a dictionary of `width` features.
  explicit sparse_codes(std::size_t width) : width_(width) {}

  std::size_t tokens() const noexcept { return begin_.size() - 1; }
  std::size_t width() const noexcept { return width_; }              ///< features in the dictionary
  std::size_t firings() const noexcept { return features_.size(); }  ///< over all tokens

  /// Precondition: t < tokens(); checked by assert.
  token operator[](std::size_t t) const noexcept {
    assert(t < tokens());
    const std::size_t first = begin_[t];
    const std::size_t count = begin_[t + 1] - first;
    return {{features_.data() + first, count}, {values_.data() + first, count}};
  }

  /// Adds one entry to the token being written; features must come in increasing order.  Precondition: feature <
  /// width(), value > 0; checked by assert.
  void push(std::uint32_t feature, float value) {
    assert(feature < width_ && value > 0.0f);
    features_.push_back(feature);
    values_.push_back(value);
  }
  /// Ends the token being written.
  void end_token() { begin_.push_back(features_.size()); }

  /// Adds a whole token: features increasing, one value > 0 for each.  Throws where there is not one for each.
  void append_token(std::span<const std::uint32_t> features, std::span<const float> values) {
    require(features.size() == values.size(), "a token has a value for each feature that fires");
    features_.insert(features_.end(), features.begin(), features.end());
    values_.insert(values_.end(), values.begin(), values.end());
    end_token();
  }

  /// Adds all of another batch's tokens behind these.  Throws for another width.
  void append(const sparse_codes& other) {
    require(other.width_ == width_, "codes are put behind others of the same dictionary");
    const std::size_t base = features_.size();
    features_.insert(features_.end(), other.features_.begin(), other.features_.end());
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
    begin_.reserve(begin_.size() + other.tokens());
    for (std::size_t t = 1; t < other.begin_.size(); ++t)
      begin_.push_back(base + other.begin_[t]);
  }

  bool operator==(const sparse_codes&) const = default;

 private:
  std::size_t width_ = 0;
  std::vector<std::size_t> begin_{0};
  std::vector<std::uint32_t> features_;
  std::vector<float> values_;
};

}  // namespace qfa

#endif
