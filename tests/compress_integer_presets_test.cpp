// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/integer_presets.hpp"

#include <set>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "integer_oracle.hpp"
#include "policy_laws.hpp"
#include "qfa/compress/spec.hpp"

namespace compress_integer_presets_test {

using qfa_test::compressed;
using qfa_test::integer_matrix;
using qfa_test::matrix;
using qfa_test::same_bits;

TEST_CASE("integer_presets: every published quantizer gives its definition's bits") {
  const matrix weights = integer_matrix("weights");
  for (const qfa_test::integer_convention& convention : qfa_test::integer_conventions()) {
    CAPTURE(convention.name);
    const matrix expected = integer_matrix(convention.name + ".values");
    const matrix got = compressed(weights, qfa::parse_policy(convention.spec));
    std::size_t wrong = 0, first = 0;
    for (std::size_t i = got.values.size(); i > 0; --i)
      if (!same_bits({&got.values[i - 1], 1}, {&expected.values[i - 1], 1})) first = i - 1, ++wrong;
    CAPTURE(first);
    CAPTURE(got.values[first]);
    CAPTURE(expected.values[first]);
    CHECK(wrong == 0);
  }
}

TEST_CASE("integer_presets: each obeys the laws of policies, and those of its grid") {
  // The largest weight keeps its place on a grid of absmax / qmax only: those are odd, and idempotent up to the last
  // bits of the scale.
  const std::set<std::string_view> on_qmax{"quanto_int8", "autoawq_sym", "modelopt_int8", "bnb_int8"};
  for (const qfa::preset& p : qfa::integer_presets) {
    CAPTURE(p.name);
    const qfa::integer members = qfa_test::integer_of(p.spec);
    const bool searches = members.search == qfa::scale_search::mse;
    qfa_test::policy_claims claims{.groups = members.groups_of_weights(),
                                   .levels = std::size_t{1} << members.bits,
                                   .monotone = true,
                                   .keeps_zeros = members.symmetric || members.zero_in_range,
                                   .rows_apart = !searches || members.patience == 0};
    if (on_qmax.contains(p.name)) {
      claims.odd = true;
      claims.idempotent_within = 1e-6;
    }
    // A search tries every step on every weight.
    qfa_test::check_policy_laws(members, claims,
                                searches ? qfa_test::law_weights(32, 130) : qfa_test::law_weights(80, 256));
  }
}

TEST_CASE("integer_presets: each has a name of its own and says where it comes from") {
  std::set<std::string_view> names;
  for (const qfa::preset& p : qfa::presets)
    names.insert(p.name);
  for (const qfa::preset& p : qfa::integer_presets) {
    CAPTURE(p.name);
    CHECK(names.insert(p.name).second);
    CHECK_FALSE(p.origin.empty());
    CHECK(describe(qfa::parse_policy(p.name)) == describe(qfa::parse_policy(p.spec)));
  }
}

TEST_CASE("int: groupings, roundings, types and rules that no preset has obey the laws as well") {
  for (const std::string options :
       {"per=tensor", "per=column", "per=block,group=48,block_rows=5", "per=group,group=60", "rounding=half_away",
        "rounding=trunc", "rounding=trunc_half,symmetric=false,zero=shift", "scale=signed_max", "store=e8m0",
        "store=e4m3", "arithmetic=bf16,symmetric=false,zero=summed", "arithmetic=fp16,division=reciprocal"}) {
    CAPTURE(options);
    const qfa::integer members = qfa_test::integer_of("int:bits=4," + options);
    qfa_test::check_policy_laws(
        members,
        {.groups = members.groups_of_weights(),
         .levels = 16,
         .monotone = true,
         .keeps_zeros = members.zero != qfa::zero_point::shift,
         .rows_apart = members.per == qfa::group_kind::row || members.per == qfa::group_kind::group},
        qfa_test::law_weights(64, 300));
  }
}

}  // namespace compress_integer_presets_test
