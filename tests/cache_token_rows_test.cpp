// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/token_rows.hpp"

#include <cstddef>
#include <string>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"
#include "qfa/compress/float_cast.hpp"
#include "qfa/compress/fp8.hpp"
#include "qfa/compress/ggml.hpp"
#include "qfa/compress/rtn.hpp"

namespace cache_token_rows_test {

using qfa::token_rows_cache;
using qfa_test::cached;
using qfa_test::check_refused;
using qfa_test::matrix;
using qfa_test::same_bits;

TEST_CASE("token_rows_cache: laws") {
  const token_rows_cache plain{.keys = qfa::ggml_quantizer{qfa::ggml_type::q8_0}, .values = qfa::rtn{.bits = 4}};
  qfa_test::check_cache_laws(plain, {.layer = 2, .kv_heads = 2, .head_dim = 32});
  token_rows_cache rotated = plain;
  rotated.row = qfa::cache_row::token_head;
  rotated.hadamard = 16;
  qfa_test::check_cache_laws(rotated, {.layer = 2, .kv_heads = 2, .head_dim = 32});
}

TEST_CASE("token_rows_cache: a row of weights is a token, or one of its heads") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 8};
  const qfa_test::cache_content text = qfa_test::random_text(6, info);
  const qfa::rtn four{.bits = 4}, three{.bits = 3};
  const auto by_token = cached(token_rows_cache{.keys = four, .values = three}, text, info);
  CHECK(same_bits(by_token.keys.values, qfa_test::compressed(text.keys, four).values));
  CHECK(same_bits(by_token.values.values, qfa_test::compressed(text.values, three).values));

  const auto by_head =
      cached(token_rows_cache{.keys = four, .values = three, .row = qfa::cache_row::token_head}, text, info);
  matrix heads = text.keys;
  heads.rows *= 2;
  heads.columns /= 2;
  CHECK(same_bits(by_head.keys.values, qfa_test::compressed(heads, four).values));
  CHECK_FALSE(same_bits(by_head.keys.values, by_token.keys.values));
}

TEST_CASE("token_rows_cache: a side without a policy is left as it arrived, and counts 16 bits a number") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 16};
  const qfa_test::cache_content text = qfa_test::random_text(6, info);
  const token_rows_cache keys_only{.keys = qfa::rtn{.bits = 4}, .hadamard = 8};
  const auto held = cached(keys_only, text, info);
  CHECK(same_bits(held.values.values, text.values.values));
  CHECK_FALSE(same_bits(held.keys.values, text.keys.values));
  CHECK(*keys_only.stored_bits(10, info) == 10 * (32 * 4 + 32) + 10 * 32 * 16);
  const token_rows_cache by_head{.keys = qfa::rtn{.bits = 4}, .row = qfa::cache_row::token_head};
  CHECK(*by_head.stored_bits(10, info) == 10 * (32 * 4 + 2 * 32) + 10 * 32 * 16);
  // A policy that does not say, a half's worth of nothing.
  struct silent {
    void operator()(qfa::matrix_view<float>, const qfa::tensor_info&) const {}
  };
  CHECK_FALSE(token_rows_cache{.keys = qfa::any_policy(silent{}, "silent")}.stored_bits(1, info).has_value());
}

TEST_CASE("token_rows_cache: each call's tokens are a matrix of their own") {
  const qfa::cache_info info{.kv_heads = 1, .head_dim = 8};
  const qfa_test::cache_content text = qfa_test::random_text(4, info);
  token_rows_cache whole{.keys = qfa::rtn{.bits = 4, .per = qfa::granularity::tensor}, .values = qfa::rtn{.bits = 4}};
  qfa_test::cache_content held;
  qfa_test::arrive(whole, held, text, 0, 3, info);
  qfa_test::arrive(whole, held, text, 3, 4, info);
  matrix first = text.keys, last = text.keys;
  first.rows = 3;
  first.values.resize(24);
  last.rows = 1;
  last.values.erase(last.values.begin(), last.values.begin() + 24);
  const auto of = [](matrix m) {
    return qfa_test::compressed(std::move(m), qfa::rtn{.bits = 4, .per = qfa::granularity::tensor});
  };
  CHECK(same_bits(held.keys.view().rows_between(0, 3).row(2), of(first).view().row(2)));
  CHECK(same_bits(held.keys.view().row(3), of(last).values));
}

TEST_CASE("token_rows_cache: quantizes in rotated space, which lowers the error where one channel is massive") {
  const qfa::cache_info info{.kv_heads = 1, .head_dim = 64};
  qfa_test::cache_content text{qfa_test::random_matrix(20, 64), qfa_test::random_matrix(20, 64, 2)};
  for (std::size_t t = 0; t < 20; ++t)
    text.keys.view()(t, 5) = 200.0f;
  const auto error = [&](std::size_t hadamard) {
    const auto held = cached(token_rows_cache{.keys = qfa::rtn{.bits = 4}, .hadamard = hadamard}, text, info);
    double sum = 0.0;
    for (std::size_t i = 0; i < held.keys.values.size(); ++i) {
      const double e = static_cast<double>(held.keys.values[i]) - static_cast<double>(text.keys.values[i]);
      if (i % 64 != 5) sum += e * e;
    }
    return sum;
  };
  CHECK(error(64) < 0.2 * error(0));

  matrix rotated = text.keys;
  qfa::fold_rotation({.size = 64}, rotated.view());
  rotated = qfa_test::compressed(rotated, qfa::rtn{.bits = 4});
  qfa::unfold_rotation({.size = 64}, rotated.view());
  CHECK(same_bits(cached(token_rows_cache{.keys = qfa::rtn{.bits = 4}, .hadamard = 64}, text, info).keys.values,
                  rotated.values));
}

TEST_CASE("token_rows_cache: where the values' policy refuses, keys are as they were") {
  const qfa::cache_info info{.layer = 6, .kv_heads = 1, .head_dim = 8};
  qfa_test::cache_content text = qfa_test::random_text(3, info);
  text.values.view()(2, 2) = 1e6f;
  const qfa_test::cache_content before = text;
  const token_rows_cache policy{.keys = qfa::rtn{.bits = 4}, .values = qfa::float_cast{qfa::float_format::fp16}};
  check_refused([&] { policy(text.keys.view(), text.values.view(), {.info = info, .first_new = 1}); },
                {"values of layer 6 from token 1 on", "row 1"});
  CHECK(same_bits(text.keys.values, before.keys.values));
}

TEST_CASE("token_rows_cache: says what it is, works on the keys it is told to, and refuses odd blocks") {
  const token_rows_cache policy{.keys = qfa::rtn{.bits = 4},
                                .values = qfa::fp8{},
                                .row = qfa::cache_row::token_head,
                                .hadamard = 8,
                                .point = qfa::cache_point::before_rope};
  CHECK(policy.name() == "rows:keys=(rtn:bits=4),values=(fp8:format=e4m3),row=token_head,hadamard=8,point=before_rope");
  CHECK(token_rows_cache{}.name() == "rows:keys=(none)");
  CHECK(qfa::point_of(policy) == qfa::cache_point::before_rope);
  CHECK(qfa::point_of(token_rows_cache{}) == qfa::cache_point::after_rope);
  CHECK(qfa::reads_of(policy) == qfa::attention_reads::stored);
  for (const std::size_t size : {1U, 12U})
    check_refused([&] { token_rows_cache{.hadamard = size}.validate(); }, {"a power of two", std::to_string(size)});
}

}  // namespace cache_token_rows_test
