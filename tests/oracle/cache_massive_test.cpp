// SPDX-License-Identifier: Apache-2.0
// Caches with one scale a token, on activations of gemma-3-1b-it: 309 tokens of 1152 numbers, one of which is massive.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "oracle.hpp"
#include "qfa/cache/token_rows.hpp"
#include "qfa/cache/vllm.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/io/safetensors.hpp"

namespace cache_massive_test {

using namespace qfa;

namespace {

constexpr std::size_t tokens = 309, width = 1152, massive = 1038;

std::vector<float> gemma_activations() {
  const safetensors file(qfa_test::oracle_data() / "gemma3_1b_activations" / "all_activations.safetensors");
  std::vector<float> x = read_floats(file.at("activations"));
  REQUIRE(x.size() == tokens * width);
  return x;
}

/// What becomes of the massive dimension and of the others.
struct damage {
  double massive_share = 0.0;  ///< of the squared error
  double massive_error = 0.0;  ///< relative, root mean square
  double rest_error = 0.0;     ///< the same of all others
  double rest_zeros = 0.0;     ///< share of the others that come back as zeros
};

template <class P>
damage damage_by(const P& policy, const std::vector<float>& x) {
  std::vector<float> keys = x, values = x;
  policy(matrix_view<float>(keys.data(), tokens, width), matrix_view<float>(values.data(), tokens, width),
         {.info = {.kv_heads = 1, .head_dim = width}});
  CHECK(keys == values);
  double error[2] = {}, energy[2] = {}, zeros = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const int rest = i % width == massive ? 0 : 1;
    const double e = static_cast<double>(keys[i]) - static_cast<double>(x[i]);
    error[rest] += e * e;
    energy[rest] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    zeros += rest == 1 && keys[i] == 0.0f ? 1.0 : 0.0;
  }
  return {.massive_share = error[0] / (error[0] + error[1]),
          .massive_error = std::sqrt(error[0] / energy[0]),
          .rest_error = std::sqrt(error[1] / energy[1]),
          .rest_zeros = zeros / static_cast<double>(tokens * (width - 1))};
}

}  // namespace

// The massive dimension holds 71 % of the energy and sets the scale of all tokens but one: it comes back nearly exact,
// and the others pay.  The numbers are numpy's, by the definitions.
TEST_CASE("int8 with one scale a token: the massive dimension is kept, and the rest lose a fifth or a tenth") {
  const std::vector<float> x = gemma_activations();
  const damage cut = damage_by(vllm_cache{vllm_cache_type::int8_per_token_head}, x);
  CHECK(cut.massive_share == doctest::Approx(0.000498711).epsilon(1e-4));
  CHECK(cut.massive_error == doctest::Approx(0.00310605).epsilon(1e-4));
  CHECK(cut.rest_error == doctest::Approx(0.2180195).epsilon(1e-5));
  CHECK(cut.rest_zeros == doctest::Approx(0.3501556).epsilon(1e-5));
  const damage rounded =
      damage_by(vllm_cache{.type = vllm_cache_type::int8_per_token_head, .rounding = int8_rounding::half_even}, x);
  CHECK(rounded.massive_share < 1e-7);
  CHECK(rounded.rest_error == doctest::Approx(0.1202622).epsilon(1e-5));
  CHECK(rounded.rest_zeros == doctest::Approx(0.1927970).epsilon(1e-5));
  // The same grid by way of a weight policy, which divides where vLLM multiplies.
  const damage by_rows = damage_by(token_rows_cache{.keys = rtn{.bits = 8}, .values = rtn{.bits = 8}}, x);
  CHECK(by_rows.rest_error == doctest::Approx(rounded.rest_error).epsilon(1e-4));
}

TEST_CASE(
    "a Hadamard rotation before int8: the rest's error falls to a seventh, and the massive dimension pays for it") {
  const std::vector<float> x = gemma_activations();
  const token_rows_cache plain{.keys = rtn{.bits = 8}, .values = rtn{.bits = 8}};
  token_rows_cache turned = plain;
  turned.hadamard = 128;  // 1152 is nine blocks of it
  const damage before = damage_by(plain, x), after = damage_by(turned, x);
  CHECK(after.rest_error == doctest::Approx(0.0161875).epsilon(1e-3));
  CHECK(7.0 * after.rest_error < before.rest_error);
  CHECK(after.massive_error > 10.0 * before.massive_error);
  CHECK(after.massive_error < 0.001);
  CHECK(after.rest_zeros < 0.001);
}

}  // namespace cache_massive_test
