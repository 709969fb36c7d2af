// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/direction_finding.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "made_up.hpp"

namespace alignment_direction_finding_test {

using namespace qfa;

namespace {

constexpr std::size_t channels = 6;

/// Rows around +axis or -axis, with noise, on both sides of a made-up compression.
struct class_rows {
  std::vector<float> reference, compressed;

  matrix_view<const float> view(const std::vector<float>& x) const { return {x.data(), x.size() / channels, channels}; }
};

/// Harmful prompts have `gap` in channel 0; compression adds `error` times a number of the prompt's own to channel
/// `hit`, and `bias` besides.
class_rows draw_class(std::size_t n, unsigned seed, float gap, std::size_t hit, float error, float bias = 0.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  class_rows out;
  for (std::size_t r = 0; r < n; ++r) {
    std::vector<float> row(channels);
    for (float& x : row)
      x = normal(random);
    row[0] = 0.25f * row[0] + gap;
    out.reference.insert(out.reference.end(), row.begin(), row.end());
    row[hit] += error * normal(random) + bias;
    out.compressed.insert(out.compressed.end(), row.begin(), row.end());
  }
  return out;
}

struct both_classes {
  class_rows harmful, harmless;

  both_classes(unsigned seed, std::size_t hit, float error, float bias = 0.0f)
      : harmful(draw_class(12, seed, 2.0f, hit, error, bias)),
        harmless(draw_class(9, seed + 100, -2.0f, hit, error, bias)) {}
  paired_activations view() const {
    return {harmful.view(harmful.reference), harmless.view(harmless.reference), harmful.view(harmful.compressed),
            harmless.view(harmless.compressed)};
  }
};

direction_finding made_up(std::size_t layer, double margin) {
  direction_finding out{.site = {{layer, hook_kind::k}, {}, error_source::in_cache}};
  out.vulnerable.direction.all.margin = margin;
  return out;
}

}  // namespace

TEST_CASE("find_vulnerability: everything but stability is measured on the prompts held out") {
  const both_classes fitted(1, 3, 0.5f), held_out(2, 0, 0.5f, 0.25f);
  const direction_site site{{2, hook_kind::v}, 1, error_source::in_cache};
  const auto found = find_vulnerability(site, fitted.view(), held_out.view(), 7, {.permutations = 30, .axes = 4});
  const contrast_direction r = find_direction(fitted.view().harmful, fitted.view().harmless);
  CHECK(found.site == site);
  CHECK(found.channels == channels);
  CHECK(found.separation == r.separation);
  const vulnerability v = vulnerability_meter(held_out.view())(subspace(r));
  CHECK(found.vulnerable.direction.error.everywhere == v.error.everywhere);
  CHECK(found.value(vulnerability_form::relative) == v.all.relative);
  CHECK(found.value(vulnerability_form::concentration) == v.all.concentration);
  CHECK(found.value(vulnerability_form::margin) == v.all.margin);
  CHECK(found.vulnerable.permuted.size() == 30);
  CHECK(found.vulnerable.axes.size() == 4);
  const detection_loss d = compare_detection(r, held_out.view());
  CHECK(found.detection.d_reference == d.d_reference);
  CHECK(found.detection.d_compressed == d.d_compressed);
  CHECK(found.detection.sign_flips.trials == 21);
  const direction_stability s = stability_of(fitted.view());
  CHECK(found.stability.cosine == s.cosine);
  CHECK(found.stability.split_half == s.split_half);
  CHECK(found.stability.cosine < 1.0);
  CHECK(found.bias_share() == v.bias.inside / v.error.inside);
  CHECK(found.bias_share() > 0.01);
  CHECK(found.bias_share() < 1.0);
}

TEST_CASE("find_vulnerability: the percentiles are those among the seed's permutations") {
  const both_classes fitted(3, 0, 0.5f), held_out(4, 0, 0.5f);
  const auto found = [&](std::uint64_t seed) {
    return find_vulnerability({}, fitted.view(), held_out.view(), seed, {.permutations = 40, .axes = 3});
  };
  const auto once = found(1), again = found(1), other = found(2);
  std::size_t below = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(once.vulnerable.permuted[i].margin == again.vulnerable.permuted[i].margin);
    below += once.vulnerable.permuted[i].concentration < once.value(vulnerability_form::concentration);
  }
  CHECK(once.vulnerable.permuted[0].margin != other.vulnerable.permuted[0].margin);
  CHECK(once.vulnerable.among_permuted.concentration == 100.0 * static_cast<double>(below) / 40.0);
  CHECK(once.vulnerable.among_permuted.concentration > 90.0);
}

TEST_CASE("find_vulnerability: where prompts have no difference of means, nothing is claimed") {
  both_classes fitted(5, 1, 0.5f);
  const both_classes held_out(6, 1, 0.5f);
  for (std::size_t i = 0; i < fitted.harmful.reference.size(); ++i)
    fitted.harmful.reference[i] = static_cast<float>(i % channels) / 3.0f;
  for (std::size_t i = 0; i < fitted.harmless.reference.size(); ++i)
    fitted.harmless.reference[i] = static_cast<float>(i % channels) / 3.0f;
  CHECK_FALSE(has_direction(fitted.view().harmful, fitted.view().harmless));
  const auto found = find_vulnerability({}, fitted.view(), held_out.view(), 1);
  CHECK(found.separation == 0.0);
  for (const vulnerability_form form :
       {vulnerability_form::relative, vulnerability_form::concentration, vulnerability_form::margin})
    CHECK(std::isnan(found.value(form)));
  CHECK(std::isnan(found.vulnerable.among_permuted.margin));
  CHECK(std::isnan(found.vulnerable.among_axes.relative));
  CHECK(std::isnan(found.detection.loss()));
  CHECK(std::isnan(found.stability.cosine));
  CHECK(std::isnan(found.stability.split_half));
  CHECK(std::isnan(found.bias_share()));
}

TEST_CASE("find_vulnerability: where tokens of two kinds decide all, controls without a direction are left out") {
  // Of two rows, 6 and 2 in one class, 4 and 4 in the other: where other labels have 5 and 3 in each, means are alike.
  std::vector<float> harmful, harmless;
  for (std::size_t r = 0; r < 8; ++r)
    for (std::size_t c = 0; c < channels; ++c) {
      harmful.push_back(r / 2 % 2 == 0 || r >= 6 ? 1.0f : 2.0f);
      harmless.push_back(r / 2 % 2 == 0 ? 2.0f : 1.0f);
    }
  const matrix_view<const float> a(harmful.data(), 8, channels), b(harmless.data(), 8, channels);
  REQUIRE(has_direction(a, b));
  const both_classes held_out(9, 1, 0.5f);
  const auto found = find_vulnerability({}, {a, b, a, b}, held_out.view(), 1, {.permutations = 50});
  CHECK(found.value(vulnerability_form::margin) > 0.0);
  CHECK(std::isnan(found.vulnerable.among_permuted.margin));
  CHECK(found.stability.cosine == doctest::Approx(1.0));
  CHECK(found.detection.sign_flips.trials == 21);
}

TEST_CASE("find_vulnerability: activations that are not finite are refused in either set and model") {
  for (const auto member : {&paired_activations::harmful, &paired_activations::harmless_compressed}) {
    const both_classes good(1, 3, 0.5f), other(2, 3, 0.5f);
    std::vector<float> bad(channels * 12, 1.0f);
    bad[7] = std::numeric_limits<float>::infinity();
    paired_activations broken = good.view();
    broken.*member = {bad.data(), (broken.*member).rows(), channels};
    CHECK_THROWS_AS(find_vulnerability({}, broken, other.view(), 1), error);
    CHECK_THROWS_AS(find_vulnerability({}, other.view(), broken, 1), error);
  }
}

TEST_CASE("find_vulnerability: a compression that leaves no direction has no cosine, and all else") {
  both_classes fitted(7, 1, 0.5f);
  const both_classes held_out(8, 1, 0.5f);
  std::fill(fitted.harmful.compressed.begin(), fitted.harmful.compressed.end(), 1.0f);
  std::fill(fitted.harmless.compressed.begin(), fitted.harmless.compressed.end(), 1.0f);
  const auto found = find_vulnerability({}, fitted.view(), held_out.view(), 1);
  CHECK(std::isnan(found.stability.cosine));
  CHECK(found.stability.split_half > 0.5);
  CHECK(found.value(vulnerability_form::margin) > 0.0);
}

TEST_CASE("direction_findings: the most vulnerable come first, equals by site, those without a value last") {
  direction_findings all;
  all.sites = {made_up(0, qfa_test::not_a_number), made_up(1, 2.0), made_up(2, 7.0), made_up(3, 2.0), made_up(4, 0.0)};
  CHECK(all.ranked(vulnerability_form::margin) == std::vector<std::size_t>{2, 1, 3, 4, 0});
  CHECK(all.worst(vulnerability_form::margin).site.hook.layer == 2);
  CHECK_THROWS_WITH(all.worst(vulnerability_form::relative),
                    "no site has a vulnerability: there is no error, or no direction");
  CHECK_THROWS_AS(direction_findings{}.worst(vulnerability_form::margin), error);
}

TEST_CASE("direction_findings: those of different layers merge into the order of the sites, in any order") {
  direction_findings early, late;
  early.sites = {made_up(0, 1.0), made_up(2, 3.0)};
  late.sites = {made_up(1, 2.0), made_up(3, 4.0)};
  direction_findings forward = early, backward = late;
  forward += late;
  backward += early;
  for (const direction_findings& merged : {forward, backward}) {
    REQUIRE(merged.sites.size() == 4);
    for (std::size_t l = 0; l < 4; ++l) {
      CHECK(merged.sites[l].site.hook.layer == l);
      CHECK(merged.sites[l].value(vulnerability_form::margin) == static_cast<double>(l + 1));
    }
  }
  CHECK_THROWS_WITH(forward += early, "the direction at blocks.0.attn.hook_k in_cache was found twice");
  CHECK(forward.sites.size() == 4);
  direction_findings none;
  none += late;
  late += direction_findings{};
  CHECK(none.sites.size() == 2);
  CHECK(late.sites.size() == 2);
}

TEST_CASE("vulnerability_form: the names are distinct, the values each form's own") {
  const auto& names = names_of(vulnerability_form{});
  CHECK(std::set<std::string_view>(names.begin(), names.end()).size() == names.size());
  const vulnerability_ratios v{1.0, 2.0, 3.0};
  CHECK(value_of(v, vulnerability_form::relative) == 1.0);
  CHECK(value_of(v, vulnerability_form::concentration) == 2.0);
  CHECK(value_of(v, vulnerability_form::margin) == 3.0);
}

}  // namespace alignment_direction_finding_test
