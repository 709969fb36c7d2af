// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_EARLIER_AUDIT_HPP
#define QFA_CONTROLS_EARLIER_AUDIT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/read_group_shifts.hpp"
#include "qfa/audit/reported_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/csv.hpp"
#include "qfa/io/csv_reader.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"

namespace qfa {

/// A counted feature under one condition of an audit that was written to files.
struct reported_feature {
  std::uint32_t feature = 0;
  double r = std::numeric_limits<double>::quiet_NaN();
  double noise_to_signal = std::numeric_limits<double>::quiet_NaN();  ///< nu; NaN or infinite where r is none or 0

  /// By which features are ranked: nu, and what has none, or turned its sign, is worst.
  double rank() const noexcept {
    return r > 0.0 && !std::isnan(noise_to_signal) ? noise_to_signal : std::numeric_limits<double>::infinity();
  }
  bool survived(double limit = 0.9) const noexcept { return r > limit; }
};

/// What an audit's report.json and features.csv say of features: one list of the counted ones for each condition but
/// the reference.
struct earlier_audit {
  std::string where;     ///< the directory
  std::string gate;      ///< the SAE's activation
  std::string sae;       ///< the SAE in words; audits of one SAE have the same
  reported_rows rows{};  ///< what the report says of them
  std::vector<std::string> conditions{};
  std::map<std::string, std::vector<reported_feature>> features{};  ///< by condition; in order of the feature
  std::size_t groups = 0, width = 0;                                ///< of the shifts; 0: groups.npy is not there
  std::map<std::string, std::vector<float>> shifts{};  ///< (groups, width): r without a group less r, by condition

  /// Throws where there is no such condition; an empty name is the only one that there is.
  const std::string& condition(const std::string& name) const {
    const auto listed = [&] {
      std::string all;
      for (const std::string& c : conditions)
        all += (all.empty() ? "" : ", ") + in_quotes(c);
      return all;
    };
    if (name.empty() && conditions.size() == 1) return conditions.front();
    if (name.empty()) fail("the earlier audit has several conditions, expected the name of one of " + listed());
    const auto found = std::ranges::find(conditions, name);
    if (found == conditions.end())
      fail("the earlier audit has no condition " + in_quotes(name) + ", expected one of " + listed());
    return *found;
  }
};

namespace detail {

/// Audits from before reports had the SAE's checksum are told apart by its shape alone.
inline void describe_earlier(const json& report, earlier_audit& out) {
  const json& sae = report["sae"];
  out.gate = sae["activation"].get<std::string>();
  const auto text = [](const json& of, const char* key) { return of.contains(key) ? of[key].dump() : "unknown"; };
  out.sae = out.gate + " SAE of " + text(sae, "d_in") + " x " + text(sae, "d_sae");
  if (sae.contains("checksum") && sae["checksum"].is_string())
    out.sae += ", checksum " + sae["checksum"].get<std::string>();
  if (report.contains("protocol")) out.sae += " at " + text(report["protocol"], "hook");
  out.rows = rows_of_report(report);
}

inline void add_group_shifts(const std::filesystem::path& path, earlier_audit& out) {
  const group_shifts all = read_group_shifts(path, out.conditions.size());
  if (all.groups == 0) return;
  out.groups = all.groups;
  out.width = all.features;
  for (std::size_t c = 0; c < out.conditions.size(); ++c) {
    const std::span<const float> of = all.of(c);
    out.shifts[out.conditions[c]].assign(of.begin(), of.end());
  }
  for (const auto& [condition, features] : out.features)
    for (const reported_feature& f : features)
      if (f.feature >= out.width)
        fail(in_quotes(path) + " holds " + std::to_string(out.width) + " features, and features.csv beside it has " +
             std::to_string(f.feature));
}

}  // namespace detail

/// Reads an audit from the directory that it was written to, or from its report.json, beside which features.csv lies,
/// and groups.npy where intervals can be had.  Throws where one of the first two is missing, or lacks what is needed.
inline earlier_audit read_earlier_audit(std::filesystem::path where) {
  if (!path_is_directory(where)) where = where.has_parent_path() ? where.parent_path() : ".";
  earlier_audit out;
  const json report = read_json(where / "report.json");
  if (!report.is_object() || !report.contains("sae") || !report["sae"].contains("activation") ||
      !report["sae"]["activation"].is_string())
    fail(in_quotes(where / "report.json") + " names no sae.activation, expected a report of qfa audit");
  out.where = where.string();
  detail::describe_earlier(report, out);

  const std::filesystem::path path = where / "features.csv";
  const file_bytes file(path, file_access::mapped);
  std::string_view text = file.text();
  while (text.starts_with('#')) {  // the protocol, line by line
    const std::size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  const std::vector<csv_row> rows = parse_csv(text, in_quotes(path));
  const auto column = [&](std::string_view name) {
    const auto& head = rows.empty() ? std::vector<std::string>{} : rows.front().cells;
    const auto found = std::ranges::find(head, name);
    if (found == head.end())
      fail(in_quotes(path) + " has no column \"" + std::string(name) + "\", expected a table of qfa audit");
    return static_cast<std::size_t>(found - head.begin());
  };
  const std::size_t policy = column("policy"), feature = column("feature"), outcome = column("honest_outcome"),
                    r = column("r"), nu = column("noise_to_signal");
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string>& cells = rows[i].cells;
    if (cells.size() != rows.front().cells.size())
      fail(in_quotes(path) + ", line " + std::to_string(rows[i].line) + ", has another number of cells than its head");
    const std::string condition(csv_text(cells[policy]));
    if (condition == "reference") continue;
    auto& list = out.features[condition];
    if (std::ranges::find(out.conditions, condition) == out.conditions.end()) out.conditions.push_back(condition);
    if (cells[outcome].empty() || cells[outcome] == "unmeasured") continue;
    const auto need = [&](std::size_t cell, auto& to, const char* what) {
      if (!read_cell(cells[cell], to))
        fail(in_quotes(path) + ", line " + std::to_string(rows[i].line) + ", has " + in_quotes(cells[cell]) + " for " +
             rows.front().cells[cell] + ", expected " + what);
    };
    reported_feature& one = list.emplace_back();
    need(feature, one.feature, "a feature's number");
    if (!cells[r].empty()) need(r, one.r, "a number or nothing");
    if (!cells[nu].empty()) need(nu, one.noise_to_signal, "a number or nothing");
  }
  if (out.conditions.empty()) fail(in_quotes(path) + " has no condition but the reference");
  detail::add_group_shifts(where / "groups.npy", out);
  return out;
}

/// The features from the most to the least endangered, by nu that was measured under a cheap compression; of equal ones
/// the first first.
inline std::vector<reported_feature> most_endangered_first(std::vector<reported_feature> features) {
  std::ranges::stable_sort(features, [](const auto& a, const auto& b) { return a.rank() > b.rank(); });
  return features;
}

/// How many would survive `bits` bits fewer, each of which makes nu four times as large: of a ReLU, whose error is the
/// quantizer's step.  A gate turns noise into flips, whose energy grows by half of that, and an extrapolation of this
/// kind means nothing: throws.
inline std::size_t survivors_at_fewer_bits(const earlier_audit& audit, const std::vector<reported_feature>& features,
                                           double bits, double limit = 0.9) {
  if (audit.gate != "relu")
    fail("the counts of a " + audit.gate +
         " SAE cannot be foretold from one audit, whose features can only be ranked: a gate turns noise into flips");
  const double most = (1.0 - limit * limit) / (limit * limit);
  return static_cast<std::size_t>(std::ranges::count_if(
      features, [&](const reported_feature& f) { return f.rank() * std::pow(4.0, bits) < most; }));
}

}  // namespace qfa

#endif
