// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/token_account.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "laws.hpp"
#include "shift_oracle.hpp"

namespace audit_token_account_test {

using namespace qfa;
using qfa_test::shift_oracle;

namespace {

const shift_oracle& oracle() {
  static const shift_oracle loaded;
  return loaded;
}

bool near(double a, double b) { return qfa_test::close(a, b, 1e-11); }

std::vector<token_damage> oracle_tokens() {
  const auto of = [](const char* name) { return oracle().doubles(std::string("a12.") + name); };
  const auto kl = of("kl"), entropy = of("entropy"), top = of("top_probability"), cosine = of("cosine"),
             jaccard = of("jaccard"), shift = of("relative_shift");
  const auto ids = oracle().integers("tokens");
  std::vector<std::uint64_t> counts(50);
  for (const std::int64_t id : ids)
    ++counts[static_cast<std::size_t>(id)];
  std::vector<token_damage> out;
  for (std::size_t t = 0; t < ids.size(); ++t)
    out.push_back({.cosine = cosine[t],
                   .jaccard = jaccard[t],
                   .relative_shift = shift[t],
                   .kl = kl[t],
                   .entropy = entropy[t],
                   .top_probability = top[t],
                   .position = t % shift_oracle::length,
                   .frequency = counts[static_cast<std::size_t>(ids[t])]});
  return out;
}

token_account account_of(std::size_t groups, const std::vector<token_damage>& tokens) {
  token_record record(row_groups(shift_oracle::rows, groups), shift_oracle::length);
  record(0, shift_oracle::rows, tokens);
  return account_for_tokens(record);
}

}  // namespace

TEST_CASE("account_for_tokens: correlations with KL and their intervals, as an independent program has them") {
  for (const json& expected : oracle().results["a12"]["spearman"]) {
    const std::string measure = expected["measure"];
    const token_account got = account_of(expected["groups"], oracle_tokens());
    const token_correlation& c = measure == "cosine"    ? got.cosine
                                 : measure == "jaccard" ? got.jaccard
                                                        : got.relative_shift;
    CAPTURE(measure);
    CHECK(got.tokens == shift_oracle::tokens);
    CHECK(got.ranked_tokens == shift_oracle::tokens);
    CHECK(c.tokens == expected["defined"]);
    CHECK(near(c.value.value, expected["estimate"]));
    CHECK(near(c.value.range.scale_error, expected["se"]));
    // The program's quantile of t with 7 degrees of freedom (scipy 1.10) is 2.3646242510, the true one 2.3646242516.
    CHECK(qfa_test::close(c.value.range.lower, expected["low"], 1e-9));
    CHECK(qfa_test::close(c.value.range.upper, expected["high"], 1e-9));
    CHECK(near(c.value.bias_corrected, expected["bias_corrected"]));
  }
}

TEST_CASE("account_for_tokens: tables by position, frequency, entropy and top probability") {
  const token_account got = account_of(16, oracle_tokens());
  for (std::size_t by = 0; by < token_sort_names.size(); ++by) {
    const std::string name = "by_" + std::string(token_sort_names[by]);
    CAPTURE(name);
    const std::vector<token_bucket>& table = got.tables[by];
    std::size_t seen = 0;
    for (const json& expected : oracle().results["a12"][name]) {
      const auto low = expected["low"].get<double>();
      CAPTURE(low);
      const auto at = std::ranges::find(table, low, &token_bucket::low);
      if (expected["tokens"] == 0) continue;
      REQUIRE(at != table.end());
      ++seen;
      // The program knows how long rows and lists are, and lets the last bucket end nowhere.
      if (!expected["high"].is_null()) CHECK(at->high == expected["high"]);
      CHECK(at->tokens == expected["tokens"]);
      CHECK(near(at->kl.value, expected["kl"]));
      CHECK(near(at->cosine.value, shift_oracle::number(expected["cosine"])));
      CHECK(near(at->jaccard.value, shift_oracle::number(expected["jaccard"])));
      CHECK(near(at->relative_shift.value, shift_oracle::number(expected["relative_shift"])));
    }
    CHECK(std::ranges::count_if(table, [](const token_bucket& b) { return b.tokens > 0; }) ==
          static_cast<std::ptrdiff_t>(seen));
    CHECK(table.front().tokens > 0);
    CHECK(table.back().tokens > 0);
  }
}

TEST_CASE(
    "account_for_tokens: a bucket's interval leaves groups out, and is refused where few groups have its tokens") {
  const std::vector<token_damage> tokens = oracle_tokens();
  const token_account got = account_of(16, tokens);
  const token_bucket& position_0 = got.table(token_sort::position).front();  // one token of each row, a row to a group
  double all = 0.0;
  std::vector<double> without;
  for (std::size_t r = 0; r < 16; ++r)
    all += tokens[r * shift_oracle::length].kl;
  for (std::size_t r = 0; r < 16; ++r)
    without.push_back((all - tokens[r * shift_oracle::length].kl) / 15.0);
  const estimate expected = jackknife(all / 16.0, without, {.scale = interval_scale::log});
  CHECK(near(position_0.kl.range.lower, expected.range.lower));
  CHECK(near(position_0.kl.range.upper, expected.range.upper));
  const token_bucket& once = got.table(token_sort::frequency).front();
  REQUIRE(once.tokens == 1);
  CHECK(once.kl.range.kind == interval_kind::refused);
}

TEST_CASE("account_for_tokens: without activations there are no shifts, and a turn near nothing keeps its order") {
  std::vector<token_damage> tokens = oracle_tokens();
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    tokens[t].relative_shift = token_damage::undefined;
    tokens[t].kl = static_cast<double>(t * 7919 % 800);
    tokens[t].cosine = 1.0 - 1e-10 * tokens[t].kl;  // a float of the cosine would be 1
  }
  const token_account got = account_of(16, tokens);
  CHECK(got.relative_shift.tokens == 0);
  CHECK(std::isnan(got.relative_shift.value.value));
  CHECK(std::isnan(got.table(token_sort::position)[0].relative_shift.value));
  CHECK(got.cosine.value.value == doctest::Approx(-1.0).epsilon(1e-12));
}

}  // namespace audit_token_account_test
