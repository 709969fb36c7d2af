// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/kv_cache.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "made_up_caches.hpp"

namespace model_kv_cache_test {

using namespace qfa;

namespace {

model_config two_layers() {
  model_config out;
  out.layers = 2;
  out.kv_heads = 2;
  out.head_dim = 1;
  return out;
}

}  // namespace

TEST_CASE("kv_cache: holds what arrives, until a layer's policy has had it") {
  cache_plan plan(qfa_test::rounding_cache{.point = cache_point::before_rope, .step = 1.0f}, 2);
  plan[0] = {};
  kv_cache cache(two_layers(), plan);
  CHECK(cache.layers() == 2);
  CHECK(cache.tokens() == 0);
  CHECK(cache.point(0) == cache_point::after_rope);
  CHECK(cache.point(1) == cache_point::before_rope);
  const std::vector<float> k{0.6f, 2.4f}, v{-1.6f, 0.3f};
  for (std::size_t l = 0; l < 2; ++l) {
    cache.append(l, {k.data(), 1, 2}, {v.data(), 1, 2});
    CHECK(cache.keys(l)(0, 0) == 0.6f);
    cache.store(l);
  }
  CHECK(cache.keys(0)(0, 1) == 2.4f);
  CHECK(cache.keys(1)(0, 0) == 1.0f);
  CHECK(cache.keys(1)(0, 1) == 2.0f);
  CHECK(cache.values(1)(0, 0) == -2.0f);
  cache.advance(1);
  CHECK(cache.tokens() == 1);

  kv_cache copy = cache;  // goes its own way
  copy.append(1, {v.data(), 1, 2}, {k.data(), 1, 2});
  copy.store(1);
  CHECK(copy.keys(1).rows() == 2);
  CHECK(copy.keys(1)(1, 0) == -2.0f);
  CHECK(cache.keys(1).rows() == 1);
}

TEST_CASE("kv_cache: copies remember by themselves what policies have in mind") {
  cache_plan plan(qfa_test::waiting_cache{.block = 2}, 2);
  const std::vector<float> k{0.6f, 7.0f};
  kv_cache cache(two_layers(), plan);
  const auto arrive = [&](kv_cache& to) {
    to.append(0, {k.data(), 1, 2}, {k.data(), 1, 2});
    to.store(0);
    to.advance(1);
  };
  arrive(cache);
  kv_cache copy = cache;
  arrive(copy);
  CHECK(cache.keys(0)(0, 0) == 0.6f);  // still waits for another
  CHECK(copy.keys(0)(0, 0) == 1.0f);
  arrive(cache);
  CHECK(cache.keys(0)(0, 0) == 1.0f);
}

TEST_CASE("kv_cache: a plan of another model, and a layer that was left out, are refused") {
  CHECK_THROWS_WITH(kv_cache(two_layers(), cache_plan(qfa_test::rounding_cache{}, 3)),
                    "a cache plan of 3 layers is not for a model of 2");
  kv_cache cache(two_layers());
  const std::vector<float> k{1.0f, 2.0f};
  cache.append(0, {k.data(), 1, 2}, {k.data(), 1, 2});
  cache.advance(1);
  CHECK_NOTHROW(cache.append(0, {k.data(), 1, 2}, {k.data(), 1, 2}));
  CHECK_THROWS_WITH(cache.append(1, {k.data(), 1, 2}, {k.data(), 1, 2}),
                    "layer 1 of this cache has not seen every token before these: a pass that ended earlier had left "
                    "it out");
}

}  // namespace model_kv_cache_test
