// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/arrivals.hpp"

#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_arrivals_test {

using qfa_test::check_refused;
using qfa_test::matrix;

namespace {

matrix counted(std::size_t rows, std::size_t columns) {
  matrix m{rows, columns, std::vector<float>(rows * columns)};
  std::iota(m.values.begin(), m.values.end(), 0.0f);
  return m;
}

}  // namespace

TEST_CASE("head_rows: token after token, and head after head as Hugging Face has them") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 3};
  matrix m = counted(2, 6);
  const auto by_token = qfa::head_rows(m.view(), info);
  CHECK(by_token.rows() == 4);
  CHECK(by_token.columns() == 3);
  for (std::size_t t = 0; t < 2; ++t)
    for (std::size_t h = 0; h < 2; ++h)
      for (std::size_t c = 0; c < 3; ++c) {
        CHECK(&by_token(2 * t + h, c) == &m.view().row(t)[3 * h + c]);
        CHECK(&qfa::head_major_rows(m.view(), info)(2 * h + t, c) == &m.view().row(t)[3 * h + c]);
      }
  // Rows further apart than they are wide.
  matrix wide = counted(2, 10);
  const qfa::matrix_view<float> part(wide.values.data() + 1, 2, 6, 10);
  CHECK(qfa::head_rows(part, info)(3, 2) == 16.0f);
  CHECK(qfa::head_major_rows(part, info)(1, 0) == 11.0f);
  CHECK(qfa::head_rows(part.rows_between(0, 0), info).rows() == 0);
}

TEST_CASE("check_arrivals: names layer, side and token of what it refuses, and looks at what is new alone") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const qfa::cache_info info{.layer = 5, .kv_heads = 2, .head_dim = 2};
  matrix keys = counted(4, 4), values = counted(4, 4);
  const auto check = [&](std::size_t first_new) {
    qfa::check_arrivals(keys.view(), values.view(), {.info = info, .first_new = first_new});
  };
  check(0);
  values.view()(1, 3) = infinity;
  check_refused([&] { check(1); }, {"values of layer 5", "token 1", "not finite"});
  check(2);
  values.view()(3, 0) = std::numeric_limits<float>::max() / 2.0f;
  check_refused([&] { check(2); }, {"values of layer 5", "token 3", "a quarter of the largest float"});
  keys.view()(2, 2) = std::numeric_limits<float>::quiet_NaN();
  check_refused([&] { check(2); }, {"keys of layer 5", "token 2", "not finite"});
  check(4);
  check_refused([&] { check(5); }, {"layer 5", "keys of 4 tokens", "from token 5 on"});
  matrix narrow = counted(4, 3), shorter = counted(3, 4);
  check_refused([&] { qfa::check_arrivals(narrow.view(), values.view(), {.info = info, .first_new = 4}); },
                {"keys of layer 5", "3 numbers wide", "2 heads of 2 are 4"});
  check_refused([&] { qfa::check_arrivals(keys.view(), shorter.view(), {.info = info, .first_new = 3}); },
                {"layer 5", "values of 3,"});
  const matrix fine = counted(2, 4);
  qfa::check_calibration_tokens(fine.view(), counted(1, 4).view(), info);
  check_refused([&] { qfa::check_calibration_tokens({nullptr, 0, 4}, fine.view(), info); }, {"layer 5", "no tokens"});
  check_refused([&] { qfa::check_calibration_tokens(fine.view(), {nullptr, 0, 4}, info); }, {"layer 5", "no tokens"});
  check_refused([&] { qfa::check_calibration_tokens(fine.view(), values.view(), info); },
                {"values of layer 5", "token 1", "not finite"});
}

TEST_CASE("tensor_info_of: a weight policy is told side, layer and first token") {
  const qfa::tensor_info info =
      qfa::tensor_info_of(qfa::cache_side::values, {.info = {.layer = 2, .layers = 6}, .first_new = 17});
  CHECK(info.name == "values of layer 2 from token 17 on");
  CHECK(info.layer == 2);
  CHECK(info.layers == 6);
  CHECK(info.role == qfa::tensor_role::other);
}

}  // namespace cache_arrivals_test
