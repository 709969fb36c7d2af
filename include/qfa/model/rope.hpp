// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_ROPE_HPP
#define QFA_MODEL_ROPE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/token_places.hpp"
#include "qfa/simd/batch.hpp"

namespace qfa {

/// The angle by which pair i of a head turns from one position to the next: base^(-2i / rotated), stretched by
/// Llama 3's rule where the model has it.
inline std::vector<double> rope_frequencies(const model_config& config) {
  std::vector<double> out(config.rotated / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double plain =
        std::pow(config.rope_base, -2.0 * static_cast<double>(i) / static_cast<double>(config.rotated));
    out[i] = plain;
    if (!config.rope_scaling) continue;
    const llama3_scaling& rule = *config.rope_scaling;
    const double turns = rule.original_positions * plain / (2.0 * std::numbers::pi);  // n / wavelength
    if (turns > rule.high_frequency_factor) continue;
    if (turns < rule.low_frequency_factor) {
      out[i] = plain / rule.factor;
    } else {
      const double keep =
          (turns - rule.low_frequency_factor) / (rule.high_frequency_factor - rule.low_frequency_factor);
      out[i] = (1.0 - keep) * plain / rule.factor + keep * plain;
    }
  }
  return out;
}

/// What turning means: (a, b) -> (a cos - b sin, b cos + a sin), for each of `count` pairs.  One fused multiply-add
/// over one rounded product in each, so that no compiler may contract it differently.
namespace ref {

inline void turn(float* a, float* b, const float* cosine, const float* sine, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const float x = a[i];
    const float y = b[i];
    a[i] = std::fma(x, cosine[i], -(y * sine[i]));
    b[i] = std::fma(y, cosine[i], x * sine[i]);
  }
}

}  // namespace ref

/// The same, to the bit where Arch has fused multiply-adds.
template <class Arch = simd::best_arch>
void turn(float* a, float* b, const float* cosine, const float* sine, std::size_t count) noexcept {
  using batch = simd::floats<Arch>;
  constexpr std::size_t w = simd::width<Arch>;
  std::size_t i = 0;
  for (; i + w <= count; i += w) {
    const batch x = simd::load<Arch>(a + i);
    const batch y = simd::load<Arch>(b + i);
    const batch c = simd::load<Arch>(cosine + i);
    const batch s = simd::load<Arch>(sine + i);
    simd::fma<Arch>(x, c, -(y * s)).store_unaligned(a + i);
    simd::fma<Arch>(y, c, x * s).store_unaligned(b + i);
  }
  ref::turn(a + i, b + i, cosine + i, sine + i, count - i);  // heads may be narrower than a register
}

/// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in the "rotate half" layout: dimension i of a head
/// turns with dimension i + rotated / 2.  Angles are taken in double and rounded once.
class rope_table {
 public:
  rope_table() = default;
  rope_table(const model_config& config, std::size_t positions) { reserve(config, positions); }

  /// Makes the table this model's, for at least so many positions.  One that is so already stays as it is; one that
  /// grows at least doubles, so that a text may grow token by token.
  void reserve(const model_config& config, std::size_t positions) {
    std::vector<double> frequencies = rope_frequencies(config);
    if (frequencies != frequencies_ || config.head_dim != head_dim_) {
      cos_.clear();
      sin_.clear();
      frequencies_ = std::move(frequencies);
      head_dim_ = config.head_dim;
    }
    half_ = frequencies_.size();
    const std::size_t known = this->positions();
    if (known >= positions) return;
    if (known > 0) positions = (std::max)(positions, 2 * known);
    cos_.resize(positions * half_);
    sin_.resize(positions * half_);
    for (std::size_t p = known; p < positions; ++p)
      for (std::size_t i = 0; i < half_; ++i) {
        const double angle = static_cast<double>(p) * frequencies_[i];
        cos_[p * half_ + i] = static_cast<float>(std::cos(angle));
        sin_[p * half_ + i] = static_cast<float>(std::sin(angle));
      }
  }

  std::size_t positions() const noexcept { return half_ == 0 ? 0 : cos_.size() / half_; }

  /// Turns every head of x (tokens, heads head_dim), tokens that follow each other in a pass, the first of them its
  /// token `first`.
  template <class Arch = simd::best_arch>
  void operator()(matrix_view<float> x, const token_places& places, std::size_t first = 0) const noexcept {
    for (std::size_t t = 0; t < x.rows(); ++t) {
      const std::size_t at = places.position(first + t) * half_;
      for (std::size_t c = 0; c < x.columns(); c += head_dim_)
        turn<Arch>(x.row(t).data() + c, x.row(t).data() + c + half_, cos_.data() + at, sin_.data() + at, half_);
    }
  }

 private:
  std::vector<double> frequencies_;
  std::size_t half_ = 0;
  std::size_t head_dim_ = 1;
  std::vector<float> cos_, sin_;  // (positions, half)
};

}  // namespace qfa

#endif
