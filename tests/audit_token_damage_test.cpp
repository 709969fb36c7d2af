// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/token_damage.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "scratch.hpp"
#include "shift_oracle.hpp"

namespace audit_token_damage_test {

using namespace qfa;
using qfa_test::shift_oracle;

TEST_CASE("measure_tokens: codes, active sets and activations as an independent program compares them") {
  const shift_oracle oracle;
  const std::vector<float> h = oracle.floats("h"), moved = oracle.floats("h_compressed");
  const matrix_view<const float> before(h.data(), shift_oracle::tokens, shift_oracle::width);
  const matrix_view<const float> after(moved.data(), shift_oracle::tokens, shift_oracle::width);
  const sparse_codes x = oracle.codes("x"), y = oracle.codes("y");
  const auto got = measure_tokens(x, y, before, after);
  const auto cosine = oracle.doubles("a12.cosine"), jaccard = oracle.doubles("a12.jaccard");
  const auto shift = oracle.doubles("a12.relative_shift");
  REQUIRE(got.size() == shift_oracle::tokens);
  for (std::size_t t = 0; t < got.size(); ++t) {
    CHECK(qfa_test::close(got[t].cosine, cosine[t], 1e-12));
    CHECK(qfa_test::close(got[t].jaccard, jaccard[t], 0.0));
    CHECK(qfa_test::close(got[t].relative_shift, shift[t], 1e-12));
  }
  for (const token_damage& token : measure_tokens(x, x, before, before)) {
    CHECK((token.cosine == 1.0 || std::isnan(token.cosine)));
    CHECK((token.relative_shift == 0.0 || std::isnan(token.relative_shift)));
  }
  CHECK(std::isnan(measure_tokens(x, y)[0].relative_shift));
  qfa_test::check_refused([&] { measure_tokens(x, y, before, after.rows_between(0, 5)); }, {"token by token"});
}

TEST_CASE("scored_damage: each token meets its own score, place and id, skipped and last positions left out") {
  // Two rows of four tokens, of which the first is skipped.
  const std::vector<std::uint32_t> ids{7, 1, 2, 1, 7, 2, 2, 0};
  const matrix_view<const std::uint32_t> rows(ids.data(), 2, 4);
  std::vector<token_damage> measured(6);
  for (std::size_t i = 0; i < 6; ++i)
    measured[i].cosine = static_cast<double>(i);
  std::vector<token_comparison> scores(6);
  for (std::size_t i = 0; i < 6; ++i)
    scores[i] = {.kl = 10.0 + static_cast<double>(i),
                 .reference_entropy = 20.0 + static_cast<double>(i),
                 .reference_top = 30.0 + static_cast<double>(i)};
  const auto counts = count_ids(ids);
  CHECK(counts == std::vector<std::uint64_t>{1, 2, 3, 0, 0, 0, 0, 2});
  const auto got = scored_damage(measured, scores, rows, 1, counts);
  REQUIRE(got.size() == 4);
  const double kl[]{11.0, 12.0, 14.0, 15.0}, cosine[]{0.0, 1.0, 3.0, 4.0};
  const std::uint64_t frequency[]{2, 3, 3, 3};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(got[i].kl == kl[i]);
    CHECK(got[i].entropy == kl[i] + 10.0);
    CHECK(got[i].top_probability == kl[i] + 20.0);
    CHECK(got[i].cosine == cosine[i]);
    CHECK(got[i].position == 1 + i % 2);
    CHECK(got[i].frequency == frequency[i]);
  }
  CHECK(count_ids({}).empty());
  qfa_test::check_refused([&] { scored_damage(measured, scores, rows, 0, counts); }, {"the same rows"});
}

}  // namespace audit_token_damage_test
