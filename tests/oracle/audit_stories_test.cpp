// SPDX-License-Identifier: Apache-2.0
// The whole audit of a real model (data/stories260K) with three SAEs, against an independent one in float64: tokens and
// active features exactly, everything else as near as two honest computations of different precision come.
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "qfa/audit/model_audit.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/io/json.hpp"
#include "qfa/model/load.hpp"
#include "qfa/sae/load.hpp"

#ifdef QFA_HAS_NPZ
#include "qfa/io/npz.hpp"

using namespace qfa;

namespace {

/// The audited conditions, as the independent audit calls them and as spec strings.
struct named_policy_spec {
  const char* name;
  const char* spec;
};
constexpr named_policy_spec audited[]{
    {"rtn-int8-row", "rtn:bits=8"},       {"rtn-int7-row", "rtn:bits=7"},
    {"rtn-int6-row", "rtn:bits=6"},       {"rtn-int5-row", "rtn:bits=5"},
    {"rtn-int4-row", "rtn:bits=4"},       {"rtn-int4-tensor", "rtn:bits=4,per=tensor"},
    {"prune-0.1", "prune:sparsity=0.1"},  {"prune-0.175", "prune:sparsity=0.175"},
    {"prune-0.25", "prune:sparsity=0.25"}};

audit_result run_audit(const std::filesystem::path& files, const std::string& dictionary_name) {
  const sae dictionary = load_sae(files / dictionary_name);
  const audit_options options{.rules = published};
  const audit_settings settings = settle(options, dictionary.metadata);
  language_model model = load_model(files);
  token_rows tokens = read_tokens(files / "tokens.npy", tokens_for(settings, model.config, 780 * 256));
  model_audit audit(std::move(model), dictionary, std::move(tokens), settings, options);
  for (const auto& [name, spec] : audited)
    audit.run(parse_policy(spec), name);
  return audit.result();
}

std::size_t distance(std::size_t a, const json& b) {
  const auto other = b.get<std::size_t>();
  return a > other ? a - other : other - a;
}

/// Band counts, loss, r of every feature.
void check_condition(const condition_result& got, const json& expected, const npy_array& stored,
                     double median_tolerance) {
  CHECK(std::fabs(got.loss->loss - expected.at("loss").get<double>()) <= 1e-6);
  const survey& s = got.by_published;
  CHECK(s.bands.counted() == expected.at("n").get<std::size_t>());
  CHECK(std::fabs(s.mean_r.value - expected.at("mean_r").get<double>()) <= 2e-6);
  CHECK(std::fabs(s.median_r.value - expected.at("median_r").get<double>()) <= median_tolerance);
  CHECK(distance(s.bands[outcome::survived], expected.at("survived")) <= 1);
  CHECK(distance(s.bands[outcome::blurred], expected.at("blurred")) <= 1);
  CHECK(distance(s.bands[outcome::destroyed], expected.at("destroyed")) <= 1);

  const std::vector<double> values = as_doubles(stored);  // (4, features): r, rate, mean, maximum
  const std::size_t width = stored.shape.at(1);
  REQUIRE(got.features.size() == width);
  const double tokens = got.features[0].tokens;
  std::size_t near = 0;
  double worst_r = 0.0, worst_mean = 0.0, worst_peak = 0.0, worst_count = 0.0;
  for (std::size_t f = 0; f < width; ++f) {
    const double gap = std::fabs(got.features[f].published_r - values[f]);
    near += gap <= 1e-5;
    worst_r = std::max(worst_r, gap);
    worst_count = std::max(worst_count, std::fabs(got.features[f].reference_firings - values[width + f] * tokens));
    worst_mean = std::max(worst_mean, std::fabs(got.features[f].mean_activation - values[2 * width + f]));
    worst_peak = std::max(worst_peak, std::fabs(got.features[f].max_activation - values[3 * width + f]) /
                                          std::max(1.0, values[3 * width + f]));
  }
  CAPTURE(near);
  CHECK(worst_r <= 1e-3);
  CHECK(near * 100 >= width * 95);
  CHECK(worst_count <= 2.0 + 1e-6);
  CHECK(worst_mean <= 1e-5);
  CHECK(worst_peak <= 1e-5);
}

/// How near the lower median must come.  One exception: with the TopK SAE at INT6, the features at the k-th place of a
/// few tokens are within a float32 rounding of each other, and one of them moves r of the very feature that is the
/// median, by 2.8e-5.  (A float64 forward gives the expected value; torch's float32 forward moves eight other features
/// as far, ours ten, of 511.)
double median_tolerance(const std::string& dictionary, const std::string& condition) {
  return dictionary == "sae_l3_topk" && condition == "rtn-int6-row" ? 3e-5 : 2e-6;
}

void check_prediction(const condition_result& got, const json& expected) {
  if (!expected.contains("cv_auc")) return;
  REQUIRE(got.published_auc.result.has_value());
  const published_prediction& p = *got.published_auc.result;
  // The folds are drawn otherwise than scikit-learn draws them.
  CHECK(std::fabs(p.cross_validated.mean - expected.at("cv_auc").at(0).get<double>()) <= 0.015);
  for (std::size_t c = 0; c < 4; ++c) {
    CAPTURE(c);
    const double coefficient = expected.at("coef").at(c).get<double>();
    CHECK(std::fabs(p.all_rows.model.coefficients[c] - coefficient) <= 1e-3 * std::fabs(coefficient));
    // The audit's label may differ in one feature of hundreds.
    CHECK(std::fabs(p.marginal_auc[c] - expected.at("marginal_auc").at(c).get<double>()) <= 1e-3);
  }
}

void check_overlap(const damage_overlap& got, const json& expected) {
  CHECK(distance(got.not_survived.sizes.both, expected.at("intersection")) <= 3);
  CHECK(distance(got.not_survived.sizes.either(), expected.at("union")) <= 3);
  CHECK(std::fabs(got.spearman.value - expected.at("spearman").get<double>()) <= 1e-4);
  CHECK(std::fabs(got.pearson.value - expected.at("pearson").get<double>()) <= 1e-4);
  CHECK(expected.at("jaccard").is_null() == std::isnan(got.not_survived.jaccard.value));
}

void check_dictionary(const std::string& name) {
  const auto files = qfa_test::oracle_data() / "stories260K";
  const json expected = read_json(files / "reference_audit.json").at(name);
  const npz arrays(files / "reference_audit.npz");
  const audit_result got = run_audit(files, name);
  REQUIRE(got.conditions.size() == 1 + std::size(audited));
  CHECK(got.made.tokens == expected.at("n_tokens").get<std::size_t>());
  CHECK(got.conditions[0].by_published.active_count() == expected.at("active").get<std::size_t>());
  const json& conditions = expected.at("conditions");
  for (const condition_result& c : got.conditions) {
    CAPTURE(c.policy);
    check_condition(c, conditions.at(c.policy), arrays.read(name + "/" + c.policy), median_tolerance(name, c.policy));
    if (!c.reference) check_prediction(c, conditions.at(c.policy));
  }
  for (const damage_overlap& o : got.published_overlaps) {
    const std::string pair = o.a + " vs " + o.b;
    CAPTURE(pair);
    check_overlap(o, expected.at("overlap").at(pair));
  }
}

}  // namespace

TEST_CASE("the audit of a real model with a ReLU SAE agrees with an independent one") {
  check_dictionary("sae_l2_standard");
}
TEST_CASE("the audit of a real model with a JumpReLU SAE agrees with an independent one") {
  check_dictionary("sae_l2_jumprelu");
}
TEST_CASE("the audit of a real model with a TopK SAE agrees with an independent one") {
  check_dictionary("sae_l3_topk");
}
#endif

namespace audit_stories_test {


}  // namespace audit_stories_test
