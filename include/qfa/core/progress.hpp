// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_PROGRESS_HPP
#define QFA_CORE_PROGRESS_HPP

#include <cstddef>
#include <functional>
#include <string_view>

namespace qfa {

/// Told how far a long computation has come: what it is at, and `done` of `total` units.  May be empty.  Headers never
/// print; a program that wants a progress line passes a function that draws one.
using progress = std::function<void(std::string_view stage, std::size_t done, std::size_t total)>;

inline void report_progress(const progress& to, std::string_view stage, std::size_t done, std::size_t total) {
  if (to) to(stage, done, total);
}

}  // namespace qfa

#endif
