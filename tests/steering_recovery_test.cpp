// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/recovery.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "made_up.hpp"

namespace steering_recovery_test {

using namespace qfa;

namespace {

/// Each token a group of its own.
group_comparisons groups_of(const std::vector<double>& kl) {
  group_comparisons out(kl.size());
  for (std::size_t g = 0; g < kl.size(); ++g)
    out[g](token_comparison{.kl = kl[g]});
  return out;
}

}  // namespace

TEST_CASE("recovered_share: another program's, of mean KL and not the mean of ratios") {
  const json known = qfa_test::read_data("analyses.json").at("a10").at("recovery");
  for (const json& one : known) {
    const std::string name = one.at("name");
    CAPTURE(name);
    const group_comparisons compressed = groups_of(qfa_test::numbers(one.at("kl_compressed")));
    const group_comparisons patched = groups_of(qfa_test::numbers(one.at("kl_patched")));
    const double wanted = qfa_test::number(one.at("recovery"));
    const double found = recovered_share(compressed, patched, compressed.size());
    if (std::isnan(wanted))
      CHECK(std::isnan(found));
    else
      CHECK(std::fabs(found - wanted) <= 1e-11);
  }
  CHECK_THROWS_WITH(recovered_share(groups_of({1.0}), groups_of({1.0, 2.0}), 2), doctest::Contains("same groups"));
}

TEST_CASE("conclude_point: sets, what they leave out, means over draws, and paired differences") {
  const group_comparisons kl = groups_of({1.0, 2.0, 1.0, 3.0, 1.0, 2.0, 1.0, 1.0});
  const auto times = [&](double factor, std::size_t other = 99) {
    std::vector<double> out;
    for (std::size_t g = 0; g < kl.size(); ++g)
      out.push_back(kl[g].mean_kl() * (g == other ? 1.0 : factor));
    return groups_of(out);
  };
  restored_passes p;
  p.worst = times(0.5, 3);
  p.all_but_worst = times(0.25);
  p.loudest = times(0.125);
  p.all_but_loudest = times(1.5);
  p.random = {times(1.0), times(0.5)};
  p.random_energy = {times(0.5, 3)};
  restored_point point;
  conclude_point(point, kl, p);
  CHECK(point.worst.value == doctest::Approx(0.5 * 9.0 / 12.0));
  CHECK(point.worst.range.kind == interval_kind::two_sided);
  CHECK(point.all_but_worst.value == doctest::Approx(0.75));
  CHECK(point.all_but_worst.range.standard_error < 1e-12);  // a quarter is left of every group, whichever is left out
  CHECK(point.loudest.value == doctest::Approx(0.875));
  CHECK(point.all_but_loudest.value == doctest::Approx(-0.5));
  CHECK(point.random.value == doctest::Approx(0.25));
  CHECK(point.worst_over_random.value == doctest::Approx(0.375 - 0.25));
  CHECK(point.worst_over_random.range.kind == interval_kind::two_sided);
  // The same passes: whatever group is left out, the difference is nothing.
  CHECK(point.worst_over_random_energy.value == 0.0);
  CHECK(point.worst_over_random_energy.range.standard_error == 0.0);
}

}  // namespace steering_recovery_test
