// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/protocol.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "statistics_oracle.hpp"

namespace survival_protocol_test {

namespace {

/// A reference that fires `firings` times, spread over `groups` of 16 groups of 100 tokens, with varying values.
qfa::feature_table reference(std::size_t firings, std::size_t groups) {
  qfa::sparse_codes codes(1);
  std::vector<std::uint32_t> group_of_token;
  for (std::size_t g = 0; g < 16; ++g) {
    const std::size_t here = g < groups ? firings / groups + (g < firings % groups ? 1 : 0) : 0;
    for (std::size_t t = 0; t < 100; ++t) {
      if (t < here) codes.push(0, 1.0f + 0.01f * static_cast<float>(t));
      codes.end_token();
      group_of_token.push_back(static_cast<std::uint32_t>(g));
    }
  }
  qfa::feature_table table(1, 16);
  table(codes, codes, group_of_token);
  return table;
}

bool measured(const qfa::protocol& rules, const qfa::feature_table& table) {
  return qfa::is_measured(rules, table.total(0), qfa::evidence_of(table, 0));
}

}  // namespace

TEST_CASE("protocol: active means a rate above one in a thousand, strictly") {
  CHECK_FALSE(qfa::is_active(qfa::published, 0.001));
  CHECK(qfa::is_active(qfa::published, 0.0010001));
  CHECK_FALSE(qfa::is_active(qfa::honest, 0.001));
  CHECK_FALSE(qfa::is_active(qfa::published, std::nan("")));
  // 200 firings of 200,000 tokens are not above it, 201 are.
  CHECK_FALSE(qfa::is_active(qfa::published, 200.0 / 200000.0));
  CHECK(qfa::is_active(qfa::published, 201.0 / 200000.0));
}

TEST_CASE("honest: fifty firings in eight groups are enough, forty-nine or seven are not") {
  CHECK(measured(qfa::honest, reference(50, 8)));
  CHECK_FALSE(measured(qfa::honest, reference(49, 8)));
  CHECK_FALSE(measured(qfa::honest, reference(500, 7)));
  CHECK(measured(qfa::honest, reference(500, 16)));
  CHECK(measured(qfa::published, reference(1, 1)));
  CHECK(measured(qfa::published, reference(49, 7)));
  qfa::protocol both = qfa::published;  // a guarded r does not waive what else is asked for
  both.minimum_firings = 50;
  CHECK(measured(both, reference(50, 1)));
  CHECK_FALSE(measured(both, reference(49, 1)));
}

TEST_CASE("honest: evidence that one group holds nearly all of is not enough") {
  // 93 firings in one group, one in each of seven others: eight groups, worth little more than one.
  qfa::sparse_codes codes(1);
  std::vector<std::uint32_t> group_of_token;
  for (std::uint32_t g = 0; g < 8; ++g)
    for (std::size_t t = 0; t < 100; ++t) {
      if (t < (g == 0 ? 93U : 1U)) codes.push(0, 1.0f);
      codes.end_token();
      group_of_token.push_back(g);
    }
  qfa::feature_table table(1, 8);
  table(codes, codes, group_of_token);
  CHECK(qfa::evidence_of(table, 0).effective < 5.0);
  CHECK_FALSE(measured(qfa::honest, table));
  CHECK(measured(qfa::published, table));
}

TEST_CASE("honest: a reference that does not vary cannot be measured") {
  qfa::sparse_codes codes(1);
  std::vector<std::uint32_t> group_of_token;
  for (std::uint32_t t = 0; t < 800; ++t) {
    codes.push(0, 0.75f);
    codes.end_token();
    group_of_token.push_back(t / 100);
  }
  qfa::feature_table table(1, 8);
  table(codes, codes, group_of_token);
  CHECK_FALSE(measured(qfa::honest, table));
}

TEST_CASE("honest: who is active and measured agrees with the oracle") {
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_table table = oracle.table("a");
  const std::vector<std::int64_t> active = oracle.integers("active"), enough = oracle.integers("measured");
  qfa::protocol rules = qfa::honest;
  rules.minimum_effective_groups = 0.0;  // the oracle counts firings and groups only
  for (std::size_t f = 0; f < oracle.features; ++f) {
    CAPTURE(f);
    const qfa::feature_totals total = table.total(f);
    CHECK(qfa::is_active(rules, qfa::firing_rate(total)) == (active[f] != 0));
    if (total.all.xx > 0.0) CHECK(qfa::is_measured(rules, total, qfa::evidence_of(table, f)) == (enough[f] != 0));
  }
}

TEST_CASE("protocols: the two differ where they should and in name") {
  CHECK(qfa::published.name != qfa::honest.name);
  CHECK(qfa::published.guarded_r);
  CHECK_FALSE(qfa::honest.guarded_r);
  CHECK(qfa::published.bands == qfa::honest.bands);
  CHECK(qfa::published.active_rate == qfa::honest.active_rate);
  CHECK(qfa::published != qfa::honest);
}

}  // namespace survival_protocol_test
