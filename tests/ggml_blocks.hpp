// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_GGML_BLOCKS_HPP
#define QFA_TESTS_GGML_BLOCKS_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/compress/ggml_block.hpp"
#include "qfa/io/safetensors.hpp"

namespace qfa_test {

/// tests/data/ggml_blocks.safetensors: rows, bytes and values by ggml's reference code.
inline const qfa::safetensors& ggml_oracle() {
  static const qfa::safetensors file(QFA_TEST_DATA "/ggml_blocks.safetensors");
  return file;
}

template <qfa::ggml_block_format F>
std::vector<std::byte> packed(std::span<const float> x) {
  std::vector<std::byte> bytes(x.size() / F::elements * F::bytes);
  qfa::pack_ggml_row<F>(x, bytes);
  return bytes;
}
template <qfa::ggml_block_format F>
std::vector<float> unpacked(std::span<const std::byte> bytes) {
  std::vector<float> y(bytes.size() / F::bytes * F::elements);
  qfa::unpack_ggml_row<F>(bytes, y);
  return y;
}
template <qfa::ggml_block_format F>
std::vector<float> round_trip(std::span<const float> x) {
  return unpacked<F>(packed<F>(x));
}

inline std::vector<std::byte> as_bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> out;
  for (const unsigned v : values)
    out.push_back(static_cast<std::byte>(v));
  return out;
}

/// So many zeros with values in some places.
struct placed {
  std::size_t at;
  float value;
};
inline std::vector<float> row_of(std::size_t size, std::initializer_list<placed> values) {
  std::vector<float> x(size, 0.0f);
  for (const placed& p : values)
    x[p.at] = p.value;
  return x;
}

}  // namespace qfa_test

#endif
