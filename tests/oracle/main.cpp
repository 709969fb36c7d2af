// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

std::filesystem::path qfa_test::oracle_data() {
  const char* folder = std::getenv("QFA_ORACLE_DATA");
  return folder == nullptr ? std::filesystem::path{} : std::filesystem::path(folder);
}

int main(int count, char** arguments) {
  doctest::Context context(count, arguments);
  // Listing and counting cases, as ctest's discovery does while building, needs no data.
  bool asks_only = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument(arguments[i]);
    asks_only |= argument == "--list-test-cases" || argument == "--count" || argument == "--list-test-suites";
  }
  if (!asks_only) {
    const std::filesystem::path data = qfa_test::oracle_data();
    if (data.empty()) {
      std::cout << "Skipped: QFA_ORACLE_DATA is empty.\n";
      return 77;
    }
    if (!std::filesystem::is_directory(data)) {
      std::cout << "QFA_ORACLE_DATA names " << data << ", and there is no such folder.\n";
      return 1;
    }
  }
  return context.run();
}
