// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/branches.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/locate/assemble.hpp"

namespace locate_branches_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr std::size_t context = 12;

/// The tiny model with one tensor of a layer made a little smaller.
language_model smaller(const language_model& model, std::size_t layer) {
  language_model out = model;
  const std::string name = "gpt_neox.layers." + std::to_string(layer) + ".mlp.dense_h_to_4h.weight";
  std::vector<float> values(*model.at(name).values);
  for (float& x : values)
    x *= 0.875f;
  out.tensors[name] = share(model.at(name).shape, std::move(values));
  return out;
}

struct seen {
  std::vector<float> at_hook, final_hidden;
  bool operator==(const seen&) const = default;
};

void add(seen& to, const block_states& states) {
  for (std::size_t t = 0; t < states.at_hook.rows(); ++t)
    to.at_hook.insert(to.at_hook.end(), states.at_hook.row(t).begin(), states.at_hook.row(t).end());
  for (std::size_t t = 0; t < states.final_hidden.rows(); ++t)
    to.final_hidden.insert(to.final_hidden.end(), states.final_hidden.row(t).begin(), states.final_hidden.row(t).end());
}

seen whole_pass(const any_decoder& model, const token_rows& tokens, const hook_point& hook) {
  seen out;
  const activations hidden =
      model.forward(tokens.view(), {.hooks = {hook}, .final_hidden = true},
                    [&](std::size_t, matrix_view<float> x) { out.at_hook.assign(x.data(), x.data() + x.size()); });
  out.final_hidden = hidden.values;
  return out;
}

}  // namespace

TEST_CASE("branches: every branch has the bits of its own whole pass, wherever blocks are cut") {
  const language_model model = tiny_model();
  const any_decoder reference(model);
  const token_rows tokens = random_rows(5, context, 97);
  std::vector<any_decoder> models{reference};  // trunks, then what leaves them in layers 0, 1 and 2
  const language_model other = smaller(model, 2);
  models.emplace_back(other, reference);
  std::vector<branch> branches;
  for (std::size_t l = 0; l < 3; ++l) {
    models.emplace_back(smaller(model, l), reference);
    branches.push_back({.trunk = 0, .layer = l, .end = true});
  }
  for (std::size_t l = 0; l < 2; ++l) {
    models.emplace_back(smaller(other, l), reference);
    branches.push_back({.trunk = 1, .layer = l, .end = true});
  }
  branches.push_back({.trunk = 1, .layer = std::nullopt, .end = true});  // the last again, from the embedding
  branches.push_back({.trunk = 1, .layer = 3, .end = true});             // the trunk's own end, by the last norm
  branches.push_back({.trunk = 1, .layer = 4, .end = true});             // by nothing at all
  for (std::size_t i = 0; i < 5; ++i)
    branches[i].model = &models[2 + i];
  branches[5].model = &models.back();
  branches[6].model = branches[7].model = &models[1];
  const std::vector<const any_decoder*> trunks{&models[0], &models[1]};

  for (const hook_point hook : {hook_point{1, hook_kind::resid_post}, hook_point{1, hook_kind::resid_pre}}) {
    std::vector<seen> expected;
    for (const branch& b : branches)
      expected.push_back(whole_pass(*b.model, tokens, hook));
    for (const std::size_t block : {2 * context, 100 * context}) {
      CAPTURE(block);
      std::vector<seen> of_trunks(2), got(branches.size());
      run_branches(
          std::span<const any_decoder* const>(trunks), branches, tokens,
          {.rows = tokens.rows(), .row_tokens = context, .tokens_per_block = block}, hook, true, "test", {},
          [&](std::size_t, matrix_view<const std::uint32_t>, std::size_t t, const block_states& s) {
            add(of_trunks[t], s);
          },
          [&](std::size_t, matrix_view<const std::uint32_t>, std::size_t i, const block_states& s) { add(got[i], s); });
      CHECK((of_trunks[0] == whole_pass(reference, tokens, hook)));
      CHECK((of_trunks[1] == whole_pass(models[1], tokens, hook)));
      for (std::size_t i = 0; i < branches.size(); ++i) {
        CAPTURE(i);
        CHECK((got[i].final_hidden == expected[i].final_hidden));
        const bool behind = leaves_behind(branches[i], hook);
        CHECK(behind ==
              (branches[i].layer.value_or(0) > 1 || (hook.kind == hook_kind::resid_pre && branches[i].layer == 1U)));
        CHECK((got[i].at_hook == (behind ? std::vector<float>{} : expected[i].at_hook)));
      }
    }
  }
}

TEST_CASE("branches: without an end, what leaves its trunk behind the hook is not run") {
  const language_model model = tiny_model();
  any_decoder reference(model), late(smaller(model, 2), reference), early(smaller(model, 1), reference);
  std::map<std::string, std::size_t> layers_run;
  const auto count = [&](any_decoder& decoder, const std::string& name) {
    decoder.visit_inputs([&layers_run, name](const linear_input& input, matrix_view<float>, std::size_t) {
      layers_run[name] += input.kind == input_kind::attention;
    });
  };
  count(reference, "reference");
  count(late, "late");
  count(early, "early");
  const std::vector<const any_decoder*> trunks{&reference};
  const std::vector<branch> branches{{.model = &late, .layer = 2}, {.model = &early, .layer = 1}};
  const token_rows tokens = random_rows(4, context, 97);
  const auto nothing = [](std::size_t, matrix_view<const std::uint32_t>, std::size_t, const block_states& s) {
    CHECK(s.final_hidden.empty());
  };
  run_branches(std::span<const any_decoder* const>(trunks), branches, tokens,
               {.rows = 4, .row_tokens = context, .tokens_per_block = 2 * context}, {1, hook_kind::resid_post}, false,
               "test", {}, nothing, nothing);
  CHECK(layers_run == std::map<std::string, std::size_t>{{"reference", 2 * 2}, {"early", 2}});
}

}  // namespace locate_branches_test
