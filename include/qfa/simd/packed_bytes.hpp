// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_PACKED_BYTES_HPP
#define QFA_SIMD_PACKED_BYTES_HPP

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "qfa/simd/batch.hpp"
#include "qfa/simd/byte_dot.hpp"

namespace qfa::simd {

/// The right factor of a product of bytes: signed, (depth, columns), in panels of 32 columns; within a panel four rows
/// at a time, the four bytes of a column side by side.  What is filled up is zero.
class packed_bytes {
 public:
  static constexpr std::size_t panel_width = 2 * byte_dot_lanes;

  packed_bytes() = default;
  packed_bytes(std::size_t depth, std::size_t columns)
      : columns_(columns),
        quads_((depth + 3) / 4),
        panels_((columns + panel_width - 1) / panel_width),
        bytes_(panels_ * quads_ * 4 * panel_width, 0),
        starts_(panels_ * panel_width, 0) {}

  std::size_t columns() const noexcept { return columns_; }
  std::size_t panels() const noexcept { return panels_; }
  /// Rows in fours, the last of them filled up.
  std::size_t quads() const noexcept { return quads_; }

  const std::int8_t* panel(std::size_t p) const noexcept { return bytes_.data() + p * quads_ * 4 * panel_width; }
  /// What the sums of a panel's columns begin at: -128 times each column's sum, so that a left factor q + 128 counts
  /// as q.
  const std::int32_t* starts(std::size_t p) const noexcept { return starts_.data() + p * panel_width; }

  /// Precondition: k < 4 quads(), column < columns(); checked by assert.
  void set(std::size_t k, std::size_t column, std::int8_t value) noexcept {
    assert(k < 4 * quads_ && column < columns_);
    const std::size_t p = column / panel_width, c = column % panel_width;
    std::int8_t& to = bytes_[((p * quads_ + k / 4) * panel_width + c) * 4 + k % 4];
    starts_[column] += 128 * (static_cast<std::int32_t>(to) - static_cast<std::int32_t>(value));
    to = value;
  }

 private:
  std::size_t columns_ = 0;
  std::size_t quads_ = 0;
  std::size_t panels_ = 0;
  aligned_vector<std::int8_t> bytes_;
  aligned_vector<std::int32_t> starts_;
};

namespace detail {

/// out (Rows, 32) = rows of q + 128, packed four k at a time, times one panel, rounded to floats.
template <class Dot, std::size_t... Row>
void multiply_byte_tile(const std::uint8_t* x, const std::int8_t* b, const std::int32_t* starts, std::size_t quads,
                        float* out) noexcept {
  constexpr std::size_t rows = sizeof...(Row);
  typename Dot::sums low[rows];
  typename Dot::sums high[rows];
  ((low[Row] = Dot::start(starts), high[Row] = Dot::start(starts + byte_dot_lanes)), ...);
  for (std::size_t k = 0; k < quads; ++k, x += 4 * rows, b += 4 * packed_bytes::panel_width) {
    const auto b_low = Dot::load(b);
    const auto b_high = Dot::load(b + 4 * byte_dot_lanes);
    const auto add = [&](auto& sum_low, auto& sum_high, const std::uint8_t* four) {
      sum_low = Dot::add(sum_low, four, b_low);
      sum_high = Dot::add(sum_high, four, b_high);
    };
    (add(low[Row], high[Row], x + 4 * Row), ...);
  }
  ((Dot::store_as_floats(low[Row], out + packed_bytes::panel_width * Row),
    Dot::store_as_floats(high[Row], out + packed_bytes::panel_width * Row + byte_dot_lanes)),
   ...);
}

using byte_tile_kernel = void (*)(const std::uint8_t*, const std::int8_t*, const std::int32_t*, std::size_t,
                                  float*) noexcept;

template <class Dot, std::size_t... Row>
constexpr byte_tile_kernel byte_kernel_of(std::index_sequence<Row...>) noexcept {
  return &multiply_byte_tile<Dot, Row...>;
}
template <class Dot, std::size_t... Less>
constexpr auto all_byte_kernels(std::index_sequence<Less...>) noexcept {
  return std::array<byte_tile_kernel, sizeof...(Less)>{byte_kernel_of<Dot>(std::make_index_sequence<Less + 1>{})...};
}

}  // namespace detail

/// The rows of one tile, as in a float product of AVX-512: 24 registers of sums, 2 of columns.
inline constexpr std::size_t byte_tile_rows = 12;

/// Kernels for 1 to 12 rows: kernel(x, panel, starts, quads, out).
template <class Dot>
inline constexpr auto byte_tile_kernels = detail::all_byte_kernels<Dot>(std::make_index_sequence<byte_tile_rows>{});

}  // namespace qfa::simd

#endif
