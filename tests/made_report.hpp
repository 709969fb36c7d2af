// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MADE_REPORT_HPP
#define QFA_TESTS_MADE_REPORT_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "qfa/report/report_json.hpp"
#include "scratch.hpp"

namespace qfa_test {

/// An estimate as a report has it.
inline qfa::report_json made_estimate(double value, double half = 0.02) {
  return {{"value", value},
          {"interval", {{"lower", value - half}, {"upper", value + half}, {"kind", "two_sided"}, {"level", 0.95}}},
          {"bias_corrected", value}};
}

/// A survey of 10 features in which `survived` survive, with what is left without each of 8 groups: `tilt` moves it.
inline qfa::report_json made_survival(double survived, double tilt, const std::string& protocol = "honest") {
  qfa::report_json out{{"protocol", protocol}, {"counted", 10}, {"active", 12}, {"unmeasured", 2}};
  out["effective_groups"] = {{"least", 5.25}, {"median", 7.5}, {"most", 7.75}};
  const double lost = 10.0 - survived;
  for (const auto& [band, count] :
       {std::pair{"survived", survived}, std::pair{"blurred", lost}, std::pair{"destroyed", 0.0}}) {
    out[band] = {{"count", count}};
    out[band].update(made_estimate(count / 10.0));
  }
  out["mean_r"] = made_estimate(0.5 + survived / 20.0);
  qfa::report_json shares = qfa::report_json::array(), means = qfa::report_json::array();
  for (std::size_t g = 0; g < 8; ++g) {
    const double shared = 0.01 * static_cast<double>(g % 4) - 0.015;  // in both audits: it is not in their difference
    shares.push_back(survived / 10.0 + shared + tilt * (g % 2 == 0 ? 1.0 : -1.0));
    means.push_back(0.5 + survived / 20.0 + shared);
  }
  out["without_each_group"] = {{"survived", shares}, {"mean_r", means}};
  return out;
}

/// How well the SAE describes a model.
inline qfa::report_json made_fit(double fvu) {
  qfa::report_json out{{"fvu", fvu}, {"l0", 8.25}, {"dead_share", 0.125}};
  out["fvu_interval"]["interval"] = made_estimate(fvu, 0.001)["interval"];
  out["l0_interval"]["interval"] = made_estimate(8.25, 0.5)["interval"];
  return out;
}

/// A report with the reference and one policy, of which `survived` of 10 counted features survive.
inline qfa::report_json made_report(const std::string& policy, double survived, double tilt = 0.0) {
  const auto condition = [&](const std::string& name, bool reference, double count) -> qfa::report_json {
    return {{"policy", name},
            {"reference", reference},
            {"bits_per_weight", {{"value", reference ? 16.0 : 4.19}}},
            {"loss", {{"perplexity", 4.1}, {"perplexity_ratio", made_estimate(reference ? 1.0 : 1.004, 0.001)}}},
            {"sae_fit", made_fit(reference ? 0.0581 : 0.0612)},
            {"honest", made_survival(count, tilt)},
            {"published", made_survival(count, tilt, "published: arXiv 2606.03002")}};
  };
  qfa::report_json out;
  out["protocol"] = {{"source", "model"},
                     {"headline", "honest"},
                     {"hook", "blocks.2.hook_resid_post"},
                     {"gate", "jump_relu"},
                     {"rows", 64},
                     {"context", 128},
                     {"tokens", 8192},
                     {"analyzed_tokens", 8192},
                     {"groups", 8},
                     {"skip_positions", 0},
                     {"prepend_bos", true},
                     {"processing", "none"},
                     {"order", "compress,process"},
                     {"architecture", "gpt_neox"},
                     {"inputs",
                      {{{"path", "m"}, {"bytes", 9}, {"crc32", "11111111"}, {"role", "model"}},
                       {{"path", "s"}, {"bytes", 5}, {"crc32", "22222222"}, {"role", "sae"}},
                       {{"path", "t"}, {"bytes", 7}, {"crc32", "33333333"}, {"role", "tokens"}}}}};
  out["protocol"]["warnings"] = {"mind the step"};
  out["protocol"]["published"] = {{"tag", "protocol: arXiv 2606.03002"}, {"warnings", {"of " + policy, "of all"}}};
  out["sae"] = {{"activation", "jump_relu"}, {"d_in", 4}, {"d_sae", 12}};
  out["conditions"] = {condition("reference", true, 10.0), condition(policy, false, survived)};
  return out;
}

/// The text of a features.csv: `features` of them for each condition, the first one the reference, of which every sixth
/// is unmeasured and the others survive in turn.
inline std::string made_features(const std::vector<std::string>& conditions, std::size_t features = 12,
                                 double worst = 0.25) {
  std::string out =
      "# hook: \"a, \\\"b\\\"\"\r\npolicy,feature,active,published_outcome,honest_outcome,census,r_lower,r_upper,"
      "r_interval,dead,born,reference_firings,effective_groups,firing_rate,max_activation,mean_when_active,r,gain,"
      "recall,precision,lost_mass_share,flip_share\r\n";
  for (std::size_t c = 0; c < conditions.size(); ++c)
    for (std::size_t f = 0; f < features; ++f) {
      const bool measured = f % 6 != 5, survives = c == 0 || f % 2 == 0;
      const double r = c == 0 ? 1.0 : survives ? 0.95 : worst;
      std::string name = conditions[c];
      if (name.find_first_of(",\"\n") != std::string::npos) {
        for (std::size_t at = name.find('"'); at != std::string::npos; at = name.find('"', at + 2))
          name.insert(at, 1, '"');
        name = '"' + name + '"';
      }
      const std::string band = !measured ? "unmeasured" : survives ? "survived" : "blurred";
      out += name + ',' + std::to_string(f) + ",1," + (survives ? "survived" : "blurred") + ',' + band + ',' +
             (measured ? "undecided" : "") + ",,0.99,unmeasured,0,0," + std::to_string(50 + f) + ",7.5,0.01,3.25,1.5," +
             std::to_string(r) + ",0.9,1,1,0," + (c == 0 ? "" : "0.25") + "\r\n";
    }
  return out;
}

/// A folder of an audit, in a directory of the test's own.
inline std::filesystem::path made_folder(const scratch& in, const std::string& name, const qfa::report_json& report,
                                         const std::string& features) {
  in.write(std::filesystem::path(name) / "report.json", report.dump(1));
  in.write(std::filesystem::path(name) / "features.csv", features);
  return in.path() / name;
}

}  // namespace qfa_test

#endif
