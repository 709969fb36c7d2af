// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/only.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "cache_matrices.hpp"
#include "qfa/cache/kivi.hpp"
#include "qfa/cache/uniform.hpp"
#include "scratch.hpp"

namespace cache_only_test {

using qfa::cache_sides;
using qfa::only;
using qfa_test::cached_text;
using qfa_test::check_refused;
using qfa_test::held_after;
using qfa_test::held_at_once;
using qfa_test::made_text;

namespace {

const qfa::uniform_cache by_channel{
    .bits = 3, .keys = qfa::cache_granularity::channel, .values = qfa::cache_granularity::channel};
const qfa::kivi small_kivi{.bits = 2, .group = 2, .residual = 4};

// Adds, to what is new, how many tokens it has seen in all, and to what is old a hundredth: keys and values alike.
struct counting {
  std::size_t seen = 0;
  void operator()(qfa::matrix_view<float> k, qfa::matrix_view<float> v, const qfa::cache_update& update) {
    seen += k.rows() - update.first_new;
    for (const auto& x : {k, v})
      for (std::size_t t = 0; t < x.rows(); ++t)
        for (float& value : x.row(t))
          value += t < update.first_new ? 0.01f : static_cast<float>(seen);
  }
  std::string name() const { return "counting"; }
};

// Remembers what it was told.
struct told {
  std::vector<qfa::cache_info>* infos;
  std::vector<std::size_t>* firsts;
  void operator()(qfa::matrix_view<float>, qfa::matrix_view<float>, const qfa::cache_update& update) {
    infos->push_back(update.info);
    firsts->push_back(update.first_new);
  }
  void learn(qfa::matrix_view<const float> k, qfa::matrix_view<const float> v, const qfa::cache_info& info) {
    infos->push_back(info);
    firsts->push_back(k.rows() * 1000 + v.columns());
    last = k(0, 0);
  }
  std::string name() const { return "told"; }
  float last = 0.0f;
};

}  // namespace

TEST_CASE("only: a side is the policy's, the other holds what arrives") {
  const cached_text text = made_text(11);
  for (const qfa::any_cache_policy& p :
       {qfa::any_cache_policy(by_channel), qfa::any_cache_policy(small_kivi), qfa::any_cache_policy(counting{})}) {
    CAPTURE(p.name());
    const std::vector<std::size_t> calls{5, 1, 3, 2};
    const cached_text all = held_after(p, text, calls);
    const cached_text keys = held_after(only{.of = p, .side = cache_sides::keys}, text, calls);
    CHECK(keys.keys == all.keys);
    CHECK(keys.values == text.values);
    const cached_text values = held_after(only{.of = p, .side = cache_sides::values}, text, calls);
    CHECK(values.keys == text.keys);
    CHECK(values.values == all.values);
    CHECK(held_after(only{.of = p}, text, calls) == all);
  }
}

TEST_CASE("only: other layers hold what arrives") {
  const cached_text text = made_text(6);
  CHECK(held_at_once(only{.of = by_channel, .layers = {0, 3}}, text) == held_at_once(by_channel, text));
  CHECK(held_at_once(only{.of = by_channel, .layers = {0, 2}}, text) == text);
  check_refused(
      [&] {
        held_at_once(only{.of = by_channel, .layers = {0, 5}}, text);
      },
      {"only's layers", "layer 5", "has 5"});
}

TEST_CASE("only: channels are gathered, quantized by their own statistics, and put back") {
  const cached_text text = made_text(9);
  const std::vector<std::size_t> chosen{1, 4, 11};
  cached_text slice{.info = text.info, .tokens = 9};
  slice.info.kv_heads = 1;
  slice.info.head_dim = 3;
  for (std::size_t t = 0; t < 9; ++t)
    for (const std::size_t c : chosen) {
      slice.keys.push_back(text.keys[t * 12 + c]);
      slice.values.push_back(text.values[t * 12 + c]);
    }
  const qfa::uniform_cache by_token{.bits = 3};
  for (const qfa::any_cache_policy& p :
       {qfa::any_cache_policy(by_token), qfa::any_cache_policy(small_kivi), qfa::any_cache_policy(counting{})}) {
    CAPTURE(p.name());
    const cached_text of_slice = held_after(p, slice, {2, 1, 1, 5});
    const cached_text held = held_after(only{.of = p, .channels = qfa::number_set(chosen)}, text, {2, 1, 1, 5});
    for (std::size_t t = 0; t < 9; ++t)
      for (std::size_t c = 0, i = 0; c < 12; ++c) {
        const bool is_chosen = i < 3 && chosen[i] == c;
        REQUIRE(held.keys[t * 12 + c] == (is_chosen ? of_slice.keys[t * 3 + i] : text.keys[t * 12 + c]));
        REQUIRE(held.values[t * 12 + c] == (is_chosen ? of_slice.values[t * 3 + i] : text.values[t * 12 + c]));
        if (is_chosen) ++i;
      }
  }
  check_refused([&] { held_at_once(only{.of = by_token, .channels = {12}}, text); },
                {"only's channels", "channel 12", "has 12"});
}

TEST_CASE("only: chosen channels are numpy's bits") {
  const only p{.of = qfa::uniform_cache{.bits = 4}, .channels = {0, 7, 8, 37, 64, 100, 127}};
  qfa_test::check_cache_oracle(p, "published.asym4.per_token.chosen");
}

TEST_CASE("only: the first tokens are kept, and the policy's text begins behind them") {
  const cached_text text = made_text(11);
  cached_text behind{.info = text.info, .tokens = 8};
  behind.keys.assign(text.keys.begin() + 36, text.keys.end());
  behind.values.assign(text.values.begin() + 36, text.values.end());
  for (const qfa::any_cache_policy& p :
       {qfa::any_cache_policy(by_channel), qfa::any_cache_policy(small_kivi), qfa::any_cache_policy(counting{})}) {
    CAPTURE(p.name());
    const cached_text expected = held_after(p, behind, {2, 6});
    for (const std::vector<std::size_t>& calls :
         {std::vector<std::size_t>{5, 6}, std::vector<std::size_t>{1, 4, 6}, std::vector<std::size_t>{3, 2, 6}}) {
      const cached_text held = held_after(only{.of = p, .keep = 3}, text, calls);
      CHECK(std::equal(held.keys.begin(), held.keys.begin() + 36, text.keys.begin()));
      CHECK(std::equal(held.keys.begin() + 36, held.keys.end(), expected.keys.begin()));
      CHECK(std::equal(held.values.begin(), held.values.begin() + 36, text.values.begin()));
      CHECK(std::equal(held.values.begin() + 36, held.values.end(), expected.values.begin()));
    }
  }
  CHECK(held_at_once(only{.of = by_channel, .keep = 11}, text) == text);
  CHECK(held_at_once(only{.of = by_channel, .keep = 100}, text) == text);
}

TEST_CASE("only: the policy is told of the cache that it sees") {
  std::vector<qfa::cache_info> infos;
  std::vector<std::size_t> firsts;
  const told p{.infos = &infos, .firsts = &firsts};
  const cached_text text = made_text(9);
  held_after(only{.of = p, .channels = {2, 5}, .keep = 2}, text, {1, 1, 4, 3});
  REQUIRE(firsts == std::vector<std::size_t>{0, 4});
  CHECK(infos[1].kv_heads == 1);
  CHECK(infos[1].head_dim == 2);
  CHECK(infos[1].layer == 3);
  CHECK(infos[1].layers == 5);

  infos.clear();
  firsts.clear();
  only learning{.of = p, .layers = {3}, .channels = {2, 5}};
  CHECK(learning.learns());
  cached_text sample = made_text(4);
  const auto view = [](std::vector<float>& x) { return qfa::matrix_view<const float>(x.data(), 4, 12); };
  learning.learn(view(sample.keys), view(sample.values), text.info);
  CHECK(firsts == std::vector<std::size_t>{4002});
  CHECK(infos.front().width() == 2);
  qfa::cache_info elsewhere = text.info;
  elsewhere.layer = 1;
  learning.learn(view(sample.keys), view(sample.values), elsewhere);
  CHECK(firsts.size() == 1);
  CHECK_FALSE(only{.of = by_channel}.learns());
}

TEST_CASE("only: point and reading are the policy's") {
  CHECK(only{.of = by_channel}.point() == qfa::cache_point::before_rope);
  CHECK(only{.of = small_kivi}.point() == qfa::cache_point::after_rope);
  CHECK(only{.of = by_channel}.reads() == qfa::attention_reads::stored);
  CHECK(only{.of = small_kivi}.reads() == qfa::attention_reads::arrived);
}

TEST_CASE("only: obeys the laws of caches") {
  qfa_test::check_call_laws(only{.of = by_channel});
  qfa_test::check_call_laws(only{.of = small_kivi, .channels = {2, 5, 7}, .keep = 2});
  qfa::uniform_cache frozen = by_channel;
  frozen.lifetime = qfa::scale_lifetime::frozen_prefill;
  qfa_test::check_call_laws(only{.of = frozen, .side = cache_sides::both, .keep = 2});
  qfa_test::check_any_cut(only{.of = small_kivi, .side = cache_sides::keys, .keep = 5});
}

TEST_CASE("only: bits are the policy's for its part and 16 for each element beside it") {
  const qfa::cache_info info = qfa_test::small_cache();  // 12 channels
  const qfa::uniform_cache p{.bits = 3, .range = qfa::cache_range::symmetric};
  const auto bits = [&](const only& o, std::size_t tokens) { return *o.side_bits(tokens, info); };
  const double plain = 12 * 16.0, own = 12 * 3.0 + 32.0;
  CHECK(bits({.of = p}, 10) == qfa::cache_bits{10 * own, 10 * own});
  CHECK(bits({.of = p, .side = cache_sides::keys}, 10) == qfa::cache_bits{10 * own, 10 * plain});
  CHECK(bits({.of = p, .side = cache_sides::values}, 10) == qfa::cache_bits{10 * plain, 10 * own});
  CHECK(bits({.of = p, .keep = 4}, 10) == qfa::cache_bits{6 * own + 4 * plain, 6 * own + 4 * plain});
  CHECK(bits({.of = p, .keep = 4}, 3) == qfa::cache_bits{3 * plain, 3 * plain});
  CHECK(bits({.of = p, .layers = {0}}, 10) == qfa::cache_bits{10 * plain, 10 * plain});
  const double slice = 5 * 3.0 + 32.0 + 7 * 16.0;
  CHECK(bits({.of = p, .channels = {0, 1, 2, 3, 4}}, 10) == qfa::cache_bits{10 * slice, 10 * slice});
  CHECK(bits({}, 10) == qfa::cache_bits{10 * plain, 10 * plain});
  CHECK(*only{.of = p, .side = cache_sides::keys}.stored_bits(10, info) == 10 * (own + plain));

  // A policy that knows the sum only.
  struct summing {
    void operator()(qfa::matrix_view<float>, qfa::matrix_view<float>, const qfa::cache_update&) const {}
    double stored_bits(std::size_t tokens, const qfa::cache_info& i) const {
      return 10.0 * static_cast<double>(tokens * i.width());
    }
  };
  const qfa::any_cache_policy sum(summing{}, "summing");
  CHECK(*only{.of = sum, .keep = 4}.stored_bits(10, info) == 6 * 120.0 + 4 * 2 * plain);
  CHECK_FALSE(only{.of = sum, .side = cache_sides::keys}.stored_bits(10, info));
  CHECK(*only{.of = sum, .side = cache_sides::keys, .layers = {0}}.stored_bits(10, info) == 20 * plain);
  CHECK_FALSE(only{.of = qfa::any_cache_policy(counting{})}.stored_bits(10, info));
}

TEST_CASE("only: sets that hold nothing are refused") {
  check_refused([] { only{.layers = qfa::number_set(std::vector<std::size_t>{})}.validate(); }, {"only's layers"});
  check_refused([] { only{.channels = qfa::number_set(std::vector<std::size_t>{})}.validate(); }, {"only's channels"});
}

}  // namespace cache_only_test
