// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_ERROR_HPP
#define QFA_CORE_ERROR_HPP

#include <stdexcept>
#include <string>
#include <string_view>

#include "qfa/core/ieee.hpp"

namespace qfa {

/// What every header throws when the caller's data are at fault: one sentence that names the file, the tensor or the
/// option, and says what was expected.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws `error` with the sentence.
[[noreturn]] inline void fail(const std::string& sentence) { throw error(sentence); }

/// Checks what enters from outside.  A message that must be put together belongs behind an `if` and `fail`, so that it
/// costs nothing when all is well.  Throws `error` with the sentence where that does not hold.
inline void require(bool holds, std::string_view sentence) {
  if (!holds) fail(std::string(sentence));
}

}  // namespace qfa

#endif
