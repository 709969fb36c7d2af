// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/cached_texts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "slow_cache.hpp"

namespace model_cached_texts_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

/// Final hidden states, (rows, context, hidden), of texts whose tokens come in calls of the given sizes.
std::vector<float> in_calls(const decoder<>& model, const token_rows& tokens, const std::vector<std::size_t>& calls,
                            std::vector<kv_cache>& caches) {
  const std::size_t hidden = model.config().hidden, rows = tokens.rows();
  std::vector<float> out(tokens.ids.size() * hidden);
  forward_scratch scratch;
  std::size_t done = 0;
  for (const std::size_t n : calls) {
    std::vector<std::uint32_t> part;
    for (std::size_t r = 0; r < rows; ++r)
      part.insert(part.end(), tokens.view().row(r).begin() + static_cast<std::ptrdiff_t>(done),
                  tokens.view().row(r).begin() + static_cast<std::ptrdiff_t>(done + n));
    const activations x = model.extend(matrix_view<const std::uint32_t>(part.data(), rows, n), caches,
                                       {.final_hidden = true}, no_visitor{}, scratch);
    for (std::size_t r = 0; r < rows; ++r)
      std::copy_n(x.values.begin() + static_cast<std::ptrdiff_t>(r * n * hidden), n * hidden,
                  out.begin() + static_cast<std::ptrdiff_t>((r * tokens.context + done) * hidden));
    done += n;
  }
  return out;
}

std::vector<std::size_t> one_by_one_from(std::size_t first, std::size_t context) {
  std::vector<std::size_t> out{first};
  out.resize(1 + context - first, 1);
  return out;
}

}  // namespace

TEST_CASE("cached_texts: with nothing quantized, every split into calls gives the bits of one pass") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const token_rows tokens = read_tokens(models / family / "tokens.npy", {});
    const std::vector<float> whole = model.final_hidden(tokens.view()).values;
    for (const cache_point point : {cache_point::after_rope, cache_point::before_rope}) {
      const auto keep = [point](std::size_t layers) {
        struct keeping {
          cache_point point;
          void operator()(matrix_view<float>, matrix_view<float>, const cache_update&) const noexcept {}
        };
        return cache_plan(any_cache_policy(keeping{point}, "keeping"), layers);
      };
      for (const auto& calls : {one_by_one_from(1, tokens.context),
                                one_by_one_from(tokens.context - 2, tokens.context),
                                std::vector<std::size_t>{5, tokens.context - 5},
                                {tokens.context}}) {
        std::vector<kv_cache> caches(tokens.rows(), kv_cache(model.config(), keep(model.config().layers)));
        CHECK(in_calls(model, tokens, calls, caches) == whole);
        CHECK(caches.back().tokens() == tokens.context);
      }
    }
  }
}

TEST_CASE("cached_texts: every policy gives the bits of the slow and plain simulation, on any number of threads") {
  for (const std::string_view family : {"llama", "gemma2", "gpt_neox"}) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const token_rows tokens = read_tokens(models / family / "tokens.npy", {});
    const std::size_t layers = model.config().layers;
    for (const cache_point point : {cache_point::after_rope, cache_point::before_rope})
      for (const attention_reads reads : {attention_reads::stored, attention_reads::arrived})
        for (const bool waits : {false, true}) {
          CAPTURE(point);
          CAPTURE(reads);
          CAPTURE(waits);
          any_cache_policy policy = qfa_test::rounding_cache{point, reads};
          if (waits) policy = qfa_test::waiting_cache{point, reads};
          cache_plan plan(policy, layers);
          if (waits) plan[0] = qfa_test::rounding_cache{cache_point::after_rope, attention_reads::stored, 0.125f};
          const std::vector<std::size_t> calls = one_by_one_from(6, tokens.context);
          std::vector<float> expected;
          std::vector<qfa_test::slow_cache> slow;
          for (std::size_t r = 0; r < tokens.rows(); ++r) {
            slow.emplace_back(model, plan);
            std::size_t done = 0;
            for (const std::size_t n : calls) {
              const std::vector<float> part = slow.back().call(tokens.view().row(r).subspan(done, n));
              expected.insert(expected.end(), part.begin(), part.end());
              done += n;
            }
          }
          qfa_test::for_each_thread_count([&] {
            std::vector<kv_cache> caches(tokens.rows(), kv_cache(model.config(), plan));
            CHECK(in_calls(model, tokens, calls, caches) == expected);
            for (std::size_t r = 0; r < tokens.rows(); ++r)
              for (std::size_t l = 0; l < layers; ++l) {
                const matrix_view<const float> keys = caches[r].keys(l), values = caches[r].values(l);
                CHECK(std::equal(keys.data(), keys.data() + keys.size(), slow[r].keys(l).begin()));
                CHECK(std::equal(values.data(), values.data() + values.size(), slow[r].values(l).begin()));
              }
          });
          CHECK(expected != model.final_hidden(tokens.view()).values);
        }
  }
}

TEST_CASE("cached_texts: texts of different lengths go on together as they would alone") {
  const decoder<> model(load_model(models / "qwen2"));
  const token_rows tokens = read_tokens(models / "qwen2" / "tokens.npy", {});
  const cache_plan plan(qfa_test::waiting_cache{cache_point::before_rope}, model.config().layers);
  forward_scratch scratch;
  std::vector<kv_cache> together;
  std::vector<std::uint32_t> next;
  std::vector<float> alone;
  for (std::size_t r = 0; r < tokens.rows(); ++r) {
    const std::size_t length = 3 + 4 * r;
    together.emplace_back(model.config(), plan);
    model.extend({tokens.view().row(r).data(), 1, length}, {&together.back(), 1}, {.final_hidden = true}, no_visitor{},
                 scratch);
    next.push_back(tokens.view()(r, length));
    kv_cache copy = together.back();
    const activations x = model.extend({&next.back(), 1, 1}, {&copy, 1}, {.final_hidden = true}, no_visitor{}, scratch);
    alone.insert(alone.end(), x.values.begin(), x.values.end());
  }
  const activations both =
      model.extend({next.data(), next.size(), 1}, together, {.final_hidden = true}, no_visitor{}, scratch);
  CHECK(both.values == alone);
}

TEST_CASE("cached_texts: hooks show keys as they are stored before RoPE, and a pass may end early") {
  const decoder<> model(load_model(models / "llama"));
  const token_rows tokens = read_tokens(models / "llama" / "tokens.npy", {});
  const matrix_view<const std::uint32_t> row = tokens.view().rows_between(0, 1);
  const cache_plan plan(qfa_test::rounding_cache{cache_point::before_rope}, model.config().layers);
  std::vector<kv_cache> cache(1, kv_cache(model.config(), plan));
  forward_scratch scratch;
  std::vector<float> seen[2];
  model.extend(
      row, cache, {.hooks = {{0, hook_kind::k}, {0, hook_kind::rot_k}}},
      [&](std::size_t i, matrix_view<float> x) { seen[i].assign(x.data(), x.data() + x.size()); }, scratch);
  const matrix_view<const float> stored = cache[0].keys(0);
  std::vector<float> turned(stored.data(), stored.data() + stored.size());
  CHECK(turned != seen[0]);
  CHECK(turned != seen[1]);
  rope_table(model.config(), row.columns())(matrix_view<float>(turned.data(), stored.rows(), stored.columns()),
                                            {.columns = row.columns()});
  CHECK(turned == seen[1]);
  CHECK(cache[0].keys(1).rows() == 0);
  CHECK_THROWS_AS(model.extend(row, cache, {.final_hidden = true}, no_visitor{}, scratch), error);
}

TEST_CASE("cached_texts: caches of other texts, models and places are refused") {
  const decoder<> model(load_model(models / "llama"));
  const token_rows tokens = read_tokens(models / "llama" / "tokens.npy", {});
  forward_scratch scratch;
  std::vector<kv_cache> caches(1, kv_cache(model.config()));
  CHECK_THROWS_WITH(model.extend(tokens.view(), caches, {.final_hidden = true}, no_visitor{}, scratch),
                    "3 rows of tokens need as many caches, not 1");
  model_config other = model.config();
  other.kv_heads *= 2;
  caches.assign(3, kv_cache(other));
  CHECK_THROWS_WITH(model.extend(tokens.view(), caches, {.final_hidden = true}, no_visitor{}, scratch),
                    "a cache must have been made for the model that fills it");
  caches.assign(3, kv_cache(model.config()));
  caches[1] = kv_cache(model.config(), cache_plan(qfa_test::waiting_cache{}, model.config().layers));
  CHECK_THROWS_WITH(model.extend(tokens.view(), caches, {.final_hidden = true}, no_visitor{}, scratch),
                    "texts of one pass need caches whose policies work at the same point and are read alike");
}

}  // namespace model_cached_texts_test
