// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_AUDIT_COMPARISON_HPP
#define QFA_REPORT_AUDIT_COMPARISON_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/reported_rows.hpp"
#include "qfa/compare/correlation.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/report/feature_columns.hpp"
#include "qfa/report/report_json.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/smoothed_count.hpp"

namespace qfa {

/// An audit as its folder holds it.
struct audit_folder {
  std::filesystem::path path;
  report_json report;
  reported_rows rows;  ///< what the report says of them
  feature_columns features;
};

/// Reads report.json and features.csv of a folder.  Throws, naming the file, where one is missing or not an audit's.
inline audit_folder read_audit_folder(const std::filesystem::path& path) {
  const std::filesystem::path report = path / "report.json", features = path / "features.csv";
  const json checked = read_json(report);  // its size and depth are bounded, and no name comes twice
  for (const char* key : {"protocol", "sae", "conditions"})
    if (!checked.is_object() || !checked.contains(key))
      fail(in_quotes(report) + " has no " + key + ", expected a report of qfa audit");
  const file_bytes text(report, file_access::mapped), table(features, file_access::mapped);
  return {path, report_json::parse(text.text()), rows_of_report(checked),
          read_feature_columns(table.text(), in_quotes(features))};
}

/// Throws unless both audits read features through the same SAE: the same files, hook and gate.  Features of two SAEs
/// have nothing in common but their numbers.
inline void require_same_sae(const audit_folder& a, const audit_folder& b) {
  const auto files = [](const audit_folder& of) { return reported_files(of.rows.protocol, "sae"); };
  for (const audit_folder* one : {&a, &b})
    if (files(*one).empty())
      fail(in_quotes(one->path / "report.json") +
           " does not say which files its SAE has, so that its features cannot be compared: audit again with this "
           "version of qfa");
  if (files(a) != files(b))
    fail("the SAEs of " + in_quotes(a.path) + " and " + in_quotes(b.path) +
         " are not the same files, and features of two SAEs cannot be compared one by one");
  for (const char* key : {"hook", "gate"})
    if (protocol_text(a.rows, key) != protocol_text(b.rows, key))
      fail("the audits " + in_quotes(a.path) + " and " + in_quotes(b.path) + " have the " + key + "s " +
           protocol_text(a.rows, key) + " and " + protocol_text(b.rows, key) +
           ", and survival is comparable only through the same");
}

/// Why the audits' numbers may not be subtracted with an interval: empty where both come from the same tokens, in the
/// same rows and groups, and, where models were run, from the same reference: its files, processing and order.
inline std::string why_not_paired(const audit_folder& a, const audit_folder& b) {
  if (const std::string reason = why_other_tokens(a.rows, b.rows); !reason.empty()) return reason;
  if (a.rows.protocol.value("source", "") == "model") {
    const json model = reported_files(a.rows.protocol, "model");
    if (model.empty() || model != reported_files(b.rows.protocol, "model"))
      return "the audits do not compress the same model";
  }
  return why_other_protocol(a.rows, b.rows,
                            {"rows", "context", "tokens", "analyzed_tokens", "groups", "skip_positions", "prepend_bos",
                             "processing", "order"});
}

/// Condition `b` of the second audit less condition `a` of the first, under one protocol.
struct paired_difference {
  std::string a, b;
  std::string protocol;  ///< "honest" or "published"
  estimate survived;     ///< share of the counted features, b less a
  estimate mean_r;
  std::size_t features = 0;                                      ///< counted in both
  double spearman_r = std::numeric_limits<double>::quiet_NaN();  ///< of r in a and in b, over those
};

namespace detail {

inline std::vector<double> numbers_in(const report_json& list) {
  std::vector<double> out;
  for (const report_json& x : list)
    out.push_back(x.is_number() ? x.get<double>() : std::numeric_limits<double>::quiet_NaN());
  return out;
}

/// The difference of one statistic, from its values without each group, which both audits left out alike.
inline estimate difference_of(const report_json& a, const report_json& b, const char* of) {
  const auto number = [&](const report_json& side) {
    const report_json& x = side.at(of).at("value");
    return x.is_number() ? x.get<double>() : std::numeric_limits<double>::quiet_NaN();
  };
  const std::vector<double> of_a = numbers_in(a.at("without_each_group").at(of)),
                            of_b = numbers_in(b.at("without_each_group").at(of));
  require(of_a.size() == of_b.size(), "paired audits have the same groups of rows");
  std::vector<double> rest;
  for (std::size_t g = 0; g < of_a.size(); ++g)
    rest.push_back(of_b[g] - of_a[g]);
  return jackknife(number(b) - number(a), rest);
}

/// Gives the difference of survived shares the spread and the bias of the smoothed shares, where both reports have
/// them.  Throws where a report has not as many shifts as groups.
inline void respread_survived(estimate& difference, const report_json& a, const report_json& b) {
  const report_json &of_a = a.at("without_each_group"), &of_b = b.at("without_each_group");
  for (const report_json* side : {&of_a, &of_b})
    if (!side->contains("survived_shift") || !side->contains("survived_bias") || !side->at("survived_bias").is_number())
      return;
  const std::vector<double> shift_a = numbers_in(of_a["survived_shift"]), shift_b = numbers_in(of_b["survived_shift"]);
  for (const auto& [side, shift] : {std::pair(&of_a, &shift_a), std::pair(&of_b, &shift_b)})
    require(shift->size() == side->at("survived").size(),
            "a report's survived_shift has a number for each group of rows, as its survived has");
  std::vector<double> shift;
  for (std::size_t g = 0; g < shift_a.size(); ++g)
    shift.push_back(shift_b[g] - shift_a[g]);
  respread(difference, spread_of(0.0, shift),
           of_b["survived_bias"].get<double>() - of_a["survived_bias"].get<double>());
}

inline const condition_features& features_of(const audit_folder& audit, const std::string& policy) {
  const auto at = std::ranges::find(audit.features.conditions, policy, &condition_features::policy);
  if (at == audit.features.conditions.end())
    fail(in_quotes(audit.path / "features.csv") + " has no condition " + in_quotes(policy));
  return *at;
}

inline void add_features(paired_difference& d, const condition_features& a, const condition_features& b) {
  const std::string outcome = d.protocol + "_outcome";
  const feature_column *band_a = a.find(outcome), *band_b = b.find(outcome), *r_a = a.find("r"), *r_b = b.find("r");
  if (band_a == nullptr || band_b == nullptr || r_a == nullptr || r_b == nullptr) return;
  const auto counted = [](const feature_column& band, std::size_t f) {
    return !std::isnan(band.cells[f]) && band.words[static_cast<std::size_t>(band.cells[f])] != "unmeasured";
  };
  std::vector<double> x, y;
  for (std::size_t f = 0; f < (std::min)(r_a->cells.size(), r_b->cells.size()); ++f) {
    if (!counted(*band_a, f) || !counted(*band_b, f)) continue;
    ++d.features;
    if (std::isnan(r_a->cells[f]) || std::isnan(r_b->cells[f])) continue;
    x.push_back(static_cast<double>(r_a->cells[f]));
    y.push_back(static_cast<double>(r_b->cells[f]));
  }
  if (x.size() > 1) d.spearman_r = spearman(x, y);
}

}  // namespace detail

/// The difference of every condition of `b` from every one of `a`, references apart, under both protocols; throws where
/// a report lacks what is needed.  Only of audits that are paired (`why_not_paired`).
inline std::vector<paired_difference> paired_differences(const audit_folder& a, const audit_folder& b) {
  std::vector<paired_difference> out;
  for (const char* protocol : {"honest", "published"})
    for (const report_json& of_a : a.report["conditions"])
      for (const report_json& of_b : b.report["conditions"]) {
        const auto left_out = [](const report_json& c) {
          return c.value("reference", false) || c.value("ladder_only", false);
        };
        if (left_out(of_a) || left_out(of_b)) continue;
        for (const auto* side : {&of_a, &of_b})
          if (!side->contains(protocol) || !(*side)[protocol].contains("without_each_group"))
            fail(
                "a report says nothing of survival without each group of rows, by which differences are judged: audit "
                "again with this version of qfa");
        paired_difference d;
        d.a = of_a.at("policy").get<std::string>();
        d.b = of_b.at("policy").get<std::string>();
        d.protocol = protocol;
        d.survived = detail::difference_of(of_a[protocol], of_b[protocol], "survived");
        detail::respread_survived(d.survived, of_a[protocol], of_b[protocol]);
        d.mean_r = detail::difference_of(of_a[protocol], of_b[protocol], "mean_r");
        detail::add_features(d, detail::features_of(a, d.a), detail::features_of(b, d.b));
        out.push_back(std::move(d));
      }
  return out;
}

}  // namespace qfa

#endif
