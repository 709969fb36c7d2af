// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/packed_integers.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "scratch.hpp"

namespace compress_packed_integers_test {

using namespace qfa;
using qfa_test::check_refused;

using words = std::vector<std::uint32_t>;
using codes = std::vector<std::uint8_t>;

codes random_codes(std::size_t n, int bits, unsigned seed) {
  std::mt19937 random(seed);
  codes out(n);
  for (std::uint8_t& code : out)
    code = static_cast<std::uint8_t>(random() & ((1U << bits) - 1U));
  return out;
}

TEST_CASE("packed integers: every code of every width at every place of a word is put there and found there") {
  for (int bits = 1; bits <= 8; ++bits) {
    const std::size_t n = codes_per_word(bits);
    CHECK(n * static_cast<std::size_t>(bits) <= 32);
    CHECK((n + 1) * static_cast<std::size_t>(bits) > 32);
    for (std::size_t place = 0; place < n; ++place)
      for (unsigned code = 0; code < 1U << bits; ++code) {
        CAPTURE(bits);
        CAPTURE(place);
        CAPTURE(code);
        codes line(n, 0);
        line[place] = static_cast<std::uint8_t>(code);
        std::uint32_t word = code;
        for (std::size_t k = 0; k < place; ++k)
          for (int b = 0; b < bits; ++b)
            word *= 2;
        REQUIRE(pack_rows(line, 1, n, bits) == words{word});
        REQUIRE(pack_columns(line, n, 1, bits) == words{word});
        REQUIRE(unpack_rows(words{word}, 1, n, bits) == line);
        REQUIRE(unpack_columns(words{word}, n, 1, bits) == line);
        // The neighbors' bits are not its own.
        const std::uint32_t mask = ((1U << bits) - 1U) << (static_cast<unsigned>(bits) * place);
        REQUIRE(code_in_word(word | ~mask, place, bits) == code);
      }
  }
}

TEST_CASE("packed integers: the first code stands lowest, and words run along rows or down columns") {
  CHECK(pack_rows(codes{1, 2, 3, 4, 5, 6, 7, 8}, 1, 8, 4) == words{0x87654321U});
  CHECK(pack_rows(codes{1, 2, 3, 4}, 1, 4, 8) == words{0x04030201U});
  // Two rows of two bytes: along rows each row has a word; down columns each column has one.
  CHECK(pack_rows(codes{1, 2, 3, 4}, 2, 2, 8) == words{0x0201U, 0x0403U});
  CHECK(pack_columns(codes{1, 2, 3, 4}, 2, 2, 8) == words{0x0301U, 0x0402U});
  // Five rows of one column take two words.
  CHECK(pack_columns(codes{1, 2, 3, 4, 5}, 5, 1, 8) == words{0x04030201U, 0x05U});
}

TEST_CASE("packed integers: random codes come back, whole words or not") {
  for (int bits = 1; bits <= 8; ++bits)
    for (const std::size_t rows : {1U, 3U, 32U, 700U})
      for (const std::size_t columns : {1U, 7U, 8U, 33U}) {
        CAPTURE(bits);
        CAPTURE(rows);
        CAPTURE(columns);
        const codes all = random_codes(rows * columns, bits, 7);
        const words along = pack_rows(all, rows, columns, bits);
        const words down = pack_columns(all, rows, columns, bits);
        const std::size_t n = codes_per_word(bits);
        CHECK(along.size() == rows * ((columns + n - 1) / n));
        CHECK(down.size() == (rows + n - 1) / n * columns);
        CHECK(unpack_rows(along, rows, columns, bits) == all);
        CHECK(unpack_columns(down, rows, columns, bits) == all);
      }
}

TEST_CASE("packed integers: packing down columns is packing the transposed along rows") {
  const std::size_t rows = 16, columns = 5;
  const codes all = random_codes(rows * columns, 4, 9);
  codes transposed(all.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      transposed[c * rows + r] = all[r * columns + c];
  const words down = pack_columns(all, rows, columns, 4);
  const words along = pack_rows(transposed, columns, rows, 4);
  for (std::size_t w = 0; w < 2; ++w)
    for (std::size_t c = 0; c < columns; ++c)
      CHECK(down[w * columns + c] == along[c * 2 + w]);
}

TEST_CASE("packed integers: what is left of a word is ignored") {
  CHECK(unpack_rows(words{0xffffff21U}, 1, 2, 4) == codes{1, 2});
  CHECK(unpack_columns(words{0xffffff21U}, 2, 1, 4) == codes{1, 2});
  CHECK(unpack_rows(words{0xc0000000U | 5U}, 1, 10, 3) == codes{5, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("packed integers: AWQ's nibbles are columns 0 2 4 6 1 3 5 7 from the lowest") {
  CHECK(pack_awq(codes{0, 1, 2, 3, 4, 5, 6, 7}, 1, 8) == words{0x75316420U});
  CHECK(unpack_awq(words{0x75316420U}, 1, 8) == codes{0, 1, 2, 3, 4, 5, 6, 7});
  for (std::uint8_t code = 0; code < 16; ++code)
    for (std::size_t place = 0; place < 8; ++place) {
      codes line(8, 0);
      line[place] = code;
      CHECK(unpack_awq(pack_awq(line, 1, 8), 1, 8) == line);
    }
  const codes all = random_codes(5 * 24, 4, 11);
  const words packed = pack_awq(all, 5, 24);
  CHECK(packed.size() == 15);
  CHECK(unpack_awq(packed, 5, 24) == all);
  // The second row's words follow the first row's.
  CHECK(code_in_word(packed[3], 4, 4) == all[24 + 1]);
}

TEST_CASE("packed integers: what does not fit is refused") {
  check_refused([] { pack_rows(codes{16}, 1, 1, 4); }, {"16", "4 bits"});
  check_refused([] { pack_columns(codes{4}, 1, 1, 2); }, {"4", "2 bits"});
  check_refused([] { pack_awq(codes{0, 0, 0, 16, 0, 0, 0, 0}, 1, 8); }, {"16", "4 bits"});
  check_refused([] { pack_awq(codes(12), 1, 12); }, {"eight"});
  check_refused([] { unpack_awq(words(2), 1, 12); }, {"eight"});
  check_refused([] { unpack_awq(words(3), 1, 16); }, {"1 by 2", "3 elements"});
  check_refused([] { pack_rows(codes(3), 2, 2, 4); }, {"2 by 2", "3 elements"});
  check_refused([] { pack_columns(codes(3), 2, 2, 4); }, {"2 by 2", "3 elements"});
  check_refused([] { unpack_rows(words(1), 1, 9, 4); }, {"1 by 2", "1 elements"});
  check_refused([] { unpack_columns(words(1), 9, 1, 4); }, {"2 by 1", "1 elements"});
  for (const int bits : {-1, 0, 9, 32}) {
    CAPTURE(bits);
    check_refused([&] { pack_rows(codes{0}, 1, 1, bits); }, {std::to_string(bits) + " bits"});
    check_refused([&] { pack_columns(codes{0}, 1, 1, bits); }, {std::to_string(bits) + " bits"});
    check_refused([&] { unpack_rows(words{0}, 1, 1, bits); }, {std::to_string(bits) + " bits"});
    check_refused([&] { unpack_columns(words{0}, 1, 1, bits); }, {std::to_string(bits) + " bits"});
  }
}

}  // namespace compress_packed_integers_test
