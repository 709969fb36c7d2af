// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/checkpoint_compressed_tensors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "checkpoint_copy.hpp"
#include "scratch.hpp"

namespace model_checkpoint_compressed_tensors_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::checkpoint_copy;
using qfa_test::make_tensor;

using scheme = compressed_tensors_scheme;

enum class zeros { none, packed, bytes };

/// A linear "m" of random codes under a scheme of integers, and what it stands for by the definition.
struct made_up {
  checkpoint_copy copy;
  std::size_t out, in;
  std::vector<float> expected;

  made_up(const scheme& s, std::size_t out_, std::size_t in_, zeros kind = zeros::none, bool g_idx = false)
      : out(out_), in(in_) {
    std::mt19937 random(31);
    const std::size_t down = s.rows_per_scale == 0 ? out : s.rows_per_scale;
    const std::size_t along = s.columns_per_scale == 0 ? in : s.columns_per_scale;
    const std::size_t rows = (out + down - 1) / down, columns = (in + along - 1) / along;
    const int middle = 1 << (s.bits - 1);
    const auto draw = [&](std::size_t n) {
      std::vector<std::uint8_t> codes(n);
      for (auto& code : codes)
        code = static_cast<std::uint8_t>(random() & ((1U << s.bits) - 1U));
      return codes;
    };
    const auto as_bytes = [&](const std::vector<std::uint8_t>& codes) {
      std::vector<std::int8_t> bytes;
      for (const std::uint8_t code : codes)
        bytes.push_back(static_cast<std::int8_t>(int{code} - middle));
      return bytes;
    };
    const std::vector<std::uint8_t> q = draw(out * in);
    std::vector<std::uint8_t> z(rows * columns, static_cast<std::uint8_t>(middle));
    if (kind != zeros::none) z = draw(z.size());
    std::vector<float> scales(rows * columns);
    for (float& x : scales)
      x = static_cast<float>(random() % 1000) / 7.0f;
    std::vector<std::int32_t> group(in);
    for (std::size_t i = 0; i < in; ++i)
      group[i] = static_cast<std::int32_t>(i / along);
    if (g_idx) std::shuffle(group.begin(), group.end(), random);

    const std::size_t n = codes_per_word(s.bits);
    if (s.packs()) {
      copy.tensors["m.weight_packed"] = make_tensor(dtype::i32, {out, (in + n - 1) / n}, pack_rows(q, out, in, s.bits));
      copy.tensors["m.weight_shape"] =
          make_tensor(dtype::i64, {2}, std::vector{static_cast<std::int64_t>(out), static_cast<std::int64_t>(in)});
    } else {
      copy.tensors["m.weight"] = make_tensor(dtype::i8, {out, in}, as_bytes(q));
    }
    copy.tensors["m.weight_scale"] = make_tensor(dtype::f32, {rows, columns}, scales);
    if (kind == zeros::packed)
      copy.tensors["m.weight_zero_point"] =
          make_tensor(dtype::i32, {(rows + n - 1) / n, columns}, pack_columns(z, rows, columns, s.bits));
    if (kind == zeros::bytes)
      copy.tensors["m.weight_zero_point"] = make_tensor(dtype::i8, {rows, columns}, as_bytes(z));
    if (g_idx) copy.tensors["m.weight_g_idx"] = make_tensor(dtype::i32, {in}, group);
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t i = 0; i < in; ++i) {
        const std::size_t g = o / down * columns + static_cast<std::size_t>(group[i]);
        expected.push_back(scales[g] * static_cast<float>(int{q[o * in + i]} - int{z[g]}));
      }
  }
  dequantized_weight read(const compressed_tensors_layout& layout) const {
    const sharded_safetensors files = copy.files();
    const checkpoint_parts parts(files, "m", out, in);
    CHECK(stores(layout, parts));
    return dequantize(layout, parts);
  }
  dequantized_weight read(const scheme& s) const { return read(compressed_tensors_layout{{s}}); }
};

scheme packed(int bits, std::size_t group) {
  return {.format = "pack-quantized", .bits = bits, .columns_per_scale = group};
}

TEST_CASE("checkpoint compressed-tensors: random packed codes come back with and without zero points and orders") {
  for (const int bits : {2, 4, 8})
    for (const std::size_t group : {0U, 12U, 36U})
      for (const zeros kind : {zeros::none, zeros::packed, zeros::bytes})
        for (const bool g_idx : {false, true}) {
          CAPTURE(bits);
          CAPTURE(group);
          CAPTURE(g_idx);
          // Neither 21 rows nor 36 columns fill their last word.
          const scheme s = packed(bits, group);
          CHECK(made_up(s, 21, 36, kind, g_idx).read(s).values == made_up(s, 21, 36, kind, g_idx).expected);
        }
}

TEST_CASE("checkpoint compressed-tensors: integers of a byte come back for scales of every reach") {
  for (const std::size_t down : {0U, 1U, 8U, 64U})
    for (const std::size_t along : {0U, 16U})
      for (const zeros kind : {zeros::none, zeros::bytes})
        for (const char* format : {"int-quantized", "naive-quantized"}) {
          CAPTURE(down);
          CAPTURE(along);
          const scheme s{.format = format, .rows_per_scale = down, .columns_per_scale = along};
          const made_up linear(s, 20, 48, kind);
          CHECK(linear.read(s).values == linear.expected);
        }
  // A block that reaches beyond the matrix.
  const scheme s{.format = "int-quantized", .rows_per_scale = 8, .columns_per_scale = 20};
  CHECK(made_up(s, 20, 48).read(s).values == made_up(s, 20, 48).expected);
}

TEST_CASE("checkpoint compressed-tensors: one scale may be of one dimension or of none") {
  const scheme tensor{.format = "int-quantized", .rows_per_scale = 0};
  const scheme row{.format = "int-quantized"};
  made_up one(tensor, 6, 4), rows(row, 6, 4);
  for (const std::vector<std::size_t>& shape : {std::vector<std::size_t>{}, {1}, {1, 1}}) {
    one.copy.tensors["m.weight_scale"].shape = shape;
    CHECK(one.read(tensor).values == one.expected);
  }
  rows.copy.tensors["m.weight_scale"].shape = {6};
  CHECK(rows.read(row).values == rows.expected);
  check_refused([&] { rows.read(tensor); }, {"m.weight_scale", "shape (6)", "(1, 1)"});
  check_refused([&] { one.read(row); }, {"m.weight_scale", "shape (1, 1)", "(6, 1)"});
}

TEST_CASE("checkpoint compressed-tensors: bytes of E4M3 are scaled by tensor and row and block") {
  for (const char* format : {"float-quantized", "naive-quantized"}) {
    checkpoint_copy copy;
    std::vector<std::uint8_t> codes(4 * 60);
    for (std::size_t i = 0; i < codes.size(); ++i)
      codes[i] = static_cast<std::uint8_t>(i % 127);
    copy.tensors["m.weight"] = make_tensor(dtype::f8_e4m3, {4, 60}, codes);
    copy.tensors["m.weight_scale"] = make_tensor(dtype::f32, {2, 3}, std::vector{0.5f, 0.7f, 3.0f, 1.1f, 0.1f, 9.0f});
    const compressed_tensors_layout layout{
        {{.format = format, .floating = true, .rows_per_scale = 3, .columns_per_scale = 25}}};
    const std::vector<float> scales{0.5f, 0.7f, 3.0f, 1.1f, 0.1f, 9.0f};
    const sharded_safetensors files = copy.files();
    const std::vector<float> read = dequantize(layout, checkpoint_parts(files, "m", 4, 60)).values;
    for (std::size_t o = 0; o < 4; ++o)
      for (std::size_t i = 0; i < 60; ++i)
        CHECK(read[o * 60 + i] == scales[o / 3 * 3 + i / 25] * e4m3::decode(codes[o * 60 + i]));
  }
}

TEST_CASE("checkpoint compressed-tensors: zero points of floats must be zero") {
  const compressed_tensors_layout layout{{{.format = "float-quantized", .floating = true}}};
  checkpoint_copy copy;
  copy.tensors["m.weight"] = make_tensor(dtype::f8_e4m3, {1, 2}, std::vector<std::uint8_t>{0x38, 0x30});
  copy.tensors["m.weight_scale"] = make_tensor(dtype::f32, {1, 1}, std::vector{3.0f});
  copy.tensors["m.weight_zero_point"] = make_tensor(dtype::f8_e4m3, {1, 1}, std::vector<std::uint8_t>{0});
  const auto read = [&] {
    const sharded_safetensors files = copy.files();
    return dequantize(layout, checkpoint_parts(files, "m", 1, 2)).values;
  };
  CHECK(read() == std::vector{3.0f, 1.5f});
  copy.tensors["m.weight_zero_point"].set(0, std::uint8_t{1});
  check_refused(read, {"m.weight_zero_point", "model.safetensors", "not zero"});
}

TEST_CASE("checkpoint compressed-tensors: every code of nvfp4 is E2M1 with the even column in the low nibble") {
  const compressed_tensors_layout layout{
      {{.format = "nvfp4-pack-quantized", .floating = true, .bits = 4, .columns_per_scale = 16}}};
  const std::vector<float> levels{0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};
  std::vector<std::uint8_t> bytes(2 * 256);
  std::vector<std::uint8_t> scales(2 * 32);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(i);
  for (std::size_t i = 0; i < scales.size(); ++i)
    scales[i] = static_cast<std::uint8_t>(2 * i);
  checkpoint_copy copy;
  copy.tensors["m.weight_packed"] = make_tensor(dtype::u8, {2, 256}, bytes);
  copy.tensors["m.weight_scale"] = make_tensor(dtype::f8_e4m3, {2, 32}, scales);
  copy.tensors["m.weight_global_scale"] = make_tensor(dtype::f32, {1}, std::vector{11.3f});
  const sharded_safetensors files = copy.files();
  const dequantized_weight read = dequantize(layout, checkpoint_parts(files, "m", 2, 512));
  for (std::size_t i = 0; i < 1024; ++i) {
    const unsigned code = i % 2 == 0 ? bytes[i / 2] % 16U : bytes[i / 2] / 16U;
    const float level = code < 8 ? levels[code] : -levels[code - 8];
    const float product = level * e4m3::decode(scales[i / 16]);
    CAPTURE(i);
    CHECK(read.values[i] == product / 11.3f);
  }
}

TEST_CASE("checkpoint compressed-tensors: a weight is read by the config group that its shapes fit") {
  const scheme four = packed(4, 16), eight = packed(8, 0),
               asymmetric{.format = "pack-quantized", .bits = 4, .columns_per_scale = 8, .symmetric = false};
  const compressed_tensors_layout all{{eight, asymmetric, four}};
  CHECK(made_up(four, 8, 32).read(all).values == made_up(four, 8, 32).expected);
  CHECK(made_up(eight, 8, 32).read(all).values == made_up(eight, 8, 32).expected);
  CHECK(made_up(asymmetric, 8, 32, zeros::packed).read(all).values ==
        made_up(asymmetric, 8, 32, zeros::packed).expected);
  CHECK(made_up(four, 8, 32).read(all).scheme == "compressed-tensors pack-quantized, 4 bits, groups of 16");
  // Fits none: what is said is of the group that comes closest.
  check_refused([&] { made_up(packed(4, 8), 8, 32).read(all); }, {"m.weight_zero_point", "there is no"});
  check_refused([&] { made_up(four, 8, 32).read(compressed_tensors_layout{}); }, {"m.weight", "no config group"});
  // 1, 2 and 3 columns take one word of either width.
  check_refused(
      [&] {
        made_up(packed(8, 0), 8, 3).read(compressed_tensors_layout{{packed(8, 0), packed(4, 0)}});
      },
      {"m.weight_scale", "two config groups"});
  // Two blocks of 6 or of 7 rows: the shapes do not tell.
  const scheme six{.format = "int-quantized", .rows_per_scale = 6},
      seven{.format = "int-quantized", .rows_per_scale = 7};
  check_refused([&] { made_up(six, 12, 4).read(compressed_tensors_layout{{six, seven}}); }, {"two config groups"});
  // A scale a row, and groups that are as long as a row, are the same.
  CHECK(made_up(packed(4, 0), 8, 32).read(compressed_tensors_layout{{packed(4, 0), packed(4, 32)}}).values ==
        made_up(packed(4, 0), 8, 32).expected);
}

TEST_CASE("checkpoint compressed-tensors: what contradicts the configuration is refused") {
  const scheme four = packed(4, 16);
  check_refused([&] { made_up(four, 8, 32).read(packed(4, 12)); }, {"groups of 12", "32 columns", "m.weight"});
  check_refused([&] { made_up(four, 8, 32).read(packed(4, 64)); }, {"groups of 64", "32 columns"});
  check_refused([&] { made_up(four, 8, 32).read(packed(8, 16)); }, {"m.weight_packed", "shape (8, 4)", "(8, 8)"});
  check_refused([&] { made_up(four, 8, 32).read(scheme{.format = "int-quantized"}); }, {"m.weight", "there is no"});
  for (const std::size_t wrong : {0U, 1U}) {
    made_up linear(four, 8, 32);
    linear.copy.tensors["m.weight_shape"].set(wrong, std::int64_t{-16});
    check_refused([&] { linear.read(four); }, {"m.weight_shape", "-16", "(8, 32)"});
  }
  scheme ordered = four;
  ordered.act_order = true;
  check_refused([&] { made_up(four, 8, 32).read(ordered); }, {"m.weight_g_idx", "there is no"});
  CHECK(made_up(four, 8, 32, zeros::none, true).read(ordered).values ==
        made_up(four, 8, 32, zeros::none, true).expected);
}

TEST_CASE("checkpoint compressed-tensors: what is neither packed nor scaled is stored as it is") {
  checkpoint_copy copy;
  copy.tensors["plain.weight"] = make_tensor(dtype::f32, {1, 1}, std::vector{1.0f});
  copy.tensors["bytes.weight"] = make_tensor(dtype::i8, {1, 1}, std::vector<std::int8_t>{1});
  copy.tensors["float8.weight"] = make_tensor(dtype::f8_e4m3, {1, 1}, std::vector<std::uint8_t>{1});
  // As a model that was quantized in training stores it: its weights are still to be rounded.
  copy.tensors["fake.weight"] = copy.tensors["plain.weight"];
  copy.tensors["fake.weight_scale"] = copy.tensors["plain.weight"];
  const sharded_safetensors files = copy.files();
  const compressed_tensors_layout layout{{{.format = "int-quantized"}}};
  const auto parts = [&](const char* module) { return checkpoint_parts(files, module, 1, 1); };
  CHECK_FALSE(stores(layout, parts("plain")));
  CHECK_FALSE(stores(layout, parts("none")));
  CHECK(stores(layout, parts("bytes")));
  CHECK(stores(layout, parts("float8")));
  CHECK(stores(layout, parts("fake")));
  check_refused([&] { dequantize(layout, parts("fake")); }, {"fake.weight", "type F32", "I8"});
  check_refused([&] { dequantize(layout, parts("bytes")); }, {"bytes.weight_scale", "there is no"});
}

TEST_CASE("checkpoint compressed-tensors: a scheme says its width and the reach of its scales") {
  using detail::text_of;
  CHECK(text_of({.format = "f", .rows_per_scale = 0}) == "compressed-tensors f, 8 bits, one scale");
  CHECK(text_of({.format = "f", .bits = 2, .rows_per_scale = 4, .columns_per_scale = 5}) ==
        "compressed-tensors f, 2 bits, blocks of 4 by 5");
  CHECK(text_of({.format = "f", .quantizes_activations = true}) ==
        "compressed-tensors f, 8 bits, one scale a row, activations not quantized");
}

}  // namespace model_checkpoint_compressed_tensors_test
