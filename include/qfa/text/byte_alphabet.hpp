// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_BYTE_ALPHABET_HPP
#define QFA_TEXT_BYTE_ALPHABET_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qfa {

namespace detail {

/// Visible characters of Latin-1, the soft hyphen not among them.
constexpr bool is_visible_byte(unsigned byte) noexcept {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

}  // namespace detail

/// The letters in which byte-level BPE writes bytes (Radford et al. 2019, GPT-2's encoder.py): a byte that is a visible
/// character of Latin-1 stands for itself, the 68 others are U+0100, U+0101, ... in their order.  So the space is
/// U+0120 and the line break U+010A.
struct byte_alphabet {
  /// The code point of each byte.
  static constexpr std::array<std::uint16_t, 256> letters = [] {
    std::array<std::uint16_t, 256> out{};
    std::uint16_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte)
      out[byte] = detail::is_visible_byte(byte) ? static_cast<std::uint16_t>(byte) : next++;
    return out;
  }();

  /// Bytes written in letters, as UTF-8.
  static std::string write(std::string_view bytes) {
    std::string out;
    out.reserve(2 * bytes.size());
    for (const char c : bytes) {
      const unsigned letter = letters[static_cast<unsigned char>(c)];
      if (letter < 0x80) {
        out += static_cast<char>(letter);
      } else {
        out += static_cast<char>(0xc0U | (letter >> 6U));
        out += static_cast<char>(0x80U | (letter & 0x3fU));
      }
    }
    return out;
  }

  /// The bytes that letters stand for; none where one of them is no letter of the alphabet.
  static std::optional<std::string> read(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      unsigned letter = static_cast<unsigned char>(text[i]);
      if (letter >= 0x80) {
        if (letter < 0xc2 || letter > 0xdf || ++i == text.size()) return std::nullopt;
        const unsigned second = static_cast<unsigned char>(text[i]);
        if ((second & 0xc0U) != 0x80U) return std::nullopt;
        letter = ((letter & 0x1fU) << 6U) | (second & 0x3fU);
      }
      if (letter >= bytes_.size() || bytes_[letter] < 0) return std::nullopt;
      out += static_cast<char>(bytes_[letter]);
    }
    return out;
  }

 private:
  /// The byte of each code point, or -1.
  static constexpr std::array<std::int16_t, 0x144> bytes_ = [] {
    std::array<std::int16_t, 0x144> out{};
    out.fill(-1);
    std::size_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte)
      out[detail::is_visible_byte(byte) ? byte : next++] = static_cast<std::int16_t>(byte);
    return out;
  }();
};

}  // namespace qfa

#endif
