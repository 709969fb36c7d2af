// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_OUTLIER_CHANNELS_HPP
#define QFA_ALIGNMENT_OUTLIER_CHANNELS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "qfa/compress/counter_random.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/stats/percentile.hpp"

namespace qfa {

/// The largest magnitude of each channel over all tokens seen.  Published for the key projection, all heads side by
/// side, over up to 20 prompts of up to 512 tokens (arXiv 2606.09864).
class channel_peaks {
 public:
  /// activations: (tokens, channels).  Throws for another number of channels than before, and for values that are not
  /// finite.
  void operator()(matrix_view<const float> activations) {
    widen(activations.columns());
    for (std::size_t t = 0; t < activations.rows(); ++t) {
      const std::span<const float> row = activations.row(t);
      for (std::size_t c = 0; c < row.size(); ++c) {
        require(std::isfinite(row[c]), "peaks of channels need finite activations");
        peaks_[c] = (std::max)(peaks_[c], static_cast<double>(std::fabs(row[c])));
      }
    }
  }

  channel_peaks& operator+=(const channel_peaks& other) {
    if (other.peaks_.empty()) return *this;
    widen(other.peaks_.size());
    for (std::size_t c = 0; c < peaks_.size(); ++c)
      peaks_[c] = (std::max)(peaks_[c], other.peaks_[c]);
    return *this;
  }

  std::span<const double> values() const noexcept { return peaks_; }

  bool operator==(const channel_peaks&) const = default;

 private:
  void widen(std::size_t channels) {
    if (peaks_.empty()) peaks_.assign(channels, 0.0);
    require(peaks_.size() == channels, "peaks of channels need as many channels in every matrix");
  }

  std::vector<double> peaks_;
};

static_assert(mergeable<channel_peaks, matrix_view<const float>>);

/// The channels whose peak reaches this percentile of all peaks, in order: 95 as published, the top 5 %.
inline std::vector<std::size_t> outlier_channels(std::span<const double> peaks, double percent = 95.0) {
  const double threshold = percentile(peaks, percent);
  std::vector<std::size_t> channels;
  for (std::size_t c = 0; c < peaks.size(); ++c)
    if (peaks[c] >= threshold) channels.push_back(c);
  return channels;
}

/// The share of the channels with the lowest peaks, in order: the bottom half as published.  Rounded down; of equal
/// peaks the earlier channel is lower.  Throws where the share is not in [0, 1].
inline std::vector<std::size_t> low_magnitude_channels(std::span<const double> peaks, double share = 0.5) {
  require(share >= 0.0 && share <= 1.0, "the channels of low magnitude should be a share from 0 to 1");
  std::vector<std::size_t> channels(peaks.size());
  std::iota(channels.begin(), channels.end(), std::size_t{0});
  std::ranges::stable_sort(channels, [&](std::size_t a, std::size_t b) { return peaks[a] < peaks[b]; });
  channels.resize(static_cast<std::size_t>(share * static_cast<double>(peaks.size())));
  std::ranges::sort(channels);
  return channels;
}

/// `count` different channels out of `channels`, in order, each set of them as likely: the control of the same size.
/// None of `excluded` (say, the outliers themselves).  A function of the seed, the same on every machine; the published
/// numbers are of numpy's generator with seed 42 and cannot be had this way.  Throws where there are not enough.
inline std::vector<std::size_t> random_channels(std::size_t channels, std::size_t count, std::uint64_t seed,
                                                std::span<const std::size_t> excluded = {}) {
  std::vector<std::size_t> deck;
  for (std::size_t c = 0; c < channels; ++c)
    if (std::ranges::find(excluded, c) == excluded.end()) deck.push_back(c);
  require(count <= deck.size(), "random channels need at least as many channels to choose from");
  const counter_random random(seed, "channels", random_use::permutation);
  for (std::size_t i = 0; i < count; ++i)  // Fisher's and Yates' shuffle, as far as it is needed
    std::swap(deck[i], deck[i + static_cast<std::size_t>(random.below(deck.size() - i, i))]);
  deck.resize(count);
  std::ranges::sort(deck);
  return deck;
}

/// How much more a cache flips that quantizes the outlier channels alone than one that quantizes as many random ones.
/// NaN, undefined, where the random ones flip nothing.
constexpr double causal_ratio(double outlier_flip, double random_flip) noexcept {
  if (!(random_flip > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  return outlier_flip / random_flip;
}

static_assert(causal_ratio(0.5, 0.25) == 2.0);

}  // namespace qfa

#endif
