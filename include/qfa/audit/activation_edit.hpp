// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_ACTIVATION_EDIT_HPP
#define QFA_AUDIT_ACTIVATION_EDIT_HPP

#include <functional>

#include "qfa/core/matrix_view.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// A change of what passes at one place of a model, on every pass: the model goes on with what it leaves.
struct activation_edit {
  hook_point at;
  std::function<void(matrix_view<float>)> change;  ///< (tokens, width) of a block of whole rows
};

}  // namespace qfa

#endif
