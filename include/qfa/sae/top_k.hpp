// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_TOP_K_HPP
#define QFA_SAE_TOP_K_HPP

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace qfa {

/// One feature that fires, or may.
struct firing {
  std::uint32_t feature = 0;
  float value = 0.0f;

  bool operator==(const firing&) const = default;
};

/// The k largest positive values of one token, offered in increasing order of features.
///
/// Keeping up to 2k candidates and halving them by selection costs O(1) for each offer, and no sort of the whole token;
/// what is at or below the k-th largest so far is turned away at once.  Ties go to the lower feature: an equal value
/// that comes later finds the bar closed.
class top_k_candidates {
 public:
  top_k_candidates() = default;
  explicit top_k_candidates(std::size_t k) : k_(k) {
    assert(k > 0);
    kept_.reserve(2 * k);
  }

  /// Values that are not above this cannot be among the k largest.
  float bar() const noexcept { return bar_; }

  void operator()(std::uint32_t feature, float value) {
    assert(kept_.empty() || kept_.size() == k_ || feature > kept_.back().feature);
    if (!(value > bar_)) return;
    kept_.push_back({feature, value});
    if (kept_.size() == 2 * k_) halve();
  }

  /// The k largest, or all if there are fewer, features increasing; and begins anew.
  template <class Consume>
  void take(Consume consume) {
    if (kept_.size() > k_) halve();
    std::sort(kept_.begin(), kept_.end(), [](const firing& a, const firing& b) { return a.feature < b.feature; });
    for (const firing& f : kept_) consume(f.feature, f.value);
    kept_.clear();
    bar_ = 0.0f;
  }

 private:
  void halve() {
    const auto ahead = [](const firing& a, const firing& b) {
      return a.value > b.value || (a.value == b.value && a.feature < b.feature);
    };
    const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(kept_.begin(), last, kept_.end(), ahead);
    bar_ = last->value;
    kept_.resize(k_);
  }

  std::size_t k_ = 1;
  float bar_ = 0.0f;
  std::vector<firing> kept_;
};

}  // namespace qfa

#endif
