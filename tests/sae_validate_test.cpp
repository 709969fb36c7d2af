// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/validate.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace sae_validate_test {

using qfa::activation_kind;
using qfa_test::check_refused;

namespace {

qfa::sae right(activation_kind kind) {
  qfa::sae s;
  s.activation = kind;
  s.d_in = 3;
  s.d_sae = 5;
  s.w_enc.resize(15);
  s.w_dec.resize(15);
  s.b_enc.resize(5);
  s.b_dec.resize(3);
  if (kind == activation_kind::jump_relu) s.threshold.resize(5);
  if (kind == activation_kind::gated) {
    s.r_mag.resize(5);
    s.b_mag.resize(5);
  }
  if (kind == activation_kind::top_k) s.k = 5;
  return s;
}

constexpr activation_kind kinds[] = {activation_kind::relu, activation_kind::jump_relu, activation_kind::top_k,
                                     activation_kind::gated};

template <class Spoil>
void check_bad(activation_kind kind, Spoil spoil, std::initializer_list<std::string_view> parts) {
  qfa::sae s = right(kind);
  spoil(s);
  check_refused([&] { qfa::validate(s, "\"here\""); }, parts);
  check_refused([&] { qfa::validate(s, "\"here\""); }, {"\"here\""});
}

}  // namespace

TEST_CASE("validate: every kind of SAE passes with the tensors it needs") {
  for (const activation_kind kind : kinds)
    qfa::validate(right(kind), "\"here\"");
}

TEST_CASE("validate: a tensor one number short or long is refused by its name") {
  for (const activation_kind kind : kinds) {
    check_bad(kind, [](qfa::sae& s) { s.w_enc.pop_back(); }, {"W_enc", "14", "15", "d_in 3", "d_sae 5"});
    check_bad(kind, [](qfa::sae& s) { s.w_dec.push_back(0.0f); }, {"W_dec", "16", "15"});
    check_bad(kind, [](qfa::sae& s) { s.b_enc.pop_back(); }, {kind == activation_kind::gated ? "b_gate" : "b_enc"});
    check_bad(kind, [](qfa::sae& s) { s.b_dec.clear(); }, {"b_dec", "0", "3"});
  }
  check_bad(activation_kind::jump_relu, [](qfa::sae& s) { s.threshold.pop_back(); }, {"threshold"});
  check_bad(activation_kind::gated, [](qfa::sae& s) { s.r_mag.pop_back(); }, {"r_mag"});
  check_bad(activation_kind::gated, [](qfa::sae& s) { s.b_mag.clear(); }, {"b_mag"});
}

TEST_CASE("validate: a tensor that the kind does not have is refused") {
  check_bad(activation_kind::relu, [](qfa::sae& s) { s.threshold.resize(5); }, {"threshold", "relu"});
  check_bad(activation_kind::top_k, [](qfa::sae& s) { s.r_mag.resize(5); }, {"r_mag", "top_k"});
}

TEST_CASE("validate: NaN and infinity are refused in every tensor, at either end") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, inf, -inf}) {
    check_bad(activation_kind::gated, [&](qfa::sae& s) { s.w_enc.front() = bad; }, {"W_enc", "NaN"});
    check_bad(activation_kind::gated, [&](qfa::sae& s) { s.w_dec.back() = bad; }, {"W_dec"});
    check_bad(activation_kind::gated, [&](qfa::sae& s) { s.b_enc.back() = bad; }, {"b_gate"});
    check_bad(activation_kind::gated, [&](qfa::sae& s) { s.b_dec.back() = bad; }, {"b_dec"});
    check_bad(activation_kind::gated, [&](qfa::sae& s) { s.r_mag.front() = bad; }, {"r_mag"});
    check_bad(activation_kind::gated, [&](qfa::sae& s) { s.b_mag.back() = bad; }, {"b_mag"});
    check_bad(activation_kind::jump_relu, [&](qfa::sae& s) { s.threshold.back() = bad; }, {"threshold"});
  }
}

TEST_CASE("all_finite: the largest and the smallest floats are finite") {
  using limits = std::numeric_limits<float>;
  CHECK(qfa::all_finite(std::vector<float>{(limits::max)(), limits::lowest(), limits::denorm_min(), -0.0f}));
  CHECK(qfa::all_finite({}));
  CHECK(!qfa::all_finite(std::vector<float>{0.0f, limits::signaling_NaN()}));
}

TEST_CASE("validate: k lies between 1 and the number of features") {
  check_bad(activation_kind::top_k, [](qfa::sae& s) { s.k = 0; }, {"k", "is 0", "5"});
  check_bad(activation_kind::top_k, [](qfa::sae& s) { s.k = 6; }, {"k", "is 6", "5"});
}

TEST_CASE("validate: an SAE without inputs or features is none") {
  check_refused([] { qfa::validate(qfa::sae{}, "\"here\""); }, {"here"});
}

}  // namespace sae_validate_test
