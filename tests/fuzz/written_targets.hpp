// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_FUZZ_WRITTEN_TARGETS_HPP
#define QFA_TESTS_FUZZ_WRITTEN_TARGETS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/places.hpp"
#include "qfa/audit/activation_file.hpp"
#include "qfa/audit/read_group_shifts.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/compress/weight_plan_file.hpp"
#include "qfa/controls/earlier_audit.hpp"
#include "qfa/io/json.hpp"
#include "qfa/report/alignment_page.hpp"
#include "qfa/report/audit_comparison.hpp"
#include "qfa/report/audit_page.hpp"
#include "qfa/report/comparison_text.hpp"
#include "qfa/report/feature_columns.hpp"
#include "qfa/report/group_shifts.hpp"
#include "qfa/report/read_report.hpp"

// The readers of what qfa itself wrote, or another runtime for it, as functions of bytes.

namespace qfa_fuzz {

/// "@plan" in the text is the file's own path.
inline void plan_file(bytes data) {
  const qfa::nested_parser parse = [](std::string_view spec) { return qfa::parse_policy(spec); };
  std::string text(text_of(data));
  if (const std::size_t own = text.find("@plan"); own != std::string::npos)
    text.replace(own, 5, (directory() / "plan.json").string());
  qfa::read_weight_plan(write("plan.json", std::as_bytes(std::span(text))), parse);
}

inline void earlier_audit(bytes data) {
  const std::size_t cut = data.size() / 2;
  write("audit/report.json", data.first(cut));
  write("audit/features.csv", data.subspan(cut));
  tolerate([] { qfa::read_earlier_audit(directory() / "audit"); });
  const std::string_view report = R"({"sae": {"activation": "relu"}})";
  write("audit/report.json", std::as_bytes(std::span(report)));
  write("audit/features.csv", data);
  qfa::read_earlier_audit(directory() / "audit");
}

inline void feature_columns(bytes data) {
  const qfa::feature_columns read = qfa::read_feature_columns(text_of(data), "the table");
  for (const qfa::condition_features& condition : read.conditions)
    for (const qfa::feature_column& column : condition.columns)
      if (column.cells.size() != read.features) std::abort();
}

/// Two audits, A's report.json, A's features.csv, B's report.json and B's features.csv with a zero byte between them.
inline void compared(bytes data) {
  std::string_view rest = text_of(data);
  for (const char* const file : {"a/report.json", "a/features.csv", "b/report.json", "b/features.csv"}) {
    const std::size_t end = (std::min)(rest.find('\0'), rest.size());
    write(std::filesystem::path("compared") / file, std::as_bytes(std::span(rest.substr(0, end))));
    rest.remove_prefix((std::min)(end + 1, rest.size()));
  }
  const auto a = qfa::read_audit_folder(directory() / "compared/a");
  const auto b = qfa::read_audit_folder(directory() / "compared/b");
  for (const char* const protocol : {"honest", "published"})
    try {  // as `qfa compare` does, which says of a report that lacks something that it does
      qfa::comparison_text(a, b, protocol);
      if (qfa::why_not_paired(a, b).empty()) qfa::paired_differences(a, b);
    } catch (const qfa::json::exception&) {
    }
}

/// As `qfa render` reads an audit: its report.json and its features.csv with a zero byte between them.
inline void rendered(bytes data) {
  const std::string_view all = text_of(data);
  const std::size_t end = (std::min)(all.find('\0'), all.size());
  const qfa::report_json report =
      qfa::read_report(write("report.json", std::as_bytes(std::span(all.substr(0, end)))), "conditions");
  std::ostringstream page;
  qfa::write_audit_page(report, all.substr((std::min)(end + 1, all.size())), "the table", page);
}

inline void rendered_alignment(bytes data) {
  std::ostringstream page;
  qfa::write_alignment_page(qfa::read_report(write("alignment.json", data), "sweep"), page);
}

inline void activation_file(bytes data) {
  for (const char* const name : {"activations.npy", "activations.safetensors"})
    tolerate([&] {
      qfa::activation_file file(write(name, data));
      if (file.width() > 10'000) return;
      const std::size_t rows = (std::min)(file.tokens(), std::size_t{3});
      std::vector<float> read((rows + 1) * file.width());
      file.read(0, {read.data(), rows, file.width()});
      file.read(file.tokens() - rows, {read.data(), rows, file.width()});
      file.read(file.tokens() - rows, {read.data(), rows + 1, file.width()});
      std::abort();  // there are no such rows
    });
}

/// How many conditions, groups and features, how many shifts of each condition are missing, and what they are.
inline void group_shifts(bytes data) {
  if (data.size() < 4) return;
  const auto at = [&](std::size_t i) { return std::to_integer<std::size_t>(data[i % data.size()]); };
  qfa::audit_result result;
  result.d_sae = at(2) % 16;
  result.conditions.resize(at(0) % 5);
  std::vector<float> all;
  for (std::size_t c = 0; c < result.conditions.size(); ++c) {
    result.conditions[c].reference = (at(3) >> c) % 2 == 1;
    qfa::leave_one_out& r = result.conditions[c].by_honest.correlations;
    r.groups = at(1) % 16;
    const std::size_t whole = r.groups * result.d_sae;
    r.shift.resize(whole > 0 && at(4 + c) == 255 ? whole - 1 : whole);
    for (std::size_t i = 0; i < r.shift.size(); ++i) {
      const std::array<std::byte, 4> bits{data[(4 * i + 8) % data.size()], data[(4 * i + 9) % data.size()],
                                          data[(4 * i + 10) % data.size()], data[(4 * i + 11) % data.size()]};
      std::memcpy(&r.shift[i], bits.data(), bits.size());
    }
    if (!result.conditions[c].reference) all.insert(all.end(), r.shift.begin(), r.shift.end());
  }
  const std::filesystem::path path = directory() / "groups.npy";
  qfa::write_group_shifts(result, path);
  const auto others = static_cast<std::size_t>(
      std::ranges::count_if(result.conditions, [](const auto& c) { return !c.reference; }));
  const std::vector<float> back = qfa::read_group_shifts(path, others).values;
  if (back.size() != all.size() ||
      (!all.empty() && std::memcmp(back.data(), all.data(), all.size() * sizeof(float)) != 0))
    std::abort();
}

/// A groups.npy beside a table of two conditions.
inline void groups_npy(bytes data) {
  const std::string_view report = R"({"sae": {"activation": "relu"}})";
  const std::string_view table =
      "policy,feature,honest_outcome,r,noise_to_signal\nreference,0,survived,1,0\n"
      "p,0,survived,0.95,0.1\np,2,blurred,0.8,0.5\nq,2,destroyed,,\n";
  write("grouped/report.json", std::as_bytes(std::span(report)));
  write("grouped/features.csv", std::as_bytes(std::span(table)));
  const std::filesystem::path path = write("grouped/groups.npy", data);
  for (const std::size_t conditions : {1U, 2U})
    tolerate([&] {
      const qfa::group_shifts read = qfa::read_group_shifts(path, conditions);
      for (std::size_t c = 0; read.groups > 0 && c < conditions; ++c)
        if (read.of(c).size() != read.groups * read.features) std::abort();
    });
  const qfa::earlier_audit audit = qfa::read_earlier_audit(directory() / "grouped");
  for (const std::string& condition : audit.conditions)
    if (audit.groups > 0 && audit.shifts.at(condition).size() != audit.groups * audit.width) std::abort();
}

}  // namespace qfa_fuzz

#endif
