// SPDX-License-Identifier: Apache-2.0
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "qfa/cache/plan_spec.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/model/tokens.hpp"

namespace kv_stories_test {

using namespace qfa;

namespace {

std::filesystem::path stories() { return qfa_test::oracle_data() / "stories260K"; }

/// "per_tensor_sym/int3/kv/layer0" as a plan.
std::string plan_of(const std::string& condition) {
  static const std::map<std::string, std::string> kinds{
      {"per_tensor_sym", "range=symmetric,keys=tensor,values=tensor"},
      {"per_token_asym", "range=asymmetric,keys=token,values=token"},
      {"per_token_sym", "range=symmetric,keys=token,values=token"},
      {"per_channel_sym", "range=symmetric,keys=channel,values=channel"},
      {"per_group16_sym", "range=symmetric,keys=channel_group,values=channel_group,key_group=16,value_group=16"}};
  const std::size_t bits_at = condition.find("/int") + 4;
  std::string plan =
      "uniform:bits=" + condition.substr(bits_at, 1) + "," + kinds.at(condition.substr(0, condition.find('/')));
  if (condition.find("/k-only") != std::string::npos) plan = "only:of=(" + plan + "),side=keys";
  if (condition.find("/v-only") != std::string::npos) plan = "only:of=(" + plan + "),side=values";
  if (const std::size_t layer = condition.find("/layer"); layer != std::string::npos)
    plan = condition.substr(layer + 6) + "=" + plan;
  return plan;
}

}  // namespace

TEST_CASE("kv stories260K: every condition's loss is an independent sweep's, and the reference's token by token") {
  const json expected = read_json(stories() / "kv_expected.json");
  const any_decoder reference(load_model(stories()));
  const token_rows tokens = read_tokens(stories() / "tokens.npy", {.context = 256, .max_tokens = 60 * 256});
  REQUIRE(tokens.rows() == 60);
  REQUIRE(expected["rows"] == json::array({0, 60}));
  const auto losses = [&](const std::string& plan) {
    any_decoder model = reference;
    if (!plan.empty()) model.use_cache(parse_cache_plan(plan, model.config().layers));
    std::vector<double> nll(tokens.rows() * 255);
    score_tokens(model, model.final_hidden(tokens.view()).view(), tokens.view(), nll);
    return nll;
  };
  const auto mean = [](const std::vector<double>& nll) {
    loss_sum sum;
    for (const double x : nll)
      sum(x);
    return sum.mean();
  };
  const std::vector<double> plain = losses("");
  CHECK(mean(plain) == doctest::Approx(expected["reference_nll"].get<double>()).epsilon(1e-6));
  const std::vector<float> by_token =
      read_floats(safetensors(stories() / "kv_expected.safetensors").at("nll.reference"));
  REQUIRE(by_token.size() == 2 * 255);
  double worst = 0.0;
  for (std::size_t i = 0; i < by_token.size(); ++i)
    worst = std::max(worst, std::fabs(plain[i] - static_cast<double>(by_token[i])));
  CHECK(worst < 1e-4);

  std::size_t conditions = 0;
  double worst_fine = 0.0, worst_coarse = 0.0;
  for (const auto& condition : expected["conditions"].items()) {
    const std::string& name = condition.key();
    const json& loss = condition.value();
    CAPTURE(name);
    const std::string plan = plan_of(name);
    CAPTURE(plan);
    const double error = std::fabs(mean(losses(plan)) / loss.get<double>() - 1.0);
    const int bits = name[name.find("/int") + 4] - '0';
    CHECK(error < (bits >= 4 ? 3e-4 : 2e-3));
    double& of_kind = bits >= 4 ? worst_fine : worst_coarse;
    of_kind = std::max(of_kind, error);
    ++conditions;
  }
  CHECK(conditions == 41);
  MESSAGE("worst relative error of a mean loss: " << worst_fine << " at 4 bits and more, " << worst_coarse << " below");
}

}  // namespace kv_stories_test
