// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/any_policy.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/compress/rtn.hpp"
#include "scratch.hpp"

namespace compress_any_policy_test {

using qfa::any_policy;
using qfa_test::compressed;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

namespace {

// A policy that cannot be copied, and tells when it dies.
struct adder {
  std::unique_ptr<float> amount;
  std::shared_ptr<int> alive;
  void operator()(qfa::matrix_view<float> w) const { w(0, 0) += *amount; }
};

const auto layer_writer = [](qfa::matrix_view<float> w, const qfa::tensor_info& info) {
  w(0, 0) = static_cast<float>(info.layer);
};

}  // namespace

TEST_CASE("any_policy: the default changes nothing and is called none") {
  const auto m = random_matrix(3, 4);
  CHECK(same_bits(compressed(m, any_policy{}).values, m.values));
  CHECK(any_policy{}.name() == "none");
}

TEST_CASE("any_policy: it acts and is called as the policy within") {
  const any_policy p = qfa::rtn{.bits = 3};
  const auto m = random_matrix(3, 40);
  CHECK(p.name() == "rtn:bits=3");
  CHECK(qfa::describe(p) == "rtn:bits=3");
  CHECK(same_bits(compressed(m, p).values, compressed(m, qfa::rtn{.bits = 3}).values));
  // 3 bits for each of 120 weights, and a float for each of 3 rows: of the transposed matrix there would be 40.
  const any_policy by_row = qfa::rtn{.bits = 3, .per = qfa::granularity::row};
  CHECK(by_row.stored_bits(3, 40, {}) == 3.0 * 120.0 + 3.0 * 32.0);
}

TEST_CASE("any_policy: the info reaches a policy that takes it, and one that does not is called without") {
  CHECK(compressed(row_matrix({0}), any_policy(layer_writer, "layer"), {.layer = 4}).values.front() == 4.0f);
  auto m = row_matrix({9});
  any_policy(layer_writer, "layer")(m.view());
  CHECK(m.values.front() == 0.0f);
  const any_policy two([](qfa::matrix_view<float> w) { w(0, 0) = 2.0f; }, "two");
  CHECK(compressed(m, two).values.front() == 2.0f);
}

TEST_CASE("any_policy: copies share one policy, which lives as long as the last of them") {
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = alive;
  {
    any_policy copy;
    {
      const any_policy first(adder{std::make_unique<float>(2.5f), std::move(alive)}, "adder");
      copy = first;
      CHECK(compressed(row_matrix({1}), first).values.front() == 3.5f);
    }
    CHECK_FALSE(watch.expired());
    CHECK(compressed(row_matrix({1}), copy).values.front() == 3.5f);
    const any_policy moved = std::move(copy);
    CHECK(compressed(row_matrix({1}), moved).values.front() == 3.5f);
  }
  CHECK(watch.expired());
}

TEST_CASE("any_policy: one any_policy under another name is still that policy") {
  const any_policy renamed(any_policy(qfa::rtn{.bits = 2}), "ours");
  CHECK(renamed.name() == "ours");
  CHECK(compressed(row_matrix({4, 1}), renamed).values == std::vector<float>{4, 0});
}

TEST_CASE("any_policy: a name of no characters is refused") {
  qfa_test::check_refused([] { any_policy(layer_writer, ""); }, {"name"});
}

TEST_CASE("any_policy: a name whose parentheses do not match is refused, since no spec could hold it") {
  for (const char* name : {"(", ")", "a(b", "a)b", ")(", "a(b))((c)"})
    qfa_test::check_refused([&] { any_policy(layer_writer, name); }, {"name", "parenthesis"});
  for (const char* name : {"a(b)", "(a(b))c()", "plain"})
    CHECK(any_policy(layer_writer, name).name() == name);
}

}  // namespace compress_any_policy_test
