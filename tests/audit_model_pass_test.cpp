// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/model_pass.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "audit_made_up.hpp"

namespace audit_model_pass_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("run_over: every row is shown once, in order, with its states") {
  const any_decoder model(tiny_model());
  const token_rows tokens = random_rows(700, 12, 97);  // blocks of 341
  const hook_point hook = parse_hook("blocks.1.hook_resid_post", model.config());
  std::vector<std::uint32_t> seen;
  std::size_t blocks = 0;
  std::vector<float> last;
  run_over(model, tokens, hook, "test", {},
           [&](std::size_t b, matrix_view<const std::uint32_t> rows, matrix_view<const float> x,
               matrix_view<const float> hidden) {
             CHECK(b == blocks++);
             CHECK(x.rows() == rows.size());
             CHECK(hidden.rows() == rows.size());
             for (std::size_t r = 0; r < rows.rows(); ++r)
               seen.insert(seen.end(), rows.row(r).begin(), rows.row(r).end());
             last.assign(x.row(x.rows() - 1).begin(), x.row(x.rows() - 1).end());
           });
  CHECK(blocks == 3);
  CHECK(seen == tokens.ids);

  // The last row by itself gives the same bits.
  const token_rows alone = rows_of(tokens, 699, 1);
  run_over(model, alone, hook, "test", {}, [&](std::size_t, auto, matrix_view<const float> x, auto) {
    CHECK(std::vector<float>(x.row(11).begin(), x.row(11).end()) == last);
  });
}

TEST_CASE("mean_loss: the mean over all rows, and rows_of cuts them out") {
  const any_decoder model(tiny_model());
  const token_rows tokens = random_rows(20, 12, 97);
  const double first = mean_loss(model, rows_of(tokens, 0, 10));
  const double second = mean_loss(model, rows_of(tokens, 10, 10));
  CHECK(mean_loss(model, tokens) == doctest::Approx((first + second) / 2.0).epsilon(1e-12));
}

TEST_CASE("mean_loss: processes that share the rows get the mean of one, to the bit, in any order") {
  const any_decoder model(tiny_model());
  const token_rows tokens = random_rows(45, 12, 97);
  std::vector<double> of_rows;
  for (std::size_t r = 0; r < 45; ++r)
    of_rows.push_back(11.0 * mean_loss(model, rows_of(tokens, r, 1)));
  const double alone = mean_loss(model, tokens);
  CHECK(alone == doctest::Approx(std::accumulate(of_rows.begin(), of_rows.end(), 0.0) / (45.0 * 11.0)).epsilon(1e-14));
  for (const std::size_t parts : {2U, 3U, 13U}) {  // 11 groups: two of thirteen have no rows
    std::vector<pass_record> records;
    for (std::size_t p = 0; p < parts; ++p)
      mean_loss(model, tokens, "loss", {},
                {.part = p, .parts = parts, .complete = [&](pass_record& record) { records.push_back(record); }});
    REQUIRE(records.size() == parts);
    double last = 0.0;
    for (std::size_t p = 0; p < parts; ++p)
      last = mean_loss(model, tokens, "loss", {}, {.part = p, .parts = parts, .complete = [&](pass_record& record) {
                                                     for (std::size_t other = parts; other-- > 0;)
                                                       if (other != p) record += records[other];
                                                   }});
    CHECK(last == alone);
  }
}

TEST_CASE("tokens_for: BOS needs a model that names one") {
  audit_settings settings = tiny_settings();
  model_config config = tiny_model().config;
  CHECK_FALSE(tokens_for(settings, config, 0).prepend_bos.has_value());
  settings.prepend_bos = true;
  CHECK(tokens_for(settings, config, 5).prepend_bos == config.bos);
  config.bos.reset();
  CHECK_THROWS_AS(tokens_for(settings, config, 0), error);
}

TEST_CASE("missing_bos_warning: told where the tokenizer expects BOS and a row lacks it") {
  const any_decoder model(tiny_model());
  token_rows tokens = random_rows(10, 12, 97);
  for (std::uint32_t& id : tokens.ids)
    id = id == *model.config().bos ? 1 : id;
  CHECK_FALSE(missing_bos_warning(model, tokens, false).has_value());
  REQUIRE(missing_bos_warning(model, tokens, true).has_value());
  CHECK(missing_bos_warning(model, tokens, true)->find("--prepend-bos") != std::string::npos);
  for (std::size_t r = 0; r < 10; ++r)
    tokens.ids[r * 12] = *model.config().bos;
  CHECK_FALSE(missing_bos_warning(model, tokens, true).has_value());
}

TEST_CASE("rows_lack_bos: one row without is enough, and a model without BOS has none to lack") {
  model_config config;
  const token_rows tokens{.context = 2, .ids = {7, 1, 7, 7, 1, 7}};
  CHECK_FALSE(rows_lack_bos(tokens, config));
  config.bos = 7;
  CHECK(rows_lack_bos(tokens, config));
  CHECK_FALSE(rows_lack_bos(rows_of(tokens, 0, 2), config));
  config.bos = 1;
  CHECK(rows_lack_bos(tokens, config));
}

TEST_CASE("rows_in_common: whole rows are compared, each of the first as often as it is there") {
  const token_rows some{.context = 2, .ids = {1, 2, 3, 4, 1, 2, 2, 3}};
  const token_rows others{.context = 2, .ids = {9, 1, 2, 3, 1, 2}};
  CHECK(rows_in_common(some, others) == 3);  // (1, 2) twice and (2, 3)
  CHECK(rows_in_common(others, some) == 2);
  CHECK(rows_in_common({.context = 3, .ids = {1, 2, 3}}, some) == 0);
  CHECK(reported_rows_warning(some, others)->find("3 of the 4 rows") == 0);
  CHECK_FALSE(reported_rows_warning({.context = 2, .ids = {7, 7}}, others).has_value());
}

}  // namespace audit_model_pass_test
