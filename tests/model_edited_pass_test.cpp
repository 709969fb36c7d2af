// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/edited_pass.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "qfa/cache/kivi.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"

namespace model_edited_pass_test {

using namespace qfa;

namespace {

const std::filesystem::path folder = std::filesystem::path(QFA_TEST_DATA) / "models" / "llama";

/// Doubles every second channel of every third token.
const auto some_edit = [](matrix_view<float> x) {
  for (std::size_t t = 0; t < x.rows(); t += 3)
    for (std::size_t i = 0; i < x.columns(); i += 2)
      x(t, i) *= 2.0f;
};

}  // namespace

TEST_CASE("edited_pass: has the bits of a whole pass with the same edit, at every kind of hook") {
  const any_decoder model(load_model(folder));
  const token_rows tokens = read_tokens(folder / "tokens.npy", {});
  const activations plain = model.final_hidden(tokens.view());
  std::size_t hooks = 0, moved = 0;
  for (const hook_point& hook : hooks_of(model.config())) {
    CAPTURE(name_of(hook));
    edited_pass pass(model, tokens.view(), hook);
    REQUIRE(pass.at_hook().columns() == hook_width(model.config(), hook));
    CHECK(std::equal(plain.values.begin(), plain.values.end(), pass.final_hidden().data()));
    CHECK(pass([](matrix_view<float>) {}).values == plain.values);
    activations seen;
    const activations whole =
        model.forward(tokens.view(), {.hooks = {hook}, .final_hidden = true},
                      [&](std::size_t, matrix_view<float> x) { copy_rows(x, seen), some_edit(x); });
    CHECK(std::equal(seen.values.begin(), seen.values.end(), pass.at_hook().data()));
    CHECK(pass(some_edit).values == whole.values);
    CHECK(pass(some_edit).values == whole.values);  // nothing is left of the edit before
    moved += whole.values != plain.values ? 1U : 0U;
    ++hooks;
  }
  CHECK(moved == hooks);
}

TEST_CASE("edited_pass: a model whose texts come through caches is refused") {
  any_decoder model(load_model(folder));
  const token_rows tokens = read_tokens(folder / "tokens.npy", {});
  model.use_cache(cache_plan(any_cache_policy(kivi{}), model.config().layers));
  CHECK_THROWS_WITH(edited_pass(model, tokens.view(), {0, hook_kind::resid_post}),
                    doctest::Contains("a model without caches"));
}

}  // namespace model_edited_pass_test
