// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_BASE64_HPP
#define QFA_IO_BASE64_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace qfa {

/// Bytes as text, as RFC 4648 (2006) section 4 has it: four characters for three bytes, filled up with '='.
inline std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const std::uint32_t three = (std::uint32_t{bytes[i]} << 16U) | (left > 1 ? std::uint32_t{bytes[i + 1]} << 8U : 0U) |
                                (left > 2 ? std::uint32_t{bytes[i + 2]} : 0U);
    out += digits[three >> 18U];
    out += digits[(three >> 12U) & 63U];
    out += left > 1 ? digits[(three >> 6U) & 63U] : '=';
    out += left > 2 ? digits[three & 63U] : '=';
  }
  return out;
}

}  // namespace qfa

#endif
