// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_CENSUS_HPP
#define QFA_SURVIVAL_CENSUS_HPP

#include <array>
#include <cstddef>

#include "qfa/core/mergeable.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/survival/bands.hpp"

namespace qfa {

/// How many features met each outcome.
class census {
 public:
  constexpr void operator()(outcome o) noexcept { ++counts_[static_cast<std::size_t>(o)]; }

  constexpr census& operator+=(const census& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      counts_[i] += other.counts_[i];
    return *this;
  }

  constexpr std::size_t operator[](outcome o) const noexcept { return counts_[static_cast<std::size_t>(o)]; }

  /// Features with a verdict: all but the unmeasured.
  constexpr std::size_t counted() const noexcept {
    return (*this)[outcome::survived] + (*this)[outcome::blurred] + (*this)[outcome::destroyed];
  }
  /// r <= 0.9: blurred or destroyed, what overlaps are computed on.
  constexpr std::size_t not_survived() const noexcept {
    return (*this)[outcome::blurred] + (*this)[outcome::destroyed];
  }
  /// Of the features with a verdict, the share with this one, in [0, 1].  For `unmeasured`, of all.  NaN of none.
  constexpr double share(outcome o) const noexcept {
    const std::size_t whole = o == outcome::unmeasured ? counted() + (*this)[outcome::unmeasured] : counted();
    return ratio(static_cast<double>((*this)[o]), static_cast<double>(whole));
  }

  constexpr bool operator==(const census&) const = default;

 private:
  std::array<std::size_t, 4> counts_{};
};

static_assert(mergeable<census, outcome>);

/// 100 times a share.
constexpr double percent(double share) noexcept { return 100.0 * share; }

}  // namespace qfa

#endif
