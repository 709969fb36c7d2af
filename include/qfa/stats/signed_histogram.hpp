// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_SIGNED_HISTOGRAM_HPP
#define QFA_STATS_SIGNED_HISTOGRAM_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "qfa/core/mergeable.hpp"

namespace qfa {

/// How often numbers of either sign fell into bins that are fixed beforehand, 128 for each power of two: percentiles of
/// a stream of any length, in 70 kB.  Counts, the least and the greatest are all that it holds, so that any order of
/// filling and merging gives the same bits.
///
/// A bin's width is at most 1/128 of what it holds, and a number stands for the middle of its bin: it is off by at most
/// 1/256 of itself.  What is smaller than 2^-24 counts as 0, what is larger than 2^10 as the last bin.
class signed_histogram {
 public:
  static constexpr double relative_error = 1.0 / 256.0;
  static constexpr double smallest = 0x1p-24;

  /// Adds a number; NaN is left out.
  void operator()(double x) {
    if (std::isnan(x)) return;
    if (counts_.empty()) counts_.assign(2 * one_side + 1, 0);
    ++counts_[bin_of(x)];
    ++count_;
    least_ = (std::min)(least_, x);
    most_ = (std::max)(most_, x);
  }

  signed_histogram& operator+=(const signed_histogram& other) {
    if (other.count_ == 0) return *this;
    if (count_ == 0) return *this = other;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      counts_[i] += other.counts_[i];
    count_ += other.count_;
    least_ = (std::min)(least_, other.least_);
    most_ = (std::max)(most_, other.most_);
    return *this;
  }

  std::uint64_t count() const noexcept { return count_; }

  /// The number below which a share p in [0, 1] lies: p (n - 1) of the sorted ones, counted from 0, and between two of
  /// them in proportion, as numpy's percentile has it.  The least and the greatest are exact; others are off by
  /// `relative_error` of the larger of those two, and by `smallest` about 0.  NaN of none.
  double quantile(double p) const noexcept {
    if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
    const double place = p * static_cast<double>(count_ - 1), below = std::floor(place);
    const auto rank = static_cast<std::uint64_t>(below);
    const double low = at_rank(rank), part = place - below;
    return part > 0.0 ? low + part * (at_rank(rank + 1) - low) : low;
  }

  bool operator==(const signed_histogram&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.counts_, self.count_, self.least_, self.most_);
  }

 private:
  static constexpr int lowest = -24, highest = 10;  // powers of two
  static constexpr std::size_t steps = 128;         // for each of them
  static constexpr std::size_t one_side = static_cast<std::size_t>(highest - lowest) * steps;

  /// Bins increase: the negative ones, 0, the positive ones.  A double's exponent and the first 7 bits of its fraction,
  /// read as one number, increase with it.
  static std::size_t bin_of(double x) noexcept {
    const double size = std::fabs(x);
    if (size < smallest) return one_side;
    constexpr std::uint64_t first = static_cast<std::uint64_t>(1023 + lowest) * steps;
    const auto step = static_cast<std::size_t>((std::bit_cast<std::uint64_t>(size) >> 45U) - first);
    const std::size_t from_zero = 1 + (std::min)(step, one_side - 1);
    return x < 0.0 ? one_side - from_zero : one_side + from_zero;
  }

  static double middle_of(std::size_t bin) noexcept {
    if (bin == one_side) return 0.0;
    const std::size_t step = (bin < one_side ? one_side - bin : bin - one_side) - 1;
    const double fraction = (static_cast<double>(step % steps) + 0.5) / static_cast<double>(steps);
    const double size = std::ldexp(1.0 + fraction, lowest + static_cast<int>(step / steps));
    return bin < one_side ? -size : size;
  }

  double at_rank(std::uint64_t rank) const noexcept {
    if (rank == 0) return least_;
    if (rank + 1 >= count_) return most_;
    std::uint64_t seen = 0;
    for (std::size_t bin = 0; bin < counts_.size(); ++bin) {
      seen += counts_[bin];
      if (seen > rank) return (std::min)((std::max)(middle_of(bin), least_), most_);
    }
    return most_;
  }

  std::vector<std::uint64_t> counts_{};  // empty before the first number
  std::uint64_t count_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = -std::numeric_limits<double>::infinity();
};

static_assert(mergeable<signed_histogram, double>);

}  // namespace qfa

#endif
