// SPDX-License-Identifier: Apache-2.0
// A number format and a scale rule of one's own: each is a struct, and qfa composes it with the rest.
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

#include "qfa/compress/distortion.hpp"
#include "qfa/compress/quantizer.hpp"

// Powers of two and zero: 0, 1/8, 1/4, 1/2, 1 and their negatives.
struct powers_of_two {
  static constexpr int bits = 4;
  static float limit() { return 1.0f; }
  static float round(float x) {
    const float magnitude = std::fabs(x);
    if (magnitude <= 0.0625f) return 0.0f;
    float power = 0.125f;
    while (power < 1.0f && magnitude > 1.5f * power)
      power *= 2.0f;
    return std::copysign(power, x);
  }
};

// The scale that meets twice the mean magnitude, whatever lies beyond: a few outliers no longer cost all the others.
struct twice_the_mean {
  float operator()(std::span<const float> group, float limit) const {
    float sum = 0.0f;
    for (const float w : group)
      sum += std::fabs(w);
    return 2.0f * sum / static_cast<float>(group.size()) / limit;
  }
};

int main() {
  const std::vector<float> weights{8, -1, 0.5f, 4, 1, -2, 0.25f, 8};
  std::vector<float> w = weights;
  const qfa::matrix_view<float> matrix(w.data(), 2, 4);

  // The format, with a scale for each row.
  const qfa::quantizer<powers_of_two> logarithmic;
  logarithmic(matrix);
  assert((w == std::vector<float>{8, -1, 0, 4, 1, -2, 0, 8}));
  assert(logarithmic.stored_bits(2, 4) == 2 * 4 * 4 + 2 * 32);

  // The rule, with a grid and a grouping of qfa's.
  w = {1, -1, 1, 1, 1, -1, 1, 100};
  qfa::quantizer<qfa::int_grid<8>, qfa::per_group<4>, twice_the_mean>{}(matrix);
  assert(std::fabs(w[0] - 1.0f) < 0.01f && std::fabs(w[7] - 51.5f) < 1e-3f);  // clipped at twice the mean of its group

  // Both, and what they did.
  w = weights;
  qfa::quantizer<powers_of_two, qfa::per_tensor, twice_the_mean>{}(matrix);
  const qfa::distortion change = qfa::measure_distortion(qfa::matrix_view<const float>(weights.data(), 2, 4), matrix);
  assert(change.zeroed_share() == 0.125);
  std::printf("SQNR %.2f dB, %g %% zeroed\n", change.sqnr(), 100.0 * change.zeroed_share());
}
