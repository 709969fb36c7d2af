// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MADE_UP_HPP
#define QFA_TESTS_MADE_UP_HPP

// Inputs of the tests of compare and predict: numbers drawn from a fixed seed, and the arrays of tests/data/*.json.

#include "qfa/io/json.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace qfa_test {

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// n multiples of 1/steps in [0, 1): the fewer steps, the more ties.
inline std::vector<double> draw(std::size_t n, unsigned seed, unsigned steps = 1U << 30) {
  std::mt19937 random(seed);
  std::vector<double> values(n);
  for (double& v : values)
    v = static_cast<double>(random() % steps) / steps;
  return values;
}

/// n labels, 1 with probability `share`.
inline std::vector<std::uint8_t> draw_labels(std::size_t n, unsigned seed, double share = 0.5) {
  std::vector<std::uint8_t> labels;
  for (const double u : draw(n, seed))
    labels.push_back(u < share ? 1 : 0);
  return labels;
}

inline qfa::json read_data(const std::string& name) {
  return qfa::read_json(std::filesystem::path(QFA_TEST_DATA) / name);
}
/// NaN where the file says null.
inline double number(const qfa::json& value) { return value.is_null() ? not_a_number : value.get<double>(); }

inline std::vector<double> numbers(const qfa::json& values) {
  std::vector<double> out;
  for (const auto& v : values)
    out.push_back(number(v));
  return out;
}
inline std::vector<std::uint8_t> labels(const qfa::json& values) {
  std::vector<std::uint8_t> out;
  for (const auto& v : values)
    out.push_back(v.get<double>() != 0.0 ? 1 : 0);
  return out;
}

}  // namespace qfa_test

#endif
