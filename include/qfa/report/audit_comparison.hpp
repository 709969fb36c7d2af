// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_AUDIT_COMPARISON_HPP
#define QFA_REPORT_AUDIT_COMPARISON_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/read_group_shifts.hpp"
#include "qfa/audit/reported_rows.hpp"
#include "qfa/compare/damage_spearman.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/report/feature_columns.hpp"
#include "qfa/report/report_json.hpp"
#include "qfa/report/reported_correlations.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/stats/smoothed_count.hpp"

namespace qfa {

/// An audit as its folder holds it.
struct audit_folder {
  std::filesystem::path path;
  report_json report;
  reported_rows rows;  ///< what the report says of them
  feature_columns features;
  group_shifts shifts{};  ///< of the conditions in `features` but the reference; empty without groups.npy
};

/// Reads report.json, features.csv and, where it is there, groups.npy of a folder.  Throws, naming the file, where one
/// of the first two is missing, or one is not an audit's.
inline audit_folder read_audit_folder(const std::filesystem::path& path) {
  const std::filesystem::path report = path / "report.json", features = path / "features.csv";
  const json checked = read_json(report);  // its size and depth are bounded, and no name comes twice
  for (const char* key : {"protocol", "sae", "conditions"})
    if (!checked.is_object() || !checked.contains(key))
      fail(in_quotes(report) + " has no " + key + ", expected a report of qfa audit");
  const file_bytes text(report, file_access::mapped), table(features, file_access::mapped);
  audit_folder out{path, report_json::parse(text.text()), rows_of_report(checked),
                   read_feature_columns(table.text(), in_quotes(features))};
  const std::filesystem::path groups = path / "groups.npy";
  out.shifts = read_group_shifts(groups, out.features.conditions.size() - 1);
  if (out.shifts.groups > 0 && out.shifts.features != out.features.features)
    fail(in_quotes(groups) + " holds " + std::to_string(out.shifts.features) + " features, expected the " +
         std::to_string(out.features.features) + " of features.csv beside it");
  return out;
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
  std::size_t features = 0;  ///< counted in both
  /// Spearman's correlation of r in a and in b, over those whose r is defined in both (`damage_spearman`).
  estimate spearman_r;
};

namespace detail {

inline bool is_shown(const report_json& c) { return !c.value("reference", false) && !c.value("ladder_only", false); }

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

/// What a report says of a policy's survival under a protocol.
inline const report_json& survey_of(const audit_folder& audit, const std::string& policy, const std::string& protocol) {
  const report_json& all = audit.report["conditions"];
  const auto at = std::ranges::find_if(all, [&](const report_json& c) { return c.at("policy") == policy; });
  if (at == all.end() || !at->contains(protocol) || !(*at)[protocol].contains("without_each_group"))
    fail(
        "a report says nothing of survival without each group of rows, by which differences are judged: audit again "
        "with this version of qfa");
  return (*at)[protocol];
}

/// Conditions of an audit as its files have them, each read once.
class reported_conditions {
 public:
  /// Without groups, r alone.
  reported_conditions(const audit_folder& audit, bool grouped) : audit_(&audit), grouped_(grouped) {}

  const condition_features& features(const std::string& policy) const {
    return audit_->features.conditions[place_of(policy)];
  }
  const leave_one_out& correlations(const std::string& policy) {
    const auto [at, is_new] = read_.try_emplace(policy);
    if (is_new)
      at->second = reported_correlations(
          features(policy), grouped_ ? audit_->shifts.of(place_of(policy) - 1) : std::span<const float>(),
          in_quotes(audit_->path / "features.csv"));
    return at->second;
  }

 private:
  /// Among all conditions, the reference first.
  std::size_t place_of(const std::string& policy) const {
    const auto& all = audit_->features.conditions;
    const auto at = std::ranges::find(all.begin() + 1, all.end(), policy, &condition_features::policy);
    if (at == all.end()) fail(in_quotes(audit_->path / "features.csv") + " has no condition " + in_quotes(policy));
    return static_cast<std::size_t>(at - all.begin());
  }

  const audit_folder* audit_;
  bool grouped_;
  std::map<std::string, leave_one_out> read_;
};

/// How alike two conditions order their features' r, over those that both count.
inline void add_features(paired_difference& d, reported_conditions& a, reported_conditions& b, bool grouped) {
  const std::string outcome = d.protocol + "_outcome";
  const feature_column *band_a = a.features(d.a).find(outcome), *band_b = b.features(d.b).find(outcome);
  if (band_a == nullptr || band_b == nullptr) return;
  const auto counted = [](const feature_column& band, std::size_t f) {
    return !std::isnan(band.cells[f]) && band.words[static_cast<std::size_t>(band.cells[f])] != "unmeasured";
  };
  std::vector<std::uint32_t> both;
  for (std::size_t f = 0; f < (std::min)(band_a->cells.size(), band_b->cells.size()); ++f)
    if (counted(*band_a, f) && counted(*band_b, f)) both.push_back(static_cast<std::uint32_t>(f));
  d.features = both.size();
  d.spearman_r = damage_spearman(a.correlations(d.a), b.correlations(d.b), both);
  if (!grouped) d.spearman_r.range.reason = without_group_shifts;
}

}  // namespace detail

/// The policies of an audit that are compared with another's: all but the reference and rungs of a ladder.
inline std::vector<std::string> compared_policies(const audit_folder& audit) {
  std::vector<std::string> out;
  for (const report_json& c : audit.report["conditions"])
    if (detail::is_shown(c)) out.push_back(c.at("policy").get<std::string>());
  return out;
}

/// The difference of every policy of `b` from every one of `a` that is `wanted(protocol, policy of a, policy of b)`,
/// under "honest" and "published" rules; throws where a report lacks what is needed.  Only of audits that are paired
/// (`why_not_paired`).
template <std::predicate<const std::string&, const std::string&, const std::string&> Wanted>
std::vector<paired_difference> paired_differences(const audit_folder& a, const audit_folder& b, Wanted wanted) {
  std::vector<paired_difference> out;
  const bool grouped = a.shifts.groups > 0 && b.shifts.groups > 0;
  if (grouped && a.shifts.groups != b.shifts.groups)
    fail("the groups.npy of " + in_quotes(a.path) + " and " + in_quotes(b.path) + " hold " +
         std::to_string(a.shifts.groups) + " and " + std::to_string(b.shifts.groups) +
         " groups of rows, expected the same groups, as their reports have them");
  detail::reported_conditions in_a(a, grouped), in_b(b, grouped);
  for (const std::string protocol : {"honest", "published"})
    for (const std::string& of_a : compared_policies(a))
      for (const std::string& of_b : compared_policies(b)) {
        if (!wanted(protocol, of_a, of_b)) continue;
        const report_json& survey_a = detail::survey_of(a, of_a, protocol);
        const report_json& survey_b = detail::survey_of(b, of_b, protocol);
        paired_difference d;
        d.a = of_a;
        d.b = of_b;
        d.protocol = protocol;
        d.survived = detail::difference_of(survey_a, survey_b, "survived");
        detail::respread_survived(d.survived, survey_a, survey_b);
        d.mean_r = detail::difference_of(survey_a, survey_b, "mean_r");
        detail::add_features(d, in_a, in_b, grouped);
        out.push_back(std::move(d));
      }
  return out;
}
inline std::vector<paired_difference> paired_differences(const audit_folder& a, const audit_folder& b) {
  return paired_differences(a, b, [](const auto&...) { return true; });
}

}  // namespace qfa

#endif
