// SPDX-License-Identifier: Apache-2.0
// Packs and unpacks with thirteen ggml formats and compares every bit: with the hashes of one made-up block, and with
// bytes and values by the reference code (tests/data/ggml_blocks.safetensors).  Built once for each set of compiler
// flags that might fuse a product and a sum; exits 1, and says where, if one of them does.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "qfa/compress/ggml_block.hpp"
#include "qfa/compress/ggml_fp4.hpp"
#include "qfa/compress/ggml_iq4_nl.hpp"
#include "qfa/compress/ggml_k.hpp"
#include "qfa/compress/ggml_legacy.hpp"
#include "qfa/compress/ggml_q6_k.hpp"
#include "qfa/io/safetensors.hpp"

namespace {

/// 256 sums of four uniform numbers, nearly normal, one of them stretched; products by powers of two are exact.
std::vector<float> made_up_block() {
  std::uint32_t state = 12345;
  const auto uniform = [&] {
    state = state * 1664525U + 1013904223U;
    return static_cast<float>(state >> 8U) / 16777216.0f;
  };
  std::vector<float> x(256);
  for (float& v : x) {
    float sum = uniform();
    for (int i = 0; i < 3; ++i)
      sum += uniform();
    v = sum - 2.0f;
  }
  x[37] *= 6.0f;
  return x;
}

/// FNV-1a of 64 bits, from the offset that the hashes below were taken with: the usual one less its last digit.
std::uint64_t hash_of(std::span<const std::byte> bytes) {
  std::uint64_t hash = 1469598103934665603U;
  for (const std::byte b : bytes)
    hash = (hash ^ static_cast<std::uint64_t>(b)) * 1099511628211U;
  return hash;
}

int differences = 0;

void check(bool holds, const std::string& what) {
  if (holds) return;
  ++differences;
  std::fprintf(stderr, "%s differs from the reference\n", what.c_str());
}

template <qfa::ggml_block_format F>
std::vector<std::byte> packed(std::span<const float> x) {
  std::vector<std::byte> bytes(x.size() / F::elements * F::bytes);
  qfa::pack_ggml_row<F>(x, bytes);
  return bytes;
}

template <qfa::ggml_block_format F>
void check_format(const qfa::safetensors& oracle, std::uint64_t hash, float first, float stretched) {
  const std::string name(F::name);
  const std::vector<float> x = made_up_block();
  const std::vector<std::byte> bytes = packed<F>(x);
  check(hash_of(bytes) == hash, name + "'s hash");
  std::vector<float> y(x.size());
  qfa::unpack_ggml_row<F>(bytes, y);
  check(y[0] == first && y[37] == stretched, name + "'s values");

  const std::vector<float> rows = qfa::read_floats(oracle.at("x"));
  const std::vector<std::byte> many = packed<F>(rows);
  const std::vector<std::byte> expected = oracle.at(name + ".bytes").bytes.read();
  for (std::size_t b = 0; b < many.size() / F::bytes; ++b) {
    bool same = expected.size() == many.size();
    std::size_t compared = F::bytes;
    if constexpr (std::is_same_v<F, qfa::ggml::iq4_nl>) {
      // In a block of zeros the reference leaves the codes of the block before; they count for nothing under d = 0.
      if (qfa::ggml::peak_of(std::span(rows).subspan(b * F::elements, F::elements)).magnitude == 0.0f) compared = 2;
    }
    for (std::size_t i = b * F::bytes; same && i < b * F::bytes + compared; ++i)
      same = many[i] == expected[i];
    check(same, name + "'s block " + std::to_string(b));
  }
  // Values from the reference's bytes, so that packing and unpacking are judged apart.
  const std::vector<float> values = qfa::read_floats(oracle.at(name + ".dequantized"));
  std::vector<float> unpacked(values.size());
  qfa::unpack_ggml_row<F>(expected, unpacked);
  for (std::size_t i = 0; i < values.size(); ++i)
    check(std::bit_cast<std::uint32_t>(values[i]) == std::bit_cast<std::uint32_t>(unpacked[i]),
          name + "'s value " + std::to_string(i));
}

}  // namespace

int main(int, char** arguments) {
  const std::vector<float> x = made_up_block();
  check(x[0] == -0.784989715f && x[1] == 0.0667293072f && x[37] == -1.65457177f, "the made-up block");
  const qfa::safetensors oracle(arguments[1]);
  check_format<qfa::ggml::q4_0>(oracle, 0x52c4e17614564981U, -0.829711914f, -1.65429688f);
  check_format<qfa::ggml::q4_1>(oracle, 0x73aa2f26aa6b0604U, -0.78515625f, -1.65429688f);
  check_format<qfa::ggml::q5_0>(oracle, 0xa8de31841db75ddbU, -0.770446777f, -1.65429688f);
  check_format<qfa::ggml::q5_1>(oracle, 0xd73e0b26d5cd54b7U, -0.78515625f, -1.65429688f);
  check_format<qfa::ggml::q8_0>(oracle, 0x5c81ebb49388f868U, -0.784263611f, -1.65493774f);
  check_format<qfa::ggml::q2_K>(oracle, 0x3703afdda1251e17U, -0.772033691f, -1.65435791f);
  check_format<qfa::ggml::q3_K>(oracle, 0xb7ce4aa78cff6db1U, -0.6641922f, -1.66699219f);
  check_format<qfa::ggml::q4_K>(oracle, 0x98cacf9199087a06U, -0.758453369f, -1.64767456f);
  check_format<qfa::ggml::q5_K>(oracle, 0x95dbdca3099c50fbU, -0.788726807f, -1.65632629f);
  check_format<qfa::ggml::q6_K>(oracle, 0x880f565d5a198107U, -0.788497925f, -1.65625f);
  check_format<qfa::ggml::iq4_nl>(oracle, 0x6f770a8a6c477211U, -0.834964752f, -1.63652802f);
  check_format<qfa::ggml::mxfp4>(oracle, 0x158bca645efe1852U, -0.75f, -1.5f);
  check_format<qfa::ggml::nvfp4>(oracle, 0x9439facd8dadb863U, -0.84375f, -1.6875f);
  return differences == 0 ? 0 : 1;
}
