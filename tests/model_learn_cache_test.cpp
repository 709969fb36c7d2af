// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/learn_cache.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "qfa/model/load.hpp"

namespace model_learn_cache_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

struct lesson {
  std::size_t layer, tokens;
  std::vector<float> keys, values;
};

/// Remembers what it was shown.
struct pupil {
  cache_point point = cache_point::after_rope;
  std::shared_ptr<std::vector<lesson>> lessons = std::make_shared<std::vector<lesson>>();
  std::size_t learned = 0;
  void operator()(matrix_view<float>, matrix_view<float>, const cache_update&) const noexcept {}
  void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) {
    learned = keys.rows();
    lessons->push_back({info.layer,
                        keys.rows(),
                        {keys.data(), keys.data() + keys.size()},
                        {values.data(), values.data() + values.size()}});
  }
};

}  // namespace

TEST_CASE("learn_cache: each layer's policy sees that layer's keys at its point, and values, of all rows once") {
  const any_decoder model(load_model(models / "llama"));
  const token_rows tokens = read_tokens(models / "llama" / "tokens.npy", {});
  for (const cache_point point : {cache_point::after_rope, cache_point::before_rope}) {
    const pupil first{.point = point};
    cache_plan plan(any_cache_policy(first, "pupil"), model.config().layers);
    plan[1] = {};
    CHECK(plan.learns());
    const cache_plan learned = learn_cache(plan, model, tokens);
    CHECK(learned.name() == "pupil");
    const auto& lessons = *first.lessons;
    REQUIRE(lessons.size() == model.config().layers - 1);
    CHECK(lessons[0].layer == 0);
    CHECK(lessons[0].tokens == tokens.ids.size());
    model.forward(
        tokens.view(),
        {.hooks = {{0, point == cache_point::before_rope ? hook_kind::k : hook_kind::rot_k}, {0, hook_kind::v}}},
        [&](std::size_t i, matrix_view<float> x) {
          const std::vector<float> expected(x.data(), x.data() + x.size());
          const bool keys = i == 0;
          CHECK((keys ? lessons[0].keys : lessons[0].values) == expected);
        });
  }
}

TEST_CASE("learn_cache: what learns nothing needs no rows, and what learns does") {
  const any_decoder model(load_model(models / "llama"));
  CHECK(learn_cache({}, model, {}).is_none());
  const cache_plan plan(any_cache_policy(pupil{}, "pupil"), model.config().layers);
  CHECK_THROWS_WITH(learn_cache(plan, model, {}), "the cache pupil needs calibration tokens, and none were given");
  CHECK_THROWS_AS(learn_cache(cache_plan(any_cache_policy(pupil{}, "pupil"), 1), model, {}), error);
}

}  // namespace model_learn_cache_test
