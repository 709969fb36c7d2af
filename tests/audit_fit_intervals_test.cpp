// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/fit_intervals.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace audit_fit_intervals_test {

using namespace qfa;

namespace {

/// One feature over 8 groups of 17 tokens: in group g it fires together `both[g]` times with an error of 1, and
/// `lost[g]` firings of strength `size[g]` are gone.
feature_table made_table(const std::array<int, 8>& both, const std::array<int, 8>& lost,
                         const std::array<int, 8>& size) {
  feature_table table(2, 8);
  for (std::uint32_t g = 0; g < 8; ++g) {
    sparse_codes x(2), y(2);
    for (int t = 0; t < 17; ++t) {
      const bool keeps = t < both[g], loses = !keeps && t < both[g] + lost[g];
      if (keeps) x.push(0, 3.0f), y.push(0, 4.0f);
      if (loses) x.push(0, static_cast<float>(size[g]));
      if (t == 0) y.push(1, 100.0f);  // a birth of another feature
      x.end_token();
      y.end_token();
    }
    table(x, y, std::vector<std::uint32_t>(17, g));
  }
  return table;
}

}  // namespace

TEST_CASE("estimate_l0: firings over tokens, on log, as numpy and scipy have the jackknife of 108 / 80") {
  // numpy: d = (108 - f) / 70 for f = 12, 15, 11, 14, 13, 16, 10, 17; se of log d; t.ppf(.975, 7).  Tokens are 10 a
  // group.
  feature_table table(2, 8);
  const std::array<int, 8> fires{12, 15, 11, 14, 13, 16, 10, 17};
  for (std::uint32_t g = 0; g < 8; ++g) {
    sparse_codes x(2), y(2);
    for (int t = 0; t < 10; ++t) {
      if (t == 3) x.push(0, 1.0f);
      if (t < fires[g]) y.push(0, 1.0f);
      if (t + 10 < fires[g]) y.push(1, 1.0f);
      x.end_token();
      y.end_token();
    }
    table(x, y, std::vector<std::uint32_t>(10, g));
  }
  const estimate found = estimate_l0(table);
  CHECK(found.value == 1.35);
  CHECK(found.range.scale == interval_scale::log);
  CHECK(found.range.scale_error == doctest::Approx(0.06418050807180405).epsilon(1e-12));
  CHECK(found.range.lower == doctest::Approx(1.1599092932904553).epsilon(1e-9));
  CHECK(found.range.upper == doctest::Approx(1.571243553735045).epsilon(1e-9));
}

TEST_CASE("estimate_flip_share: flips over all error, on logit, of the chosen features alone, as numpy has it") {
  // Flips 1, 4, 9, 1, 4, 9, 16, 4 of errors 5, 8, 25, 2, 5, 25, 20, 13.
  const feature_table table =
      made_table({4, 4, 16, 1, 1, 16, 4, 9}, {1, 1, 1, 1, 1, 1, 1, 1}, {1, 2, 3, 1, 2, 3, 4, 2});
  const std::vector<std::uint32_t> first{0}, both{0, 1};
  const estimate found = estimate_flip_share(table, first);
  CHECK(found.value == doctest::Approx(48.0 / 103.0).epsilon(1e-14));
  CHECK(found.range.scale == interval_scale::logit);
  CHECK(found.range.scale_error == doctest::Approx(0.3766836244531404).epsilon(1e-12));
  CHECK(found.range.lower == doctest::Approx(0.2636957562843617).epsilon(1e-9));
  CHECK(found.range.upper == doctest::Approx(0.6801765036608933).epsilon(1e-9));
  CHECK(estimate_flip_share(table, both).value > 0.99);
  CHECK(std::isnan(estimate_flip_share(table, {}).value));
}

TEST_CASE("fit of a condition: the intervals stand about the fit's own values, on both models") {
  sae rough = qfa_test::lossless_sae(64);
  for (std::size_t i = 0; i < rough.w_dec.size(); ++i)
    rough.w_dec[i] *= 0.5f + 0.01f * static_cast<float>(i % 40);
  for (std::size_t f = 0; f < rough.d_sae; f += 2)
    rough.b_enc[f] = -0.2f;  // else one of each pair fires on every token
  model_audit audit(qfa_test::tiny_model(), rough, qfa_test::random_rows(40, 12, 97), qfa_test::tiny_settings());
  audit.run(rtn{.bits = 2});
  const audit_result result = audit.result();
  for (const condition_result& c : result.conditions) {
    CAPTURE(c.policy);
    for (const interval& range : {c.fit.fvu_range, c.fit.l0_range}) {
      CHECK(range.kind == interval_kind::two_sided);
      CHECK(range.scale == interval_scale::log);
      CHECK(range.dof == 9.0);
    }
    CHECK(c.fit.fvu_range.lower < c.fit.fvu);
    CHECK(c.fit.fvu < c.fit.fvu_range.upper);
    // On log the value is the middle.
    CHECK(std::sqrt(c.fit.fvu_range.lower * c.fit.fvu_range.upper) == doctest::Approx(c.fit.fvu).epsilon(1e-9));
    CHECK(std::sqrt(c.fit.l0_range.lower * c.fit.l0_range.upper) == doctest::Approx(c.fit.l0).epsilon(1e-9));
    CHECK(std::isnan(c.flip_share.value) == c.reference);
  }
}

}  // namespace audit_fit_intervals_test
