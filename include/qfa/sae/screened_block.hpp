// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_SCREENED_BLOCK_HPP
#define QFA_SAE_SCREENED_BLOCK_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/sae/byte_screen.hpp"
#include "qfa/sae/exact_products.hpp"
#include "qfa/sae/firing_buffer.hpp"
#include "qfa/sae/gates.hpp"
#include "qfa/sae/top_k.hpp"
#include "qfa/simd/batch.hpp"
#include "qfa/simd/packed_bytes.hpp"

namespace qfa {

/// How a screen has fared: of tokens x features products, how many bytes could not rule out (`undecided`, those that
/// fire included), how many of those a rough float product could not (`exact`), and how many fired.
struct screen_counts {
  std::uint64_t products = 0;
  std::uint64_t undecided = 0;
  std::uint64_t exact = 0;
  std::uint64_t fired = 0;

  constexpr screen_counts& operator+=(const screen_counts& other) noexcept {
    products += other.products;
    undecided += other.undecided;
    exact += other.exact;
    fired += other.fired;
    return *this;
  }
};

namespace detail {

/// Encodes a block of tokens through a screen of bytes: what the screen cannot rule out is multiplied roughly, what
/// that cannot is multiplied exactly as the encoder's matrix product does.  The codes are the same bits, whatever the
/// screen thinks.
template <class Arch, class Dot>
class screened_block {
 public:
  screened_block(const byte_screen& screen, const exact_products<Arch>& products, matrix_view<const float> inputs)
      : screen_(screen), products_(products), inputs_(inputs), tokens_(inputs.rows()) {
    const std::size_t quads = screen.bytes().quads();
    bytes_.resize(inputs.rows() * quads * 4);
    counts_.products = static_cast<std::uint64_t>(inputs.rows() * screen.columns());
    std::vector<float> scratch;
    for (std::size_t first = 0; first < inputs.rows(); first += simd::byte_tile_rows) {
      const std::size_t rows = tile_rows(first);
      for (std::size_t r = 0; r < rows; ++r)
        tokens_[first + r] = screen.template quantize<Arch>(
            inputs.row(first + r), bytes_.data() + first * quads * 4 + 4 * r, 4 * rows, scratch);
    }
  }

  /// fired[t] gets what fires on token t, the first column being the feature `first_feature`.
  template <class Gate>
  void fire(const Gate& gate, std::size_t first_feature, std::vector<firing_buffer>& fired) {
    std::vector<encoder_pair> pairs;
    for (std::size_t p = 0; p < screen_.panels(); ++p) {
      pairs.clear();
      each_register(p, [&](std::size_t row, std::size_t column, const batch& sums) {
        std::uint32_t bits =
            simd::bits_of<Arch>(gate.may_fire(screen_.template upper<Arch>(tokens_[row], sums, column), column));
        for (; bits != 0; bits &= bits - 1)
          add(pairs, row, column + static_cast<std::size_t>(std::countr_zero(bits)));
      });
      by_column(pairs, p * panel_width, panel_width);
      multiply_roughly(pairs);
      std::size_t left = 0;
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        const encoder_pair pair = pairs[i];
        const float upper = rough_[i] + screen_.error_of_rough(tokens_[pair.row], pair.column);
        pairs[left] = pair;
        left += holds(gate.may_fire(batch(upper), register_of(pair.column)), pair.column) ? 1U : 0U;
      }
      pairs.resize(left);
      multiply(pairs, gate, [&](const encoder_pair& pair, float value) {
        fired[pair.row].append(first_feature + pair.column, std::span(&value, 1));
      });
    }
  }

  /// kept[t] gets what may be among the k largest of token t.
  void offer(const relu_gate<Arch>& gate, std::size_t k, std::vector<top_k_candidates>& kept) {
    std::vector<contest> contests(tokens_.size(), contest{k});
    for (std::size_t p = 0; p < screen_.panels(); ++p)
      each_register(p, [&](std::size_t row, std::size_t column, const batch& sums) {
        const batch high = gate.activation(screen_.template upper<Arch>(tokens_[row], sums, column), column);
        std::uint32_t bits = simd::bits_of<Arch>(!(high <= batch(0.0f)) && !(high < batch(contests[row].bar)));
        if (bits == 0) return;
        const batch low = gate.activation(screen_.template lower<Arch>(tokens_[row], sums, column), column);
        alignas(simd::alignment) std::array<float, simd::width<Arch>> highs, lows;
        high.store_aligned(highs.data());
        low.store_aligned(lows.data());
        for (; bits != 0; bits &= bits - 1) {
          const auto i = static_cast<std::size_t>(std::countr_zero(bits));
          if (column + i < screen_.columns()) contests[row].enter(column + i, highs[i], lows[i]);
        }
      });
    // The bounds on bytes leave several times k.  Rough products raise the bar again, and what is above it is exact.
    std::vector<encoder_pair> pairs = left_of(contests);
    multiply_roughly(pairs);
    std::vector<contest> again(tokens_.size(), contest{k});
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const encoder_pair& pair = pairs[i];
      const float error = screen_.error_of_rough(tokens_[pair.row], pair.column);
      const float high = one(gate, rough_[i] + error, pair.column), low = one(gate, rough_[i] - error, pair.column);
      if (!(high <= 0.0f) && !(high < again[pair.row].bar)) again[pair.row].enter(pair.column, high, low);
    }
    pairs = left_of(again);
    multiply(pairs, gate, [&](const encoder_pair& pair, float value) {
      if (value > kept[pair.row].bar()) kept[pair.row].append(pair.column, std::span(&value, 1));
    });
  }

  const screen_counts& counts() const noexcept { return counts_; }

 private:
  using batch = simd::floats<Arch>;
  static constexpr std::size_t panel_width = simd::packed_bytes::panel_width;

  /// Who may still be among a token's k largest: the k-th largest lower bound is no more than the k-th largest value,
  /// and whose upper bound is below it is out.
  struct contest {
    std::size_t k = 1;
    float bar = 0.0f;
    std::size_t next = 0;  // entries at which the bar is raised again
    std::vector<std::uint32_t> columns{};
    std::vector<float> high{}, low{};

    void enter(std::size_t column, float upper, float lower) {
      columns.push_back(static_cast<std::uint32_t>(column));
      high.push_back(upper);
      low.push_back(lower > 0.0f ? lower : 0.0f);
      if (next == 0) next = 2 * k;
      if (columns.size() < next) return;
      end();
      next = (std::max)(2 * k, 2 * columns.size());
    }
    void end() {
      if (columns.size() <= k) return;
      bar = (std::max)(bar, kth_largest(low, k));
      std::size_t kept = 0;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        if (high[i] < bar) continue;
        columns[kept] = columns[i];
        high[kept] = high[i];
        low[kept++] = low[i];
      }
      columns.resize(kept);
      high.resize(kept);
      low.resize(kept);
    }
  };

  std::size_t tile_rows(std::size_t first) const noexcept {
    return (std::min)(simd::byte_tile_rows, tokens_.size() - first);
  }

  /// Calls use(row, column, sums) for every token and every register of panel p, columns increasing for each token.
  template <class Use>
  void each_register(std::size_t p, Use use) {
    const simd::packed_bytes& weights = screen_.bytes();
    alignas(simd::alignment) std::array<float, simd::byte_tile_rows * panel_width> tile;
    for (std::size_t first = 0; first < tokens_.size(); first += simd::byte_tile_rows) {
      const std::size_t rows = tile_rows(first);
      simd::byte_tile_kernels<Dot>[rows - 1](bytes_.data() + first * weights.quads() * 4, weights.panel(p),
                                             weights.starts(p), weights.quads(), tile.data());
      for (std::size_t c = 0; c < panel_width; c += simd::width<Arch>)
        for (std::size_t r = 0; r < rows; ++r)
          use(first + r, p * panel_width + c, batch::load_aligned(tile.data() + r * panel_width + c));
    }
  }

  void add(std::vector<encoder_pair>& pairs, std::size_t row, std::size_t column) const {
    if (column < screen_.columns())
      pairs.push_back({static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(column)});
  }

  /// Puts pairs whose columns are in [first, first + count) in the order of their columns, so that each column comes
  /// from memory once, ahead of its use.  A row's columns increase as before.
  void by_column(std::vector<encoder_pair>& pairs, std::size_t first, std::size_t count) {
    begin_.assign(count + 1, 0);
    for (const encoder_pair& pair : pairs)
      ++begin_[pair.column - first + 1];
    for (std::size_t c = 0; c < count; ++c)
      begin_[c + 1] += begin_[c];
    sorted_.resize(pairs.size());
    for (const encoder_pair& pair : pairs)
      sorted_[begin_[pair.column - first]++] = pair;
    pairs.swap(sorted_);
  }

  /// Whoever is left in any contest, by columns.
  std::vector<encoder_pair> left_of(std::vector<contest>& contests) {
    std::vector<encoder_pair> pairs;
    for (std::size_t row = 0; row < contests.size(); ++row) {
      contests[row].end();
      for (const std::uint32_t column : contests[row].columns)
        add(pairs, row, column);
    }
    by_column(pairs, 0, screen_.columns());
    return pairs;
  }

  /// What the gate makes of a product of one column, before it is compared with anything.
  static float one(const relu_gate<Arch>& gate, float u, std::size_t column) noexcept {
    return value_of(gate.activation(batch(u), register_of(column)), column);
  }

  // A column's register is the one that begins at `register_of(column)`; there it has a lane.
  static constexpr std::size_t register_of(std::size_t column) noexcept { return column - column % simd::width<Arch>; }
  static bool holds(const simd::lanes<Arch>& condition, std::size_t column) noexcept {
    return (simd::bits_of<Arch>(condition) >> column % simd::width<Arch> & 1U) != 0;
  }
  static float value_of(const batch& x, std::size_t column) noexcept {
    alignas(simd::alignment) std::array<float, simd::width<Arch>> lanes;
    x.store_aligned(lanes.data());
    return lanes[column % simd::width<Arch>];
  }

  /// Puts rough products of what the screen left into rough_.
  void multiply_roughly(std::span<const encoder_pair> pairs) {
    counts_.undecided += pairs.size();
    rough_.resize(pairs.size());
    products_.rough(inputs_.data(), pairs, rough_.data());
  }

  /// Multiplies exactly, and gives take(pair, code) what fires, in the order of the pairs.
  template <class Gate, class Take>
  void multiply(std::span<const encoder_pair> pairs, const Gate& gate, Take take) {
    counts_.exact += pairs.size();
    exact_.resize(pairs.size());
    products_(inputs_.data(), pairs, exact_.data());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const std::size_t column = pairs[i].column;
      const auto codes = gate(batch(exact_[i]), register_of(column));
      if (!holds(codes.fires, column)) continue;
      take(pairs[i], value_of(codes.values, column));
      ++counts_.fired;
    }
  }

  const byte_screen& screen_;
  const exact_products<Arch>& products_;
  matrix_view<const float> inputs_;  // (tokens, inputs), without gaps
  std::vector<screened_token> tokens_;
  simd::aligned_vector<std::uint8_t> bytes_;
  std::vector<std::uint32_t> begin_;
  std::vector<encoder_pair> sorted_;
  std::vector<float> rough_, exact_;
  screen_counts counts_;
};

}  // namespace detail

}  // namespace qfa

#endif
