// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_GGUF_BYTES_HPP
#define QFA_TESTS_GGUF_BYTES_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "scratch.hpp"

namespace qfa_test {

/// A GGUF file put together by hand: pairs and tensor entries as their bytes.
struct gguf_bytes {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::int64_t tensors = 0;
  std::int64_t pairs = 0;
  std::string pair_bytes{}, tensor_bytes{}, data{};
  std::size_t alignment = 32;

  static std::string text(std::string_view s) {
    return bytes_of(static_cast<std::uint64_t>(s.size())) + std::string(s);
  }
  gguf_bytes& pair(std::string_view key, std::int32_t kind, const std::string& value) {
    pair_bytes += text(key) + bytes_of(kind) + value;
    ++pairs;
    return *this;
  }
  gguf_bytes& tensor(std::string_view name, std::initializer_list<std::int64_t> ne, std::int32_t type,
                     std::uint64_t offset) {
    tensor_bytes +=
        text(name) + bytes_of(static_cast<std::uint32_t>(ne.size())) + bytes_of(ne) + bytes_of(type) + bytes_of(offset);
    ++tensors;
    return *this;
  }
  std::string str() const {
    std::string out = magic + bytes_of(version) + bytes_of(tensors) + bytes_of(pairs) + pair_bytes + tensor_bytes;
    out.resize((out.size() + alignment - 1) / alignment * alignment, '\0');
    return out + data;
  }
};

}  // namespace qfa_test

#endif
