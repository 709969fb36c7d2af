// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_IN_QUOTES_HPP
#define QFA_IO_IN_QUOTES_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace qfa {

/// Text from a file, made fit for a sentence: in double quotes, every byte that is no printable ASCII as \xNN, and cut
/// after 200 bytes.  Names in files are chosen by strangers, and a terminal obeys what it is shown.
inline std::string in_quotes(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::size_t longest = 200;
  std::string out = "\"";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  if (text.size() > longest) out += "...";
  return out += '"';
}
inline std::string in_quotes(const char* text) { return in_quotes(std::string_view(text)); }
inline std::string in_quotes(const std::string& text) { return in_quotes(std::string_view(text)); }
inline std::string in_quotes(const std::filesystem::path& path) { return in_quotes(path.string()); }

}  // namespace qfa

#endif
