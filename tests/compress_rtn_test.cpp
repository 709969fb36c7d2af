// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/rtn.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "compress_matrices.hpp"
#include "policy_laws.hpp"
#include "qfa/compress/rounding.hpp"
#include "scratch.hpp"

namespace compress_rtn_test {

using qfa::float_format;
using qfa::granularity;
using qfa::rtn;
using qfa::tensor_info;
using qfa::tensor_role;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;
using qfa_test::torch_matrix;

namespace {

constexpr std::array all_granularities{granularity::tensor, granularity::row, granularity::group,
                                       granularity::shared_heads};
constexpr std::array all_formats{float_format::fp32, float_format::bf16};

const tensor_info query{.name = "q_proj", .role = tensor_role::query, .heads = 3, .head_dim = 8};

rtn quantizer(int bits, granularity per, float_format arithmetic = float_format::fp32, std::size_t group = 16) {
  return {.bits = bits, .per = per, .group = per == granularity::group ? group : 128, .arithmetic = arithmetic};
}

template <class E>
std::string text(E value) {
  return std::string(names_of(value)[static_cast<std::size_t>(value)]);
}

}  // namespace

TEST_CASE("rtn: every width, granularity and arithmetic gives torch's bits") {
  const matrix weights = torch_matrix("weights");
  for (const float_format arithmetic : all_formats)
    for (const granularity per : all_granularities)
      for (int bits = 2; bits <= 8; ++bits) {
        const std::string name = "rtn." + text(arithmetic) + "." + text(per) + "." + std::to_string(bits);
        CAPTURE(name);
        CHECK(same_bits(compressed(weights, quantizer(bits, per, arithmetic), query).values,
                        torch_matrix(name).values));
      }
}

TEST_CASE("rtn: the published layouts of o and of the MLP have one scale for each row") {
  const matrix weights = torch_matrix("weights");
  for (const int bits : {4, 6}) {
    const rtn published = quantizer(bits, granularity::shared_heads);
    tensor_info o{.name = "o_proj", .role = tensor_role::attention_out, .heads = 5, .head_dim = 8};
    CHECK(same_bits(compressed(weights, published, o).values,
                    torch_matrix("published.o." + std::to_string(bits)).values));
    for (const tensor_role role : {tensor_role::gate, tensor_role::up, tensor_role::down})
      CHECK(same_bits(compressed(weights, published, {.name = "mlp", .role = role}).values,
                      torch_matrix("published.mlp." + std::to_string(bits)).values));
  }
}

TEST_CASE("rtn: weights halfway between two integers go to the even one") {
  for (const float_format arithmetic : all_formats)
    for (const granularity per : all_granularities)
      for (int bits = 2; bits <= 8; ++bits) {
        CAPTURE(bits);
        const matrix halves = torch_matrix("halves." + std::to_string(bits));
        const tensor_info info{.name = "k_proj", .role = tensor_role::key, .heads = 3, .head_dim = 2};
        CHECK(same_bits(compressed(halves, quantizer(bits, per, arithmetic), info).values,
                        torch_matrix("halves.out." + std::to_string(bits)).values));
      }
  CHECK(compressed(row_matrix({3, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f}), rtn{.bits = 3}).values ==
        std::vector<float>{3, 0, 2, 2, 0, -2, -2});
}

TEST_CASE("rtn: known values at 2, 4 and 8 bits") {
  CHECK(compressed(row_matrix({1, -1, 0.49f, -0.51f}), rtn{.bits = 2}).values == std::vector<float>{1, -1, 0, -1});
  CHECK(compressed(row_matrix({7, 6.4f, -3.6f, 0.2f}), rtn{.bits = 4}).values == std::vector<float>{7, 6, -4, 0});
  CHECK(compressed(row_matrix({-127, 126.6f, 0.6f, 1}), rtn{.bits = 8}).values == std::vector<float>{-127, 127, 1, 1});
}

TEST_CASE("rtn: the grid has 2^bits - 1 values and never its lowest one in fp32") {
  for (int bits = 2; bits <= 8; ++bits) {
    CAPTURE(bits);
    const float highest = std::ldexp(1.0f, bits - 1) - 1.0f;
    std::set<float> seen;
    for (unsigned seed = 0; seed < 40; ++seed) {
      matrix m = random_matrix(4, 500, seed);
      for (float& w : m.values) w = std::clamp(w, -2.0f, 2.0f);
      for (std::size_t r = 0; r < m.rows; ++r) m.view()(r, seed) = (r % 2 == 0 ? 2.0f : -2.0f);
      const float scale = 2.0f / highest;
      for (const float w : compressed(m, rtn{.bits = bits}).values) {
        const float q = qfa::half_even(w / scale);
        if (w != q * scale) FAIL_CHECK(w, " is no multiple of the scale");
        seen.insert(q);  // a set takes -0 and 0 for one
      }
    }
    CHECK(*seen.begin() == -highest);
    CHECK(*seen.rbegin() == highest);
    CHECK(static_cast<float>(seen.size()) <= 2.0f * highest + 1.0f);
    if (bits <= 5) CHECK(static_cast<float>(seen.size()) == 2.0f * highest + 1.0f);
  }
}

TEST_CASE("rtn: in bf16 at 8 bits the lowest value of the grid can be met, as by torch") {
  // 1.484375 / 127 rounds down so far that the quotient is 127.5, halfway to 128.
  const float peak = 1.0f + 62.0f / 128.0f;
  const rtn bf16{.bits = 8, .arithmetic = float_format::bf16};
  const float scale = qfa::round_to_bf16(peak / 127.0f);
  CHECK(compressed(row_matrix({-peak}), bf16).values.front() == qfa::round_to_bf16(-128.0f * scale));
  CHECK(compressed(row_matrix({peak}), bf16).values.front() == qfa::round_to_bf16(127.0f * scale));
}

TEST_CASE("rtn: a row's outlier leaves the other rows alone, a tensor's does not") {
  matrix plain = random_matrix(3, 50);
  matrix spoiled = plain;
  spoiled.view()(1, 10) = 1000.0f;
  const matrix a = compressed(plain, rtn{.bits = 4});
  const matrix b = compressed(spoiled, rtn{.bits = 4});
  CHECK(same_bits(a.view().row(0), b.view().row(0)));
  CHECK(same_bits(a.view().row(2), b.view().row(2)));
  CHECK_FALSE(same_bits(a.view().row(1), b.view().row(1)));
  const matrix c = compressed(spoiled, quantizer(4, granularity::tensor));
  CHECK(std::ranges::all_of(c.view().row(0), [](float w) { return w == 0.0f; }));
}

TEST_CASE("rtn: every weight is in exactly one group, a short last one included") {
  // Each group's first weight is its absmax and stays; a weight in no group keeps its three quarters, one in a wrong
  // group meets a wrong scale.
  for (std::size_t columns = 1; columns <= 40; ++columns)
    for (std::size_t group = 1; group <= columns + 2; ++group) {
      CAPTURE(columns);
      CAPTURE(group);
      matrix m{2, columns, std::vector<float>(2 * columns)};
      std::vector<float> expected(2 * columns);
      for (std::size_t i = 0; i < m.values.size(); ++i) {
        const std::size_t c = i % columns;
        const float scale = std::ldexp(1.0f, static_cast<int>(c / group % 7) + static_cast<int>(i / columns));
        m.values[i] = c % group == 0 ? -scale : 0.75f * scale;
        expected[i] = c % group == 0 ? -scale : scale;
      }
      CHECK(compressed(m, quantizer(2, granularity::group, float_format::fp32, group)).values == expected);
    }
}

TEST_CASE("rtn: a group is quantized as if it were a row of its own, even one of a single weight") {
  const matrix weights = random_matrix(40, 33);
  for (const int bits : {3, 4, 7}) {
    const matrix whole = compressed(weights, quantizer(bits, granularity::group));
    for (const std::size_t first : {0U, 16U, 32U})
      for (std::size_t r = 0; r < weights.rows; ++r) {
        const auto group = weights.view().row(r).subspan(first, first == 32 ? 1 : 16);
        const matrix alone = compressed(row_matrix({group.begin(), group.end()}), rtn{.bits = bits});
        CHECK(same_bits(whole.view().row(r).subspan(first, group.size()), alone.values));
      }
  }
}

TEST_CASE("rtn: shared heads give the same place in every head one scale, over all columns") {
  // Three heads of two rows.  The largest weight of the first rows is 4, of the second 16; bits = 2 keeps -s, 0, s.
  matrix m{6, 2, {1, 4, 16, 3, 2.5f, 1, 9, 7, 1, 1, 2, 1}};
  const tensor_info info{.name = "v", .role = tensor_role::value, .heads = 3, .head_dim = 2};
  CHECK(compressed(m, quantizer(2, granularity::shared_heads), info).values ==
        std::vector<float>{0, 4, 16, 0, 4, 0, 16, 0, 0, 0, 0, 0});
}

TEST_CASE("rtn: a row of zeros stays zero and keeps its signs") {
  const matrix zeros = row_matrix({0.0f, -0.0f, 0.0f});
  for (const granularity per : all_granularities)
    CHECK(same_bits(compressed(zeros, quantizer(4, per), {.name = "u", .role = tensor_role::up}).values,
                    zeros.values));
}

TEST_CASE("rtn: turning all signs turns the result's, and quantizing twice adds nothing but rounding") {
  for (int bits = 2; bits <= 8; ++bits)
    for (const granularity per : all_granularities) {
      const rtn policy = quantizer(bits, per);
      const matrix weights = random_matrix(24, 40, static_cast<unsigned>(bits));
      const matrix once = compressed(weights, policy, query);
      matrix negated = weights;
      for (float& w : negated.values) w = -w;
      negated = compressed(negated, policy, query);
      for (float& w : negated.values) w = -w;
      CHECK(same_bits(negated.values, once.values));
      // The scale of the second round may differ in its last bit, so the values agree up to rounding only.
      const matrix twice = compressed(once, policy, query);
      for (std::size_t i = 0; i < once.values.size(); ++i)
        CHECK(std::fabs(twice.values[i] - once.values[i]) <= 1e-6f * std::fabs(once.values[i]));
    }
}

TEST_CASE("rtn: quantizing twice is exact where the scale is a power of two") {
  for (int bits = 2; bits <= 8; ++bits) {
    matrix m = random_matrix(3, 64, 3);
    for (std::size_t r = 0; r < m.rows; ++r) {
      for (float& w : m.view().row(r)) w = std::clamp(w, -0.9f, 0.9f);
      m.view()(r, r) = (std::ldexp(1.0f, bits - 1) - 1.0f) * std::ldexp(1.0f, -bits + 1);
    }
    const matrix once = compressed(m, rtn{.bits = bits});
    CHECK(same_bits(compressed(once, rtn{.bits = bits}).values, once.values));
  }
}

TEST_CASE("rtn: more bits, less error") {
  const matrix weights = random_matrix(16, 256);
  double last = std::numeric_limits<double>::infinity();
  for (int bits = 2; bits <= 8; ++bits) {
    const matrix q = compressed(weights, rtn{.bits = bits});
    double error = 0.0;
    for (std::size_t i = 0; i < q.values.size(); ++i)
      error += std::pow(static_cast<double>(q.values[i]) - static_cast<double>(weights.values[i]), 2);
    CHECK(error < last / 3.0);
    last = error;
  }
}

TEST_CASE("rtn: a view into a fused tensor is treated as a copy of it would be") {
  tensor_info info{.name = "qkv#k", .role = tensor_role::key, .heads = 4, .head_dim = 3};
  for (const granularity per : all_granularities)
    for (const float_format arithmetic : all_formats)
      qfa_test::check_in_place(quantizer(4, per, arithmetic, 7), 4, 3, info);
}

#ifdef _OPENMP
TEST_CASE("rtn: 1, 2, 3 and 8 threads give the same bits") {
  const matrix weights = random_matrix(240, 500);
  const tensor_info info{.name = "q_proj", .role = tensor_role::query, .heads = 30, .head_dim = 8};
  const int threads = omp_get_max_threads();
  for (const granularity per : all_granularities) {
    omp_set_num_threads(1);
    const matrix alone = compressed(weights, quantizer(5, per), info);
    for (const int n : {2, 3, 8}) {
      omp_set_num_threads(n);
      CHECK(same_bits(compressed(weights, quantizer(5, per), info).values, alone.values));
    }
  }
  omp_set_num_threads(threads);
}
#endif

TEST_CASE("rtn: it obeys the laws of policies") {
  for (const auto& [per, kind] : {std::pair{granularity::tensor, qfa::group_kind::tensor},
                                  std::pair{granularity::row, qfa::group_kind::row},
                                  std::pair{granularity::group, qfa::group_kind::group}})
    qfa_test::check_policy_laws(quantizer(4, per), {.groups = qfa::grouping{.per = kind, .group = 16},
                                                    .levels = 16,
                                                    .idempotent_within = 1e-6,
                                                    .odd = true,
                                                    .monotone = true,
                                                    .keeps_zeros = true,
                                                    .rows_apart = per != granularity::tensor});
}

TEST_CASE("rtn: an empty matrix is no trouble") {
  matrix none{0, 5, {}};
  for (const granularity per : all_granularities)
    CHECK(compressed(none, quantizer(4, per), {.name = "u", .role = tensor_role::up}).values.empty());
}

TEST_CASE("rtn: bits outside 2 to 8, an empty group, and a group without per=group are refused") {
  matrix m = random_matrix(2, 4);
  for (const int bits : {-1, 0, 1, 9, 32})
    qfa_test::check_refused([&] { rtn{.bits = bits}(m.view()); }, {"bits", std::to_string(bits), "2 and 8"});
  qfa_test::check_refused([&] { rtn{.per = granularity::group, .group = 0}(m.view()); }, {"group"});
  qfa_test::check_refused([&] { rtn{.group = 64}(m.view()); }, {"group=64", "per=group"});
}

TEST_CASE("rtn: weights that are not finite are refused by name and left alone") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()})
    for (const granularity per : all_granularities) {
      matrix m = random_matrix(24, 40);
      m.view()(5, 39) = bad;
      const matrix before = m;
      qfa_test::check_refused([&] { quantizer(4, per)(m.view(), query); }, {"q_proj", "row 5", "not finite"});
      CHECK(same_bits(m.values, before.values));
    }
  // Finite as a float, infinite as a bfloat16.
  matrix huge = row_matrix({1.0f, std::numeric_limits<float>::max()});
  qfa_test::check_refused([&] { rtn{.arithmetic = float_format::bf16}(huge.view()); }, {"the matrix", "in bf16"});
  CHECK(huge.values.front() == 1.0f);
}

TEST_CASE("rtn: shared heads refuse a role without heads and rows that are no heads") {
  matrix m = random_matrix(24, 4);
  const rtn policy = quantizer(4, granularity::shared_heads);
  qfa_test::check_refused([&] { policy(m.view(), {.name = "embed"}); }, {"embed", "role", "other"});
  qfa_test::check_refused([&] { policy(m.view()); }, {"the matrix", "other"});
  for (const std::size_t head_dim : {0U, 5U, 48U})
    qfa_test::check_refused(
        [&] { policy(m.view(), {.name = "k_proj", .role = tensor_role::key, .head_dim = head_dim}); },
        {"k_proj", "24 rows", "heads"});
  qfa_test::check_refused(
      [&] { policy(m.view(), {.name = "k_proj", .role = tensor_role::key, .heads = 4, .head_dim = 8}); },
      {"k_proj", "24 rows", "4 heads of 8"});
}

TEST_CASE("rtn: it says what it is, defaults left out") {
  CHECK(rtn{}.name() == "rtn:bits=8");
  CHECK(rtn{.bits = 4, .per = granularity::group, .group = 64, .arithmetic = float_format::bf16}.name() ==
        "rtn:bits=4,per=group,group=64,arithmetic=bf16");
}

TEST_CASE("rtn: stored bits count the codes and a scale for each group") {
  CHECK(rtn{.bits = 4}.stored_bits(3, 10) == 3 * 10 * 4 + 3 * 32);
  CHECK(rtn{.bits = 4, .per = granularity::tensor}.stored_bits(3, 10) == 3 * 10 * 4 + 32);
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  CHECK(rtn{.bits = 3, .per = granularity::group, .group = huge}.stored_bits(3, 10) == 3 * 10 * 3 + 3 * 32);
  CHECK(rtn{.bits = 3, .per = granularity::group, .group = 4}.stored_bits(3, 10) == 3 * 10 * 3 + 9 * 32);
  CHECK(rtn{.per = granularity::shared_heads, .arithmetic = float_format::bf16}.stored_bits(
            6, 10, {.role = tensor_role::key, .heads = 3, .head_dim = 2}) == 6 * 10 * 8 + 2 * 16);
}

}  // namespace compress_rtn_test
