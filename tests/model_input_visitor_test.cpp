// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/input_visitor.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <vector>

#include "model_threads.hpp"
#include "qfa/compress/any_policy.hpp"
#include "scratch.hpp"

namespace model_input_visitor_test {

using namespace qfa;

namespace {

constexpr std::array<input_kind, 4> kinds{input_kind::attention, input_kind::mix, input_kind::mlp, input_kind::hidden};

/// Subtracts the text's first value from all of it: shows where a text begins.
struct from_first {
  void operator()(matrix_view<float>) const {}
  void activations(matrix_view<float> x, const linear_input&) const {
    const float first = x(0, 0);
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (float& v : x.row(r))
        v -= first;
  }
};

/// Adds what it is told was the peak of each channel.
struct add_peaks {
  void operator()(matrix_view<float>, const tensor_info&, const calibration&) const {}
  void activations(matrix_view<float> x, const linear_input& input, const calibration& known) const {
    CHECK(input == linear_input{1, input_kind::mlp});
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (std::size_t c = 0; c < x.columns(); ++c)
        x(r, c) += known.inputs.peak()[c];
  }
  calibration_needs needs() const { return {.channels = true}; }
};

std::vector<float> counted(std::size_t n) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = static_cast<float>(i);
  return x;
}

}  // namespace

TEST_CASE("input_visitor: each kind of inputs is first read by one hook's step, in the order of computation") {
  std::vector<input_kind> seen;
  for (std::size_t k = 0; k < hook_kind_names.size(); ++k)
    if (const auto kind = first_read_by(static_cast<hook_kind>(k))) {
      seen.push_back(*kind);
      CHECK(first_reader(*kind) == static_cast<hook_kind>(k));
    }
  CHECK(seen == std::vector<input_kind>(kinds.begin(), kinds.end()));
  CHECK(first_reader(input_kind::attention) == hook_kind::q);
  CHECK(first_reader(input_kind::hidden) == hook_kind::mlp_raw_out);
  const model_config config{.hidden = 6, .heads = 2, .kv_heads = 1, .head_dim = 4, .intermediate = 11};
  CHECK(input_width(config, input_kind::attention) == 6);
  CHECK(input_width(config, input_kind::mix) == 8);
  CHECK(input_width(config, input_kind::mlp) == 6);
  CHECK(input_width(config, input_kind::hidden) == 11);
}

TEST_CASE("change_inputs: each text is changed by itself, and inputs that are not listed stay") {
  const linear_input listed{0, input_kind::mix};
  const input_visitor visit = change_inputs(from_first{}, {{listed, {}}});
  qfa_test::for_each_thread_count([&] {
    std::vector<float> x = counted(12);
    visit(listed, {x.data(), 6, 2}, 3);
    CHECK(x == std::vector<float>{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5});
    x = counted(12);
    visit({0, input_kind::mlp}, {x.data(), 6, 2}, 3);
    visit({1, input_kind::mix}, {x.data(), 6, 2}, 3);
    CHECK(x == counted(12));
  });
}

TEST_CASE("change_inputs: a policy is told what is known of the inputs before it, and outlives its maker") {
  const linear_input input{1, input_kind::mlp};
  const std::vector<float> seen{-3, 2};
  input_statistics statistics(2);
  statistics({seen.data(), 1, 2});
  input_visitor visit;
  {
    const any_policy policy(add_peaks{}, "add");
    visit = change_inputs(policy, {{input, {statistics, {}}}});
  }
  std::vector<float> x{10, 20};
  visit(input, {x.data(), 1, 2}, 1);
  CHECK(x == std::vector<float>{13, 22});
}

}  // namespace model_input_visitor_test
