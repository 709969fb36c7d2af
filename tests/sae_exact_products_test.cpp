// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/exact_products.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "simd_archs.hpp"

namespace sae_exact_products_test {

using namespace qfa_test;
using qfa::encoder_pair;

#if XSIMD_WITH_AVX512F
#define QFA_FMA_ARCHS qfa::simd::best_arch, xsimd::fma3<xsimd::avx2>
#else
#define QFA_FMA_ARCHS qfa::simd::best_arch
#endif

TEST_CASE_TEMPLATE("exact_products: chains with k ascending, any number of pairs, and rough ones near them", Arch,
                   QFA_FMA_ARCHS) {
  if (!qfa::simd::has_fma<Arch>) return;
  for (std::size_t inputs : {1u, 5u, 16u, 67u, 200u}) {
    const std::size_t columns = 37, rows = 5;
    const auto w = random_floats(inputs * columns, 1), x = random_floats(rows * inputs, 2);
    const qfa::exact_products<Arch> products({w.data(), inputs, columns});
    std::vector<encoder_pair> pairs;
    for (std::uint32_t column = 0; column < columns; ++column)  // runs of one to five pairs of a column
      for (std::uint32_t row = 0; row < 1 + column % rows; ++row)
        pairs.push_back({row, column});
    std::vector<float> out(pairs.size());
    products(x.data(), pairs, out.data());
    std::vector<float> rough(pairs.size());
    products.rough(x.data(), pairs, rough.data());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      float chain = 0.0f;
      double exact = 0.0, size = 0.0;
      for (std::size_t k = 0; k < inputs; ++k) {
        const float a = x[pairs[i].row * inputs + k], b = w[k * columns + pairs[i].column];
        chain = std::fma(a, b, chain);
        exact += static_cast<double>(a) * static_cast<double>(b);
        size += std::fabs(static_cast<double>(a) * static_cast<double>(b));
      }
      CHECK(out[i] == chain);
      CHECK(std::fabs(static_cast<double>(rough[i]) - exact) <= static_cast<double>(inputs + 32) * 0x1p-24 * size);
    }
    for (std::size_t j = 0; j < columns; ++j)
      CHECK(products.by_columns()(j, inputs - 1) == w[(inputs - 1) * columns + j]);
  }
}

}  // namespace sae_exact_products_test
