// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_ACTIVATIONS_HPP
#define QFA_MODEL_ACTIVATIONS_HPP

#include <algorithm>
#include <cstddef>
#include <vector>

#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Floats of a block of tokens, one row for each token.  Resizing keeps the memory: a scratch buffer that meets blocks
/// of one size allocates once.
struct activations {
  std::size_t tokens = 0;
  std::size_t width = 0;
  std::vector<float> values{};

  void resize(std::size_t new_tokens, std::size_t new_width) {
    tokens = new_tokens;
    width = new_width;
    values.resize(tokens * width);
  }
  matrix_view<float> view() noexcept { return {values.data(), tokens, width}; }
  matrix_view<const float> view() const noexcept { return {values.data(), tokens, width}; }
};

/// Puts a copy of x in place of what `to` held.
inline void copy_rows(matrix_view<const float> x, activations& to) {
  to.resize(x.rows(), x.columns());
  for (std::size_t t = 0; t < x.rows(); ++t)
    std::ranges::copy(x.row(t), to.view().row(t).begin());
}

}  // namespace qfa

#endif
