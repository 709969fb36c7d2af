// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_ORACLE_HPP
#define QFA_TESTS_ORACLE_HPP

#include <filesystem>

namespace qfa_test {

/// The folder of large oracle data, for tests under tests/oracle/ only.  It comes from the CMake cache variable
/// QFA_ORACLE_DATA by way of the environment variable of that name.  While the variable is empty the program exits with
/// 77, which ctest shows as Skipped; a folder that was named but is not there is a failure, not a skip.
std::filesystem::path oracle_data();

}  // namespace qfa_test

#endif
