// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/variant_contrast.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "controls_made_up.hpp"
#include "qfa/controls/run_controls.hpp"

namespace controls_variant_contrast_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr std::size_t d = 24, width = 48, rows = 64, context = 48;

/// Activations that are sums of few of 48 directions, each on a twentieth of the tokens, and the same with isotropic
/// noise: what a dictionary of these directions has learned, and no other.
struct made_up_model {
  sae learned;
  std::vector<float> x, y;

  explicit made_up_model(unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    learned.d_in = d;
    learned.d_sae = width;
    learned.activation = activation_kind::jump_relu;
    learned.w_enc.resize(d * width);
    learned.w_dec.resize(width * d);
    learned.b_enc.assign(width, 0.0f);
    learned.b_dec.assign(d, 0.0f);
    learned.threshold.assign(width, 1.5f);
    for (std::size_t j = 0; j < width; ++j) {
      float squares = 0.0f;
      for (std::size_t i = 0; i < d; ++i) {
        const float w = learned.w_dec[j * d + i] = normal(random);
        squares += w * w;
      }
      for (std::size_t i = 0; i < d; ++i)
        learned.w_enc[i * width + j] = learned.w_dec[j * d + i] /= std::sqrt(squares);
    }
    x.resize(rows * context * d);
    for (std::size_t t = 0; t < rows * context; ++t)
      for (std::size_t j = 0; j < width; ++j) {
        if (random() % 20 != 0) continue;
        const float size = 3.0f + std::fabs(normal(random));
        for (std::size_t i = 0; i < d; ++i)
          x[t * d + i] += size * learned.w_dec[j * d + i];
      }
    y = x;
    for (float& v : y)
      v += 0.3f * normal(random);
  }

  static matrix_view<const float> view(const std::vector<float>& v) { return {v.data(), rows * context, d}; }

  measured_variant measure(const control_material& with, const std::string& what) const {
    variant_beside v(what, with);
    v.add_reference(0, view(x));
    v.begin("noise");
    v.add(0, view(y));
    v.end();
    return *v.found();
  }
};

/// What is decided where `trained` is the SAE of the audit: against a random dictionary, and against a rotated one.
std::vector<variant_contrast> decided(const made_up_model& m, const sae& trained) {
  control_material with;
  with.dictionary = trained;
  with.rows.context = context;
  with.rows.ids.assign(rows * context, 0);
  feature_audit reference(trained, {rows, context, 0});
  reference.add_reference(made_up_model::view(m.x));
  const std::vector<double> rates = reference.reference().side.firing_rates();
  const std::vector<float> inputs = encoder_inputs(trained, made_up_model::view(m.x));
  const measured_variant itself = m.measure(with, "as audited");
  audited_samples audited{itself.counted, itself.counted, itself.samples};
  std::vector<variant_contrast> out;
  for (const variant_choice& choice : detail::unlearned_choices(with, inputs, rates)) {
    const survival_variant found = hold_against(m.measure(choice.make(), choice.what), choice.kind, audited);
    out.push_back(found.conditions.at(0).against);
  }
  return out;
}

/// A dictionary that has learned nothing of the model's, of features that fire as often.
sae unlearned_dictionary(const made_up_model& m, std::uint64_t seed) {
  sae out = random_sae(m.learned, seed);
  set_firing_rates(out, made_up_model::view(m.x), std::vector<double>(width, 0.05));
  return out;
}

}  // namespace

TEST_CASE("variant_contrast: damage tells of a dictionary that has learned, and is a draw of one that has not") {
  std::size_t draws = 0;
  for (unsigned seed = 1; seed <= 6; ++seed) {
    const made_up_model m(seed);
    for (const variant_contrast& c : decided(m, m.learned)) {
      CHECK(c.features > 40);
      CHECK(decision(variant_kind::unlearned, c) == "learned features are damaged less");
    }
    for (const variant_contrast& c : decided(m, unlearned_dictionary(m, 100 + seed)))
      draws += decision(variant_kind::unlearned, c) == "a draw";
  }
  CHECK(draws >= 11);  // of 12, each of which is none by chance 1 time in 20
}

TEST_CASE("error_over_families: of families of one that of a mean, and of equal members that of the families") {
  const std::vector<double> values{1.0, 2.0, 4.0, 9.0};
  const std::vector<std::uint32_t> alone{0, 1, 2, 3};
  // The standard error of the mean of 1 2 4 9: sqrt(38 / 3 / 4).
  CHECK(error_over_families(values, alone) == doctest::Approx(std::sqrt(38.0 / 12.0)));
  const std::vector<double> twice{1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 9.0, 9.0};
  const std::vector<std::uint32_t> pairs{5, 5, 1, 1, 7, 7, 3, 3};
  CHECK(error_over_families(twice, pairs) == doctest::Approx(std::sqrt(38.0 / 12.0)));
  CHECK(std::isnan(error_over_families(values, std::vector<std::uint32_t>(4, 2))));
}

TEST_CASE("widen: squares add up, with Satterthwaite's degrees of freedom") {
  estimate e;
  e.value = 0.5;
  e.range.kind = interval_kind::two_sided;
  e.range.standard_error = 0.3;
  e.range.dof = 10.0;
  widen(e, 0.4, 20.0);
  CHECK(e.range.standard_error == doctest::Approx(0.5));
  // 0.25^2 / (0.09^2 / 10 + 0.16^2 / 20) = 29.904, and t at 97.5 % there (scipy.stats.t.ppf) is 2.042547.
  CHECK(e.range.dof == doctest::Approx(29.9043).epsilon(1e-5));
  CHECK(e.range.upper == doctest::Approx(0.5 + 0.5 * 2.042547).epsilon(1e-5));
  CHECK(e.range.lower == doctest::Approx(0.5 - 0.5 * 2.042547).epsilon(1e-5));
  widen(e, std::nan(""), 20.0);
  CHECK(e.range.kind == interval_kind::refused);
}

TEST_CASE("contrast_with_variant: features that both count, each against itself, the same groups left out") {
  const std::vector<float> loss = losses(
      40, [](std::size_t f) { return f % 2 == 0; }, 0.8f, 0.3f);
  const std::vector<std::uint32_t> all = all_features(40);
  std::vector<std::uint32_t> some;
  for (std::uint32_t f = 3; f < 40; f += 2)
    some.push_back(f);
  const damage_sample whole = lossy_sample(loss, 1), part = sample_of(lossy_table(loss, 2), some, "part");
  const variant_contrast c = contrast_with_variant(whole, all, part, some);
  CHECK(c.features == 19);
  const auto gap = [&](std::size_t g) {
    double sum = 0.0;
    for (std::size_t k = 0; k < some.size(); ++k)
      sum += whole.without(g)[some[k]] - part.without(g)[k];
    return sum / 19.0;
  };
  const estimate expected = jackknife(gap(16), 16, gap);
  CHECK(c.more_mean_r.value == doctest::Approx(expected.value));
  CHECK(c.more_mean_r.range.lower == doctest::Approx(expected.range.lower));
  CHECK(std::fabs(c.more_survived.value) < 1e-12);  // all of them survive both
  // Where features are a sample, the interval is wider.
  const variant_contrast wider = contrast_with_variant(whole, all, part, some, all);
  CHECK(wider.more_mean_r.value == c.more_mean_r.value);
  CHECK(wider.more_mean_r.range.lower < c.more_mean_r.range.lower);
  CHECK(contrast_with_variant(whole, all, part, some, std::vector<std::uint32_t>(40, 7)).more_mean_r.range.reason ==
        "fewer than 8 families of features");
  damage_sample other = part;
  other.groups = 8;
  CHECK(!contrast_with_variant(whole, all, other, some).more_mean_r.range.reason.empty());
  CHECK_THROWS_AS(contrast_with_variant(whole, some, part, some), error);
}

TEST_CASE("decision: by where the interval lies, and nothing without one") {
  variant_contrast c;
  CHECK(decision(variant_kind::unlearned, c) == "undetermined");
  CHECK(decision(variant_kind::positions, c) == "undetermined");
  c.more_mean_r.range = {.lower = 0.1, .upper = 0.2, .kind = interval_kind::two_sided};
  CHECK(decision(variant_kind::unlearned, c) == "learned features are damaged less");
  CHECK(decision(variant_kind::positions, c) == "survival is lower so");
  c.more_mean_r.range.lower = -0.3;
  CHECK(decision(variant_kind::unlearned, c) == "a draw");
  CHECK(decision(variant_kind::bos, c) == "not told apart");
  c.more_mean_r.range.upper = -0.2;
  CHECK(decision(variant_kind::unlearned, c) == "learned features are damaged more");
  CHECK(decision(variant_kind::gate, c) == "survival is higher so");
}

}  // namespace controls_variant_contrast_test
