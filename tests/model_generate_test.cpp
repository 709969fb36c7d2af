// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/generate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "qfa/cache/spec.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/learn_cache.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "slow_cache.hpp"

namespace model_generate_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

/// Prompts of several lengths, two of them alike.
std::vector<std::vector<std::uint32_t>> prompts_of(const token_rows& tokens) {
  std::vector<std::vector<std::uint32_t>> out;
  for (const std::ptrdiff_t length : {4, 9, 4, 1, 7}) {
    const auto row = tokens.view().row(out.size() % tokens.rows());
    out.emplace_back(row.begin(), row.begin() + length);
  }
  return out;
}

}  // namespace

TEST_CASE("generate: greedy text is what whole passes choose, and with caches what the slow simulation does") {
  for (const std::string_view family : {"llama", "gemma2", "phi3"}) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const auto prompts = prompts_of(read_tokens(models / family / "tokens.npy", {}));
    for (const cache_plan& plan :
         {cache_plan{}, cache_plan(qfa_test::rounding_cache{cache_point::before_rope}, model.config().layers),
          cache_plan(qfa_test::waiting_cache{}, model.config().layers)}) {
      CAPTURE(plan.name());
      const auto texts = generate(model, prompts, {.max_new_tokens = 8}, plan);
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        qfa_test::slow_cache slow(model, plan);
        std::vector<std::uint32_t> next = prompts[p], expected;
        while (expected.size() < 8) {
          const std::vector<float> hidden = slow.call(next);
          activations logits;
          logits.resize(1, model.config().vocabulary);
          model.unembed({hidden.data() + (hidden.size() - model.config().hidden), 1, model.config().hidden},
                        logits.view());
          std::uint32_t best = 0;
          for (std::uint32_t id = 0; id < model.config().vocabulary; ++id)
            if (logits.values[id] > logits.values[best]) best = id;
          expected.push_back(best);
          next = {best};
        }
        CHECK(texts[p].tokens == expected);
        CHECK_FALSE(texts[p].ended);
      }
    }
  }
}

TEST_CASE("generate: under each cache that qfa lists, the bits of the slow and plain simulation") {
  const std::filesystem::path refuser = std::filesystem::path(QFA_TEST_DATA) / "../../examples/demo/refuser";
  const language_model weights = load_model(refuser / "model");
  const decoder<> model(weights);
  const any_decoder shown(weights);
  const token_rows text = read_tokens(refuser / "tokens.npy", {.context = 48, .max_tokens = 480});
  std::vector<std::vector<std::uint32_t>> prompts;
  for (const std::ptrdiff_t length : {33, 20, 33})
    prompts.emplace_back(text.view().row(prompts.size()).begin(), text.view().row(prompts.size()).begin() + length);
#ifdef QFA_HAS_KMEANS
  constexpr std::string_view with_levels = "kvquant_nuq2";
#else
  constexpr std::string_view with_levels;
#endif
  std::size_t tried = 0, changed = 0;
  const auto plain = generate(model, prompts, {.max_new_tokens = 12});
  for (const cache_entry& entry : default_cache_catalogue().entries()) {
    std::string spec = entry.name;
    for (const option_help& option : entry.options) {
      if (option.required)
        spec += (spec == entry.name ? ":" : ",") + option.key + "=" +
                (option.key == "of"     ? "(kivi:bits=2,group=16,residual=16)"
                 : option.key == "bits" ? "3"
                                        : "1");
      // Windows that texts as short as these go beyond.
      const std::string before = spec == entry.name ? ":" : ",";
      if (option.key == "nuq" && entry.name != with_levels) spec += before + "nuq=false";  // k-means takes a second
      if (option.key == "residual") spec += before + "residual=32";
    }
    CAPTURE(spec);
    const any_cache_policy policy = parse_cache(spec);
    const cache_plan plan = learn_cache(cache_plan(policy, weights.config.layers), shown, text);
    const auto texts = generate(model, prompts, {.max_new_tokens = 12}, plan);
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      qfa_test::slow_cache slow(model, plan);
      std::vector<std::uint32_t> next = prompts[p], expected;
      while (expected.size() < 12) {
        const std::vector<float> hidden = slow.call(next);
        activations logits;
        logits.resize(1, weights.config.vocabulary);
        model.unembed({hidden.data() + (hidden.size() - weights.config.hidden), 1, weights.config.hidden},
                      logits.view());
        expected.push_back(likeliest(logits.values));
        next = {expected.back()};
      }
      CHECK(texts[p].tokens == expected);
      changed += expected != plain[p].tokens ? 1U : 0U;
    }
    ++tried;
  }
  CHECK(tried == default_cache_catalogue().entries().size());
  CHECK(changed > 3);  // coarse ones say something else
}

TEST_CASE("generate: a text ends with its end token, and the others do not notice") {
  const any_decoder model(load_model(models / "llama"));
  const auto prompts = prompts_of(read_tokens(models / "llama" / "tokens.npy", {}));
  const auto free = generate(model, prompts, {.max_new_tokens = 12});
  const std::uint32_t end = free[1].tokens[3];
  const auto ended = generate(model, prompts, {.max_new_tokens = 12, .end = end});
  std::size_t short_ones = 0;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    std::vector<std::uint32_t> expected;
    for (const std::uint32_t id : free[p].tokens) {
      expected.push_back(id);
      if (id == end) break;
    }
    CHECK(ended[p].tokens == expected);
    CHECK(ended[p].ended == (expected.back() == end));
    short_ones += expected.size() < 12 ? 1U : 0U;
  }
  CHECK(short_ones >= 1);
  CHECK(short_ones < prompts.size());
}

TEST_CASE("generate: by whole passes, each token comes from one call over all before it") {
  const decoder<> model(load_model(models / "qwen2"));
  const auto prompts = prompts_of(read_tokens(models / "qwen2" / "tokens.npy", {}));
  const cache_plan plan(qfa_test::rounding_cache{cache_point::before_rope}, model.config().layers);
  const auto texts = generate(model, prompts, {.max_new_tokens = 6, .whole_passes = true}, plan);
  std::size_t differ = 0;
  const auto cached = generate(model, prompts, {.max_new_tokens = 6}, plan);
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    std::vector<std::uint32_t> text = prompts[p];
    for (const std::uint32_t id : texts[p].tokens) {
      const std::vector<float> hidden = qfa_test::slow_cache(model, plan).call(text);
      activations logits;
      logits.resize(1, model.config().vocabulary);
      model.unembed({hidden.data() + (hidden.size() - model.config().hidden), 1, model.config().hidden}, logits.view());
      CHECK(id == likeliest(logits.values));
      text.push_back(id);
    }
    CHECK(text.size() == prompts[p].size() + 6);
    differ += cached[p].tokens != texts[p].tokens ? 1U : 0U;
  }
  // Rounding looks at each number alone: here it makes no difference when a token came.
  CHECK(differ == 0);
}

TEST_CASE("generate: sampling depends on the seed, not on threads or on the order of work") {
  const any_decoder model(load_model(models / "mistral"));
  const auto prompts = prompts_of(read_tokens(models / "mistral" / "tokens.npy", {}));
  const generate_options options{.max_new_tokens = 6, .temperature = 1.0, .top_k = 20, .seed = 5};
  std::vector<std::vector<std::uint32_t>> first;
  for (const generated_text& text : generate(model, prompts, options))
    first.push_back(text.tokens);
  qfa_test::for_each_thread_count([&] {
    const auto again = generate(model, prompts, options);
    for (std::size_t p = 0; p < prompts.size(); ++p)
      CHECK(again[p].tokens == first[p]);
  });
  generate_options other = options;
  other.seed = 6;
  CHECK(generate(model, prompts, other)[0].tokens != first[0]);
  // The first two prompts alone: theirs are the same numbers.
  const auto two = generate(model, std::span(prompts).first(2), options);
  CHECK(two[1].tokens == first[1]);
}

TEST_CASE("generate: a number below 1 chooses by cumulative probability among the k likeliest") {
  const std::vector<float> logits{0.0f, std::log(4.0f), 0.0f, std::log(2.0f)};  // 1/8, 4/8, 1/8, 2/8
  const generate_options all{.temperature = 1.0};
  CHECK(sampled(logits, all, 0.0) == 1);
  CHECK(sampled(logits, all, 0.49) == 1);
  CHECK(sampled(logits, all, 0.51) == 3);
  CHECK(sampled(logits, all, 0.74) == 3);
  CHECK(sampled(logits, all, 0.76) == 0);  // the lower id of two equals first
  CHECK(sampled(logits, all, 0.88) == 2);
  CHECK(sampled(logits, all, 0.9999999) == 2);
  CHECK(sampled(logits, {.temperature = 1.0, .top_k = 2}, 0.66) == 1);
  CHECK(sampled(logits, {.temperature = 1.0, .top_k = 2}, 0.67) == 3);
  CHECK(sampled(logits, {.temperature = 0.5}, 0.72) == 1);  // 16 of 22
  CHECK(sampled(logits, {.temperature = 0.5}, 0.73) == 3);
  CHECK(likeliest(std::vector<float>{1.0f, 3.0f, 3.0f}) == 1);
}

TEST_CASE("generate: an empty prompt is refused, and nothing asked for is nothing") {
  const any_decoder model(load_model(models / "llama"));
  const std::vector<std::vector<std::uint32_t>> empty(1), one{{1}};
  CHECK_THROWS_WITH(generate(model, empty, {}), "a prompt needs at least one token");
  CHECK(generate(model, one, {.max_new_tokens = 0})[0].tokens.empty());
}

}  // namespace model_generate_test
