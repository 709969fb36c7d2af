// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/arrivals.hpp"

#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "scratch.hpp"

namespace cache_arrivals_test {

using qfa_test::check_refused;

namespace {

void check(qfa_test::cached_text text, std::size_t first_new) {
  qfa::check_arrivals(qfa_test::view_of(text.keys, text.info), qfa_test::view_of(text.values, text.info),
                      {.info = text.info, .first_new = first_new});
}

}  // namespace

TEST_CASE("check_arrivals: what is new must be finite, by layer, side, channel and token") {
  const float infinity = std::numeric_limits<float>::infinity();
  qfa_test::cached_text text = qfa_test::made_text(6);
  CHECK_NOTHROW(check(text, 0));
  text.keys[4 * 12 + 7] = -infinity;
  check_refused([&] { check(text, 4); }, {"keys of layer 3", "channel 7 of token 4"});
  CHECK_NOTHROW(check(text, 5));  // the row is old
  text.values[5 * 12 + 11] = std::numeric_limits<float>::quiet_NaN();
  check_refused([&] { check(text, 5); }, {"values of layer 3", "channel 11 of token 5"});
}

TEST_CASE("check_arrivals: shapes that disagree are refused") {
  qfa_test::cached_text text = qfa_test::made_text(6);
  check_refused([&] { check(text, 7); }, {"keys of layer 3 are 6 x 12", "7 of them old"});
  text.values.resize(5 * 12);
  check_refused([&] { check(text, 0); }, {"values of layer 3 are 5 x 12", "6 tokens"});
  qfa_test::cached_text narrow = qfa_test::made_text(6);
  narrow.info.head_dim = 2;
  qfa_test::cached_text wide = qfa_test::made_text(6);
  const qfa::matrix_view<float> keys(wide.keys.data(), 6, 12);
  check_refused([&] { qfa::check_arrivals(keys, keys, {.info = narrow.info}); }, {"6 x 12", "by 6 channels"});
}

}  // namespace cache_arrivals_test
