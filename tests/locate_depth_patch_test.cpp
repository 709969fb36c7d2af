// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/depth_patch.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/locate/isolated.hpp"

namespace locate_depth_patch_test {

using namespace qfa;
using namespace qfa_test;

namespace {

/// Eight groups of one token each, whose divergence is kl, a little more in each.
std::vector<comparison_sum> groups_of(double kl) {
  std::vector<comparison_sum> out(8);
  for (std::size_t g = 0; g < 8; ++g)
    out[g](token_comparison{.kl = kl * (1.0 + 0.125 * static_cast<double>(g))});
  return out;
}

unit_bench tiny_bench(const bench_options& options = {}) {
  return unit_bench(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(published), options);
}

}  // namespace

TEST_CASE("depth_patch: what a patch recovers, and what enters between two of them") {
  const std::vector<std::vector<comparison_sum>> patched{groups_of(2.0), groups_of(1.5), groups_of(0.25),
                                                         groups_of(0.0)};
  const depth_profile p = profile_depths(groups_of(2.0), patched);
  CHECK(p.kl.value == doctest::Approx(2.0 * 1.4375));
  REQUIRE(p.depths.size() == 4);
  const double recovered[]{0.0, 0.25, 0.875, 1.0}, entering[]{0.0, 0.25, 0.625, 0.125};
  for (std::size_t d = 0; d < 4; ++d) {
    CHECK(p.depths[d].layer == d);
    CHECK(p.depths[d].recovered.value == doctest::Approx(recovered[d]));
    CHECK(p.depths[d].entering.value == doctest::Approx(entering[d]));
  }
  // Layer 0 does harm on the even groups, layer 1 on the odd ones.
  std::vector<std::vector<comparison_sum>> halves{groups_of(2.0), groups_of(2.0), groups_of(0.5)};
  for (std::size_t g = 0; g < 8; g += 2)
    halves[1][g] = groups_of(0.5)[g];
  const depth_profile h = profile_depths(groups_of(2.0), halves);
  CHECK(h.depths[1].entering_even == doctest::Approx(0.75));
  CHECK(h.depths[1].entering_odd.value == 0.0);
  CHECK(h.depths[2].entering_even == 0.0);
  CHECK(h.depths[2].entering_odd.value == doctest::Approx(0.75));
  CHECK(h.depths[0].entering_even == 0.0);
  CHECK(h.depths[0].entering_odd.value == 0.0);
  // One group recovers less: the interval knows.
  std::vector<std::vector<comparison_sum>> uneven{groups_of(1.0)};
  uneven[0][3] = groups_of(2.0)[3];
  const patched_depth d = profile_depths(groups_of(2.0), uneven).depths.front();
  CHECK(d.recovered.range.kind == interval_kind::two_sided);
  CHECK(d.recovered.range.lower < d.recovered.value);
  CHECK_THROWS_WITH(profile_depths(std::vector<comparison_sum>(7), uneven), doctest::Contains("the same groups"));
}

TEST_CASE("depth_patch: groups that are left out together make one, and halves keep their own") {
  // 16 groups, of which 2g and 2g + 1 are one of eight; they are as the eight are, each in two parts.
  const auto split = [](const std::vector<comparison_sum>& sums) {
    std::vector<comparison_sum> out(2 * sums.size());
    for (std::size_t g = 0; g < out.size(); ++g)
      out[g](token_comparison{.kl = sums[g / 2].kl_nats});
    return out;
  };
  std::vector<std::vector<comparison_sum>> patched{groups_of(1.0)};
  patched[0][3] = groups_of(2.0)[3];
  const depth_profile eight = profile_depths(groups_of(2.0), patched);
  const std::vector<std::uint32_t> places{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
  const std::vector<std::vector<comparison_sum>> both{split(patched[0])};
  const depth_profile joined = profile_depths(split(groups_of(2.0)), both, places);
  CHECK(joined.kl.range.lower == doctest::Approx(eight.kl.range.lower));
  CHECK(joined.depths[0].recovered.value == doctest::Approx(eight.depths[0].recovered.value));
  CHECK(joined.depths[0].recovered.range.lower == doctest::Approx(eight.depths[0].recovered.range.lower));
  CHECK(joined.depths[0].entering.range.upper == doctest::Approx(eight.depths[0].entering.range.upper));
  CHECK(eight.depths[0].entering_odd.range.kind == interval_kind::refused);  // half of eight
  CHECK(joined.depths[0].entering_odd.range.kind == interval_kind::two_sided);
  CHECK_THROWS_WITH(profile_depths(groups_of(2.0), patched, std::vector<std::uint32_t>(3)),
                    doctest::Contains("a place for each"));
}

TEST_CASE("depth_patch: damage enters where the model was compressed, and is all recovered behind that") {
  const unit_bench bench = tiny_bench();
  const target_patterns second{.include = {"*layers.1.*"}};
  const unit_option option = bench.compress(rtn{.bits = 3}, second);
  const auto units = bench.units(unit_kind::layers, second);
  const runnable_model compressed = bench.ready(bench.assembled({&option, 1}, units, one_of_all(0, 1)));
  const depth_profile p = patch_depths(bench, compressed);
  REQUIRE(p.depths.size() == 4);
  CHECK(p.kl.value > 0.0);
  CHECK(p.depths[0].recovered.value == 0.0);
  CHECK(p.depths[1].recovered.value == 0.0);
  CHECK(p.depths[2].recovered.value == 1.0);
  CHECK(p.depths[2].entering.value == 1.0);
  CHECK(p.depths[3].recovered.value == 1.0);
  CHECK_THROWS_WITH(patch_depths(tiny_bench({.losses = false}), compressed), doctest::Contains("run to their end"));
}

TEST_CASE("depth_patch: a compressed embedding's damage enters before the first layer") {
  const unit_bench bench = tiny_bench();
  const target_patterns embedding{.include = {"gpt_neox.embed_in.weight", "embed_out.weight"}};
  const unit_option option = bench.compress(rtn{.bits = 3}, embedding);
  const auto units = bench.units(unit_kind::tensors, embedding);
  const runnable_model both = bench.ready(bench.assembled({&option, 1}, units, std::vector<std::size_t>{0, 0}));
  const depth_profile p = patch_depths(bench, both);
  CHECK(p.depths[0].recovered.value > 0.05);
  CHECK(p.depths[3].recovered.value == p.depths[0].recovered.value);
  CHECK(p.depths[3].recovered.value < 0.999);  // the unembedding's is left
}

}  // namespace locate_depth_patch_test
