// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/direction_audit.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "contrast_prompts.hpp"
#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "qfa/model/load.hpp"

namespace alignment_direction_audit_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";
constexpr std::size_t layers = 3, heads = 2, head_dim = 8;  // of tests/data/models/llama

const any_decoder& reference() {
  static const any_decoder model(load_model(models / "llama"));
  return model;
}
any_decoder with_cache(const cache_plan& plan) {
  any_decoder out = reference();
  out.use_cache(plan);
  return out;
}

/// Classes whose last two tokens are of different halves of the vocabulary.
contrast_prompts draw(unsigned seed) {
  return {qfa_test::draw_prompts(14, seed, 100, 0, 50), qfa_test::draw_prompts(11, seed + 50, 100, 50, 100)};
}
const contrast_prompts fitted = draw(1), held_out = draw(2);

constexpr control_options few{.permutations = 60, .axes = 5};

/// The direction of each layer at a hook, on the prompts that the audit fits on.
std::vector<std::vector<double>> directions(hook_kind kind) {
  std::vector<std::vector<double>> out;
  for (std::size_t l = 0; l < layers; ++l)
    out.push_back(find_direction(activations_at(reference(), fitted.harmful, hook_point{l, kind}, last_token()).view(),
                                 activations_at(reference(), fitted.harmless, hook_point{l, kind}, last_token()).view())
                      .unit);
  return out;
}
/// Some vector at right angles to each.
std::vector<std::vector<double>> across(const std::vector<std::vector<double>>& unit) {
  std::vector<std::vector<double>> out;
  for (const std::vector<double>& r : unit) {
    std::vector<double> u(r.size());
    for (std::size_t c = 0; c < u.size(); ++c)
      u[c] = c % 3 == 0 ? 1.0 : -0.25;
    const double along = inner_product(std::span<const double>(u), std::span<const double>(r));
    for (std::size_t c = 0; c < u.size(); ++c)
      u[c] -= along * r[c];
    out.push_back(u);
  }
  return out;
}

const direction_finding& at(const direction_findings& all, const direction_site& site) {
  for (const direction_finding& finding : all.sites)
    if (finding.site == site) return finding;
  FAIL("there is no finding at " << name_of(site));
  return all.sites.front();
}
direction_site in_cache(std::size_t layer, hook_kind kind, std::optional<std::size_t> head = {}) {
  return {{layer, kind}, head, error_source::in_cache};
}

void check_nothing_wrong(const direction_finding& finding) {
  CAPTURE(name_of(finding.site));
  CHECK(finding.separation > 0.0);
  CHECK(finding.vulnerable.direction.error.everywhere == 0.0);
  CHECK(std::isnan(finding.value(vulnerability_form::relative)));
  CHECK(std::isnan(finding.value(vulnerability_form::concentration)));
  CHECK(std::isnan(finding.value(vulnerability_form::margin)));
  CHECK(std::isnan(finding.vulnerable.among_permuted.concentration));
  CHECK(std::isnan(finding.bias_share()));
  CHECK(finding.detection.loss() == 0.0);
  CHECK(finding.detection.sign_flips.hits == 0);
  CHECK(finding.stability.cosine == doctest::Approx(1.0).epsilon(1e-12));
}

}  // namespace

TEST_CASE("audit_directions: a cache that changes nothing makes no error at all, and has no vulnerability") {
  const auto all = audit_directions(reference(), with_cache({qfa_test::planted_cache{}, layers}), fitted, held_out, 1,
                                    {.controls = few});
  CHECK(all.sites.size() == layers * (3 * (1 + heads) + 1));
  for (const direction_finding& finding : all.sites)
    check_nothing_wrong(finding);
  CHECK_THROWS_AS(all.worst(vulnerability_form::margin), error);
}

TEST_CASE("audit_directions: an error along the direction of keys is as concentrated as can be, in every head") {
  for (const cache_point point : {cache_point::before_rope, cache_point::after_rope}) {
    CAPTURE(names_of(point)[static_cast<std::size_t>(point)]);
    const hook_kind kind = point == cache_point::before_rope ? hook_kind::k : hook_kind::rot_k;
    const qfa_test::planted_cache planted{.point = point, .keys_along = directions(kind)};
    const auto all =
        audit_directions(reference(), with_cache({planted, layers}), fitted, held_out, 1, {.controls = few});
    for (std::size_t l = 0; l < layers; ++l) {
      CAPTURE(l);
      const direction_finding& whole = at(all, in_cache(l, kind));
      CHECK(whole.channels == heads * head_dim);
      CHECK(whole.value(vulnerability_form::concentration) == doctest::Approx(heads * head_dim).epsilon(1e-6));
      CHECK(whole.vulnerable.among_permuted.concentration == 100.0);
      CHECK(whole.vulnerable.among_axes.concentration == 100.0);
      for (std::size_t head = 0; head < heads; ++head) {
        const direction_finding& one = at(all, in_cache(l, kind, head));
        CHECK(one.channels == head_dim);
        CHECK(one.value(vulnerability_form::concentration) == doctest::Approx(head_dim).epsilon(1e-6));
        CHECK(one.vulnerable.among_permuted.concentration == 100.0);
      }
      // Turned to positions that differ, or turned back from them, it points elsewhere.
      const direction_finding& other = at(all, in_cache(l, kind == hook_kind::k ? hook_kind::rot_k : hook_kind::k));
      CHECK(other.value(vulnerability_form::concentration) < 0.95 * heads * head_dim);
      CHECK(other.vulnerable.direction.error.everywhere ==
            doctest::Approx(whole.vulnerable.direction.error.everywhere).epsilon(1e-5));
      check_nothing_wrong(at(all, in_cache(l, hook_kind::v)));
    }
    // Keys of the prompt change what its last token becomes.
    CHECK(at(all, {{2, hook_kind::resid_post}}).vulnerable.direction.error.everywhere > 0.0);
    const direction_finding& worst = all.worst(vulnerability_form::concentration);
    CHECK(worst.site.hook.kind == kind);
    CHECK(worst.channels == heads * head_dim);
  }
}

TEST_CASE("audit_directions: an error at right angles to the direction does not touch it") {
  const qfa_test::planted_cache planted{.keys_along = across(directions(hook_kind::k)),
                                        .values_along = across(directions(hook_kind::v))};
  const auto all = audit_directions(reference(), with_cache({planted, layers}), fitted, held_out, 1, {.controls = few});
  for (std::size_t l = 0; l < layers; ++l)
    for (const hook_kind kind : {hook_kind::k, hook_kind::v}) {
      const direction_finding& finding = at(all, in_cache(l, kind));
      CHECK(finding.vulnerable.direction.error.everywhere > 0.0);
      CHECK(finding.value(vulnerability_form::concentration) < 1e-8);
      CHECK(finding.value(vulnerability_form::margin) < 1e-8);
      CHECK(finding.vulnerable.among_permuted.concentration == 0.0);
      CHECK(std::fabs(finding.detection.loss()) < 1e-3);
      CHECK(finding.detection.sign_flips.hits == 0);
    }
}

TEST_CASE("audit_directions: an error of the values stays out of the keys, and shows on the other side") {
  const qfa_test::planted_cache planted{.values_along = directions(hook_kind::v), .size = 40.0};
  const auto all = audit_directions(reference(), with_cache({planted, layers}), fitted, held_out, 1, {.controls = few});
  for (std::size_t l = 0; l < layers; ++l) {
    const direction_finding& finding = at(all, in_cache(l, hook_kind::v));
    CHECK(finding.value(vulnerability_form::concentration) == doctest::Approx(heads * head_dim).epsilon(1e-6));
    // Larger than the margin, and up: every prompt that looked harmless looks harmful.
    const auto rows = [&](const qfa_test::token_lists& prompts) {
      return activations_at(reference(), prompts, hook_point{l, hook_kind::v}, last_token());
    };
    const contrast_direction r = find_direction(rows(fitted.harmful).view(), rows(fitted.harmless).view());
    std::size_t below = 0;
    for (const qfa_test::token_lists* prompts : {&held_out.harmful, &held_out.harmless})
      for (const double x : projections(rows(*prompts).view(), r.unit))
        below += x < r.midpoint;
    CHECK(below >= 8);
    CHECK(finding.detection.sign_flips.hits == below);
    CHECK(finding.bias_share() > 0.8);
    CHECK(finding.bias_share() < 1.0);
    check_nothing_wrong(at(all, in_cache(l, hook_kind::k)));
    check_nothing_wrong(at(all, in_cache(l, hook_kind::rot_k)));
  }
}

TEST_CASE("audit_directions: what passes on is that of the models themselves, fitted and measured on other prompts") {
  const any_decoder compressed = with_cache({qfa_test::rounding_cache{}, layers});
  const auto all =
      audit_directions(reference(), compressed, fitted, held_out, 3,
                       {.passed_on = {hook_kind::z, hook_kind::resid_post}, .heads = false, .controls = few});
  CHECK(all.sites.size() == layers * (3 + 2));
  // Where no cache is used there are no errors in it to look at.
  CHECK(audit_directions(reference(), reference(), fitted, held_out, 3, {.controls = few}).sites.size() == layers);
  const hook_point hook{1, hook_kind::z};
  const auto rows = [&](const any_decoder& model, const qfa_test::token_lists& prompts) {
    return activations_at(model, prompts, hook, last_token());
  };
  const activations a = rows(reference(), fitted.harmful), b = rows(reference(), fitted.harmless),
                    c = rows(compressed, fitted.harmful), d = rows(compressed, fitted.harmless),
                    e = rows(reference(), held_out.harmful), f = rows(reference(), held_out.harmless),
                    g = rows(compressed, held_out.harmful), h = rows(compressed, held_out.harmless);
  const auto expected = find_vulnerability({hook}, {a.view(), b.view(), c.view(), d.view()},
                                           {e.view(), f.view(), g.view(), h.view()}, 3, few);
  const direction_finding& found = at(all, {hook});
  CHECK(found.separation == expected.separation);
  CHECK(found.value(vulnerability_form::margin) == expected.value(vulnerability_form::margin));
  CHECK(found.vulnerable.among_permuted.margin == expected.vulnerable.among_permuted.margin);
  CHECK(found.detection.d_compressed == expected.detection.d_compressed);
  CHECK(found.stability.cosine == expected.stability.cosine);
  CHECK(found.stability.split_half == expected.stability.split_half);
}

TEST_CASE("audit_directions: policies whose attention reads what arrived show at a response's tokens") {
  const any_decoder compressed = with_cache({qfa_test::waiting_cache{.block = 2}, layers});
  CHECK_THROWS_AS(audit_directions(reference(), compressed, fitted, held_out, 1), error);
  const auto all = audit_directions(reference(), compressed, fitted, held_out, 1,
                                    {.position = response_token(), .response = {9}, .heads = false, .controls = few});
  CHECK(all.sites.size() == layers * 4);
  CHECK(at(all, {{2, hook_kind::resid_post}}).vulnerable.direction.error.everywhere > 0.0);
  // All prompts end with the same token: the first layer's keys know nothing else.
  const direction_finding& blind = at(all, in_cache(0, hook_kind::k));
  CHECK(blind.separation == 0.0);
  CHECK(std::isnan(blind.value(vulnerability_form::margin)));
  CHECK(at(all, in_cache(1, hook_kind::k)).separation > 0.0);
  // In the cache the prompt's own tokens show as well, where nothing is asked of the model itself.
  const auto prompt = audit_directions(reference(), compressed, fitted, held_out, 1,
                                       {.response = {9}, .passed_on = {}, .heads = false, .controls = few});
  CHECK(prompt.sites.size() == layers * 3);
  CHECK(at(prompt, in_cache(0, hook_kind::k)).value(vulnerability_form::margin) > 0.0);
}

TEST_CASE("audit_directions: the result is the same for every number of threads") {
  const any_decoder compressed = with_cache({qfa_test::rounding_cache{}, layers});
  const auto all = [&] {
    return audit_directions(reference(), compressed, fitted, held_out, 1,
                            {.heads = false, .controls = {.permutations = 10, .axes = 2}});
  };
  const direction_findings once = all();
  qfa_test::for_each_thread_count([&] {
    const direction_findings again = all();
    for (std::size_t i = 0; i < once.sites.size(); ++i) {
      CHECK(again.sites[i].site == once.sites[i].site);
      CHECK(again.sites[i].value(vulnerability_form::margin) == once.sites[i].value(vulnerability_form::margin));
      CHECK(again.sites[i].vulnerable.permuted[9].relative == once.sites[i].vulnerable.permuted[9].relative);
      CHECK(again.sites[i].detection.loss() == once.sites[i].detection.loss());
    }
  });
}

TEST_CASE("audit_directions: prompts that are in both sets are refused, and so are too few") {
  contrast_prompts shared = held_out;
  shared.harmless[4] = fitted.harmful[2];
  CHECK_THROWS_WITH(audit_directions(reference(), reference(), fitted, shared, 1),
                    "held-out prompt 4 of the harmless ones is among those that directions are fitted on");
  CHECK_THROWS_AS(audit_directions(reference(), reference(), fitted, fitted, 1), error);
  contrast_prompts few_prompts = held_out;
  few_prompts.harmful.resize(1);
  CHECK_THROWS_AS(audit_directions(reference(), reference(), fitted, few_prompts, 1), error);
  CHECK_THROWS_AS(audit_directions(reference(), reference(), few_prompts, fitted, 1), error);
  const any_decoder other(load_model(models / "phi3"));
  CHECK_THROWS_WITH(audit_directions(reference(), other, fitted, held_out, 1),
                    "directions can be compared in two models of one shape only");
}

}  // namespace alignment_direction_audit_test
