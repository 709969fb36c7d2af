// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/equal_loss.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "qfa/audit/losses.hpp"
#include "qfa/io/json.hpp"

namespace audit_equal_loss_test {

using namespace qfa;

namespace {

constexpr std::size_t rows = 32, row_tokens = 6, features = 5, scored = 5;

/// Codes and losses of a policy and of two prunings, and what make_equal_loss.py finds in them.
struct oracle {
  json all = read_json(std::filesystem::path(QFA_TEST_DATA) / "equal_loss.json");
  row_groups groups{rows};

  survey survey_of(const std::string& run) const {
    const json &x = all["x"], &y = all["runs"][run];
    feature_table table(features, groups.groups());
    for (std::size_t r = 0; r < rows; ++r) {
      sparse_codes before(features), after(features);
      for (std::size_t t = 0; t < row_tokens; ++t) {
        for (std::size_t f = 0; f < features; ++f) {
          const std::size_t at = (r * row_tokens + t) * features + f;
          const auto push = [&](sparse_codes& codes, const json& value) {
            if (value != 0) codes.push(static_cast<std::uint32_t>(f), value.get<float>() / 16.0f);
          };
          push(before, x[at]);
          push(after, y[at]);
        }
        before.end_token();
        after.end_token();
      }
      table(before, after, std::vector<std::uint32_t>(row_tokens, static_cast<std::uint32_t>(groups.group_of(r))));
    }
    return take_survey(table, honest);
  }

  group_deletions excess_of(const std::string& run) const {
    std::vector<comparison_sum> sums(rows);
    for (std::size_t r = 0; r < rows; ++r) {
      sums[r].reference = {all["reference_losses"][r].get<double>() / 1024.0, scored};
      sums[r].compressed = {all["losses"][run][r].get<double>() / 1024.0, scored};
    }
    return excess_by_groups(sums, groups);
  }
};

struct three_runs {
  oracle from;
  survey policy = from.survey_of("policy"), nearest = from.survey_of("nearest"), across = from.survey_of("across");
  group_deletions costs[3]{from.excess_of("policy"), from.excess_of("nearest"), from.excess_of("across")};

  equal_loss_damage found() const {
    return compare_at_equal_loss({"policy", 0.0, &policy, &costs[0]}, {"nearest", 0.25, &nearest, &costs[1]},
                                 {"across", 0.5, &across, &costs[2]});
  }
};

}  // namespace

TEST_CASE("compare_at_equal_loss: agrees with numpy's, intervals included") {
  const three_runs runs;
  const json &found = runs.from.all["found"], &rest = runs.from.all["without_each"];
  REQUIRE(runs.from.groups.groups() == rest.size());
  for (std::size_t i = 0; const char* const name : {"policy", "nearest", "across"}) {
    CHECK(runs.costs[i].whole == doctest::Approx(found["excess"][name].get<double>()).epsilon(1e-12));
    for (std::size_t g = 0; g < rest.size(); ++g)
      CHECK(runs.costs[i].without[g] == doctest::Approx(rest[g]["excess"][name].get<double>()).epsilon(1e-12));
    ++i;
  }
  const equal_loss_damage at = runs.found();
  CHECK(at.reason.empty());
  CHECK_FALSE(at.extrapolated());
  CHECK(at.counted == features);
  CHECK(at.place == doctest::Approx(found["place"].get<double>()).epsilon(1e-12));
  CHECK(at.sparsity == doctest::Approx(found["sparsity"].get<double>()).epsilon(1e-12));
  CHECK(at.survived.value == doctest::Approx(found["survived"].get<double>()));
  CHECK(at.mean_r.value == doctest::Approx(found["mean_r"].get<double>()).epsilon(1e-9));
  CHECK(at.more_mean_r.value == doctest::Approx(found["more_mean_r"].get<double>()).epsilon(1e-8));
  // r without a group is kept as a float of the difference: 6e-8 of that.
  const auto ends = [&](const estimate& e, const char* name) {
    CHECK(e.range.kind == interval_kind::two_sided);
    CHECK(e.range.lower == doctest::Approx(found[name][0].get<double>()).epsilon(1e-6));
    CHECK(e.range.upper == doctest::Approx(found[name][1].get<double>()).epsilon(1e-6));
  };
  ends(at.mean_r, "mean_r_interval");
  ends(at.more_mean_r, "more_mean_r_interval");
  CHECK(at.survived.range.kind == interval_kind::two_sided);
  CHECK(at.survived.range.lower < at.survived.value);
  const double of_policy = runs.policy.share(outcome::survived).value;
  CHECK(at.more_survived.value == doctest::Approx(of_policy - at.survived.value).epsilon(1e-12));
}

TEST_CASE("compare_at_equal_loss: at either end it is that run, beyond them the same line, and far off nothing") {
  three_runs runs;
  runs.costs[0] = runs.costs[1];
  equal_loss_damage at = runs.found();
  CHECK(at.place == 0.0);
  CHECK(at.mean_r.value == runs.nearest.mean_r.value);
  CHECK(at.mean_r.range.upper == doctest::Approx(runs.nearest.mean_r.range.upper).epsilon(1e-9));
  runs.costs[0] = runs.costs[2];
  at = runs.found();
  CHECK(at.place == 1.0);
  CHECK(at.mean_r.value == doctest::Approx(runs.across.mean_r.value).epsilon(1e-14));
  CHECK(at.sparsity == 0.5);
  for (double& x : runs.costs[0].without)
    x += 0.02;
  runs.costs[0].whole += 0.02;
  at = runs.found();
  CHECK(at.extrapolated());
  CHECK(at.mean_r.value < runs.across.mean_r.value);
  runs.costs[0].whole += 0.2;
  at = runs.found();
  CHECK(at.reason == unknown_place);
  CHECK(std::isnan(at.mean_r.value));
  // Two runs of one cost make no line.
  runs.costs[2] = runs.costs[1];
  CHECK(runs.found().reason == unknown_place);
}

}  // namespace audit_equal_loss_test
