// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/worst_agreement.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "controls_made_up.hpp"

namespace controls_worst_agreement_test {

using namespace qfa;
using namespace qfa_test;

namespace {

/// Feature f is the f-th worst, but for the first two groups of features, which may be turned round.
damage_sample ordered(std::size_t width, bool turned) {
  damage_sample s;
  s.groups = 8;
  for (std::size_t f = 0; f < width; ++f) {
    const std::size_t place = turned ? width - 1 - f : f;
    s.r.push_back(static_cast<double>(place) / static_cast<double>(width));
  }
  s.shift.assign(8 * width, 0.0f);
  return s;
}

}  // namespace

TEST_CASE("worst_agreement: equal orders share all, opposite ones nothing, and noise stands beside") {
  const damage_sample a = ordered(200, false), b = ordered(200, true);
  const worst_agreement same = compare_worst(a, a, {}, {});
  CHECK(same.worst == 10);
  CHECK(same.common == 1.0);
  CHECK(same.rank_biased.value == doctest::Approx(1.0));
  CHECK(std::isnan(same.null_common));
  CHECK(std::isnan(same.null_rank_biased));
  const std::vector<damage_sample> noise_of_a{b}, noise_of_b{a, b};
  const worst_agreement turned = compare_worst(a, b, noise_of_a, noise_of_b);
  CHECK(turned.common == 0.0);
  CHECK(turned.rank_biased.value < 1e-3);
  // Overlaps with the noise: of a with a 1, of a with b 0, and of b with b 1.
  CHECK(turned.null_common == doctest::Approx(2.0 / 3.0));
  CHECK(turned.null_rank_biased == doctest::Approx((2.0 + turned.rank_biased.value) / 3.0));
}

TEST_CASE("worst_agreement: half of the worst list in common") {
  damage_sample a = ordered(100, false), b = a;
  // 5 of 100 are the worst 5 %: 0 to 4.  b's are 2 to 6.
  b.r[0] = b.r[1] = 0.5;
  CHECK(compare_worst(a, b, {}, {}).common == doctest::Approx(0.6));
}

TEST_CASE("worst_agreement: the interval leaves out groups, on logit") {
  const std::vector<float> loss = losses(
      120, [](std::size_t f) { return f % 3 == 0; }, 0.75f);
  const worst_agreement w = compare_worst(lossy_sample(loss, 1), lossy_sample(loss, 2), {}, {});
  CHECK(w.rank_biased.range.kind == interval_kind::two_sided);
  CHECK(w.rank_biased.range.scale == interval_scale::logit);
  CHECK(w.rank_biased.range.lower < w.rank_biased.value);
  CHECK(w.rank_biased.value < w.rank_biased.range.upper);
  CHECK(std::isnan(compare_worst({}, {}, {}, {}).common));
}

}  // namespace controls_worst_agreement_test
