// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_PROGRESS_LINE_HPP
#define QFA_EXAMPLES_QFA_PROGRESS_LINE_HPP

#include <stdexcept>

#include "qfa/core/progress.hpp"

namespace qfa_program {

/// Somebody pressed Ctrl-C: nothing is wrong, and nothing is written.
class interruption : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Draws "stage 12/48 25% 0:41 left" over itself on standard error, if that is a terminal and this the first rank.
/// From here on SIGINT ends a command where it next tells how far it is, by an interruption; a second one ends the
/// program at once.
qfa::progress progress_line();

/// Removes what the progress line left on the terminal.
void clear_progress_line();

}  // namespace qfa_program

#endif
