// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MEANING_PARTS_HPP
#define QFA_TESTS_MEANING_PARTS_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "meaning_oracle.hpp"
#include "qfa/meaning/feature_relations.hpp"
#include "qfa/meaning/meaning_record.hpp"
#include "qfa/meaning/side_meanings.hpp"
#include "qfa/sae/families.hpp"
#include "qfa/stats/feature_summary.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa_test {

/// Rows [first, last) of the oracle's tokens.
inline qfa::placed_tokens places_of(const meaning_case& c, const std::vector<std::uint32_t>& groups, std::size_t first,
                                    std::size_t last) {
  return {{c.tokens.data() + first * c.row_tokens, last - first, c.row_tokens}, first, 0, groups};
}

/// One side over rows [first, last), `step` rows at a time.
inline qfa::side_meanings side_of(const meaning_case& c, const qfa::sparse_codes& codes, const qfa::row_groups& groups,
                                  std::size_t first = 0, std::size_t last = 16, std::size_t step = 3) {
  qfa::side_meanings side(40);
  for (std::size_t row = first; row < last; row += step) {
    const std::size_t end = std::min(last, row + step);
    side(c.rows_of(codes, row, end), places_of(c, groups.of_rows(row, end - row), row, end));
  }
  return side;
}

inline qfa::feature_relations relations_of(const meaning_case& c, std::vector<std::uint32_t> family_of) {
  return {c.dictionary, qfa::similar_features(c.dictionary, qfa::neighbor_cosine), std::move(family_of)};
}

/// Everything of the compressed side over rows [first, last).
inline qfa::meaning_record record_of(const meaning_case& c, const qfa::feature_relations& relations,
                                     const qfa::row_groups& groups, std::size_t first = 0, std::size_t last = 16,
                                     std::size_t step = 3) {
  qfa::meaning_record record{side_of(c, c.y, groups, first, last, step), qfa::moved_firings(groups, relations)};
  for (std::size_t row = first; row < last; row += step) {
    const std::size_t end = std::min(last, row + step);
    (*record.pair)(c.rows_of(c.x, row, end), c.rows_of(c.y, row, end), relations, groups.of_rows(row, end - row));
  }
  return record;
}

inline std::vector<qfa::feature_summary> summaries_of(const meaning_case& c, const qfa::row_groups& groups) {
  qfa::feature_table table(40, groups.groups());
  table(c.x, c.y, groups.of_tokens(0, c.rows, c.row_tokens));
  std::vector<qfa::feature_summary> out;
  for (std::size_t j = 0; j < 40; ++j)
    out.push_back(qfa::summarize(table, j));
  return out;
}

}  // namespace qfa_test

#endif
