// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/rank_stability.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace locate_rank_stability_test {

using qfa::noise_sum;

namespace {

/// A unit whose damage on a set of groups is the mean of what each has.
noise_sum mean_of_groups(const std::vector<double>& groups) {
  noise_sum out;
  out.half_without.resize(groups.size());
  for (std::size_t h = 0; h < 2; ++h) {
    double sum = 0.0, count = 0.0;
    for (std::size_t g = h; g < groups.size(); g += 2) {
      sum += groups[g];
      count += 1.0;
    }
    out.half[h] = sum / count;
    for (std::size_t g = h; g < groups.size(); g += 2)
      out.half_without[g] = (sum - groups[g]) / (count - 1.0);
  }
  return out;
}

/// Units of damage first + u step, whose groups wave about it.
std::vector<noise_sum> waving(std::size_t units, double first, double step, double noise, std::size_t groups) {
  std::vector<noise_sum> out;
  for (std::size_t u = 0; u < units; ++u) {
    std::vector<double> each;
    const auto place = static_cast<double>(u);
    for (std::size_t g = 0; g < groups; ++g) {
      const auto at = static_cast<double>(g);
      each.push_back(first + step * place + noise * std::sin(1.7 * place * place + 2.3 * at + 0.4 * place * at));
    }
    out.push_back(mean_of_groups(each));
  }
  return out;
}

qfa::estimate stability_of(const std::vector<noise_sum>& units) {
  std::vector<const noise_sum*> pointers;
  for (const noise_sum& unit : units)
    pointers.push_back(&unit);
  return qfa::rank_stability(pointers);
}

}  // namespace

TEST_CASE("rank_stability: value and both ends are those of numpy and scipy, written from the definition") {
  const qfa::estimate e = stability_of(waving(6, 1.0, 0.11, 0.5, 16));
  CHECK(e.value == doctest::Approx(0.942857142857143).epsilon(1e-12));
  // The oracle's t quantile is right to 4e-10, and its steps have no end at six bandwidths.
  CHECK(e.range.lower == doctest::Approx(0.289858370591773).epsilon(1e-7));
  CHECK(e.range.upper == doctest::Approx(0.988352610477755).epsilon(1e-7));
  CHECK(e.range.kind == qfa::interval_kind::two_sided);
  CHECK(std::isnan(e.bias_corrected));
}

TEST_CASE("rank_stability: a clear order with one close pair is known to be stable, where whole steps know nothing") {
  // 21 units by steps of 16 errors, but for the last, which is hardly told from the one before it.
  std::vector<noise_sum> units = waving(20, 1.0, 1.0, 0.5, 64);
  const std::vector<noise_sum> close = waving(21, 0.0, 1.0, 0.5, 64);
  units.push_back(close.back());
  const qfa::estimate e = stability_of(units);
  CHECK(e.value > 0.99);
  CHECK(e.range.lower > 0.99);
  CHECK(e.range.lower <= e.value);
  CHECK(e.range.upper >= e.value);
  const qfa::estimate clear = stability_of(waving(20, 1.0, 1.0, 0.5, 64));
  CHECK(clear.value == 1.0);
  CHECK(clear.range.kind == qfa::interval_kind::at_least);
  CHECK(clear.range.lower == doctest::Approx(std::sqrt(std::pow(0.05, 1.0 / 64.0))));
}

TEST_CASE("rank_stability: units that noise alone ranks are not") {
  const qfa::estimate e = stability_of(waving(21, 1.0, 0.0, 0.5, 64));
  CHECK(e.range.lower < 0.0);
  CHECK(e.range.upper < 0.9);
}

TEST_CASE("rank_stability: refused without groups, of one unit, and of units that are all the same") {
  CHECK(stability_of(waving(6, 1.0, 0.11, 0.5, 6)).range.reason == "fewer than 8 groups of rows");
  CHECK(stability_of(waving(6, 1.0, 0.11, 0.5, 6)).range.kind == qfa::interval_kind::refused);
  CHECK(stability_of(waving(6, 1.0, 0.11, 0.5, 8)).range.dof == 6.0);
  CHECK(std::isnan(stability_of(waving(1, 1.0, 0.11, 0.5, 16)).value));
  CHECK(std::isnan(stability_of({}).value));
  const std::vector<noise_sum> one = waving(1, 1.0, 0.11, 0.5, 16);
  CHECK(stability_of({one[0], one[0], one[0]}).range.reason == "the value is undefined");
  // Equal units share their places: no half can tell the two apart, and both agree on the rest.
  const std::vector<noise_sum> two = waving(3, 1.0, 40.0, 0.5, 16);
  const qfa::estimate tied = stability_of({two[0], two[1], two[2], two[2]});
  CHECK(tied.value == doctest::Approx(1.0));
  CHECK(tied.range.kind == qfa::interval_kind::at_least);
  CHECK(tied.range.lower > 0.8);
}

}  // namespace locate_rank_stability_test
