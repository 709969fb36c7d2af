// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/policy.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/chain.hpp"
#include "qfa/compress/input_statistics.hpp"
#include "scratch.hpp"

namespace compress_policy_test {

using qfa::calibration;
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

namespace {

struct calibrated {
  void operator()(matrix_view<float> w, const tensor_info&, const calibration& known) const {
    w(0, 0) = static_cast<float>(known.inputs.tokens());
  }
};
struct calibrated_with_needs : calibrated {
  qfa::calibration_needs needs() const { return {.channels = true}; }
};
struct quantizes_activations {
  void operator()(matrix_view<float>) const noexcept {}
  void activations(matrix_view<float> x, const qfa::linear_input& input) const {
    x(0, 0) = static_cast<float>(input.layer);
  }
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info&) const {
    return 8.0 * static_cast<double>(rows * columns);
  }
};

}  // namespace

static_assert(qfa::weight_policy<calibrated> && qfa::calibrated_policy<calibrated>);
static_assert(!qfa::plain_policy<calibrated> && !qfa::activation_policy<calibrated>);
static_assert(qfa::activation_policy<quantizes_activations>);

TEST_CASE("apply_policy: a calibrated policy is given what is known, and refuses to guess") {
  float w = 0.0f;
  const matrix_view<float> view(&w, 1, 1);
  calibration known{qfa::input_statistics(1), {}};
  const float x = 2.0f;
  known.inputs(matrix_view<const float>(&x, 1, 1));
  qfa::apply_policy(calibrated{}, view, {.name = "w"}, &known);
  CHECK(w == 1.0f);
  qfa_test::check_refused([&] { qfa::apply_policy(calibrated{}, view, {.name = "w"}); }, {"\"w\"", "calibration"});
  CHECK(qfa::needs_of(calibrated{}) == qfa::calibration_needs{.channels = true, .gram = true});
  CHECK(qfa::needs_of(calibrated_with_needs{}) == qfa::calibration_needs{.channels = true});
  CHECK_FALSE(qfa::needs_of(quantizes_activations{}).any());
}

TEST_CASE("apply_to_activations: those that say nothing of activations leave them alone") {
  float x = 5.0f;
  const matrix_view<float> view(&x, 1, 1);
  qfa::apply_to_activations(calibrated{}, view, {.layer = 3});
  CHECK(x == 5.0f);
  CHECK_FALSE(qfa::changes_activations(calibrated{}));
  CHECK(qfa::changes_activations(quantizes_activations{}));
  qfa::apply_to_activations(quantizes_activations{}, view, {.layer = 3});
  CHECK(x == 3.0f);
}

TEST_CASE("stored_bits_of: nothing where the policy does not say") {
  CHECK(qfa::stored_bits_of(quantizes_activations{}, 2, 3, {}) == 48.0);
  CHECK_FALSE(qfa::stored_bits_of(calibrated{}, 2, 3, {}).has_value());
}

TEST_CASE("any_policy and chain: every face of the policies within is passed on") {
  const qfa::any_policy both(
      qfa::chain{qfa::any_policy(calibrated_with_needs{}, "c"), qfa::any_policy(quantizes_activations{}, "a")});
  CHECK(both.name() == "c+a");
  CHECK(qfa::changes_activations(both));
  CHECK_FALSE(qfa::changes_activations(qfa::chain{calibrated{}, calibrated{}}));
  CHECK(qfa::needs_of(both) == qfa::calibration_needs{.channels = true});
  CHECK(qfa::stored_bits_of(both, 1, 2, {}) == 16.0);
  float x = 5.0f;
  const matrix_view<float> view(&x, 1, 1);
  qfa_test::check_refused([&] { qfa::apply_to_activations(both, view, {.layer = 4}); }, {"layer 4", "calibration"});
  const calibration known{qfa::input_statistics(1), {}};
  qfa::apply_to_activations(both, view, {.layer = 4}, &known);
  CHECK(x == 4.0f);
  qfa::apply_policy(both, view, {}, &known);
  CHECK(x == 0.0f);  // as many tokens as are known
}

}  // namespace compress_policy_test
