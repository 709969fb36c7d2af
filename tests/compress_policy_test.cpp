// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/policy.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using qfa::matrix_view;
using qfa::tensor_info;

namespace {

struct plain {
  void operator()(matrix_view<float> w) const { w(0, 0) = 1.0f; }
};
struct informed {
  void operator()(matrix_view<float> w, const tensor_info& info) const { w(0, 0) = static_cast<float>(info.layer); }
};
struct both {
  void operator()(matrix_view<float> w) const { w(0, 0) = -1.0f; }
  void operator()(matrix_view<float> w, const tensor_info& info) const { w(0, 0) = static_cast<float>(info.layer); }
};
struct named : plain {
  std::string name() const { return "named"; }
};
struct reads_only {
  void operator()(matrix_view<const float>) const {}
};
struct reads_only_informed {
  void operator()(const matrix_view<const float>&, const tensor_info&) const noexcept {}
};
struct changes_itself {
  void operator()(matrix_view<float>) {}
};
struct wants_doubles {
  void operator()(matrix_view<double>) const {}
};
struct immovable : plain {
  immovable() = default;
  immovable(immovable&&) = delete;
};
struct misnamed : plain {
  int name() const { return 3; }
};

void function(matrix_view<float> w) { w(0, 0) = 5.0f; }

const auto lambda = [](matrix_view<float> w) { w(0, 0) = 2.0f; };
const auto generic = [](auto w) { w(0, 0) = 3.0f; };
using reading_lambda = decltype([](matrix_view<const float>, const tensor_info&) {});
using reading_function = void (*)(matrix_view<const float>);

static_assert(qfa::weight_policy<plain> && qfa::plain_policy<plain> && !qfa::informed_policy<plain>);
static_assert(qfa::weight_policy<informed> && !qfa::plain_policy<informed> && qfa::informed_policy<informed>);
static_assert(qfa::weight_policy<both> && qfa::weight_policy<named>);
static_assert(qfa::weight_policy<decltype(lambda)> && qfa::weight_policy<decltype(generic)>);
static_assert(qfa::weight_policy<decltype(&function)>);

static_assert(!qfa::weight_policy<reads_only> && !qfa::weight_policy<reads_only_informed>);
static_assert(!qfa::weight_policy<reading_lambda> && !qfa::weight_policy<reading_function>);
static_assert(!qfa::weight_policy<changes_itself> && !qfa::weight_policy<wants_doubles>);
static_assert(!qfa::weight_policy<immovable> && !qfa::weight_policy<int>);

static_assert(qfa::named_policy<named> && !qfa::named_policy<plain> && !qfa::named_policy<misnamed>);

template <class P>
float first_weight_after(const P& policy) {
  std::vector<float> weights{0.0f};
  qfa::apply_policy(policy, matrix_view<float>(weights.data(), 1, 1), {.name = "w", .layer = 7});
  return weights.front();
}

}  // namespace

TEST_CASE("apply_policy: a policy is told as much as it can take") {
  CHECK(first_weight_after(plain{}) == 1.0f);
  CHECK(first_weight_after(informed{}) == 7.0f);
  CHECK(first_weight_after(both{}) == 7.0f);
}

TEST_CASE("apply_policy: lambdas and functions are policies") {
  CHECK(first_weight_after(lambda) == 2.0f);
  CHECK(first_weight_after(generic) == 3.0f);
  CHECK(first_weight_after(&function) == 5.0f);
}

TEST_CASE("describe: a policy is asked for its name") { CHECK(qfa::describe(named{}) == "named"); }
