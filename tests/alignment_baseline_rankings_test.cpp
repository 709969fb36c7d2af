// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/baseline_rankings.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

namespace alignment_baseline_rankings_test {

using namespace qfa;

namespace {

using ranking = std::vector<std::size_t>;

direction_finding made_up(const direction_site& site, double margin, double relative) {
  direction_finding out{.site = site};
  out.vulnerable.direction.all = {relative, 1.0, margin};
  return out;
}

}  // namespace

TEST_CASE("ranking_by_position: the first ones first") {
  CHECK(ranking_by_position(3).layers == ranking{0, 1, 2});
  CHECK(ranking_by_position(3).by == "position: the first ones");
}

TEST_CASE("ranking_by_mass and ranking_by_entropy: by the one that the name says") {
  const std::vector<layer_attention> layers{
      {.mass = 0.5, .entropy = 3.0}, {.mass = 0.9, .entropy = 2.0}, {.mass = 0.2, .entropy = 2.5}};
  CHECK(ranking_by_mass(layers).layers == ranking{1, 0, 2});
  CHECK(ranking_by_mass(layers, rank_order::lowest_first).layers == ranking{2, 0, 1});
  CHECK(ranking_by_entropy(layers, rank_order::lowest_first).layers == ranking{1, 2, 0});
  CHECK(ranking_by_entropy(layers, rank_order::highest_first).layers == ranking{0, 2, 1});
  CHECK(ranking_by_mass(layers).by == "attention mass, highest first");
  CHECK(ranking_by_entropy(layers, rank_order::lowest_first).by == "attention entropy, lowest first");
}

TEST_CASE("ranking_by_vulnerability: by the findings of one hook and error, all heads together") {
  const auto site = [](std::size_t layer) { return direction_site{{layer, hook_kind::k}, {}, error_source::in_cache}; };
  direction_findings all;
  all.sites = {made_up(site(0), 1.0, 9.0), made_up(site(2), 4.0, 2.0), made_up(site(3), 2.0, 5.0)};
  direction_site head = site(0), other_hook = site(0), passed_on = site(3);
  head.head = 0;
  other_hook.hook.kind = hook_kind::v;
  passed_on.error = error_source::passed_on;
  for (const direction_site& elsewhere : {head, other_hook, passed_on})
    all.sites.push_back(made_up(elsewhere, 100.0, 100.0));
  CHECK(ranking_by_vulnerability(all, 4, hook_kind::k, error_source::in_cache).layers == ranking{2, 3, 0, 1});
  CHECK(ranking_by_vulnerability(all, 4, hook_kind::k, error_source::in_cache, vulnerability_form::relative).layers ==
        ranking{0, 3, 2, 1});
  CHECK(ranking_by_vulnerability(all, 4, hook_kind::k, error_source::passed_on).layers == ranking{3, 0, 1, 2});
  CHECK(ranking_by_vulnerability(all, 4, hook_kind::k, error_source::in_cache).by == "V_marg at attn.hook_k in_cache");
  CHECK_THROWS_AS(ranking_by_vulnerability(all, 3, hook_kind::k, error_source::in_cache), error);
}

}  // namespace alignment_baseline_rankings_test
