// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_TOP_K_HPP
#define QFA_SAE_TOP_K_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "qfa/core/error.hpp"
#include "qfa/sae/firing_buffer.hpp"

namespace qfa {

namespace detail {

/// The k-th largest of positive values, bit by bit from the top: their bits are in the order of their values, so the
/// result has a bit if at least k values reach what is known so far with that bit.  31 passes of comparisons, which the
/// compiler makes vectors of; std::nth_element guesses a branch for each element and takes longer (bench/encode_bench).
inline float kth_largest(std::span<const float> values, std::size_t k) noexcept {
  std::uint32_t bits = 0;
  for (std::uint32_t bit = 1U << 30; bit != 0; bit >>= 1) {
    std::uint32_t reach = 0;
    for (float v : values)
      reach += std::bit_cast<std::uint32_t>(v) >= (bits | bit) ? 1U : 0U;
    if (reach >= k) bits |= bit;
  }
  return std::bit_cast<float>(bits);
}

}  // namespace detail

/// The k largest positive values of one token, offered in increasing order of features.
///
/// Keeping about 2k candidates and halving them costs O(1) for each offer, and nothing is ever sorted; what is at or
/// below the k-th largest so far is turned away at once.  Ties go to the lower feature: an equal value that comes later
/// finds the bar closed.
class top_k_candidates {
 public:
  top_k_candidates() = default;
  /// Throws for 0.
  explicit top_k_candidates(std::size_t k) : k_(k) { require(k > 0, "the k largest values are at least one"); }

  /// Values that are not above this cannot be among the k largest.
  float bar() const noexcept { return bar_; }

  /// Offers the features first_feature, first_feature + 1, ...
  void append(std::size_t first_feature, std::span<const float> values) {
    kept_.append(first_feature, values, bar_);
    if (kept_.size() >= 2 * k_) halve();
  }

  /// The k largest, or all if there are fewer, features increasing.
  const firing_buffer& result() {
    if (kept_.size() > k_) halve();
    return kept_;
  }

 private:
  /// Keeps the k largest in their order.  Of those at the bar as many stay as there is room for beside what is above
  /// it: the first ones.
  void halve() noexcept {
    bar_ = detail::kth_largest(kept_.values(), k_);
    const auto values = kept_.values();
    const auto above = std::count_if(values.begin(), values.end(), [this](float v) { return v > bar_; });
    kept_.keep(bar_, k_ - static_cast<std::size_t>(above));
  }

  std::size_t k_ = 1;
  float bar_ = 0.0f;
  firing_buffer kept_;
};

}  // namespace qfa

#endif
