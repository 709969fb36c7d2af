// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/plan.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "scratch.hpp"

namespace cache_plan_test {

using qfa::any_cache_policy;
using qfa::cache_plan;
using qfa_test::check_refused;

namespace {

struct ten_bits {
  static constexpr qfa::attention_reads reads = qfa::attention_reads::arrived;
  void operator()(qfa::matrix_view<float>, qfa::matrix_view<float>, const qfa::cache_update&) const {}
  void learn(qfa::matrix_view<const float>, qfa::matrix_view<const float>, const qfa::cache_info&) {}
  // The layer counts, so that a test sees which was asked.
  double stored_bits(std::size_t tokens, const qfa::cache_info& info) const {
    return static_cast<double>(tokens * 10 + info.layer);
  }
  std::string name() const { return "ten"; }
};
struct silent {
  void operator()(qfa::matrix_view<float>, qfa::matrix_view<float>, const qfa::cache_update&) const {}
};

const qfa::cache_info shape{.layers = 3, .kv_heads = 2, .head_dim = 2};

}  // namespace

TEST_CASE("cache_plan: without policies nothing is done") {
  const cache_plan none;
  CHECK(none.is_none());
  CHECK(none.name() == "none");
  CHECK(none.layers() == 0);
  CHECK_FALSE(none.learns());
  CHECK_FALSE(none.reads_arrived());
  CHECK(*none.stored_bits(7, shape) == 3 * 7 * 4 * 2 * 16.0);
  CHECK(*none.stored_bits(7, shape, 32.0) == 3 * 7 * 4 * 2 * 32.0);
  CHECK_NOTHROW(qfa::check_layers(none, 9));
}

TEST_CASE("cache_plan: layers have the same policy, or each its own") {
  const cache_plan same(ten_bits{}, 3);
  CHECK(same.name() == "ten");
  CHECK(same.layers() == 3);
  CHECK(same[2].name() == "ten");
  CHECK(same.learns());
  CHECK(same.reads_arrived());
  CHECK_FALSE(same.is_none());
  CHECK(*same.stored_bits(7, shape) == 3 * 70.0 + 0 + 1 + 2);

  cache_plan mixed({any_cache_policy{}, any_cache_policy(ten_bits{}), any_cache_policy{}}, "mixed");
  CHECK(mixed.name() == "mixed");
  CHECK_FALSE(mixed.is_none());
  CHECK(mixed.learns());
  CHECK(mixed.reads_arrived());
  CHECK(*mixed.stored_bits(7, shape) == 71.0 + 2 * 7 * 4 * 2 * 16.0);
  mixed[1] = any_cache_policy(silent{}, "silent");
  CHECK_FALSE(mixed.stored_bits(7, shape));
  CHECK_FALSE(mixed.learns());
  CHECK_FALSE(mixed.reads_arrived());
  mixed[1] = any_cache_policy{};
  CHECK(mixed.is_none());
}

TEST_CASE("check_layers: a plan is for models of its number of layers") {
  CHECK_NOTHROW(qfa::check_layers(cache_plan(ten_bits{}, 3), 3));
  check_refused([] { qfa::check_layers(cache_plan(ten_bits{}, 3), 4); }, {"3 layers", "model of 4"});
}

}  // namespace cache_plan_test
