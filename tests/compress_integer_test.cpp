// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/integer.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "integer_oracle.hpp"
#include "qfa/compress/rtn.hpp"
#include "scratch.hpp"

namespace compress_integer_test {

using qfa::integer;
using qfa_test::compressed;
using qfa_test::integer_matrix;
using qfa_test::integer_of;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;
using qfa_test::torch_matrix;

TEST_CASE("int: every grouping, rounding and stored scale gives its definition's bits") {
  const matrix weights = integer_matrix("weights");
  for (const auto& [suffix, choices] :
       std::vector<std::pair<std::string, std::string>>{{"tensor", "per=tensor"},
                                                        {"row", "per=row"},
                                                        {"column", "per=column"},
                                                        {"group32", "per=group,group=32"},
                                                        {"group48", "per=group,group=48"},
                                                        {"block", "per=block,group=32,block_rows=8"},
                                                        {"half_away", "rounding=half_away"},
                                                        {"trunc", "rounding=trunc"},
                                                        {"trunc_half", "rounding=trunc_half"},
                                                        {"fp16", "store=fp16"},
                                                        {"bf16", "store=bf16"},
                                                        {"e8m0", "store=e8m0"},
                                                        {"e4m3", "store=e4m3"}}) {
    const std::string name = suffix, options = choices;  // clang 14 captures no structured bindings
    CAPTURE(name);
    CHECK(same_bits(compressed(weights, qfa::parse_policy("int:bits=4," + options)).values,
                    integer_matrix("rtn." + name + ".values").values));
  }
}

TEST_CASE("int: by default it is rtn, in every width, grouping and arithmetic that torch was asked for") {
  const matrix weights = torch_matrix("weights");
  for (const std::string arithmetic : {"fp32", "bf16"})
    for (const std::string per : {"tensor", "row", "group"})
      for (int bits = 2; bits <= 8; ++bits) {
        std::string spec = "int:bits=" + std::to_string(bits) + ",per=" + per + ",arithmetic=" + arithmetic;
        if (per == "group") spec += ",group=16";
        CAPTURE(spec);
        CHECK(same_bits(compressed(weights, qfa::parse_policy(spec)).values,
                        torch_matrix("rtn." + arithmetic + "." + per + "." + std::to_string(bits)).values));
      }
  CHECK(same_bits(compressed(weights, integer{.bits = 5, .arithmetic = qfa::float_format::fp16}).values,
                  compressed(weights, qfa::rtn{.bits = 5, .arithmetic = qfa::float_format::fp16}).values));
}

TEST_CASE("int: halves go to the even code at 2 to 8 bits") {
  for (int bits = 2; bits <= 8; ++bits)
    CHECK(same_bits(compressed(torch_matrix("halves." + std::to_string(bits)), integer{.bits = bits}).values,
                    torch_matrix("halves.out." + std::to_string(bits)).values));
}

TEST_CASE("int: the mse search ends for the whole tensor, not group by group") {
  // The oracle's steps are 1 - p in hundredths; the scale, read off the result, must be that of the step.
  const matrix weights = integer_matrix("weights");
  const integer policy = integer_of("llm_compressor_mse:group=32");
  const matrix got = compressed(weights, policy);
  const matrix steps = integer_matrix("llmc.mse.step"), apart = integer_matrix("llmc.mse.step_per_group");
  CHECK_FALSE(same_bits(steps.values, apart.values));
  integer plain = policy;
  plain.search = qfa::scale_search::none;
  for (std::size_t g = 0; g < steps.values.size(); ++g) {
    std::vector<float> group(weights.values.begin() + static_cast<std::ptrdiff_t>(32 * g),
                             weights.values.begin() + static_cast<std::ptrdiff_t>(32 * g + 32));
    const float factor = policy.search_settings().factor(static_cast<std::size_t>(steps.values[g]));
    qfa::quantize_with(plain.scales(), plain.scales()(group, factor), group);
    CHECK(same_bits(group, std::span<const float>(got.values).subspan(32 * g, 32)));
  }
}

TEST_CASE("int: a group that is all there is ends the mse search by its own patience") {
  const matrix weights = integer_matrix("weights");
  const integer policy = integer_of("llm_compressor_mse:group=32");
  const matrix apart = integer_matrix("llmc.mse.step_per_group");
  for (std::size_t g = 0; g < apart.values.size(); ++g) {
    const auto first = weights.values.begin() + static_cast<std::ptrdiff_t>(32 * g);
    const matrix alone = row_matrix({first, first + 32});
    matrix expected = alone;
    const float factor = policy.search_settings().factor(static_cast<std::size_t>(apart.values[g]));
    qfa::quantize_with(policy.scales(), policy.scales()(alone.values, factor), expected.values);
    CHECK(same_bits(compressed(alone, policy).values, expected.values));
  }
}

TEST_CASE("int: signed_max maps the largest weight to the lowest code, whatever its sign") {
  const integer policy{.bits = 4, .scale = qfa::symmetric_scale::signed_max};
  // s = 8 / -8 = -1: the range is -7 to 8; of two weights of one magnitude the first decides.
  CHECK(compressed(row_matrix({8, -8, 3.4f, -0.6f}), policy).values == std::vector<float>{8, -7, 3, -1});
  CHECK(compressed(row_matrix({-8, 8, 3.4f, -0.6f}), policy).values == std::vector<float>{-8, 7, 3, -1});
}

TEST_CASE("int: trunc_half counts from the lowest code, so that negative quotients are rounded as ggml's Q4_0 does") {
  CHECK(compressed(row_matrix({-8, -1.2f, -0.7f, 0.3f, 1.2f, 6.9f}),
                   qfa::parse_policy("int:bits=4,scale=signed_max,rounding=trunc_half"))
            .values == std::vector<float>{-8, -1, -1, 0, 1, 7});
  // As Q4_1 does: steps of 1 from -7.
  CHECK(compressed(row_matrix({-7, -1.2f, -0.7f, 0.3f, 8}),
                   qfa::parse_policy("int:bits=4,symmetric=false,zero=shift,rounding=trunc_half"))
            .values == std::vector<float>{-7, -1, -1, 0, 8});
}

TEST_CASE("int: known values of affine grids") {
  const auto affine = [](const std::string& options, std::vector<float> w) {
    return compressed(row_matrix(std::move(w)), qfa::parse_policy("int:bits=2,symmetric=false," + options)).values;
  };
  // Width 3 in 3 steps of 1, from -1: codes -1 to 2.
  CHECK(affine("zero=rounded", {-1, 2, 0.6f, -0.4f}) == std::vector<float>{-1, 2, 1, 0});
  CHECK(affine("zero=summed", {-1, 2, 0.6f, -0.4f}) == std::vector<float>{-1, 2, 1, 0});
  // Zero is forced in: 3 to 6 becomes 0 to 6 in steps of 2; as a shift without force it stays 3 to 6 in steps of 1.
  CHECK(affine("zero=rounded", {3, 6, 4.5f}) == std::vector<float>{4, 6, 4});
  CHECK(affine("zero=shift,zero_in_range=false", {3, 6, 4.4f}) == std::vector<float>{3, 6, 4});
}

TEST_CASE("int: stored bits count codes, scales and zero points") {
  const auto bits = [](std::string_view spec, std::size_t rows, std::size_t columns) {
    return *qfa::parse_policy(spec).stored_bits(rows, columns, {});
  };
  CHECK(bits("int:bits=4", 10, 100) == 4000 + 10 * 32);
  CHECK(bits("int:bits=4,store=fp16", 10, 100) == 4000 + 10 * 16);
  CHECK(bits("int:bits=4,arithmetic=bf16", 10, 100) == 4000 + 10 * 16);
  CHECK(bits("int:bits=4,store=e8m0,per=group,group=32", 10, 100) == 4000 + 40 * 8);
  CHECK(bits("int:bits=3,per=block,group=64,block_rows=4", 10, 100) == 3000 + 6 * 32);
  CHECK(bits("int:bits=3,per=tensor", 10, 100) == 3000 + 32);
  CHECK(bits("int:bits=3,per=column", 10, 100) == 3000 + 100 * 32);
  CHECK(bits("gptq_asym:store=fp16", 10, 256) == 4 * 2560 + 20 * (16 + 4));
  CHECK(bits("gptq_sym:store=fp16", 10, 256) == 4 * 2560 + 20 * (16 + 4));
  CHECK(bits("quanto_int4:bits=2,store=bf16", 10, 256) == 2 * 2560 + 20 * 32);
  CHECK(bits("int:bits=4", 0, 100) == 0);
}

TEST_CASE("int: tiny and constant groups stay finite under every choice") {
  const float least = std::numeric_limits<float>::denorm_min();
  for (const std::string options : {"scale=absmax_half_range",
                                    "scale=gptq",
                                    "scale=signed_max",
                                    "scale=no_clip",
                                    "symmetric=false",
                                    "symmetric=false,zero=summed",
                                    "symmetric=false,zero=shift",
                                    "symmetric=false,zero_in_range=false",
                                    "symmetric=false,zero=shift,zero_in_range=false",
                                    "division=reciprocal",
                                    "division=inverse",
                                    "division=peak",
                                    "division=reciprocal,symmetric=false",
                                    "tiny=width_1e-5",
                                    "tiny=scale_eps",
                                    "tiny=scale_normal",
                                    "tiny=unit_range",
                                    "tiny=zeros",
                                    "tiny=zeros,symmetric=false",
                                    "store=fp16",
                                    "store=bf16",
                                    "store=e8m0",
                                    "store=e4m3",
                                    "arithmetic=bf16",
                                    "arithmetic=fp16",
                                    "arithmetic=fp16,division=reciprocal",
                                    "arithmetic=fp16,symmetric=false",
                                    "arithmetic=fp16,tiny=scale_normal",
                                    "search=mse",
                                    "search=mse,arithmetic=fp16,symmetric=false",
                                    "rounding=half_away",
                                    "rounding=trunc",
                                    "rounding=trunc_half"})
    for (int bits = 2; bits <= 8; bits += 3)
      for (const std::vector<float>& w : {std::vector<float>{0, -0.0f, 0},
                                          {least, -least, 0},
                                          {7 * least, least, least},
                                          {1e-38f, 3e-39f, -2e-39f},
                                          {1e-20f, -1e-20f},
                                          {4, 4, 4},
                                          {-4, -4},
                                          {-1e-7f},
                                          {1000, 1000.0001f},
                                          {-3e4f, 3e4f, 1e-9f}}) {
        const std::string spec = "int:bits=" + std::to_string(bits) + "," + options;
        const matrix got = compressed(row_matrix(w), qfa::parse_policy(spec));
        for (std::size_t i = 0; i < w.size(); ++i)
          // No grid reaches further than twice its largest weight; what divides by 0 gives NaN.
          if (!(std::fabs(got.values[i]) <= 2.0f * qfa::absmax(w)))
            FAIL_CHECK(spec, ": ", w[i], " after ", w[0], " became ", got.values[i]);
      }
}

TEST_CASE("int: tiny groups get what their rule says") {
  const auto one = [](const std::string& options, float w) {
    return compressed(row_matrix({w}), qfa::parse_policy("int:bits=4," + options)).values.front();
  };
  CHECK(one("tiny=one", 0x1p-25f) == 0x1p-25f / 7.0f * 7.0f);
  CHECK(one("tiny=zeros", 0x1p-24f) == 0.0f);
  CHECK(one("tiny=zeros", std::nextafter(0x1p-24f, 1.0f)) != 0.0f);
  CHECK(one("tiny=scale_eps", 0x1.8p-24f) == 0x1p-23f);  // 0.75 of a step
  CHECK(one("tiny=scale_eps", 0x1p-24f) == 0.0f);        // half a step, to even
  CHECK(one("tiny=scale_normal", 0x1.8p-127f) == 0x1p-126f);
  CHECK(one("tiny=width_1e-5", 2e-6f) == 1.0f * (1e-5f / 7.0f));
  CHECK(one("symmetric=false,tiny=width_1e-5", 1e-6f) == 2.0f * (1e-5f / 15.0f));
}

TEST_CASE("int: weights that are not finite, or too large for the choices, are refused by name and left alone") {
  const qfa::tensor_info info{.name = "q_proj"};
  const auto refused = [&](const std::string& spec, float bad, std::initializer_list<std::string_view> parts) {
    matrix m = random_matrix(6, 40);
    m.view()(4, 39) = bad;
    const matrix before = m;
    CAPTURE(spec);
    qfa_test::check_refused([&] { qfa::parse_policy(spec)(m.view(), info); }, parts);
    CHECK(same_bits(m.values, before.values));
  };
  for (const std::string per : {"tensor", "row", "column", "group", "block"})
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
      refused("int:bits=4,per=" + per, bad, {"q_proj", "row 4", "not finite"});
  refused("int", 2e38f, {"q_proj", "row 4", "too large", "fp32"});
  refused("bnb_int8", 3e36f, {"q_proj", "row 4", "too large", "fp32"});
  refused("int:arithmetic=fp16", 70000.0f, {"q_proj", "row 4", "not finite in fp16"});
  refused("int:arithmetic=fp16", 40000.0f, {"q_proj", "row 4", "too large", "fp16"});
  refused("int:bits=2,store=fp16", 70000.0f, {"q_proj", "row 4", "too large", "stored as fp16"});
  refused("quanto_int4:store=fp16", 70000.0f, {"q_proj", "row 4", "too large", "stored as fp16"});
  matrix m = row_matrix({70000.0f, 1.0f});
  CHECK(std::isfinite(compressed(m, qfa::parse_policy("int:bits=8,store=fp16")).values.front()));
  m = row_matrix({1.6e38f, -1.6e38f, 1e38f});
  for (const char* spec : {"int:bits=2,scale=absmax_half_range", "int:bits=2,symmetric=false", "gptq_sym", "awq",
                           "int:bits=2,store=e8m0", "quanto_int4"})
    for (const float w : compressed(m, qfa::parse_policy(spec)).values)
      CHECK(std::isfinite(w));
}

TEST_CASE("int: choices out of range, at odds, or without a meaning are refused in one sentence") {
  const auto refused = [](const std::string& options, std::initializer_list<std::string_view> parts) {
    CAPTURE(options);
    qfa_test::check_refused([&] { qfa::parse_policy("int:" + options); }, parts);
  };
  refused("bits=1", {"int's bits", "between 2 and 8", "1"});
  refused("bits=9", {"int's bits", "9"});
  refused("per=group,group=0", {"group", "one column"});
  refused("per=block,block_rows=0", {"block_rows", "one row"});
  refused("group=64", {"group=64", "per=group"});
  refused("per=group,block_rows=64", {"block_rows=64", "per=block"});
  refused("symmetric=false,scale=gptq", {"scale", "symmetric=true"});
  refused("zero=shift", {"zero", "symmetric=false"});
  refused("zero_in_range=false", {"zero_in_range", "symmetric=false"});
  refused("symmetric=false,range=narrow", {"range=narrow", "symmetric=true"});
  refused("division=inverse,symmetric=false", {"division=inverse"});
  refused("division=peak,store=fp16", {"division=peak", "store=fp32"});
  refused("division=peak,scale=no_clip", {"division=peak", "absmax"});
  refused("division=inverse,tiny=scale_eps", {"division=inverse", "floor"});
  refused("scale=signed_max,store=e8m0", {"signed_max", "sign"});
  refused("scale=signed_max,range=narrow", {"signed_max", "range=full"});
  refused("scale=signed_max,tiny=scale_eps", {"signed_max", "tiny"});
  refused("scale=gptq,range=narrow", {"scale=gptq", "range=full"});
  refused("scale=no_clip,tiny=width_1e-5", {"no_clip", "width_1e-5"});
  refused("symmetric=false,zero=shift,store=e4m3", {"zero=shift", "e4m3"});
  for (const std::string zero : {"rounded", "summed"})
    refused("symmetric=false,zero=" + zero + ",rounding=trunc_half", {"trunc_half", "zero=shift"});
  refused("division=inverse,arithmetic=fp16", {"division=inverse", "arithmetic=fp16"});
  refused("grid=50", {"search=mse"});
  refused("search=mse,grid=0", {"grid", "between 1 and 1000,"});
  refused("search=mse,grid=1001", {"grid", "1001"});
  refused("search=mse,maxshrink=0", {"maxshrink"});
  refused("search=mse,maxshrink=1", {"maxshrink"});
  refused("search=mse,maxshrink=0.001", {"maxshrink", "one step"});
  refused("search=mse,norm=0", {"norm"});
  refused("search=mse,norm=nan", {"norm"});
  refused("search=mse,patience=-1", {"patience"});
  refused("rounding=half_odd", {"half_even, half_away, trunc, trunc_half"});
  refused("tiny=1e-5", {"one, width_1e-5, scale_eps, scale_normal, unit_range, zeros"});
}

TEST_CASE("int: an empty matrix is no trouble") {
  for (const char* spec : {"int", "int:per=tensor", "int:per=block", "llm_compressor_mse"})
    for (matrix none : {matrix{0, 5, {}}, matrix{5, 0, {}}})
      CHECK(compressed(none, qfa::parse_policy(spec)).values.empty());
}

}  // namespace compress_integer_test
