// SPDX-License-Identifier: Apache-2.0
// The comparisons and predictions of an independent audit (data/stories260K), from its own correlations and firing
// profiles: no model is run here.
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"
#include "qfa/compare/auc.hpp"
#include "qfa/compare/correlation.hpp"
#include "qfa/compare/overlap.hpp"
#include "qfa/compare/partial_correlation.hpp"
#include "qfa/controls/earlier_audit.hpp"
#include "qfa/controls/ranking_score.hpp"
#include "qfa/predict/predictors.hpp"
#include "qfa/predict/published_prediction.hpp"

#ifdef QFA_HAS_NPZ
#include "qfa/io/npz.hpp"

using namespace qfa;
using qfa_test::close;

namespace {

/// One SAE's part of the audit, active features only.
struct audited_sae {
  std::vector<firing_profile> features;
  std::map<std::string, std::vector<double>> r;  // by condition

  std::vector<std::uint8_t> survived(const std::string& condition) const {
    std::vector<std::uint8_t> out;
    for (const double v : r.at(condition))
      out.push_back(v > 0.9 ? 1 : 0);
    return out;
  }
  std::vector<std::uint8_t> failed(const std::string& condition) const {
    std::vector<std::uint8_t> out;
    for (const double v : r.at(condition))
      out.push_back(v <= 0.9 ? 1 : 0);
    return out;
  }
  std::vector<double> damage(const std::string& condition) const {
    std::vector<double> out;
    for (const double v : r.at(condition))
      out.push_back(1.0 - v);
    return out;
  }
};

audited_sae read_audited(const npz& arrays, const std::string& sae, const json& conditions) {
  audited_sae out;
  for (const auto& [condition, unused] : conditions.items()) {
    const npy_array stored = arrays.read(sae + "/" + condition);
    const std::vector<double> values = as_doubles(stored);  // (4, width): r, rate, mean, maximum
    const std::size_t width = stored.shape.at(1);
    out.features.clear();
    for (std::size_t j = 0; j < width; ++j) {
      const firing_profile f{values[width + j], values[2 * width + j], values[3 * width + j]};
      if (!(f.rate > 0.001)) continue;
      out.features.push_back(f);
      out.r[condition].push_back(values[j]);
    }
  }
  return out;
}

template <class Check>
void for_each_sae(Check check) {
  const json audit = read_json(qfa_test::oracle_data() / "stories260K" / "reference_audit.json");
  const npz arrays(qfa_test::oracle_data() / "stories260K" / "reference_audit.npz");
  for (const auto& item : audit.items()) {  // no structured bindings: clang 14 cannot capture them
    const std::string& name = item.key();
    CAPTURE(name);
    check(name, item.value(), read_audited(arrays, name, item.value().at("conditions")));
  }
}

}  // namespace

TEST_CASE("stories260K: logistic coefficients, marginal and cross-validated AUC of every fitted condition") {
  int fitted = 0;
  for_each_sae([&](const std::string&, const json& expected, const audited_sae& sae) {
    REQUIRE(sae.features.size() == expected.at("active").get<std::size_t>());
    const predictor_table table = tabulate(sae.features);
    for (const auto& item : expected.at("conditions").items()) {
      const std::string& condition = item.key();
      const json& values = item.value();
      CAPTURE(condition);
      const std::vector<std::uint8_t> survived = sae.survived(condition);
      const auto survivors = static_cast<std::size_t>(std::count(survived.begin(), survived.end(), 1));
      CHECK(survivors == values.at("survived").get<std::size_t>());
      if (survivors == survived.size()) CHECK_THROWS_AS(predict_as_published(table.view(), survived, 0), error);
      if (!values.contains("coef")) continue;
      ++fitted;
      const published_prediction p = predict_as_published(table.view(), survived, 0);
      CHECK(p.all_rows.model.converged);
      // The audit's own solver stopped where its coefficients were good to four digits.
      for (std::size_t c = 0; c < 4; ++c) {
        const double coefficient = values.at("coef")[c].get<double>();
        CHECK(p.all_rows.model.coefficients[c] == doctest::Approx(coefficient).epsilon(2e-4));
        CHECK(close(p.marginal_auc[c], values.at("marginal_auc")[c].get<double>(), 1e-12));
      }
      CHECK(p.all_rows.model.intercept == doctest::Approx(values.at("intercept").get<double>()).epsilon(2e-4));
      // Another shuffle into folds than the audit's.
      CHECK(std::fabs(p.cross_validated.mean - values.at("cv_auc")[0].get<double>()) < 0.015);
    }
  });
  CHECK(fitted == 12);
}

TEST_CASE("stories260K: overlap, Spearman and Pearson of every pair of conditions") {
  int pairs = 0;
  for_each_sae([&](const std::string&, const json& expected, const audited_sae& sae) {
    for (const auto& item : expected.at("overlap").items()) {
      const std::string& pair = item.key();
      const json& values = item.value();
      CAPTURE(pair);
      ++pairs;
      const std::size_t middle = pair.find(" vs ");
      const std::string a = pair.substr(0, middle);
      const std::string b = pair.substr(middle + 4);
      const set_sizes sizes = count_overlap(sae.failed(a), sae.failed(b));
      CHECK(sizes.both == values.at("intersection").get<std::size_t>());
      CHECK(sizes.either() == values.at("union").get<std::size_t>());
      CHECK(close(jaccard(sizes), qfa_test::number(values.at("jaccard")), 1e-15));
      CHECK(close(spearman(sae.damage(a), sae.damage(b)), values.at("spearman").get<double>(), 1e-12));
      CHECK(close(pearson(sae.damage(a), sae.damage(b)), values.at("pearson").get<double>(), 1e-9));
    }
  });
  CHECK(pairs == 108);
}

TEST_CASE("stories260K: what is left of Spearman once rarity, mean and peak are held fixed") {
  const std::map<std::string, double> expected{
      {"sae_l2_standard", 0.6907340}, {"sae_l2_jumprelu", 0.6359255}, {"sae_l3_topk", 0.8871248}};
  for_each_sae([&](const std::string& name, const json&, const audited_sae& sae) {
    const std::vector<predictor> three{predictor::rarity, predictor::log_mean, predictor::log_max};
    const predictor_table table = tabulate(sae.features, three);
    const rank_controls controls(table.view());
    const double partial = partial_spearman(sae.damage("rtn-int4-row"), sae.damage("prune-0.25"), controls);
    CHECK(close(partial, expected.at(name), 1e-7));
  });
}

TEST_CASE("stories260K: damage at eight bits ranks survival at four bits and under pruning, with nothing fitted") {
  const std::map<std::string, std::pair<double, double>> expected{
      {"sae_l2_standard", {0.964, 0.964}}, {"sae_l2_jumprelu", {0.954, 0.955}}, {"sae_l3_topk", {0.963, 0.969}}};
  for_each_sae([&](const std::string& name, const json&, const audited_sae& sae) {
    const std::vector<double>& at_eight = sae.r.at("rtn-int8-row");
    CHECK(std::fabs(auc(at_eight, sae.survived("rtn-int4-row")) - expected.at(name).first) < 0.001);
    CHECK(std::fabs(auc(at_eight, sae.survived("prune-0.25")) - expected.at(name).second) < 0.001);
    // The same by what an audit's files say.
    const auto reported = [&](const std::string& condition) {
      std::vector<reported_feature> out;
      for (const double r : sae.r.at(condition))
        out.push_back({static_cast<std::uint32_t>(out.size()), r, noise_to_signal(r)});
      return out;
    };
    const std::vector<reported_feature> eight = reported("rtn-int8-row");
    earlier_audit audit;
    audit.features = {{"int8", eight}, {"int4", reported("rtn-int4-row")}};
    CHECK(std::fabs(score_ranking(audit, "int8", audit, "int4").auc.value - expected.at(name).first) < 0.001);
    audit.gate = name == "sae_l2_standard" ? "relu" : "jump_relu";
    if (audit.gate == "relu") CHECK(survivors_at_fewer_bits(audit, eight, 4.0) == 639);
    if (audit.gate != "relu") CHECK_THROWS_AS(survivors_at_fewer_bits(audit, eight, 4.0), error);
  });
}

#endif

namespace predict_stories_test {


}  // namespace predict_stories_test
