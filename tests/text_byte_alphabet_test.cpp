// SPDX-License-Identifier: Apache-2.0
#include "qfa/text/byte_alphabet.hpp"

#include <set>
#include <string>

#include <doctest/doctest.h>

namespace text_byte_alphabet_test {

using qfa::byte_alphabet;

TEST_CASE("byte_alphabet: every byte has a letter of its own, which leads back to it") {
  std::set<std::uint16_t> seen;
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    all += one;
    seen.insert(byte_alphabet::letters[static_cast<std::size_t>(byte)]);
    CHECK(byte_alphabet::read(byte_alphabet::write(one)) == one);
  }
  CHECK(seen.size() == 256);
  CHECK(byte_alphabet::read(byte_alphabet::write(all)) == all);
}

TEST_CASE("byte_alphabet: visible characters stand for themselves, others from U+0100 on") {
  // As encoder.json of GPT-2 has them.
  CHECK(byte_alphabet::write(" a\n!~") == "\u0120a\u010a!~");
  CHECK(byte_alphabet::write(std::string(1, '\0')) == "\u0100");
  CHECK(byte_alphabet::write("\x7f\x80\xa0") == "\u0121\u0122\u0142");
  CHECK(byte_alphabet::write("\xa1\xac\xad\xae\xff") == "\u00a1\u00ac\u0143\u00ae\u00ff");
}

TEST_CASE("byte_alphabet: what is no letter of it is read as none") {
  for (const char* other : {" ", "\n", "\u00ad", "\u0144", "\u2581", "a\u0300", "\xc4", "\x80",
                            "\xc4"
                            "a"})
    CHECK(!byte_alphabet::read(other));
  CHECK(byte_alphabet::read("") == "");
}

}  // namespace text_byte_alphabet_test
