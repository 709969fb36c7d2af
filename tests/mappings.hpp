// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MAPPINGS_HPP
#define QFA_TESTS_MAPPINGS_HPP

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace qfa_test {

/// Mappings of this file that the process has now, each with its length in bytes; `known` is false where the system
/// does not tell.
struct mappings {
  bool known = false;
  std::vector<std::size_t> sizes;

  explicit mappings(const std::filesystem::path& path) {
    std::ifstream maps("/proc/self/maps");
    known = maps.good();
    for (std::string line; std::getline(maps, line);) {
      if (!line.ends_with(path.filename().string())) continue;
      const std::size_t dash = line.find('-');
      sizes.push_back(std::stoull(line.substr(dash + 1), nullptr, 16) - std::stoull(line, nullptr, 16));
    }
  }
};

}  // namespace qfa_test

#endif
