// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/activation_audit.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/io/npy_writer.hpp"
#include "scratch.hpp"

namespace audit_activation_audit_test {

using namespace qfa;
using namespace qfa_test;

namespace {

std::vector<float> states_at_hook(const language_model& model, const token_rows& tokens) {
  std::vector<float> out;
  const any_decoder ready(model);
  run_over(ready, tokens, parse_hook("blocks.1.hook_resid_post", model.config), "dump", {},
           [&](std::size_t, auto, matrix_view<const float> x, auto) {
             for (std::size_t t = 0; t < x.rows(); ++t)
               out.insert(out.end(), x.row(t).begin(), x.row(t).end());
           });
  return out;
}

}  // namespace

TEST_CASE("audit_activations: dumped activations give the features of the model they came from, bit for bit") {
  const scratch folder;
  const token_rows tokens = random_rows(40, 12, 97);
  const language_model model = tiny_model();
  const auto x = states_at_hook(model, tokens);
  const auto y = states_at_hook(compress(model, rtn{.bits = 4}).model, tokens);
  write_npy(folder.path() / "x.npy", {480, 64}, x);
  write_npy(folder.path() / "y.npy", {480, 64}, y);
  const std::vector<dumped_activations> compressed{{"int4", folder.path() / "y.npy"}};
  const audit_result dumped = audit_activations(lossless_sae(64), folder.path() / "x.npy", compressed, tiny_settings());
  model_audit audit = tiny_audit();
  audit.run(rtn{.bits = 4});
  REQUIRE(dumped.conditions.size() == 2);
  CHECK(dumped.conditions[1].policy == "int4");
  CHECK_FALSE(dumped.conditions[1].loss.has_value());
  CHECK(dumped.conditions[1].by_published.correlations.r == audit.conditions()[1].by_published.correlations.r);
  CHECK(dumped.conditions[1].fit.fvu == audit.conditions()[1].fit.fvu);
}

TEST_CASE("audit_activations: a short last row is dropped and said so, other tokens and widths are refused") {
  const scratch folder;
  write_npy(folder.path() / "x.npy", {100, 3}, random_activations(100, 3));
  write_npy(folder.path() / "short.npy", {99, 3}, random_activations(99, 3));
  write_npy(folder.path() / "wide.npy", {100, 4}, random_activations(100, 4));
  const auto run = [&](const std::string& name) {
    const std::vector<dumped_activations> compressed{{"c", folder.path() / name}};
    return audit_activations(lossless_sae(3), folder.path() / "x.npy", compressed, tiny_settings());
  };
  CHECK(run("x.npy").made.rows == 8);
  CHECK(run("x.npy").made.dropped_tokens == 4);
  CHECK_THROWS_AS(run("short.npy"), error);
  CHECK_THROWS_AS(run("wide.npy"), error);
  audit_settings long_rows = tiny_settings();
  long_rows.context = 101;
  CHECK_THROWS_AS(audit_activations(lossless_sae(3), folder.path() / "x.npy", {}, long_rows), error);
}

TEST_CASE("audit_activations: a name that is empty or taken is refused before anything is read") {
  const auto refused = [](std::initializer_list<dumped_activations> files, std::string_view part) {
    check_refused([&] { audit_activations(lossless_sae(8), "nothing.npy", files, tiny_settings()); }, {part});
  };
  refused({{"", "a.npy"}}, "needs a name");
  refused({{"reference", "a.npy"}}, "\"reference\" already");
  refused({{"a", "a.npy"}, {"a", "b.npy"}}, "\"a\" already");
}

}  // namespace audit_activation_audit_test
