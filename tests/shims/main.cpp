// SPDX-License-Identifier: Apache-2.0
// qfa on libraries newer than Debian's: its kernels on what stands in for xsimd 14 have the bits of their scalar twins,
// and its bridge to xtensor knows the layout of 0.26.  Each check prints what it is of.
#include <xsimd/xsimd.hpp>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

#include "qfa/core/xtensor.hpp"
#include "qfa/sae/encode.hpp"
#include "qfa/simd/gemm.hpp"
#include "qfa/simd/gram.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"
#include "qfa/simd/rank_update.hpp"

static_assert(XSIMD_VERSION_MAJOR == 14, "the stand-in is not what was included");

namespace {

int failures = 0;

void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("does not hold: %s\n", what);
}

bool same(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

}  // namespace

int main() {
  namespace simd = qfa::simd;
  check(simd::has_fma<simd::best_arch>, "the default architecture has FMA");
  std::vector<float> xs(37), ys(37);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    xs[i] = static_cast<float>(i * i % 23) / 7.0f - 1.5f;
    ys[i] = static_cast<float>(i * 5 % 19) / 3.0f - 3.0f;
  }
  check(same(simd::dot(xs, ys), simd::ref::dot(xs, ys)), "dot");
  check(same(simd::absmax(xs), simd::ref::absmax(xs)), "absmax");
  check(same(simd::sum_of_squares(xs), simd::ref::sum_of_squares(xs)), "sum_of_squares");
  for (const float x : xs) {
    const simd::floats<> lanes(x);
    check(same(simd::exp(lanes).get(0), simd::ref::exp(x)), "exp, whose powers of two are a bitwise_cast");
    check(same(simd::gelu(lanes).get(0), simd::ref::gelu(x)), "gelu");
  }
  check(simd::bits_of<simd::best_arch>(simd::floats<>::load_unaligned(xs.data()) > simd::floats<>(0.0f)) == 0b01010000U,
        "bits_of");

  xt::xtensor<float, 2> tensor({2, 3});
  tensor(1, 2) = 7.0f;
  const qfa::matrix_view<float> view = qfa::as_matrix(tensor);
  check(view.rows() == 2 && view.columns() == 3 && view(1, 2) == 7.0f, "as_matrix");
  check(qfa::to_xtensor(view)(1, 2) == 7.0f, "to_xtensor");
  std::printf("%d checks failed\n", failures);
  return failures == 0 ? 0 : 1;
}
