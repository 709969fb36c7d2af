// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_ACTIVATION_EDIT_HPP
#define QFA_AUDIT_ACTIVATION_EDIT_HPP

#include <cstddef>
#include <functional>

#include "qfa/core/matrix_view.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// A change of what passes at one place of a model, on every pass: the model goes on with what it leaves.
struct activation_edit {
  hook_point at;
  /// The number of the first row of a block of whole rows, and what passes: (tokens, width).
  std::function<void(std::size_t first_row, matrix_view<float>)> change;
};

}  // namespace qfa

#endif
