// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/text_position.hpp"

#include <doctest/doctest.h>

namespace alignment_text_position_test {

using namespace qfa;

TEST_CASE("text_position: counted from the prompt's end, before it and behind it") {
  CHECK(last_token().tokens_of(5) == token_span{4, 5});
  CHECK(last_token().tokens_of(5, 3) == token_span{4, 5});
  CHECK(last_token(4).tokens_of(5) == token_span{0, 1});
  CHECK(mean_of_last(3).tokens_of(5, 2) == token_span{2, 5});
  CHECK(response_token().tokens_of(5, 1) == token_span{5, 6});
  CHECK(response_token(2).tokens_of(5, 3) == token_span{7, 8});
  CHECK(text_position{.offset = 1, .count = 6}.tokens_of(5, 1) == token_span{0, 6});
}

TEST_CASE("text_position: counted from the prompt's start, whatever its length") {
  CHECK(token_at(0).tokens_of(1) == token_span{0, 1});
  CHECK(token_at(3).tokens_of(4) == token_span{3, 4});
  CHECK(token_at(3).tokens_of(9, 1) == token_span{3, 4});
  CHECK(text_position{position_origin::prompt_start, 3, 2}.tokens_of(9) == token_span{2, 4});
}

TEST_CASE("text_position: a text that has not all of the tokens is refused") {
  CHECK_THROWS_WITH(
      last_token(5).tokens_of(5),
      "a text of 5 prompt and 0 response tokens has not all of the 1 up to that -5 from the prompt's last");
  CHECK_THROWS_WITH(token_at(5).tokens_of(4, 1),
                    "a text of 4 prompt and 1 response tokens has not all of the 1 up to that 5 from the prompt's "
                    "first");
  CHECK_THROWS_AS(mean_of_last(6).tokens_of(5), error);
  CHECK_THROWS_AS(response_token().tokens_of(5), error);
  CHECK_THROWS_AS(response_token(1).tokens_of(5, 1), error);
  CHECK_THROWS_AS(token_at(0).tokens_of(0), error);
  CHECK_THROWS_AS(response_token().tokens_of(0, 4), error);
  CHECK_THROWS_WITH(mean_of_last(0).tokens_of(5), "a position needs at least one token");
}

TEST_CASE("position_origin: the names are distinct") {
  CHECK(names_of(position_origin{})[0] == "prompt_end");
  CHECK(names_of(position_origin{})[1] == "prompt_start");
}

}  // namespace alignment_text_position_test
