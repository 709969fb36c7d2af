// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/gates.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sae_made_up.hpp"

namespace sae_gates_test {

using qfa::activation_kind;
namespace simd = qfa::simd;

namespace {

/// What `lanes_of(register, column)` says of four features, whose products or bounds are `values`.
template <class Arch, class LanesOf>
std::vector<bool> of_four(const std::vector<float>& values, LanesOf lanes_of) {
  std::vector<bool> out;
  for (std::size_t i = 0; i < 4; i += simd::width<Arch>) {
    const std::size_t count = (std::min)(simd::width<Arch>, 4 - i);
    const std::uint32_t bits = simd::bits_of<Arch>(lanes_of(simd::load_first<Arch>(values.data() + i, count), i));
    for (std::size_t j = 0; j < count; ++j)
      out.push_back((bits >> j & 1U) != 0);
  }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("gates: let nothing fire behind the last feature", Arch, QFA_TEST_ARCHS) {
  // One feature that always fires; the lanes behind it hold the zero products of a panel's filling.
  const auto check = [](const auto& gate) {
    alignas(64) float u[16] = {1.0f};
    const auto codes = gate(simd::floats<Arch>::load_aligned(u), 0);
    alignas(64) float value[16];
    xsimd::select(codes.fires, simd::floats<Arch>(1.0f), simd::floats<Arch>(0.0f)).store_aligned(value);
    CHECK(value[0] == 1.0f);
    for (std::size_t i = 1; i < simd::width<Arch>; ++i)
      CHECK(value[i] == 0.0f);
  };
  auto s = qfa_test::random_sae(activation_kind::relu, 1, 1);
  s.b_enc = {1.0f};
  s.threshold = {-5.0f};
  s.r_mag = {0.0f};
  s.b_mag = {1.0f};
  check(qfa::detail::relu_gate<Arch>(s));
  check(qfa::detail::jump_relu_gate<Arch>(s));
  check(qfa::detail::gated_gate<Arch>(s));
}

TEST_CASE_TEMPLATE("gates: fire only where the code is positive", Arch, QFA_TEST_ARCHS) {
  // Products -1, 0, 1, 2 of four features.
  const std::vector<float> products{-1.0f, 0.0f, 1.0f, 2.0f};
  const auto fires = [&](const auto& gate) {
    return of_four<Arch>(products, [&](const auto& u, std::size_t column) { return gate(u, column).fires; });
  };
  auto s = qfa_test::random_sae(activation_kind::gated, 1, 4);
  s.b_enc = {0.0f, 0.0f, 0.0f, 0.0f};
  CHECK(fires(qfa::detail::relu_gate<Arch>(s)) == std::vector<bool>{false, false, true, true});
  s.threshold = {-3.0f, -1.0f, -1.0f, 2.0f};
  CHECK(fires(qfa::detail::jump_relu_gate<Arch>(s)) == std::vector<bool>{false, false, true, false});
  s.b_enc = {2.0f, 1.0f, 0.0f, -2.0f};  // the gates: 1, 1, 1, 0
  s.r_mag = {0.0f, 0.0f, 0.0f, 0.0f};
  s.b_mag = {0.5f, 0.0f, 1.0f, 1.0f};  // the magnitudes: -0.5, 0, 2, 3
  CHECK(fires(qfa::detail::gated_gate<Arch>(s)) == std::vector<bool>{false, false, true, false});
}

TEST_CASE_TEMPLATE("gates: a bound on products lets through what they may reach, and nothing below", Arch,
                   QFA_TEST_ARCHS) {
  // The bounds 0, 1, 2 and 3 of four features, and what fires from them on.
  const std::vector<float> bounds{0.0f, 1.0f, 2.0f, 3.0f};
  const auto may = [&](const auto& gate) {
    return of_four<Arch>(bounds, [&](const auto& upper, std::size_t column) { return gate.may_fire(upper, column); });
  };
  auto s = qfa_test::random_sae(activation_kind::gated, 1, 4);
  s.b_enc = {0.5f, -1.0f, -1.0f, -3.5f};  // z: 0.5, 0, 1, -0.5
  s.threshold = {0.25f, 0.0f, 1.0f, -1.0f};
  CHECK(may(qfa::detail::relu_gate<Arch>(s)) == std::vector<bool>{true, false, true, false});
  CHECK(may(qfa::detail::jump_relu_gate<Arch>(s)) == std::vector<bool>{true, false, false, false});
  CHECK(may(qfa::detail::gated_gate<Arch>(s)) == std::vector<bool>{true, false, true, false});
}

}  // namespace sae_gates_test
