// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_IDENTIFIABILITY_HPP
#define QFA_LAW_IDENTIFIABILITY_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/law/condition_number.hpp"
#include "qfa/law/observations.hpp"

namespace qfa {

/// How well a table can tell the parameters of a law apart, before anything is fitted.
struct identifiability {
  std::size_t sizes = 0;                                           ///< different N
  std::size_t lengths = 0;                                         ///< different D
  std::size_t bits = 0;                                            ///< different P
  double exponents = std::numeric_limits<double>::infinity();      ///< condition number of log N, log D, P, centered
  double with_constant = std::numeric_limits<double>::infinity();  ///< of 1, log N, log D, P
};

/// `with_bits`: P is a column of the design; without it (a law whose bits enter in a fixed way), log N and log D alone.
inline identifiability measure_identifiability(std::span<const observation> rows, bool with_bits = true) {
  identifiability out{distinct(rows, &observation::parameters).size(), distinct(rows, &observation::tokens).size(),
                      distinct(rows, &observation::bits).size()};
  std::vector<double> slopes, all;
  for (const observation& each : rows) {
    for (const double value : {std::log(each.parameters), std::log(each.tokens)})
      slopes.push_back(value);
    if (with_bits) slopes.push_back(each.bits);
    all.push_back(1.0);
    all.insert(all.end(), slopes.end() - (with_bits ? 3 : 2), slopes.end());
  }
  const std::size_t columns = with_bits ? 3 : 2;
  out.exponents = condition_number({slopes.data(), rows.size(), columns}, true);
  out.with_constant = condition_number({all.data(), rows.size(), columns + 1}, false);
  return out;
}

/// Throws, with one sentence, where a table cannot determine a law's exponents: fewer than two sizes, lengths or (with
/// `with_bits`) precisions, fewer rows than the law has parameters, or N, D and P that move together.
inline void require_identifiable(std::span<const observation> rows, std::size_t parameters, bool with_bits = true) {
  const identifiability known = measure_identifiability(rows, with_bits);
  const auto refuse = [&](const std::string& why) { fail("the table cannot determine the law: " + why); };
  const auto count = [](std::size_t n, const char* what) {
    return std::to_string(n) + " usable " + what + (n == 1 ? "" : "s");
  };
  if (rows.size() < parameters)
    refuse("it has " + count(rows.size(), "row") + ", expected at least " + std::to_string(parameters));
  if (known.sizes < 2) refuse("it has " + count(known.sizes, "size") + " N, expected at least 2");
  if (known.lengths < 2) refuse("it has " + count(known.lengths, "length") + " D, expected at least 2");
  if (with_bits && known.bits < 2) refuse("it has " + count(known.bits, "precision") + ", expected at least 2");
  if (std::isinf(known.exponents))
    refuse(std::string("log N, log D") + (with_bits ? " and bits" : "") +
           " move together, so that their effects cannot be told apart");
}

}  // namespace qfa

#endif
