// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/checkpoint_awq.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "checkpoint_copy.hpp"
#include "scratch.hpp"

namespace model_checkpoint_awq_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::checkpoint_copy;
using qfa_test::make_tensor;

awq_layout parse(const json& config) {
  const json read = parse_json(config.dump(), "c.json");  // where a number that is not negative is unsigned
  return parse_awq(json_fields(read, "c.json"));
}

TEST_CASE("checkpoint awq: random codes come back as the weights that they stand for") {
  const std::size_t out = 40, in = 48;
  for (const std::size_t group : {0U, 12U, 16U, 48U}) {
    CAPTURE(group);
    std::mt19937 random(23);
    const std::size_t per_group = group == 0 ? in : group;
    const std::size_t groups = in / per_group;
    std::vector<std::uint8_t> q(in * out), z(groups * out);
    std::vector<float> scales(groups * out), expected;
    for (auto& code : q)
      code = static_cast<std::uint8_t>(random() & 15U);
    for (auto& code : z)
      code = static_cast<std::uint8_t>(random() & 15U);
    for (auto& scale : scales)
      scale = static_cast<float>(random() % 1000) / 7.0f;
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t i = 0; i < in; ++i) {
        const std::size_t g = i / per_group * out + o;
        expected.push_back(scales[g] * static_cast<float>(int{q[i * out + o]} - int{z[g]}));
      }
    checkpoint_copy copy;
    copy.tensors["m.qweight"] = make_tensor(dtype::i32, {in, out / 8}, pack_awq(q, in, out));
    copy.tensors["m.qzeros"] = make_tensor(dtype::i32, {groups, out / 8}, pack_awq(z, groups, out));
    copy.tensors["m.scales"] = make_tensor(dtype::f32, {groups, out}, scales);
    const sharded_safetensors files = copy.files();
    const checkpoint_parts parts(files, "m", out, in);
    CHECK(stores(awq_layout{group}, parts));
    CHECK(dequantize(awq_layout{group}, parts).values == expected);
    check_refused([&] { dequantize(awq_layout{36}, parts); }, {"groups of 36", "48 columns", "m.weight"});
    check_refused([&] { dequantize(awq_layout{8}, parts); }, {"m.qzeros", "(6, 5)"});
    check_refused([&] { dequantize(awq_layout{group}, checkpoint_parts(files, "m", 36, in)); },
                  {"(36, 48)", "m.qweight", "multiple of the 8"});
    check_refused([&] { dequantize(awq_layout{group}, checkpoint_parts(files, "m", 80, in)); },
                  {"m.qweight", "shape (48, 5)", "(48, 10)"});
    CHECK_FALSE(stores(awq_layout{group}, checkpoint_parts(files, "n", out, in)));
  }
}

TEST_CASE("checkpoint awq: the configuration says groups, in old words or new ones") {
  const json base{{"bits", 4}, {"group_size", 128}, {"zero_point", true}, {"version", "gemm"}};
  const auto with = [&](const char* key, const json& value) {
    json out = base;
    out[key] = value;
    return out;
  };
  CHECK(parse(base).group_size == 128);
  CHECK(parse(with("group_size", -1)).group_size == 0);
  CHECK(parse(with("version", "GEMM")).group_size == 128);
  CHECK(parse(with("version", nullptr)).group_size == 128);
  CHECK(parse({{"w_bit", 4}, {"q_group_size", 64}, {"zero_point", true}, {"version", "GEMM"}}).group_size == 64);
  for (const char* version : {"gemv", "gemv_fast", "marlin", "exllama", "ipex"})
    check_refused([&] { parse(with("version", version)); }, {"c.json", version, "gemm"});
  for (const int bits : {2, 3, 8})
    check_refused([&] { parse(with("bits", bits)); }, {"c.json", std::to_string(bits) + " bits", "4"});
  check_refused([&] { parse(with("zero_point", false)); }, {"c.json", "zero_point"});
  check_refused([&] { parse(with("bits", nullptr)); }, {"c.json", "bits"});
  check_refused([&] { parse(with("group_size", 0)); }, {"c.json", "group_size"});
  check_refused([&] { parse({{"w_bit", 3}}); }, {"c.json", "3 bits"});
}

}  // namespace model_checkpoint_awq_test
