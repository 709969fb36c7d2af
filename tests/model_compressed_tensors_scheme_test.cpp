// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/compressed_tensors_scheme.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "scratch.hpp"

namespace model_compressed_tensors_scheme_test {

using namespace qfa;
using qfa_test::check_refused;

json config(const json& weights, const std::string& format = "pack-quantized") {
  return {{"format", format}, {"config_groups", {{"group_0", {{"targets", {"Linear"}}, {"weights", weights}}}}}};
}
compressed_tensors_layout parse(const json& c) {
  const json read = parse_json(c.dump(), "c.json");  // where a number that is not negative is unsigned
  return parse_compressed_tensors(json_fields(read, "c.json"));
}
compressed_tensors_scheme only(const json& weights, const std::string& format = "pack-quantized") {
  const compressed_tensors_layout layout = parse(config(weights, format));
  REQUIRE(layout.schemes.size() == 1);
  return layout.schemes.front();
}

TEST_CASE("compressed-tensors scheme: a strategy is how far a scale reaches") {
  const auto reach = [](const json& weights) {
    const compressed_tensors_scheme s = only(weights, "int-quantized");
    return std::vector<std::size_t>{s.rows_per_scale, s.columns_per_scale};
  };
  using sizes = std::vector<std::size_t>;
  CHECK(reach({{"strategy", "tensor"}}) == sizes{0, 0});
  CHECK(reach({{"strategy", "channel"}}) == sizes{1, 0});
  CHECK(reach({{"strategy", "channel"}, {"group_size", -1}}) == sizes{1, 0});
  CHECK(reach({{"strategy", "group"}, {"group_size", 32}}) == sizes{1, 32});
  CHECK(reach({{"strategy", "group"}, {"group_size", -1}}) == sizes{1, 0});
  CHECK(reach({{"strategy", "block"}, {"block_structure", {64, 128}}}) == sizes{64, 128});
  // Without a strategy the size of a group decides.
  CHECK(reach(json::object()) == sizes{0, 0});
  CHECK(reach({{"group_size", -1}}) == sizes{1, 0});
  CHECK(reach({{"group_size", 16}}) == sizes{1, 16});
  check_refused([&] { reach({{"strategy", "token"}}); }, {"c.json", "group_0", "token"});
  check_refused([&] { reach({{"strategy", "group"}, {"group_size", 0}}); }, {"c.json", "group_0", "group_size"});
  for (const json& block : {json(nullptr), json("128x128"), json{128}, json{128, 0}, json{-1, 4}, json{1, 2, 3}})
    check_refused([&] { reach({{"strategy", "block"}, {"block_structure", block}}); }, {"group_0", "block_structure"});
}

TEST_CASE("compressed-tensors scheme: each format has its types and widths") {
  CHECK(only({{"num_bits", 4}}).bits == 4);
  CHECK(only({{"num_bits", 4}}).packs());
  CHECK_FALSE(only({{"num_bits", 4}}).floating);
  CHECK(only({{"num_bits", 8}, {"type", "float"}}, "float-quantized").floating);
  CHECK(only({{"num_bits", 8}, {"type", "float"}}, "naive-quantized").floating);
  CHECK_FALSE(only({{"num_bits", 8}, {"type", "int"}}, "naive-quantized").floating);
  const json nvfp4{{"num_bits", 4}, {"type", "float"}, {"strategy", "tensor_group"}, {"group_size", 16}};
  CHECK(only(nvfp4, "nvfp4-pack-quantized").is_nvfp4());
  for (const int bits : {1, 3, 5, 6, 7, 16})
    check_refused(
        [&] {
          only({{"num_bits", bits}});
        },
        {"group_0", std::to_string(bits) + " bits", "2, 4 or 8", "pack-quantized"});
  check_refused([&] { only({{"num_bits", 16}}, "int-quantized"); }, {"16 bits", "2 to 8"});
  check_refused([&] { only({{"num_bits", 4}, {"type", "float"}}, "float-quantized"); }, {"4 bits", "float-quantized"});
  check_refused([&] { only({{"type", "float"}}); }, {"float", "pack-quantized"});
  check_refused([&] { only({{"type", "int"}}, "float-quantized"); }, {"int", "float-quantized"});
  check_refused([&] { only({{"type", "complex"}}, "naive-quantized"); }, {"complex"});
  check_refused(
      [&] {
        only({{"num_bits", 8}, {"type", "float"}, {"symmetric", false}}, "float-quantized");
      },
      {"asymmetric"});
  json wide = nvfp4;
  wide["group_size"] = 32;
  check_refused([&] { only(wide, "nvfp4-pack-quantized"); }, {"groups of 16"});
  wide = nvfp4;
  wide["num_bits"] = 8;
  check_refused([&] { only(wide, "nvfp4-pack-quantized"); }, {"8 bits", "expected 4"});
}

TEST_CASE("compressed-tensors scheme: zero points and orders and activations are what the group says") {
  CHECK(only({{"num_bits", 4}}).symmetric);
  CHECK_FALSE(only({{"num_bits", 4}, {"symmetric", false}}).symmetric);
  for (const json& order : {json(true), json("group")})
    CHECK(only({{"num_bits", 4}, {"actorder", order}}).act_order);
  for (const json& order : {json(nullptr), json(false), json("weight"), json("static")})
    CHECK_FALSE(only({{"num_bits", 4}, {"actorder", order}}).act_order);
  json c = config({{"num_bits", 4}});
  CHECK_FALSE(parse(c).schemes[0].quantizes_activations);
  c["config_groups"]["group_0"]["input_activations"] = {{"num_bits", 8}};
  CHECK(parse(c).schemes[0].quantizes_activations);
}

TEST_CASE("compressed-tensors scheme: formats that are not read are refused by name") {
  for (const char* format : {"sparse-24-bitmask", "sparse-bitmask", "marlin-24", "mxfp4-pack-quantized", "dense"})
    check_refused([&] { only({{"num_bits", 4}}, format); }, {"c.json", format, "pack-"});
  json c = config({{"num_bits", 4}});
  c["sparsity_config"] = {{"format", "sparse-24-bitmask"}};
  check_refused([&] { parse(c); }, {"c.json", "sparse-24-bitmask"});
  c["sparsity_config"] = {{"format", "dense"}};
  CHECK(parse(c).schemes.size() == 1);
  c["transform_config"] = json::object();
  c["kv_cache_scheme"] = {{"num_bits", 8}, {"type", "float"}};
  CHECK(parse(c).schemes.size() == 1);
  c["transform_config"] = {{"config_groups", {{"u", 1}}}};
  check_refused([&] { parse(c); }, {"c.json", "transform_config"});
  check_refused([&] { parse({{"format", "pack-quantized"}}); }, {"c.json", "config_groups"});
  check_refused([&] { parse({{"config_groups", json::object()}}); }, {"c.json", "format"});
  check_refused(
      [&] {
        parse({{"format", "pack-quantized"}, {"config_groups", {{"W4A16", {"Linear"}}}}});
      },
      {"c.json", "W4A16", "object"});
  check_refused([&] { parse(config({{"num_bits", "4"}})); }, {"c.json", "num_bits"});
  check_refused([&] { parse(config("int4")); }, {"c.json", "group_0", "weights"});
}

TEST_CASE("compressed-tensors scheme: groups may have formats of their own, or leave weights alone") {
  json c = config({{"num_bits", 4}}, "mixed-precision");
  check_refused([&] { parse(c); }, {"mixed-precision"});
  c["config_groups"]["group_0"]["format"] = "pack-quantized";
  c["config_groups"]["group_1"] = {{"weights", {{"type", "float"}}}, {"format", "float-quantized"}};
  c["config_groups"]["group_2"] = {{"weights", nullptr}, {"input_activations", {{"num_bits", 8}}}};
  const compressed_tensors_layout layout = parse(c);
  REQUIRE(layout.schemes.size() == 2);
  CHECK(layout.schemes[0].format == "pack-quantized");
  CHECK(layout.schemes[1].format == "float-quantized");
}

}  // namespace model_compressed_tensors_scheme_test
