// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/activation_quantizer.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"
#include "qfa/compress/chain.hpp"
#include "qfa/compress/rtn.hpp"

namespace compress_activation_quantizer_test {

using qfa::activation_quantizer;
using qfa::activation_scale;
using qfa_test::check_refused;
using qfa_test::matrix;
using qfa_test::oracle_layer;
using qfa_test::same_bits;
using qfa_test::with_changed_activations;
constexpr qfa::activation_grid half_range = qfa::activation_grid::absmax_half_range;

TEST_CASE("act: a scale a token, one for all, and asymmetric ones give the float64 reference's values") {
  const auto& of = oracle_layer();
  qfa_test::check_values(with_changed_activations(of.x, activation_quantizer{}).values, "activations.token.values");
  qfa_test::check_values(with_changed_activations(of.x, activation_quantizer{.per = activation_scale::text}).values,
                         "activations.tensor.values");
  qfa_test::check_values(
      with_changed_activations(of.x, activation_quantizer{.per = activation_scale::fixed}, &of.known).values,
      "activations.tensor.values");  // the text is calibration's own
  qfa_test::check_values(with_changed_activations(of.x, activation_quantizer{.symmetric = false}).values,
                         "activations.token_asymmetric.values");
}

TEST_CASE("act: a static scale clips what calibration has not seen") {
  const auto known = qfa_test::calibrated_by(matrix{1, 2, {1, 3}}, matrix{1, 2, {1, 1}}, false);
  const activation_quantizer fixed{.bits = 3, .per = activation_scale::fixed};
  CHECK(with_changed_activations(matrix{2, 2, {9, 0.6f, -9, -1.5f}}, fixed, &known).values ==
        std::vector<float>{3, 1, -4, -2});
}

TEST_CASE("act: known values, one text's tokens together or each alone") {
  const matrix x{2, 2, {3, 1.2f, 0.3f, 0.1f}};
  CHECK(with_changed_activations(x, activation_quantizer{.bits = 3, .per = activation_scale::text}).values ==
        std::vector<float>{3, 1, 0, 0});
  CHECK(with_changed_activations(x, activation_quantizer{.bits = 3}).values == std::vector<float>{3, 1, 0.3f, 0.1f});
  // low = 0, high = 15: scale 1, codes -8 .. 7; low = -5, high = 10: zero = -3, and 2.5 - 3 goes to the even 0.
  CHECK(with_changed_activations(matrix{2, 3, {15, 0.6f, 2, -5, 10, 2.5f}},
                                 activation_quantizer{.bits = 4, .symmetric = false})
            .values == std::vector<float>{15, 1, 2, -5, 10, 3});
  CHECK(with_changed_activations(matrix{1, 3, {0, 0, 0}}, activation_quantizer{.symmetric = false}).values ==
        std::vector<float>{0, 0, 0});
}

TEST_CASE("act: with absmax_half_range the largest magnitude is divided by half the range, and clipped above zero") {
  const activation_quantizer half{.bits = 3, .scale = qfa::activation_grid::absmax_half_range};
  CHECK(with_changed_activations(matrix{2, 3, {3.5f, 1.4f, -0.6f, -7, 3, 4.9f}}, half).values ==
        std::vector<float>{3, 1, -1, -8, 4, 4});
  CHECK(with_changed_activations(matrix{1, 3, {0, 0, -0.0f}}, half).values == std::vector<float>{0, 0, 0});
  CHECK(with_changed_activations(matrix{1, 1, {0x1.8p-23f}}, half).values.front() ==
        0x1p-22f);  // 1.5 of the least step
  CHECK(half.name() == "act:bits=3,scale=absmax_half_range");
  check_refused([] { activation_quantizer{.symmetric = false, .scale = half_range}.validate(); },
                {"act's scale", "symmetric=true"});
}

TEST_CASE("act: over a text, low and high are those of all its tokens") {
  // low = -5, high = 10, scale 1, zero -3: -5 .. 10 in every token.
  CHECK(with_changed_activations(matrix{2, 2, {-5, 0.4f, 10, 2.6f}},
                                 activation_quantizer{.bits = 4, .per = activation_scale::text, .symmetric = false})
            .values == std::vector<float>{-5, 0, 10, 3});
}

TEST_CASE("act: weights are left alone, and a chain with a weight quantizer changes both") {
  const matrix w = qfa_test::random_matrix(5, 24);
  matrix same = w;
  qfa::apply_policy(activation_quantizer{}, same.view(), {});
  CHECK(same_bits(same.values, w.values));
  const qfa::chain w8a8{qfa::rtn{}, activation_quantizer{}};
  CHECK(w8a8.changes_activations());
  CHECK(w8a8.name() == "rtn:bits=8+act:bits=8");
  CHECK(w8a8.stored_bits(5, 24, {}) == qfa::rtn{}.stored_bits(5, 24));
  CHECK(
      same_bits(with_changed_activations(w, w8a8).values, with_changed_activations(w, activation_quantizer{}).values));
}

TEST_CASE("act: strided activations and every number of threads give the same bits") {
  const matrix x = qfa_test::random_matrix(700, 48);
  for (const activation_quantizer& policy :
       {activation_quantizer{}, activation_quantizer{.per = activation_scale::text},
        activation_quantizer{.per = activation_scale::text, .symmetric = false}}) {
    const matrix whole = with_changed_activations(x, policy);
    matrix wide{700, 50, std::vector<float>(700 * 50, 77.0f)};
    const qfa::matrix_view<float> part(wide.values.data() + 1, 700, 48, 50);
    for (std::size_t i = 0; i < x.values.size(); ++i)
      part(i / 48, i % 48) = x.values[i];
    qfa::apply_to_activations(policy, part, {});
    for (std::size_t t = 0; t < 700; ++t) {
      if (!same_bits(part.row(t), whole.view().row(t))) FAIL_CHECK("token ", t, " differs");
      if (wide.view()(t, 0) != 77.0f || wide.view()(t, 49) != 77.0f) FAIL_CHECK("token ", t, " was left");
    }
    const std::size_t threads = qfa::thread_count();
    for (const std::size_t n : {1U, 2U, 3U, 8U}) {
      qfa::set_thread_count(n);
      CHECK(same_bits(with_changed_activations(x, policy).values, whole.values));
    }
    qfa::set_thread_count(threads);
  }
}

TEST_CASE("act: activations that are not finite, and a static scale without calibration, are refused") {
  matrix x = qfa_test::random_matrix(3, 24);
  const activation_quantizer fixed{.per = activation_scale::fixed};
  const qfa::calibration other = qfa_test::made_up_layer(5, 25).known;
  check_refused([&] { qfa::apply_to_activations(fixed, x.view(), {.layer = 3}); }, {"layer 3", "calibration"});
  check_refused([&] { qfa::apply_to_activations(fixed, x.view(), {.layer = 3}, &other); },
                {"layer 3", "24 columns", "25 channels"});
  x.view()(2, 2) = std::numeric_limits<float>::infinity();
  const matrix before = x;
  check_refused([&] { qfa::apply_to_activations(activation_quantizer{}, x.view(), {.layer = 3}); },
                {"token 2", "not finite"});
  CHECK(same_bits(x.values, before.values));
}

TEST_CASE("act: it says what it is, what it needs, and refuses what makes no sense") {
  const activation_quantizer fixed{.per = activation_scale::fixed};
  CHECK(activation_quantizer{}.name() == "act:bits=8");
  CHECK(fixed.name() == "act:bits=8,per=static");
  CHECK_FALSE(activation_quantizer{}.needs().any());
  CHECK(fixed.needs() == qfa::calibration_needs{.channels = true});
  check_refused([] { activation_quantizer{.bits = 1}.validate(); }, {"act's bits"});
  check_refused([] { activation_quantizer{.per = activation_scale::fixed, .symmetric = false}.validate(); },
                {"per=static", "symmetric"});
}

}  // namespace compress_activation_quantizer_test
