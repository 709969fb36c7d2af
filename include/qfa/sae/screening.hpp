// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_SCREENING_HPP
#define QFA_SAE_SCREENING_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/sae/byte_screen.hpp"
#include "qfa/sae/exact_products.hpp"
#include "qfa/sae/screened_block.hpp"
#include "qfa/simd/packed_bytes.hpp"
#include "qfa/simd/packed_matrix.hpp"

namespace qfa::detail {

/// Tokens that a screened block takes at a time: all of W_enc passes through the caches once for each block, and with
/// fewer tokens memory is what the block waits for.  At (2304, 16384), against the float32 product: 36 tokens 1.2 times
/// as fast, 96 and more twice.  Their inputs must stay in a third-level cache: 4 MiB of them.
inline std::size_t screened_rows(std::size_t inputs) noexcept {
  constexpr std::size_t step = simd::byte_tile_rows, budget = std::size_t{4} << 20;
  return std::clamp(budget / sizeof(float) / inputs / step, std::size_t{2}, std::size_t{32}) * step;
}

/// The time that an encoder's product takes, in cycles for each token and feature: measured on Zen 4, where a register
/// holds 16 floats and one multiply-add starts in each cycle.  Only the choice of the quicker way hangs on it.
struct encoding_cost {
  static double plain(std::size_t inputs) noexcept { return static_cast<double>(inputs) / 16.0 + 1.0; }
  static double screened(std::size_t inputs, const screen_counts& seen) noexcept {
    const auto d = static_cast<double>(inputs), all = static_cast<double>(seen.products);
    const double rough = static_cast<double>(seen.undecided) / all * (d / 8.0 + 40.0);
    const double exact = static_cast<double>(seen.exact) / all * (d + 20.0);
    return 1.1 * d / 64.0 + 1.5 + rough + exact;
  }
};

/// An encoder's screen, made when the first tokens come, and the judgement whether it pays.
template <class Arch>
class screening {
 public:
  static constexpr std::size_t sample_tokens = 256;

  /// w (inputs, columns).  `always`: whether it pays or not.
  screening(matrix_view<const float> w, bool always) : products_(w), always_(always) {}

  const byte_screen& screen() const noexcept { return *screen_; }
  const exact_products<Arch>& products() const noexcept { return products_; }

  /// The weights as the float32 product reads them: made when they are first asked for.
  const simd::packed_matrix<Arch>& packed() {
    std::call_once(packed_once_, [&] { packed_ = simd::pack_transposed<Arch>(products_.by_columns()); });
    return packed_;
  }

  /// Whether to screen what comes next.  `sample()` gives inputs of some tokens; it is called once, before the screen
  /// is made.  On any number of threads.
  template <class Sample>
  bool wanted(Sample sample) {
    std::call_once(made_, [&] {
      const std::vector<float> inputs = sample();
      const std::size_t d = products_.by_columns().columns();
      screen_ = std::make_unique<byte_screen>(products_.by_columns(),
                                              matrix_view<const float>(inputs.data(), inputs.size() / d, d));
    });
    // A verdict needs some tokens to stand on; what they cost meanwhile is little.
    const screen_counts seen = counts();
    const std::size_t columns = screen_->columns(), inputs = screen_->inputs();
    if (always_ || seen.products < 64 * columns) return true;
    return encoding_cost::screened(inputs, seen) < 0.95 * encoding_cost::plain(inputs);
  }

  void count(const screen_counts& more) noexcept {
    constexpr auto relaxed = std::memory_order_relaxed;
    products_seen_.fetch_add(more.products, relaxed);
    undecided_.fetch_add(more.undecided, relaxed);
    exact_.fetch_add(more.exact, relaxed);
    fired_.fetch_add(more.fired, relaxed);
  }
  screen_counts counts() const noexcept {
    return {products_seen_.load(), undecided_.load(), exact_.load(), fired_.load()};
  }

 private:
  exact_products<Arch> products_;
  bool always_;
  std::once_flag made_;
  std::unique_ptr<byte_screen> screen_;
  std::once_flag packed_once_;
  simd::packed_matrix<Arch> packed_;
  std::atomic<std::uint64_t> products_seen_{0}, undecided_{0}, exact_{0}, fired_{0};
};

}  // namespace qfa::detail

#endif
