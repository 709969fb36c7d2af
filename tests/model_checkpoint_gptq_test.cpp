// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/checkpoint_gptq.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "checkpoint_copy.hpp"
#include "scratch.hpp"

namespace model_checkpoint_gptq_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::checkpoint_copy;
using qfa_test::make_tensor;

gptq_layout parse(const json& config) {
  const json read = parse_json(config.dump(), "c.json");  // where a number that is not negative is unsigned
  return parse_gptq(json_fields(read, "c.json"));
}

/// A linear of random codes, and what it stands for by the definition.
struct made_up {
  checkpoint_copy copy;
  std::size_t out, in;
  std::vector<float> expected;

  made_up(const gptq_layout& layout, std::size_t out_, std::size_t in_) : out(out_), in(in_) {
    std::mt19937 random(17);
    const std::size_t per_group = layout.group_size == 0 ? in : layout.group_size;
    const std::size_t groups = in / per_group;
    const unsigned top = (1U << layout.bits) - 1U;
    std::vector<std::uint8_t> q(in * out), z(groups * out), z_stored(groups * out);
    std::vector<float> scales(groups * out);
    std::vector<std::int32_t> g_idx(in);
    for (auto& code : q)
      code = static_cast<std::uint8_t>(random() & top);
    for (std::size_t i = 0; i < z.size(); ++i) {
      z[i] = static_cast<std::uint8_t>(i <= top ? i : random() & top);
      z_stored[i] = static_cast<std::uint8_t>(layout.version == 1 ? (z[i] + top) % (top + 1) : z[i]);
      scales[i] = static_cast<float>(random() % 1000) / 7.0f;
    }
    for (std::size_t i = 0; i < in; ++i)
      g_idx[i] = static_cast<std::int32_t>(i / per_group);
    if (layout.act_order) std::shuffle(g_idx.begin(), g_idx.end(), random);
    copy.tensors["m.qweight"] =
        make_tensor(dtype::i32, {in / codes_per_word(layout.bits), out}, pack_columns(q, in, out, layout.bits));
    copy.tensors["m.qzeros"] = make_tensor(dtype::i32, {groups, out / codes_per_word(layout.bits)},
                                           pack_rows(z_stored, groups, out, layout.bits));
    copy.tensors["m.scales"] = make_tensor(dtype::f32, {groups, out}, scales);
    if (layout.act_order) copy.tensors["m.g_idx"] = make_tensor(dtype::i32, {in}, g_idx);
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t i = 0; i < in; ++i) {
        const std::size_t g = static_cast<std::size_t>(g_idx[i]) * out + o;
        expected.push_back(scales[g] * static_cast<float>(int{q[i * out + o]} - int{z[g]}));
      }
  }
  std::vector<float> read(const gptq_layout& layout) const {
    const sharded_safetensors files = copy.files();
    return dequantize(layout, checkpoint_parts(files, "m", out, in)).values;
  }
};

TEST_CASE("checkpoint gptq: random codes come back as the weights that they stand for") {
  for (const int bits : {2, 4, 8})
    for (const int version : {1, 2})
      for (const std::size_t group : {0U, 16U, 64U})
        for (const bool act_order : {false, true}) {
          CAPTURE(bits);
          CAPTURE(version);
          CAPTURE(group);
          CAPTURE(act_order);
          const gptq_layout layout{bits, group, act_order, version};
          made_up linear(layout, 48, 64);
          CHECK(linear.read(layout) == linear.expected);
          if (group != 16 || !act_order) continue;
          CHECK(linear.read({bits, group, false, version}) == linear.expected);  // an order that is there counts
          linear.copy.tensors.erase("m.g_idx");
          CHECK(linear.read({bits, group, false, version}) != linear.expected);
        }
}

TEST_CASE("checkpoint gptq: the versions differ by one in the zero points, and a stored -1 is 0") {
  // z is 0 for the first output row, which version 1 stores as 15.
  const made_up one({4, 16, false, 1}, 16, 16);
  CHECK((one.copy.tensors.at("m.qzeros").bytes[0] & std::byte{15}) == std::byte{15});
  CHECK(one.read({4, 16, false, 1}) == one.expected);
  CHECK(one.read({4, 16, false, 2}) != one.expected);
}

TEST_CASE("checkpoint gptq: sizes that no word or group divides are refused") {
  const made_up linear({4, 16, false, 1}, 16, 32);
  check_refused([&] { linear.read({4, 12, false, 1}); }, {"groups of 12", "32 columns", "m.weight"});
  check_refused([&] { linear.read({4, 64, false, 1}); }, {"groups of 64", "32 columns", "m.weight"});
  check_refused([&] { linear.read({2, 16, false, 1}); }, {"m.qweight", "shape (4, 16)", "(2, 16)"});
  check_refused([&] { linear.read({4, 8, false, 1}); }, {"m.qzeros", "shape (2, 2)", "(4, 2)"});
  check_refused([&] { linear.read({4, 16, true, 1}); }, {"m.g_idx", "there is no"});
  made_up narrow({4, 16, false, 1}, 16, 32);
  narrow.out = 12;
  check_refused([&] { narrow.read({4, 16, false, 1}); }, {"(12, 32)", "m.qweight", "8 codes"});
  narrow.out = 16;
  narrow.in = 36;
  check_refused([&] { narrow.read({4, 0, false, 1}); }, {"(16, 36)", "m.qweight", "8 codes"});
}

TEST_CASE("checkpoint gptq: the configuration says bits and groups and order and version") {
  const json base{{"bits", 4}, {"group_size", 128}, {"desc_act", true}, {"sym", true}};
  CHECK(parse(base).bits == 4);
  CHECK(parse(base).group_size == 128);
  CHECK(parse(base).act_order);
  CHECK(parse(base).version == 1);
  const auto with = [&](const char* key, const json& value) {
    json out = base;
    out[key] = value;
    return out;
  };
  CHECK(parse(with("group_size", -1)).group_size == 0);
  CHECK(parse(with("group_size", nullptr)).group_size == 0);
  CHECK_FALSE(parse(with("desc_act", false)).act_order);
  CHECK_FALSE(parse(with("desc_act", nullptr)).act_order);
  CHECK(parse(with("checkpoint_format", "gptq")).version == 1);
  CHECK(parse(with("checkpoint_format", "gptq_v2")).version == 2);
  CHECK(parse(with("format", "gptq_v2")).version == 2);
  CHECK(parse(with("is_marlin_format", false)).version == 1);
  for (const int bits : {0, 1, 3, 5, 16}) {
    CAPTURE(bits);
    check_refused([&] { parse(with("bits", bits)); }, {"c.json", std::to_string(bits) + " bits", "2, 4 or 8"});
  }
  check_refused([&] { parse(with("bits", "4")); }, {"c.json", "bits"});
  check_refused([&] { parse(with("bits", nullptr)); }, {"c.json", "bits"});
  check_refused([&] { parse(with("bits", -4)); }, {"c.json", "bits"});
  for (const json& size : {json(0), json(-2), json(1.5), json("128")})
    check_refused([&] { parse(with("group_size", size)); }, {"c.json", "group_size", "-1 or above 0"});
  for (const char* format : {"marlin", "bitblas", "gptq_v3"})
    check_refused([&] { parse(with("checkpoint_format", format)); }, {"c.json", format, "gptq_v2"});
  check_refused([&] { parse(with("is_marlin_format", true)); }, {"c.json", "is_marlin_format"});
}

TEST_CASE("checkpoint gptq: what has no part is stored as it is") {
  checkpoint_copy copy;
  copy.tensors["m.weight"] = make_tensor(dtype::f32, {1, 1}, std::vector<float>{1.0f});
  for (const char* part : {"qweight", "qzeros", "scales"})
    copy.tensors[std::string(part) + "." + part] = make_tensor(dtype::f32, {1}, std::vector<float>{1.0f});
  const sharded_safetensors files = copy.files();
  CHECK_FALSE(stores(gptq_layout{}, checkpoint_parts(files, "m", 1, 1)));
  for (const char* part : {"qweight", "qzeros", "scales"})
    CHECK(stores(gptq_layout{}, checkpoint_parts(files, part, 1, 1)));
}

}  // namespace model_checkpoint_gptq_test
