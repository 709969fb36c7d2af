// SPDX-License-Identifier: Apache-2.0
// A policy of one's own is a struct and nothing else: here -s, 0 or s for each row, as ternary models have it.
#include <cassert>
#include <cmath>
#include <cstdio>
#include <vector>

#include "qfa/compress/spec.hpp"

struct ternary {
  void operator()(qfa::matrix_view<float> w) const {
    for (std::size_t r = 0; r < w.rows(); ++r) {
      float mean = 0.0f;
      for (const float x : w.row(r)) mean += std::fabs(x) / static_cast<float>(w.columns());
      for (float& x : w.row(r)) x = std::fabs(x) < 0.5f * mean ? 0.0f : std::copysign(mean, x);
    }
  }
};

// A pruner that only looks at signs.
struct no_negative_weights {
  void operator()(qfa::matrix_view<float> w) const {
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (float& x : w.row(r)) x = x < 0.0f ? 0.0f : x;
  }
};

int main() {
  const std::vector<float> weights{4, -1, 0.5f, 2.5f, 1, 1, -1, 1};
  std::vector<float> w = weights;
  const qfa::matrix_view<float> matrix(w.data(), 2, 4);
  ternary{}(matrix);
  assert((w == std::vector<float>{2, -2, 0, 2, 1, 1, -1, 1}));

  // A pruner is no different, and goes into chains with qfa's own.
  w = weights;
  qfa::chain{no_negative_weights{}, qfa::nm_pruner{.zeroed = 1, .of = 2}}(matrix);
  assert((w == std::vector<float>{4, 0, 0, 2.5f, 0, 1, 0, 1}));

  // Under a name it goes wherever qfa's own policies go: into chains, audits and spec strings.
  auto catalogue = qfa::default_catalogue();
  catalogue.add({ternary{}, "row_ternary"}, "-s, 0 or s for each row");
  const qfa::any_policy pruned_first = qfa::parse_policy("prune:sparsity=0.5+row_ternary", catalogue);
  w = weights;
  pruned_first(matrix);
  assert((w == std::vector<float>{1.625f, 0, 0, 1.625f, 0, 0, 0, 0}));
  std::printf("%s turns 4 into %g\n", describe(pruned_first).c_str(), static_cast<double>(w[0]));
}
