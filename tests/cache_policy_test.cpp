// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/policy.hpp"

#include <optional>

#include <doctest/doctest.h>

namespace cache_policy_test {

using qfa::attention_reads;
using qfa::cache_bits;
using qfa::cache_info;
using qfa::cache_point;
using qfa::cache_update;
using qfa::matrix_view;

namespace {

// A stranger's policy: one function.
struct bare {
  void operator()(matrix_view<float>, matrix_view<float>, const cache_update&) const {}
};
static_assert(qfa::cache_policy<bare> && !qfa::named_cache_policy<bare> && !qfa::learning_cache_policy<bare>);

struct with_members : bare {
  cache_point point = cache_point::before_rope;
  static constexpr attention_reads reads = attention_reads::arrived;
  double stored_bits(std::size_t tokens, const cache_info& info) const {
    return static_cast<double>(tokens * info.width());
  }
  void learn(matrix_view<const float>, matrix_view<const float>, const cache_info&) {}
};
static_assert(qfa::learning_cache_policy<with_members>);

struct with_functions : bare {
  cache_point point() const { return cache_point::before_rope; }
  attention_reads reads() const { return attention_reads::arrived; }
  bool learns() const { return false; }
  void learn(matrix_view<const float>, matrix_view<const float>, const cache_info&) {}
  cache_bits stored_bits(std::size_t, const cache_info&) const { return {3.0, 4.0}; }
};

// What is not callable, or not copyable, is none.
struct without_values {
  void operator()(matrix_view<float>, const cache_update&) const {}
};
struct unique : bare {
  unique(const unique&) = delete;
};
static_assert(!qfa::cache_policy<without_values> && !qfa::cache_policy<unique> && !qfa::cache_policy<int>);

const cache_info info{.kv_heads = 3, .head_dim = 4};

}  // namespace

TEST_CASE("cache_policy: what a policy does not say is the commonest") {
  CHECK(qfa::point_of(bare{}) == cache_point::after_rope);
  CHECK(qfa::reads_of(bare{}) == attention_reads::stored);
  CHECK_FALSE(qfa::learns(bare{}));
  CHECK_FALSE(qfa::cache_bits_of(bare{}, 5, info));
  CHECK_FALSE(qfa::side_bits_of(bare{}, 5, info));
}

TEST_CASE("cache_policy: it says by members or by functions") {
  CHECK(qfa::point_of(with_members{}) == cache_point::before_rope);
  CHECK(qfa::point_of(with_functions{}) == cache_point::before_rope);
  CHECK(qfa::reads_of(with_members{}) == attention_reads::arrived);
  CHECK(qfa::reads_of(with_functions{}) == attention_reads::arrived);
  CHECK(qfa::learns(with_members{}));
  CHECK_FALSE(qfa::learns(with_functions{}));  // it says so itself
}

TEST_CASE("cache_policy: bits are a sum, or keys' and values' apart") {
  CHECK(qfa::cache_bits_of(with_members{}, 5, info) == 60.0);
  CHECK_FALSE(qfa::side_bits_of(with_members{}, 5, info));
  CHECK(qfa::cache_bits_of(with_functions{}, 5, info) == 7.0);
  CHECK(qfa::side_bits_of(with_functions{}, 5, info) == cache_bits{3.0, 4.0});
  CHECK(qfa::untouched_cache_bits(5, info) == cache_bits{960.0, 960.0});
  CHECK(cache_bits{3.0, 4.0}.sum() == 7.0);
}

}  // namespace cache_policy_test
