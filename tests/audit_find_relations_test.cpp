// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/find_relations.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/audit/team_share.hpp"
#include "thread_team.hpp"

namespace audit_find_relations_test {

constexpr std::size_t d = 6, rows = 40, context = 12;

/// Activations whose first two columns have the same sign in most of the first rows, and the next two in most of the
/// last: whoever has only some of the rows sees other pairs.
std::vector<float> paired_signs() {
  std::vector<float> x = qfa_test::random_activations(rows * context, d);
  std::mt19937 random(9);
  for (std::size_t t = 0; t < rows * context; ++t) {
    const bool early = t < rows * context / 2;
    for (const std::size_t i : {0U, 2U})
      if (random() % 8 < (early == (i == 0) ? 8U : 5U)) x[t * d + i + 1] = x[t * d + i];
  }
  return x;
}

/// The families of the rows of `share`, as all processes find them together.
std::vector<std::uint32_t> families(const std::vector<float>& x, const qfa::audit_share& share) {
  const qfa::token_layout whole{.rows = rows, .row_tokens = context, .tokens_per_block = 5 * context};
  const qfa::token_layout mine = qfa::share_of(whole, share);
  qfa::feature_audit audit(qfa_test::lossless_sae(d), mine);
  for (std::size_t b = 0; b < mine.blocks(); ++b) {
    const std::size_t first = mine.first_row(b), last = mine.last_row(b);
    audit.add_reference({x.data() + first * context * d, (last - first) * context, d});
  }
  const auto complete = [&](qfa::pass_record& record) {
    if (share.complete) share.complete(record);
  };
  qfa::pass_record all = audit.reference();
  complete(all);
  audit.complete_reference(all);
  const qfa::feature_relations found =
      qfa::find_relations(audit, complete, {.cofiring_above = 0.6, .largest_share = 0.5});
  return {found.families().begin(), found.families().end()};
}

TEST_CASE("find_relations: processes that share the rows find the families of one that has them all") {
  const std::vector<float> x = paired_signs();
  const auto alone = families(x, {});
  CHECK(alone == std::vector<std::uint32_t>{0, 0, 2, 2, 4, 5, 6, 6, 8, 8, 10, 11});
  for (const std::size_t size : {2U, 3U, 12U})
    qfa_test::thread_team::run(size, [&](const qfa::team& ranks) {
      const auto shared = families(x, qfa::share_among(ranks));
      if (ranks.leads()) CHECK(shared == alone);
    });
}

}  // namespace audit_find_relations_test
