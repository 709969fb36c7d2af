// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/requantized_tokens.hpp"

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

namespace cache_requantized_tokens_test {

using qfa::requantized_tokens;

namespace {

/// The calls, counted from 0, in which all is quantized, for a prompt of five tokens and then `step` tokens a call.
std::vector<int> calls(std::size_t residual, std::size_t step, int last) {
  requantized_tokens memory;
  std::vector<int> due;
  std::size_t tokens = 0;
  for (int call = 0; call <= last; ++call) {
    const std::size_t first = tokens;
    tokens += call == 0 ? 5 : step;
    if (memory.due({.first_new = first}, residual)) {
      due.push_back(call);
      memory.quantized = tokens;
    }
  }
  return due;
}

}  // namespace

TEST_CASE("requantized_tokens: the prompt, then whenever the residual is one token short of full before a call") {
  // residual 4: calls 1 to 3 leave 1, 2 and 3 tokens, and the fourth finds 3 + 1 >= 4.
  CHECK(calls(4, 1, 13) == std::vector<int>{0, 4, 8, 12});
  CHECK(calls(1, 1, 3) == std::vector<int>{0, 1, 2, 3});
  CHECK(calls(2, 1, 5) == std::vector<int>{0, 2, 4});
  // The call's own tokens do not count, so that three a call are quantized in the third: 3 are not enough, 6 are.
  CHECK(calls(5, 3, 6) == std::vector<int>{0, 3, 6});
}

TEST_CASE("requantized_tokens: a text begins anew, and an untouched memory takes all tokens for quantized") {
  requantized_tokens memory{.quantized = 10};
  CHECK(memory.due({.first_new = 0}, 1000));
  CHECK_FALSE(memory.due({.first_new = 12}, 4));
  CHECK(memory.due({.first_new = 13}, 4));
  CHECK(memory.of(14) == 10);
  CHECK(memory.of(7) == 7);
  CHECK(requantized_tokens{}.of(14) == 14);
}

}  // namespace cache_requantized_tokens_test
