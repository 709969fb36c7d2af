// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/permuted_error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compress_controlled_policies.hpp"
#include "pruner_laws.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/core/error.hpp"

namespace compress_permuted_error_test {

using qfa::any_policy;
using qfa::permuted_error;
using qfa::rtn;
using qfa::weight_scope;
using qfa_test::compressed;
using qfa_test::matrix;

/// Multiples of 1/16 below 8: every sum and difference of them is exact.
matrix lattice(std::size_t rows, std::size_t columns) {
  matrix m = qfa_test::random_matrix(rows, columns);
  for (float& w : m.values)
    w = std::clamp(std::round(16.0f * w), -127.0f, 127.0f) / 16.0f;
  return m;
}

/// Rounds to whole numbers: the errors of a lattice are multiples of 1/16.
const any_policy whole(
    [](qfa::matrix_view<float> w) {
      for (std::size_t r = 0; r < w.rows(); ++r)
        for (float& x : w.row(r))
          x = std::round(x);
    },
    "whole");

std::vector<float> errors(const matrix& after, const matrix& before) {
  std::vector<float> e;
  for (std::size_t i = 0; i < before.values.size(); ++i)
    e.push_back(after.values[i] - before.values[i]);
  return e;
}

TEST_CASE("permuted_error: within rows, each row keeps its errors and hardly any stays where it was") {
  const matrix w = lattice(32, 96);
  const auto before = errors(compressed(w, whole), w);
  const auto after = errors(compressed(w, permuted_error{whole, weight_scope::row, 1}), w);
  std::size_t alike = 0;
  for (std::size_t r = 0; r < w.rows; ++r) {
    const auto row = [&](const std::vector<float>& e) {
      const auto first = e.begin() + static_cast<std::ptrdiff_t>(r * w.columns);
      std::vector<float> sorted(first, first + static_cast<std::ptrdiff_t>(w.columns));
      std::ranges::sort(sorted);
      return sorted;
    };
    CHECK(row(before) == row(after));
  }
  for (std::size_t i = 0; i < before.size(); ++i)
    alike += before[i] == after[i] ? 1U : 0U;
  CHECK(alike < before.size() / 6);  // 16 sizes of error: a sixteenth by chance
}

TEST_CASE("permuted_error: within the tensor, it keeps its errors, and rows do not") {
  const matrix w = lattice(32, 96);
  auto before = errors(compressed(w, whole), w);
  auto after = errors(compressed(w, permuted_error{whole, weight_scope::tensor, 1}), w);
  const auto first_row = [](const std::vector<float>& e) {
    std::vector<float> sorted(e.begin(), e.begin() + 96);
    std::ranges::sort(sorted);
    return sorted;
  };
  CHECK(first_row(before) != first_row(after));
  std::ranges::sort(before);
  std::ranges::sort(after);
  CHECK(before == after);
}

TEST_CASE("permuted_error: every order of a row is as likely as every other") {
  // Errors 1, 2, 4 of zeros: 24 orders of 4 over 4800 rows, 200 each, standard deviation 14.
  const any_policy counted(
      [](qfa::matrix_view<float> w) {
        for (std::size_t r = 0; r < w.rows(); ++r)
          for (std::size_t c = 0; c < 4; ++c)
            w(r, c) = static_cast<float>(c);
      },
      "counted");
  const matrix zeros{4800, 4, std::vector<float>(19200, 0.0f)};
  const matrix out = compressed(zeros, permuted_error{counted, weight_scope::row, 5}, {.name = "w"});
  std::map<std::vector<float>, int> orders;
  for (std::size_t r = 0; r < out.rows; ++r) {
    const auto row = out.view().row(r);
    ++orders[{row.begin(), row.end()}];
  }
  CHECK(orders.size() == 24);
  for (const auto& entry : orders)
    CHECK(std::abs(entry.second - 200) < 70);
}

TEST_CASE("permuted_error: seeds and names permute differently, and rows as well") {
  const matrix w = lattice(8, 64);
  const auto of = [&](std::uint64_t seed, const char* name) {
    return compressed(w, permuted_error{whole, weight_scope::row, seed}, {.name = name}).values;
  };
  CHECK(of(1, "q") == of(1, "q"));
  CHECK(of(1, "q") != of(2, "q"));
  CHECK(of(1, "q") != of(1, "k"));
  matrix alike = lattice(2, 64);
  std::copy_n(alike.values.begin(), 64, alike.values.begin() + 64);
  const matrix out = compressed(alike, permuted_error{whole, weight_scope::row, 1});
  CHECK_FALSE(qfa_test::same_bits(out.view().row(0), out.view().row(1)));
}

TEST_CASE("permuted_error: a result beyond the range of float is refused by name, and the weights are left alone") {
  // An error of 3e38 of a 0, which lands on a 3e38 with one seed or another.
  const any_policy raised([](qfa::matrix_view<float> v) { v(0, 0) = 3e38f; }, "raised");
  std::size_t refusals = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    matrix w = qfa_test::row_matrix({0, 3e38f});
    try {
      permuted_error{raised, weight_scope::row, seed}(w.view(), {.name = "up"});
      CHECK(w.values == std::vector<float>{3e38f, 3e38f});
    } catch (const qfa::error& e) {
      CHECK(std::string(e.what()).find("permute would take row 0 of tensor \"up\"") != std::string::npos);
      CHECK(w.values == std::vector<float>{0, 3e38f});
      ++refusals;
    }
  }
  CHECK(refusals > 0);
  CHECK(refusals < 20);
}

TEST_CASE("permuted_error: it owes what every policy and every control owes, and says what it is") {
  for (const weight_scope within : {weight_scope::row, weight_scope::tensor}) {
    qfa_test::check_pruner_laws(permuted_error{rtn{.bits = 4}, within, 1}, {.name = "up"});
    qfa_test::check_control_laws([&](const any_policy& policy) { return permuted_error{policy, within, 1}; });
  }
  CHECK(permuted_error{rtn{.bits = 6}, weight_scope::row, 2}.name() == "permute:of=(rtn:bits=6),seed=2");
  CHECK(permuted_error{rtn{.bits = 6}, weight_scope::tensor, 2}.name() ==
        "permute:of=(rtn:bits=6),within=tensor,seed=2");
}

}  // namespace compress_permuted_error_test
