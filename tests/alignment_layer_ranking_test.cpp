// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/layer_ranking.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "made_up.hpp"

namespace alignment_layer_ranking_test {

using namespace qfa;

namespace {

using ranking = std::vector<std::size_t>;

direction_finding made_up(const direction_site& site, double margin, double relative) {
  direction_finding out{.site = site};
  out.vulnerable.direction.all = {relative, 1.0, margin};
  return out;
}

}  // namespace

TEST_CASE("rank_layers: from either end, equals in their order, NaN last") {
  const std::vector<double> scores{2.0, qfa_test::not_a_number, 5.0, 2.0, -1.0};
  CHECK(rank_layers(scores, rank_order::highest_first) == ranking{2, 0, 3, 4, 1});
  CHECK(rank_layers(scores, rank_order::lowest_first) == ranking{4, 0, 3, 2, 1});
  CHECK(rank_layers({}, rank_order::lowest_first).empty());
  CHECK(layers_in_order(3) == ranking{0, 1, 2});
  CHECK(names_of(rank_order{})[0] != names_of(rank_order{})[1]);
}

TEST_CASE("layers_by_mass and layers_by_entropy: by the one that the name says") {
  const std::vector<layer_attention> layers{
      {.mass = 0.5, .entropy = 3.0}, {.mass = 0.9, .entropy = 2.0}, {.mass = 0.2, .entropy = 2.5}};
  CHECK(layers_by_mass(layers) == ranking{1, 0, 2});
  CHECK(layers_by_mass(layers, rank_order::lowest_first) == ranking{2, 0, 1});
  CHECK(layers_by_entropy(layers, rank_order::lowest_first) == ranking{1, 2, 0});
  CHECK(layers_by_entropy(layers, rank_order::highest_first) == ranking{0, 2, 1});
}

TEST_CASE("layers_by_vulnerability: by the findings of one hook and error, all heads together") {
  const auto site = [](std::size_t layer) { return direction_site{{layer, hook_kind::k}, {}, error_source::in_cache}; };
  direction_findings all;
  all.sites = {made_up(site(0), 1.0, 9.0), made_up(site(2), 4.0, 2.0), made_up(site(3), 2.0, 5.0)};
  direction_site head = site(0), other_hook = site(0), passed_on = site(3);
  head.head = 0;
  other_hook.hook.kind = hook_kind::v;
  passed_on.error = error_source::passed_on;
  for (const direction_site& elsewhere : {head, other_hook, passed_on})
    all.sites.push_back(made_up(elsewhere, 100.0, 100.0));
  CHECK(layers_by_vulnerability(all, 4, hook_kind::k, error_source::in_cache) == ranking{2, 3, 0, 1});
  CHECK(layers_by_vulnerability(all, 4, hook_kind::k, error_source::in_cache, vulnerability_form::relative) ==
        ranking{0, 3, 2, 1});
  CHECK(layers_by_vulnerability(all, 4, hook_kind::k, error_source::passed_on) == ranking{3, 0, 1, 2});
  CHECK_THROWS_AS(layers_by_vulnerability(all, 3, hook_kind::k, error_source::in_cache), error);
}

}  // namespace alignment_layer_ranking_test
