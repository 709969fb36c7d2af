// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_MATCHED_NOISE_HPP
#define QFA_COMPRESS_MATCHED_NOISE_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/compression_error.hpp"
#include "qfa/compress/counter_random.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_range.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_copy.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Gaussian noise as large as a policy's error, the control for "is this damage the quantizer's own":
///
///   W + eps G,   G iid standard normal,   eps = |W_q - W|_F / |G|_F   in each tensor
///
/// G is rounded to float, the result once more; so the norm is met to about 1e-7 of itself, or to the rounding of W
/// where that is larger.  Random numbers by counter_random, the same on every machine.  To deploy it means nothing: it
/// has no stored bits.
struct matched_noise {
  any_policy match{};
  std::uint64_t seed = 0;

  /// Throws where the policy does, and on weights that are not finite; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const { disturb(weights, info, nullptr); }
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    disturb(weights, info, &known);
  }
  calibration_needs needs() const { return match.needs(); }
  void check_tensors(std::span<const tensor_info> chosen) const { match.check_tensors(chosen); }

  static constexpr std::string_view spec_name = "noise";
  static constexpr std::string_view summary = "control: Gaussian noise with the norm of a policy's error, per tensor";
  static constexpr auto fields() {
    return std::tuple{field{"match", &matched_noise::match, "the policy whose error it equals in norm", true},
                      field{"seed", &matched_noise::seed, "of the noise", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for a policy that changes activations.
  void validate() const { require_weight_error(spec_name, match); }

 private:
  void disturb(matrix_view<float> weights, const tensor_info& info, const calibration* known) const {
    validate();
    weight_copy noise = compression_error(match, weights, info, known);
    const double norm = frobenius_norm(noise.view());
    if (norm == 0.0) return;
    const counter_random random(seed, info.name, random_use::noise);
    for_each_row(noise.view(), [&](std::size_t r, std::span<float> row) {
      for (std::size_t c = 0; c < row.size(); ++c)
        row[c] = static_cast<float>(random.gaussian(r * row.size() + c));
    });
    const double scale = norm / frobenius_norm(noise.view());
    for_each_row(noise.view(), [&](std::size_t r, std::span<float> row) {
      const std::span<const float> w = weights.row(r);
      for (std::size_t c = 0; c < row.size(); ++c)  // fused by name, so that no compiler may choose
        row[c] = float_or_infinity(std::fma(scale, static_cast<double>(row[c]), static_cast<double>(w[c])));
    });
    require_float_range(noise.view(), spec_name, quoted(info));
    noise.write_to(weights);
  }
};

static_assert(described_policy<matched_noise> && named_policy<matched_noise>);

}  // namespace qfa

#endif
