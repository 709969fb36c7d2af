// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_PAIRED_ACTIVATIONS_HPP
#define QFA_ALIGNMENT_PAIRED_ACTIVATIONS_HPP

#include <cstddef>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The same prompts at the same hook and position, in the reference and in the compressed model: (prompts, channels),
/// of each class one row for each prompt, in the same order on both sides.  Views of what somebody else keeps.
struct paired_activations {
  matrix_view<const float> harmful, harmless;
  matrix_view<const float> harmful_compressed, harmless_compressed;

  std::size_t channels() const noexcept { return harmful.columns(); }
  std::size_t prompts() const noexcept { return harmful.rows() + harmless.rows(); }

  /// Throws unless both classes have prompts, all have as many channels, and both models have as many rows.
  void validate() const {
    require(harmful.rows() > 0 && harmless.rows() > 0 && channels() > 0,
            "paired activations need prompts of both classes");
    require(harmless.columns() == channels() && harmful_compressed.columns() == channels() &&
                harmless_compressed.columns() == channels(),
            "paired activations need as many channels in both classes and both models");
    require(harmful_compressed.rows() == harmful.rows() && harmless_compressed.rows() == harmless.rows(),
            "paired activations need the same prompts in both models");
  }

  /// Calls `visit(reference, compressed)` for each prompt's pair of rows, harmful prompts first.
  template <class Visit>
  void for_each_prompt(Visit visit) const {
    for (std::size_t r = 0; r < harmful.rows(); ++r)
      visit(harmful.row(r), harmful_compressed.row(r));
    for (std::size_t r = 0; r < harmless.rows(); ++r)
      visit(harmless.row(r), harmless_compressed.row(r));
  }
};

}  // namespace qfa

#endif
