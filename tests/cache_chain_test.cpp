// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/chain.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "qfa/cache/kivi.hpp"
#include "qfa/cache/only.hpp"
#include "qfa/cache/uniform.hpp"
#include "scratch.hpp"

namespace cache_chain_test {

using qfa::any_cache_policy;
using qfa::cache_chain;
using qfa::cache_sides;
using qfa::only;
using qfa_test::check_refused;
using qfa_test::held_after;
using qfa_test::made_text;

namespace {

const qfa::uniform_cache tokens{.bits = 3};
const qfa::uniform_cache channels{
    .bits = 4, .keys = qfa::cache_granularity::channel, .values = qfa::cache_granularity::channel};
const qfa::kivi small_kivi{.bits = 2, .group = 2, .residual = 4};

// Multiplies, or adds to, what is new.
struct step {
  static constexpr qfa::cache_point point = qfa::cache_point::before_rope;
  float factor = 1.0f, sum = 0.0f;
  bool learned = false;
  void operator()(qfa::matrix_view<float> k, qfa::matrix_view<float>, const qfa::cache_update& update) {
    for (std::size_t t = update.first_new; t < k.rows(); ++t)
      for (float& x : k.row(t))
        x = learned ? 0.0f : x * factor + sum;
  }
  std::string name() const { return "step"; }
};
struct learning_step : step {
  void learn(qfa::matrix_view<const float>, qfa::matrix_view<const float>, const qfa::cache_info&) { learned = true; }
};

}  // namespace

TEST_CASE("cache_chain: parts act in the order written") {
  const qfa_test::cached_text ones = qfa_test::text_of(2, 1.0f);
  const any_cache_policy twice = step{.factor = 2.0f}, more = step{.sum = 3.0f};
  CHECK(qfa_test::held_at_once(cache_chain({twice, more}), ones).keys.front() == 5.0f);
  CHECK(qfa_test::held_at_once(cache_chain({more, twice}), ones).keys.front() == 8.0f);
  CHECK(cache_chain({twice, more}).name() == "step+step");
}

TEST_CASE("cache_chain: parts with a side each see what they would see alone") {
  const qfa_test::cached_text text = made_text(11);
  const std::vector<std::size_t> calls{5, 1, 1, 4};
  qfa::uniform_cache frozen = channels;
  frozen.lifetime = qfa::scale_lifetime::frozen_prefill;
  const cache_chain both(
      {only{.of = tokens, .side = cache_sides::keys}, only{.of = frozen, .side = cache_sides::values}});
  const qfa_test::cached_text held = held_after(both, text, calls);
  CHECK(held.keys == held_after(tokens, text, calls).keys);
  CHECK(held.values == held_after(frozen, text, calls).values);
  qfa_test::check_call_laws(both);
}

TEST_CASE("cache_chain: only parts of one point and one reading go together, none goes with all") {
  check_refused(
      [] {
        cache_chain({tokens, small_kivi});
      },
      {"uniform:bits=3 works before_rope and kivi:bits=2,group=2,residual=4 after_rope"});
  qfa::uniform_cache late = tokens;
  late.point = qfa::cache_point::after_rope;
  check_refused(
      [&] {
        cache_chain({small_kivi, late});
      },
      {"attention reads the same", "kivi:bits=2,group=2,residual=4 it reads what arrived", "what is stored"});
  late.new_tokens = qfa::attention_reads::arrived;
  const cache_chain fine({any_cache_policy{}, small_kivi, late});
  CHECK(qfa::point_of(fine) == qfa::cache_point::after_rope);
  CHECK(qfa::reads_of(fine) == qfa::attention_reads::arrived);
  CHECK(qfa::point_of(cache_chain({any_cache_policy{}, tokens})) == qfa::cache_point::before_rope);
  CHECK(cache_chain({any_cache_policy{}, tokens}).name() == "none+uniform:bits=3");
  check_refused([] { cache_chain({}); }, {"at least one"});
}

TEST_CASE("cache_chain: calibration tokens reach every part") {
  cache_chain both({step{}, learning_step{}});
  CHECK(both.learns());
  CHECK_FALSE(cache_chain({step{}, step{}}).learns());
  std::vector<float> sample(12);
  both.learn({sample.data(), 1, 12}, {sample.data(), 1, 12}, qfa_test::small_cache());
  CHECK(qfa_test::held_at_once(both, qfa_test::text_of(2, 1.0f)).keys.front() == 0.0f);
}

TEST_CASE("cache_chain: bits are known where each side is one part's") {
  const qfa::cache_info info = qfa_test::small_cache();
  const any_cache_policy k = only{.of = tokens, .side = cache_sides::keys};
  const any_cache_policy v = only{.of = channels, .side = cache_sides::values};
  const qfa::cache_bits own{tokens.stored_bits(10, info).keys, channels.stored_bits(10, info).values};
  CHECK(cache_chain({k, v}).side_bits(10, info) == own);
  CHECK(cache_chain({v, any_cache_policy{}, k}).side_bits(10, info) == own);
  CHECK(*cache_chain({k, v}).stored_bits(10, info) == own.sum());
  CHECK(cache_chain({any_cache_policy{}}).side_bits(10, info) == qfa::untouched_cache_bits(10, info));
  CHECK_FALSE(cache_chain({k, k}).stored_bits(10, info));
  CHECK_FALSE(cache_chain({v, v}).stored_bits(10, info));
  CHECK_FALSE(cache_chain({k, step{}}).stored_bits(10, info));
}

}  // namespace cache_chain_test
