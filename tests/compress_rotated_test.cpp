// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/rotated.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include "compress_controlled_policies.hpp"
#include "pruner_laws.hpp"
#include "qfa/compress/rtn.hpp"

namespace compress_rotated_test {

using qfa::any_policy;
using qfa::rotated;
using qfa::rtn;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::same_bits;

double error(const matrix& a, const matrix& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.values.size(); ++i)
    sum += std::pow(static_cast<double>(a.values[i]) - static_cast<double>(b.values[i]), 2.0);
  return std::sqrt(sum);
}

TEST_CASE("rotated: the policy acts on folded weights, which are then unfolded") {
  const matrix w = random_matrix(6, 48);
  const auto by_hand = [&](std::size_t size, std::uint64_t seed) {
    matrix m = w;
    qfa::fold_rotation({size, seed}, m.view());
    rtn{.bits = 4}(m.view());
    qfa::unfold_rotation({size, seed}, m.view());
    return m.values;
  };
  CHECK(same_bits(compressed(w, rotated{rtn{.bits = 4}}).values, by_hand(16, 0)));
  CHECK(same_bits(compressed(w, rotated{rtn{.bits = 4}, 8, 3}).values, by_hand(8, 3)));
  CHECK(by_hand(8, 3) != by_hand(8, 0));
}

TEST_CASE("rotated: known values") {
  // (3, 1) is (4, 2) / sqrt(2) rotated; 2 bits leave (4, 4) / sqrt(2), since a half goes to even, 0: (4, 0) / sqrt(2).
  const matrix out = compressed(qfa_test::row_matrix({3, 1}), rotated{rtn{.bits = 2}});
  CHECK(out.values[0] == doctest::Approx(2.0).epsilon(1e-6));
  CHECK(out.values[1] == doctest::Approx(2.0).epsilon(1e-6));
}

TEST_CASE("rotated: an outlier costs a row less where it is spread over all columns") {
  matrix w = random_matrix(16, 128);
  for (std::size_t r = 0; r < w.rows; ++r)
    w.view()(r, 5) = 40.0f;
  const double plain = error(compressed(w, rtn{.bits = 4}), w);
  CHECK(error(compressed(w, rotated{rtn{.bits = 4}}), w) < 0.7 * plain);
  CHECK(error(compressed(w, rotated{rtn{.bits = 4}, 0, 1}), w) < 0.7 * plain);
}

TEST_CASE("rotated: activations are rotated for a policy that changes them, and left alone for others") {
  const qfa::linear_input input{};
  matrix x = random_matrix(4, 24);
  const matrix before = x;
  qfa::apply_to_activations(rotated{rtn{}}, x.view(), input);
  CHECK(same_bits(x.values, before.values));
  CHECK_FALSE(qfa::changes_activations(rotated{rtn{}}));
  CHECK(qfa::changes_activations(rotated{any_policy(qfa_test::doubles_both{})}));
  // Doubling does not care for the rotation; a threshold would.
  qfa::apply_to_activations(rotated{any_policy(qfa_test::doubles_both{})}, x.view(), input);
  CHECK_FALSE(same_bits(x.values, before.values));
  for (std::size_t i = 0; i < x.values.size(); ++i)
    CHECK(std::fabs(x.values[i] - 2.0f * before.values[i]) < 1e-5f);
}

TEST_CASE("rotated: what would leave the range of float, rotated or turned back, is refused and left alone") {
  // (a, a) becomes (sqrt(2) a, 0): too large.  (a, a) over sqrt(2) becomes (a, 0); set to (a, a) it is too large again.
  matrix w = qfa_test::row_matrix({3e38f, 3e38f});
  check_refused([&] { rotated{rtn{}}(w.view(), {.name = "v"}); }, {"rotate", "\"v\"", "range of float"});
  check_refused([&] { rotated{any_policy(qfa_test::doubles_both{})}.activations(w.view(), {.layer = 2}); },
                {"rotate", "layer 2", "range of float"});
  CHECK(w.values == std::vector<float>{3e38f, 3e38f});
  w = qfa_test::row_matrix({2e38f, 2e38f});
  const any_policy spread([](qfa::matrix_view<float> v) { v(0, 1) = v(0, 0); }, "spread");
  check_refused([&] { rotated{spread}(w.view(), {.name = "v"}); }, {"rotate", "\"v\"", "range of float"});
  CHECK(w.values == std::vector<float>{2e38f, 2e38f});
}

TEST_CASE("rotated: it refuses calibration, sizes that do not fit and columns that cannot be halved") {
  matrix w = random_matrix(2, 24);
  const matrix before = w;
  check_refused([&] { rotated{any_policy(qfa_test::calibrated_shift{})}(w.view()); },
                {"calibrated_shift", "needs no calibration", "not rotated"});
  CHECK(same_bits(w.values, before.values));
  check_refused([&] { rotated{rtn{}, 16}(w.view(), {.name = "v"}); }, {"\"v\"", "multiple of 16", "has 24"});
  check_refused([&] { rotated{rtn{}, 12}(w.view()); }, {"size", "power of two", "12"});
  check_refused([&] { rotated{rtn{}, 1}(w.view()); }, {"size", "power of two", "1"});
  check_refused([] { compressed(random_matrix(2, 33), rotated{rtn{}}, {.name = "v"}); },
                {"\"v\"", "multiple of 2", "has 33"});
  check_refused([&] { rotated{any_policy(qfa_test::gives_up{})}(w.view()); }, {"gives up"});
  CHECK(same_bits(w.values, before.values));
}

TEST_CASE("rotated: it owes what every policy owes, stores what the policy within does, and says what it is") {
  qfa_test::check_pruner_laws(rotated{rtn{.bits = 4}}, {.name = "up"});
  qfa_test::check_pruner_laws(rotated{rtn{.bits = 4}, 4, 2}, {.name = "up"});
  CHECK(rotated{rtn{.bits = 4}}.stored_bits(8, 16) == rtn{.bits = 4}.stored_bits(8, 16));
  CHECK(rotated{}.stored_bits(8, 16) == std::nullopt);
  const std::vector<qfa::tensor_info> chosen{{.name = "k"}};
  check_refused([&] { qfa::check_tensors(rotated{any_policy(qfa_test::of_another_model{})}, chosen); },
                {"with 1 matrices"});
  CHECK(rotated{rtn{.bits = 4}}.name() == "rotate:then=(rtn:bits=4)");
  CHECK(rotated{rtn{.bits = 4}, 64, 1}.name() == "rotate:then=(rtn:bits=4),size=64,seed=1");
}

}  // namespace compress_rotated_test
