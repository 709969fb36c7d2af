// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_PACKED_INTEGERS_HPP
#define QFA_COMPRESS_PACKED_INTEGERS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/blocks.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

// Unsigned codes of 1 to 8 bits in words of 32, as GPTQ, AWQ and compressed-tensors store them.  Word w of a line holds
// the codes w n .. w n + n - 1 of that line, n = codes_per_word(bits), the first in the lowest bits.  What is left of a
// word, behind the last code of a line or above the n-th of a word, is zero where we write and ignored where we read.

/// How many codes of so many bits, 1 to 8, fit into a word whole.
constexpr std::size_t codes_per_word(int bits) noexcept { return 32U / static_cast<unsigned>(bits); }

/// The code at a place of a word, counted from the lowest bits.
constexpr std::uint8_t code_in_word(std::uint32_t word, std::size_t place, int bits) noexcept {
  const auto width = static_cast<unsigned>(bits);
  return static_cast<std::uint8_t>((word >> (width * place)) & ((1U << width) - 1U));
}

/// Which of eight columns each nibble of AWQ's words holds, from the lowest (AutoAWQ's GEMM kernel).
inline constexpr std::array<std::size_t, 8> awq_order{0, 2, 4, 6, 1, 3, 5, 7};

namespace detail {

inline std::size_t words_for(std::size_t codes, int bits) {
  const std::size_t n = codes_per_word(bits);
  return codes / n + (codes % n != 0 ? 1 : 0);
}

inline void check_code_bits(int bits) {
  if (bits < 1 || bits > 8) fail("codes of " + std::to_string(bits) + " bits cannot be packed, expected 1 to 8");
}

[[noreturn]] inline void refuse_elements(std::size_t given, std::size_t rows, std::size_t columns) {
  fail("a packed matrix of " + std::to_string(rows) + " by " + std::to_string(columns) + " was given " +
       std::to_string(given) + " elements");
}

// Short enough to be inlined: at -O3 g++ 12 warns of what stands behind a check that it does not see through.
inline void check_elements(std::size_t given, std::size_t rows, std::size_t columns) {
  if (given != rows * columns) refuse_elements(given, rows, columns);
}

/// Calls body(r) for every row, on all threads, by blocks of about 16384 codes.
template <class Body>
void for_each_packed_row(std::size_t rows, std::size_t columns, Body body) {
  const std::size_t block = columns == 0 ? rows : 16384 / columns + 1;
  if (rows == 0) return;
  parallel_for(block_count(rows, block), [&](std::size_t b) {
    for (std::size_t r = b * block; r < rows && r < (b + 1) * block; ++r)
      body(r);
  });
}

inline std::uint32_t in_place(std::uint8_t code, std::size_t place, int bits) {
  if (code >> bits != 0)
    fail("a code is " + std::to_string(code) + ", which does not fit into " + std::to_string(bits) + " bits");
  return static_cast<std::uint32_t>(code) << (static_cast<unsigned>(bits) * place);
}

}  // namespace detail

/// Packs codes [rows, columns] along each row, into words [rows, ceil(columns / n)].  Throws for a code that does not
/// fit.
inline std::vector<std::uint32_t> pack_rows(std::span<const std::uint8_t> codes, std::size_t rows, std::size_t columns,
                                            int bits) {
  detail::check_code_bits(bits);
  detail::check_elements(codes.size(), rows, columns);
  const std::size_t n = codes_per_word(bits);
  const std::size_t words = detail::words_for(columns, bits);
  std::vector<std::uint32_t> out(rows * words);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      out[r * words + c / n] |= detail::in_place(codes[r * columns + c], c % n, bits);
  return out;
}

/// The codes [rows, columns] that words [rows, ceil(columns / n)] hold along each row.
inline std::vector<std::uint8_t> unpack_rows(std::span<const std::uint32_t> packed, std::size_t rows,
                                             std::size_t columns, int bits) {
  detail::check_code_bits(bits);
  const std::size_t n = codes_per_word(bits);
  const std::size_t words = detail::words_for(columns, bits);
  detail::check_elements(packed.size(), rows, words);
  std::vector<std::uint8_t> out(rows * columns);
  detail::for_each_packed_row(rows, columns, [&](std::size_t r) {
    for (std::size_t c = 0; c < columns; ++c)
      out[r * columns + c] = code_in_word(packed[r * words + c / n], c % n, bits);
  });
  return out;
}

/// Packs codes [rows, columns] down each column, into words [ceil(rows / n), columns].  Throws for a code that does not
/// fit.
inline std::vector<std::uint32_t> pack_columns(std::span<const std::uint8_t> codes, std::size_t rows,
                                               std::size_t columns, int bits) {
  detail::check_code_bits(bits);
  detail::check_elements(codes.size(), rows, columns);
  const std::size_t n = codes_per_word(bits);
  std::vector<std::uint32_t> out(detail::words_for(rows, bits) * columns);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      out[r / n * columns + c] |= detail::in_place(codes[r * columns + c], r % n, bits);
  return out;
}

/// The codes [rows, columns] that words [ceil(rows / n), columns] hold down each column.
inline std::vector<std::uint8_t> unpack_columns(std::span<const std::uint32_t> packed, std::size_t rows,
                                                std::size_t columns, int bits) {
  detail::check_code_bits(bits);
  const std::size_t n = codes_per_word(bits);
  detail::check_elements(packed.size(), detail::words_for(rows, bits), columns);
  std::vector<std::uint8_t> out(rows * columns);
  detail::for_each_packed_row(rows, columns, [&](std::size_t r) {
    for (std::size_t c = 0; c < columns; ++c)
      out[r * columns + c] = code_in_word(packed[r / n * columns + c], r % n, bits);
  });
  return out;
}

/// Packs nibbles [rows, columns] along each row as AWQ does, into words [rows, columns / 8] in the order `awq_order`.
/// Throws for a code that does not fit, and for a number of columns that is no multiple of eight.
inline std::vector<std::uint32_t> pack_awq(std::span<const std::uint8_t> codes, std::size_t rows, std::size_t columns) {
  detail::check_elements(codes.size(), rows, columns);
  require(columns % 8 == 0, "AWQ packs eight columns into a word, which must divide the columns");
  std::vector<std::uint32_t> out(codes.size() / 8);
  for (std::size_t w = 0; w < out.size(); ++w)
    for (std::size_t k = 0; k < 8; ++k)
      out[w] |= detail::in_place(codes[8 * w + awq_order[k]], k, 4);
  return out;
}

/// The nibbles [rows, columns] of AWQ's words [rows, columns / 8].  Throws where eight does not divide the columns, and
/// for another number of words.
inline std::vector<std::uint8_t> unpack_awq(std::span<const std::uint32_t> packed, std::size_t rows,
                                            std::size_t columns) {
  require(columns % 8 == 0, "AWQ packs eight columns into a word, which must divide the columns");
  detail::check_elements(packed.size(), rows, columns / 8);
  std::vector<std::uint8_t> out(rows * columns);
  detail::for_each_packed_row(rows, columns, [&](std::size_t r) {
    for (std::size_t w = r * (columns / 8); w < (r + 1) * (columns / 8); ++w)
      for (std::size_t k = 0; k < 8; ++k)
        out[8 * w + awq_order[k]] = code_in_word(packed[w], k, 4);
  });
  return out;
}

}  // namespace qfa

#endif
