// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_KEPT_JSON_HPP
#define QFA_TESTS_KEPT_JSON_HPP

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "qfa/report/json_values.hpp"

namespace qfa_test {

/// Keeps what a test made in the folder that the environment names (QFA_TEST_JSON), for tests/schemas/validate.py: as
/// name.json a whole document, as FORMAT#PART.json a part of one, which has no format of its own.
inline void keep_json(const std::string& name, const qfa::report_json& made) {
  if (const char* folder = std::getenv("QFA_TEST_JSON"))
    std::ofstream(std::filesystem::path(folder) / (name + ".json")) << made.dump(1) << '\n';
}

}  // namespace qfa_test

#endif
