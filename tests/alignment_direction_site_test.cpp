// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/direction_site.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace alignment_direction_site_test {

using namespace qfa;

TEST_CASE("direction_site: its name says hook, head and error") {
  CHECK(name_of(direction_site{{3, hook_kind::k}, 1, error_source::in_cache}) ==
        "blocks.3.attn.hook_k head 1 in_cache");
  CHECK(name_of(direction_site{{0, hook_kind::resid_post}}) == "blocks.0.hook_resid_post passed_on");
  CHECK(names_of(error_source{})[0] != names_of(error_source{})[1]);
}

TEST_CASE("direction_site: sites stand by layer, then as a block computes, all channels before the heads") {
  const std::vector<direction_site> sorted{
      {{0, hook_kind::k}, {}, error_source::in_cache},  {{0, hook_kind::k}, 0, error_source::in_cache},
      {{0, hook_kind::k}, 1, error_source::in_cache},   {{0, hook_kind::v}, {}, error_source::in_cache},
      {{0, hook_kind::v}, {}, error_source::passed_on}, {{0, hook_kind::resid_post}},
      {{1, hook_kind::k}, {}, error_source::in_cache}};
  for (std::size_t i = 1; i < sorted.size(); ++i)
    CHECK(sorted[i - 1] < sorted[i]);
}

TEST_CASE("channels_of_head: heads stand side by side") {
  const std::vector<float> x{0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15};
  const matrix_view<const float> all(x.data(), 2, 6);
  const auto head = channels_of_head(all, 1, 2);
  CHECK(head.rows() == 2);
  CHECK(head.columns() == 2);
  CHECK(head(0, 0) == 2.0f);
  CHECK(head(1, 1) == 13.0f);
  CHECK_THROWS_AS(channels_of_head(all, 3, 2), error);
  CHECK_THROWS_AS(channels_of_head(all, 0, 0), error);
}

}  // namespace alignment_direction_site_test
