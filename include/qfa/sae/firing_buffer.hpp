// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_FIRING_BUFFER_HPP
#define QFA_SAE_FIRING_BUFFER_HPP

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace qfa {

/// What has fired on one token so far, features increasing.
class firing_buffer {
 public:
  std::size_t size() const noexcept { return size_; }
  std::span<const std::uint32_t> features() const noexcept { return {features_.data(), size_}; }
  std::span<const float> values() const noexcept { return {values_.data(), size_}; }
  void clear() noexcept { size_ = 0; }

  /// Adds those of the features first_feature, first_feature + 1, ... whose values are above `bar`.
  ///
  /// Every entry is written and the end moves on only behind those that count: which lane of a register fires cannot be
  /// predicted, and a wrong guess costs more than the store.  Precondition: first_feature is above all features so far;
  /// checked by assert.
  void append(std::size_t first_feature, std::span<const float> values, float bar = 0.0f) {
    assert(size_ == 0 || first_feature > features_[size_ - 1]);
    if (size_ + values.size() > features_.size()) grow(size_ + values.size());
    std::size_t end = size_;
    for (std::size_t i = 0; i < values.size(); ++i) {
      features_[end] = static_cast<std::uint32_t>(first_feature + i);
      values_[end] = values[i];
      end += values[i] > bar ? 1U : 0U;
    }
    size_ = end;
  }

  /// Drops what is below `bar`, and of what is at it all but the first `room`.
  void keep(float bar, std::size_t room) noexcept {
    std::size_t end = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      const std::size_t above = values_[i] > bar ? 1 : 0;
      const std::size_t at_bar = values_[i] == bar && room > 0 ? 1 : 0;
      features_[end] = features_[i];
      values_[end] = values_[i];
      room -= at_bar;
      end += above + at_bar;
    }
    size_ = end;
  }

 private:
  void grow(std::size_t least) {
    // Most tokens of most SAEs fit into the first piece: allocating by doubling from 16 took a third of an encode with
    // 64 inputs.
    constexpr std::size_t first_piece = 128;
    const std::size_t size = (std::max)({first_piece, least, 2 * features_.size()});
    features_.resize(size);
    values_.resize(size);
  }

  std::size_t size_ = 0;  // entries; the vectors behind them are room
  std::vector<std::uint32_t> features_;
  std::vector<float> values_;
};

}  // namespace qfa

#endif
