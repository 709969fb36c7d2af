// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/prompt_batches.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "contrast_prompts.hpp"

namespace model_prompt_batches_test {

using namespace qfa;

TEST_CASE("for_each_prompt_batch: each prompt comes once, with those of its length, before the response") {
  const qfa_test::token_lists prompts = qfa_test::draw_prompts(40, 1, 50, 0, 50);
  const std::vector<std::uint32_t> response{7, 8};
  std::vector<int> seen(prompts.size(), 0);
  std::size_t length = 0, most = 0;
  for_each_prompt_batch(
      prompts, response,
      [&](const prompt_batch& batch) {
        REQUIRE(batch.tokens.rows() == batch.prompts.size());
        CHECK(batch.tokens.columns() == batch.prompt_tokens + 2);
        CHECK((batch.tokens.rows() == 1 || batch.tokens.size() <= 30));
        CHECK(batch.prompt_tokens >= length);
        length = batch.prompt_tokens;
        most = std::max(most, batch.tokens.rows());
        for (std::size_t r = 0; r < batch.prompts.size(); ++r) {
          std::vector<std::uint32_t> expected = prompts[batch.prompts[r]];
          CHECK(expected.size() == batch.prompt_tokens);
          expected.insert(expected.end(), response.begin(), response.end());
          const auto row = batch.tokens.row(r);
          CHECK(std::vector<std::uint32_t>(row.begin(), row.end()) == expected);
          ++seen[batch.prompts[r]];
        }
      },
      30);
  CHECK(seen == std::vector<int>(prompts.size(), 1));
  CHECK(most >= 3);
}

TEST_CASE("for_each_prompt_batch: a text longer than a batch comes by itself") {
  const qfa_test::token_lists prompts(3, std::vector<std::uint32_t>(9, 1));
  std::size_t batches = 0;
  for_each_prompt_batch(
      prompts, {}, [&](const prompt_batch& batch) { batches += batch.tokens.rows() == 1; }, 4);
  CHECK(batches == 3);
}

TEST_CASE("for_each_prompt_batch: an empty prompt is refused, no prompts are none") {
  const qfa_test::token_lists empty(1);
  const auto never = [](const prompt_batch&) { FAIL("there is no batch"); };
  CHECK_THROWS_WITH(for_each_prompt_batch(empty, {}, never), "a prompt needs at least one token");
  for_each_prompt_batch({}, {}, never);
}

}  // namespace model_prompt_batches_test
