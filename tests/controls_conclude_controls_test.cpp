// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/conclude_controls.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "controls_made_up.hpp"

namespace controls_conclude_controls_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("check_of: a record that is not the reference's to the bit does not hold") {
  pass_record again("reference again", {.rows = 64, .row_tokens = 15}, 3);
  again.table = lossy_table({0.0f, 0.0f, 0.0f}, 1);
  CHECK(check_of(again, all_features(3)).holds());
  CHECK(std::isnan(check_of(again, all_features(3)).kl));
  again.losses.resize(2);
  again.losses[0]({.reference_nll = 1.0, .compressed_nll = 1.0, .kl = 0.0, .same_top = true});
  CHECK(check_of(again, all_features(3)).kl == 0.0);
  again.losses[1]({.reference_nll = 1.0, .compressed_nll = 1.5, .kl = 0.25, .same_top = true});
  const self_check differs = check_of(again, all_features(3));
  CHECK(!differs.holds());
  CHECK(differs.kl == 0.125);
  CHECK(differs.excess_loss == 0.25);
  again.table = lossy_table({0.0f, 1e-5f, 0.0f}, 1);
  CHECK(check_of(again, all_features(3)).changed_features == 1);
}

TEST_CASE(
    "variances_with_flips: of the counted features, each by its own threshold and norm, and a half's near firings") {
  sae dictionary;
  dictionary.d_in = 4;
  dictionary.threshold = {1.0f, 2.0f, 3.0f};
  const std::vector<std::uint32_t> counted{0, 2};
  const std::vector<double> norms{0.5, 2.0};
  const auto v = detail::variances_with_flips(dictionary, counted, norms, 8.0);
  half_profiles::half seen;
  seen.nearby = {0.25, 0.75};
  CHECK(v(seen, 0) == gated_error_variance(1.0, 1.0, 0.25));
  CHECK(v(seen, 1) == gated_error_variance(4.0, 3.0, 0.75));
}

TEST_CASE("controlled_samples: a kind without runs is an empty list") {
  controlled_samples s;
  s.controls[control_kind::negated].push_back(lossy_sample({0.1f}, 1));
  CHECK(s.of(control_kind::negated).size() == 1);
  CHECK(s.of(control_kind::matched_noise).empty());
}

}  // namespace controls_conclude_controls_test
