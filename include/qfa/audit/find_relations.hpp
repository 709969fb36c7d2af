// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_FIND_RELATIONS_HPP
#define QFA_AUDIT_FIND_RELATIONS_HPP

#include <algorithm>
#include <cstddef>
#include <vector>

#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/meaning/feature_relations.hpp"
#include "qfa/sae/cofirings.hpp"
#include "qfa/sae/decoder_cosines.hpp"
#include "qfa/sae/families.hpp"
#include "qfa/sae/firing_counts.hpp"

namespace qfa {

/// Which features of a reference that has been seen to its end are alike: by their decoder rows, and by the codes that
/// the audit keeps.
///
/// Where processes share the rows, each has its own rows' codes, and `complete(record)` merges a record of all.  A pair
/// that fires together on more than half of all tokens on which either does, does so on more than half of some
/// process's: those pairs are the candidates, and are counted exactly in a second round.
template <class Complete>
feature_relations find_relations(const feature_audit& audit, Complete complete, const family_rules& rules = {}) {
  const code_store& codes = audit.codes();
  const std::size_t width = audit.dictionary().d_sae;
  firing_counts here;
  here(sparse_codes(width));
  for (std::size_t b = 0; b < codes.blocks(); ++b)
    here(codes[b]);
  pass_record counted("families", audit.layout(), 0);
  counted.cofirings = cofiring_features(
      codes.blocks(), [&](std::size_t b) { return codes[b]; }, width, here.of_features(), rules.cofiring_above);
  complete(counted);
  for (cofiring_pair& p : counted.cofirings)
    p.tokens = 0;
  for (std::size_t b = 0; b < codes.blocks(); ++b)
    count_cofirings(codes[b], counted.cofirings);
  complete(counted);
  const std::vector<decoder_pair> similar =
      similar_features(audit.dictionary(), (std::min)(neighbor_cosine, rules.cosine_above));
  const std::vector<family_edge> edges =
      family_edges(audit.dictionary(), similar, counted.cofirings, audit.reference().side.firings(), rules);
  return {audit.dictionary(), similar, families_of(width, edges, largest_family(width, rules))};
}

}  // namespace qfa

#endif
