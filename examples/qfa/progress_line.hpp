// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_PROGRESS_LINE_HPP
#define QFA_EXAMPLES_QFA_PROGRESS_LINE_HPP

#include "qfa/core/progress.hpp"

namespace qfa_program {

/// Draws "stage 12/48 25% 0:41 left" over itself on standard error; empty where standard error is no terminal,
/// and on all ranks but the first.
qfa::progress progress_line();

/// Removes what the progress line left on the terminal.
void clear_progress_line();

}  // namespace qfa_program

#endif
