// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/measured_cache.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "made_up_caches.hpp"
#include "planted_refusals.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace alignment_measured_cache_test {

using namespace qfa;
using namespace qfa_test;

namespace {

answering through(const planted_refusals& p, const std::string& spec) {
  return answering(parse_cache_plan(spec, p.model.config.layers));
}

/// Nats per token, by logits of one row after the other, in double.
double mean_loss(const planted_refusals& p, const cache_plan& plan, const cache_schedule& schedule = {}) {
  any_decoder model(p.model);
  model.use_cache(plan, schedule);
  double nats = 0.0;
  std::size_t tokens = 0;
  for (std::size_t r = 0; r < p.text.rows(); ++r) {
    const matrix_view<const std::uint32_t> row(p.text.ids.data() + r * p.text.context, 1, p.text.context);
    const activations logits = model.logits(row);
    for (std::size_t t = 0; t + 1 < p.text.context; ++t) {
      double largest = -1e300, sum = 0.0;
      for (const float x : logits.view().row(t))
        largest = (std::max)(largest, static_cast<double>(x));
      for (const float x : logits.view().row(t))
        sum += std::exp(static_cast<double>(x) - largest);
      nats += largest + std::log(sum) - static_cast<double>(logits.view().row(t)[row.row(0)[t + 1]]);
      ++tokens;
    }
  }
  return nats / static_cast<double>(tokens);
}

/// Text of whose words some begin to be refused: quantized caches change its loss.
planted_refusals with_text(std::size_t rows) {
  planted_refusals p = planted_outlier_crushes_safety();
  p.text = {.context = 6};
  for (std::size_t r = 0; r < rows; ++r)
    for (const std::uint32_t t :
         {0U, planted::first_content + static_cast<std::uint32_t>(r % 8), 17U, 9U, 10U, planted::refuse})
      p.text.ids.push_back(t);
  return p;
}

}  // namespace

TEST_CASE("cache_meter: what changes nothing has a ratio of exactly 1, no flips and 16 bits") {
  const planted_refusals p = planted_mixed();
  behavior asked = p.asked();
  cache_meter measure(asked, p.text, prompt_split::test);
  for (const answering& who : {answering(), through(p, "0=none"), through(p, "section4:bits=16")}) {
    const measured_cache found = measure(who);
    CHECK(found.name == who.name);
    CHECK(found.perplexity_ratio == 1.0);
    CHECK(found.bits_per_element == 16.0);
    CHECK_FALSE(found.bits.has_value());
    CHECK(found.harmful.count(verdict::refused, verdict::refused) == 40);
    CHECK(found.harmless.count(verdict::complied, verdict::complied) == 10);
    CHECK(found.all().prompts() == 50);
  }
}

TEST_CASE("cache_meter: flips are of one split, harmful and harmless prompts apart") {
  const planted_refusals p = planted_mixed();
  behavior asked =
      p.asked(scripted(p.prompts, [](const std::string& condition) { return condition == "reference" ? 0 : 9; }));
  cache_meter fit(asked, {}, prompt_split::fit), test(asked, {}, prompt_split::test);
  CHECK(test.harmful() == p.harmful(prompt_split::test));
  CHECK(test.harmless() == p.prompts.of(prompt_label::harmless, prompt_split::test));
  const measured_cache found = test(through(p, "section4:bits=3"), 3);
  CHECK(found.bits == 3.0);
  CHECK(summarize(found.harmful).conditional == proportion{9, test.harmful().size()});
  CHECK(found.harmless.prompts() == test.harmless().size());
  CHECK(found.all().prompts() == test.harmful().size() + test.harmless().size());
  CHECK(fit.harmful() == p.harmful(prompt_split::fit));
}

TEST_CASE("cache_meter: perplexity is of the text as it passes through the cache, in one call") {
  const planted_refusals p = with_text(8);
  behavior asked = p.asked();
  cache_meter measure(asked, p.text, prompt_split::test);
  const answering who = through(p, "section5:bits=3");
  const double before = mean_loss(p, {}), after = mean_loss(p, who.plan);
  REQUIRE(std::abs(after - before) > 0.01);
  const measured_cache found = measure(who);
  CHECK(found.text.tokens == 40);
  CHECK(found.text.mean() == doctest::Approx(after).epsilon(1e-6));
  CHECK(measure.loss({}).mean() == doctest::Approx(before).epsilon(1e-6));
  CHECK(found.perplexity_ratio == doctest::Approx(std::exp(after - before)).epsilon(1e-6));
  // A second question has the same answer: nothing is added up twice.
  CHECK(measure(who).text == found.text);
}

TEST_CASE("cache_meter: where attention reads what arrives, text comes token by token") {
  const planted_refusals p = with_text(4);
  behavior asked = p.asked();
  cache_meter measure(asked, p.text, prompt_split::test);
  const answering who(cache_plan(waiting_cache{.block = 2}, p.model.config.layers));
  const double expected = mean_loss(p, who.plan, {.prefill = 1, .step = 1});
  CHECK(measure.loss(who).mean() == doctest::Approx(expected).epsilon(1e-6));
  CHECK(measure.loss(who).mean() != measure.loss({}).mean());
  const measured_cache found = measure(who);
  CHECK_FALSE(found.bits_per_element.has_value());
  CHECK_FALSE(measure.layer_bits(who.plan).has_value());
}

TEST_CASE("cache_meter: much text is scored in portions, every row of it once") {
  const planted_refusals many = with_text(1368), few = with_text(8);  // 2 portions and a little of 682 rows each
  behavior asked = many.asked();
  cache_meter measure(asked, many.text, prompt_split::test), small(asked, few.text, prompt_split::test);
  const answering who = through(many, "1=section5:bits=3");
  CHECK(measure.loss(who).tokens == 1368 * 5);
  // 1368 = 171 x 8 rows, the same 8 again and again.
  CHECK(measure.loss(who).mean() == doctest::Approx(small.loss(who).mean()).epsilon(1e-12));
}

TEST_CASE("cache_meter: without text nothing is known of perplexity") {
  const planted_refusals p = planted_outlier_crushes_safety();
  behavior asked = p.asked();
  cache_meter measure(asked, {}, prompt_split::test);
  const measured_cache found = measure({});
  CHECK(std::isnan(found.perplexity_ratio));
  CHECK(found.text.tokens == 0);
}

TEST_CASE("cache_meter: bits are of all layers, scales included") {
  const planted_refusals p = planted_outlier_crushes_safety();
  behavior asked = p.asked();
  const cache_meter measure(asked, {}, prompt_split::test, 100);
  const auto bits = [&](const std::string& spec) { return measure.bits_per_element(through(p, spec).plan).value(); };
  // A token has 64 codes, a scale and a zero point.
  CHECK(bits("section4:bits=5") == doctest::Approx(5.0 + (32.0 + 5.0) / 64.0));
  CHECK(bits("section4:bits=5;2=none") == doctest::Approx(0.75 * (5.0 + 37.0 / 64.0) + 0.25 * 16.0));
  CHECK(bits("uniform:bits=3,range=symmetric,keys=channel,values=channel") == doctest::Approx(3.0 + 32.0 / 100.0));
  const std::vector<double> layers = measure.layer_bits(through(p, "section4:bits=5;2=none").plan).value();
  REQUIRE(layers.size() == 4);
  CHECK(layers[2] == 2 * 64 * 100 * 16.0);
  CHECK(layers[0] == doctest::Approx(2 * 64 * 100 * (5.0 + 37.0 / 64.0)));
  CHECK(layers[3] == layers[0]);
  CHECK(measure.layer_bits({}).value() == std::vector<double>(4, 2 * 64 * 100 * 16.0));
}

}  // namespace alignment_measured_cache_test
