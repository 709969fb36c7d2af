// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_LAW_ORACLE_HPP
#define QFA_TESTS_LAW_ORACLE_HPP

#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "qfa/io/json.hpp"
#include "qfa/law/observations.hpp"

namespace qfa_test {

/// tests/data/law.json: the law's forms and fits by numpy and scipy.
inline const qfa::json& law_oracle() {
  static const qfa::json numbers = qfa::read_json(std::filesystem::path(QFA_TEST_DATA) / "law.json");
  return numbers;
}

/// One of its tables as observations, `value` the column of the law's left side.  Rows of equal N and D (and trained
/// bits) are one checkpoint.
inline std::vector<qfa::observation> law_rows(const std::string& table, const std::string& value) {
  const qfa::json& t = law_oracle()[table];
  std::vector<qfa::observation> out;
  std::size_t checkpoints = 0;
  for (std::size_t i = 0; i < t[value].size(); ++i) {
    qfa::observation row{.parameters = t["n"][i], .tokens = t["d"][i], .bits = 1.0, .value = t[value][i]};
    if (t.contains("bits")) row.bits = t["bits"][i];
    if (t.contains("trained")) row.trained_bits = t["trained"][i];
    row.checkpoint = checkpoints;
    for (const qfa::observation& other : out)
      if (other.parameters == row.parameters && other.tokens == row.tokens && other.trained_bits == row.trained_bits)
        row.checkpoint = other.checkpoint;
    checkpoints += row.checkpoint == checkpoints ? 1 : 0;
    out.push_back(row);
  }
  return out;
}

/// A family of 3 sizes, 4 lengths and 6 precisions that obeys `law` but for an error of each checkpoint and one of each
/// row, standard deviations on the logarithm.
template <class Law>
std::vector<qfa::observation> made_up_family(const Law& law, double of_checkpoint, double of_row, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<qfa::observation> out;
  std::size_t checkpoint = 0;
  for (const double n : {25472.0, 100096.0, 396800.0})
    for (const double d : {650240.0, 1625600.0, 4064000.0, 10160000.0}) {
      const double own = of_checkpoint * normal(random);
      for (double bits = 3.0; bits <= 8.0; ++bits)
        out.push_back({.parameters = n,
                       .tokens = d,
                       .bits = bits,
                       .value = law(n, d, bits) * std::exp(own + of_row * normal(random)),
                       .checkpoint = checkpoint});
      ++checkpoint;
    }
  return out;
}

}  // namespace qfa_test

#endif
