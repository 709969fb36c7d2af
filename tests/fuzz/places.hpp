// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_FUZZ_PLACES_HPP
#define QFA_TESTS_FUZZ_PLACES_HPP

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include <unistd.h>

#include "qfa/core/error.hpp"

// What fuzzed functions share: where they put their bytes, and what they may do.  That is to return or to throw
// qfa::error; any other exception, a crash, a sanitizer's complaint or memory without bound is a finding.

namespace qfa_fuzz {

using bytes = std::span<const std::byte>;

inline std::string_view text_of(bytes data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// A directory of this process, in memory where there is such a place.
inline const std::filesystem::path& directory() {
  static const std::filesystem::path made = [] {
    const std::filesystem::path shared = "/dev/shm";
    const std::filesystem::path in =
        std::filesystem::is_directory(shared) ? shared : std::filesystem::temp_directory_path();
    std::filesystem::path out = in / ("qfa-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(out);
    return out;
  }();
  return made;
}

inline std::filesystem::path write(const std::filesystem::path& name, bytes data) {
  const std::filesystem::path path = directory() / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
  return path;
}

/// Puts a file of tests/data where a reader looks for it.
inline void place(const std::filesystem::path& from, const std::filesystem::path& name) {
  const std::filesystem::path to = directory() / name;
  if (std::filesystem::exists(to)) return;
  std::filesystem::create_directories(to.parent_path());
  std::filesystem::copy_file(std::filesystem::path(QFA_TEST_DATA) / from, to);
}

template <class Read>
void tolerate(Read read) {
  try {
    read();
  } catch (const qfa::error&) {
  }
}

}  // namespace qfa_fuzz

#endif
