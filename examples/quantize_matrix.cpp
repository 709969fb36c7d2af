// SPDX-License-Identifier: Apache-2.0
// Quantizes an xtensor matrix under several policies and prints what each does to it.
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "qfa/compress/distortion.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/core/xtensor.hpp"

// A made-up weight matrix, rows = output channels: a sum of uniform numbers is nearly normal, and one input channel has
// large weights, as happens in language models.
xt::xtensor<float, 2> made_up_weights(std::size_t rows, std::size_t columns) {
  xt::xtensor<float, 2> w(xt::xtensor<float, 2>::shape_type{rows, columns});
  std::uint32_t state = 12345;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) {
      float sum = -2.0f;
      for (int i = 0; i < 4; ++i) {
        state = state * 1664525U + 1013904223U;
        sum += static_cast<float>(state >> 8) / 16777216.0f;
      }
      w(r, c) = 0.02f * sum * (c == 7 ? 8.0f : 1.0f);
    }
  return w;
}

int main() {
  const xt::xtensor<float, 2> weights = made_up_weights(256, 512);
  const qfa::matrix_view<const float> reference = qfa::as_matrix(weights);

  const auto distortion_of = [&](const char* spec) {
    xt::xtensor<float, 2> compressed = weights;
    const qfa::any_policy policy = qfa::parse_policy(spec);
    policy(qfa::as_matrix(compressed), {.name = "made up"});
    const qfa::distortion d = qfa::measure_distortion(reference, qfa::as_matrix(compressed));
    std::printf("%-36s %6.2f dB  error %.4f  cosine %.5f  zeroed %5.2f %%\n", describe(policy).c_str(), d.sqnr(),
                d.relative_frobenius_error(), d.cosine(), 100.0 * d.zeroed_share());
    return d;
  };

  const double int8 = distortion_of("rtn:bits=8").sqnr();
  const double int6 = distortion_of("rtn:bits=6").sqnr();
  const double int4 = distortion_of("rtn:bits=4").sqnr();
  const double grouped = distortion_of("rtn:bits=4,per=group,group=32").sqnr();
  const double whole = distortion_of("rtn:bits=4,per=tensor").sqnr();
  const qfa::distortion pruned = distortion_of("prune:sparsity=0.5");
  const double both = distortion_of("prune:sparsity=0.5+rtn:bits=4").sqnr();

  // Each bit is worth about 6 dB; a finer scale helps against the outliers, a coarser one suffers more.
  assert(std::fabs(int8 - int6 - 12.0) < 1.0);
  assert(grouped > int4 + 5.0 && whole < int4);
  assert(pruned.zeroed_share() == 0.5 && both < pruned.sqnr());
  const qfa::distortion untouched = distortion_of("none");
  assert(std::isinf(untouched.sqnr()) && untouched.worst().error == 0.0);
}
