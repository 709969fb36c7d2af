// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/audit_comparison.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "made_report.hpp"
#include "qfa/io/npy_writer.hpp"

namespace report_audit_comparison_test {

using namespace qfa;

namespace {

audit_folder folder(const qfa_test::scratch& in, const std::string& name, const report_json& report,
                    const std::string& policy = "p", double worst = 0.25) {
  return read_audit_folder(
      qfa_test::made_folder(in, name, report, qfa_test::made_features({"reference", policy}, 12, worst)));
}

/// A folder with features.csv and groups.npy of tests/data/comparison.
audit_folder oracle_folder(const qfa_test::scratch& in, const std::string& side, const report_json& report) {
  const std::filesystem::path from = std::filesystem::path(QFA_TEST_DATA) / "comparison" / side;
  const std::filesystem::path to = qfa_test::made_folder(in, side, report, qfa_test::slurp(from / "features.csv"));
  in.write(to / "groups.npy", qfa_test::slurp(from / "groups.npy"));
  return read_audit_folder(to);
}

}  // namespace

TEST_CASE("audit_comparison: a difference is B less A, and its interval is of what the groups do not share") {
  const qfa_test::scratch here;
  const audit_folder a = folder(here, "a", qfa_test::made_report("p", 7)),
                     b = folder(here, "b", qfa_test::made_report("p", 9, 0.01), "p", 0.5);
  CHECK(why_not_paired(a, b).empty());
  const std::vector<paired_difference> all = paired_differences(a, b);
  REQUIRE(all.size() == 2);  // one pair under two protocols
  CHECK(all[0].protocol == "honest");
  CHECK(all[1].protocol == "published");
  CHECK(all[0].survived.value == doctest::Approx(0.2));
  // se^2 = 7/8 x 8 x .01^2, whatever both lost with a group.
  CHECK(all[0].survived.range.kind == interval_kind::two_sided);
  CHECK(all[0].survived.range.standard_error == doctest::Approx(std::sqrt(7.0) * 0.01));
  CHECK(all[0].mean_r.value == doctest::Approx(0.1));
  CHECK(all[0].features == 10);  // honest: without the unmeasured ones
  CHECK(all[1].features == 12);
  CHECK(all[0].spearman_r.value == doctest::Approx(1.0));
  CHECK(all[0].spearman_r.range.kind == interval_kind::refused);
  CHECK(all[0].spearman_r.range.reason == "no groups.npy beside the report");
}

TEST_CASE("audit_comparison: Spearman's correlation of r, with its interval, agrees with the oracle") {
  const qfa_test::scratch here;
  report_json two = qfa_test::made_report("other", 7);  // whose shifts stand before those of p
  two["conditions"].push_back(qfa_test::made_report("p", 9, 0.01)["conditions"][1]);
  const audit_folder a = oracle_folder(here, "a", qfa_test::made_report("p", 7)), b = oracle_folder(here, "b", two);
  const json expected = read_json(std::filesystem::path(QFA_TEST_DATA) / "comparison/expected.json");
  const auto check = [&](const estimate& e, const json& all) {
    REQUIRE(e.range.kind == interval_kind::two_sided);
    CHECK(e.range.scale == interval_scale::atanh);
    CHECK(e.range.dof == 11.0);
    CHECK(e.value == doctest::Approx(all["value"].get<double>()).epsilon(1e-13));
    CHECK(e.range.standard_error == doctest::Approx(all["standard_error"].get<double>()).epsilon(1e-12));
    CHECK(e.range.scale_error == doctest::Approx(all["scale_error"].get<double>()).epsilon(1e-12));
    // Grades come from a table of 4096 places; of sixty features, four of them steps, that is not fine.
    for (const auto& [name, within] : {std::pair("tabulated", 1e-9), std::pair("exact", 3e-3)}) {
      const std::vector<double> ends = all[name].get<std::vector<double>>();
      CHECK(e.bias_corrected == doctest::Approx(ends[0]).epsilon(within));
      CHECK(e.range.lower == doctest::Approx(ends[1]).epsilon(within));
      CHECK(e.range.upper == doctest::Approx(ends[2]).epsilon(within));
    }
  };
  for (const bool swapped : {false, true}) {  // the correlation of r has no direction
    std::size_t found = 0;
    for (const paired_difference& d : swapped ? paired_differences(b, a) : paired_differences(a, b))
      if (d.a == "p" && d.b == "p") {
        const json& all = expected[d.protocol];
        CHECK(d.features == all["features"].get<std::size_t>());
        check(d.spearman_r, all);
        ++found;
      }
    CHECK(found == 2);
  }
}

TEST_CASE("audit_comparison: groups.npy must be of the features and of the other audit's groups") {
  const qfa_test::scratch here;
  const audit_folder a = oracle_folder(here, "a", qfa_test::made_report("p", 7));
  const std::filesystem::path path = here.path() / "a/groups.npy";
  const auto with_shifts = [&](std::vector<std::size_t> shape) {
    write_npy<float>(path, shape, std::vector<float>(shape[0] * shape[1] * shape[2]));
    return read_audit_folder(here.path() / "a");
  };
  CHECK_THROWS_WITH_AS(with_shifts({1, 12, 59}), doctest::Contains("holds 59 features, expected the 60"), error);
  CHECK_THROWS_WITH_AS(with_shifts({2, 12, 60}), doctest::Contains("expected 1 x groups x features"), error);
  CHECK_THROWS_WITH_AS(paired_differences(a, with_shifts({1, 11, 60})), doctest::Contains("hold 12 and 11 groups"),
                       error);
  const paired_difference few = paired_differences(with_shifts({1, 7, 60}), with_shifts({1, 7, 60}))[0];
  CHECK(few.spearman_r.range.reason == "fewer than 8 groups of rows");
  // Against itself nothing moves: an exact one-sided statement.
  CHECK(paired_differences(a, a)[0].spearman_r.range.kind == interval_kind::at_least);
}

TEST_CASE("audit_comparison: smoothed shares give the difference its spread and bias, where both reports have them") {
  const qfa_test::scratch here;
  const auto with_shifts = [](double survived, double scale, double bias) {
    report_json out = qfa_test::made_report("p", survived, 0.02 * scale);
    for (report_json& c : out["conditions"])
      for (const char* protocol : {"honest", "published"}) {
        report_json shifts = report_json::array();
        for (int g = 0; g < 8; ++g)
          shifts.push_back(scale * (g % 2 == 0 ? 0.01 : -0.01));
        c[protocol]["without_each_group"]["survived_shift"] = shifts;
        c[protocol]["without_each_group"]["survived_bias"] = bias;
      }
    return out;
  };
  const audit_folder a = folder(here, "a", with_shifts(5, 1.0, 0.02)), b = folder(here, "b", with_shifts(7, 3.0, 0.05));
  const estimate d = paired_differences(a, b)[0].survived;
  CHECK(d.range.standard_error == doctest::Approx(std::sqrt(7.0 / 8.0 * 8.0) * 0.02));  // shifts of .03 less .01
  CHECK(d.bias_corrected == doctest::Approx(0.2 - 0.03));
  const audit_folder plain = folder(here, "c", qfa_test::made_report("p", 7, -0.02));
  const estimate e = paired_differences(a, plain)[0].survived;
  CHECK(e.range.standard_error == doctest::Approx(std::sqrt(7.0 / 8.0 * 8.0) * 0.04));
  audit_folder partial = b;
  for (report_json& c : partial.report["conditions"])
    c["honest"]["without_each_group"].erase("survived_bias");  // shifts alone are no use
  CHECK(paired_differences(a, partial)[0].survived.bias_corrected != doctest::Approx(0.2 - 0.03));
  audit_folder short_of = a, short_too = b;
  for (audit_folder* side : {&short_of, &short_too})
    for (report_json& c : side->report["conditions"])
      c["honest"]["without_each_group"]["survived_shift"].erase(std::size_t{0});
  CHECK_THROWS_AS(paired_differences(short_of, short_too), qfa::error);
}

TEST_CASE("audit_comparison: other tokens, rows or groups have no difference, and say why") {
  const qfa_test::scratch here;
  const report_json report = qfa_test::made_report("p", 7);
  const audit_folder a = folder(here, "a", report);
  report_json other = report;
  other["protocol"]["inputs"][2]["crc32"] = "44444444";
  CHECK(why_not_paired(a, folder(here, "b", other)) == "the audits do not come from the same tokens");
  other = report;
  other["protocol"]["rows"] = 63;
  CHECK(why_not_paired(a, folder(here, "c", other)) == "their protocols differ in rows (64 and 63)");
  other = report;
  other["protocol"]["inputs"].erase(2);
  CHECK(why_not_paired(folder(here, "d", other), folder(here, "e", other)) ==
        "the audits do not come from the same tokens");
  other = report;
  other["protocol"]["source"] = "activations";
  CHECK(why_not_paired(folder(here, "f", other), a) == "the audits do not come from the same activations");
}

TEST_CASE("audit_comparison: other models, processing or order are not paired, activations need no model") {
  const qfa_test::scratch here;
  report_json report = qfa_test::made_report("p", 7);
  report["protocol"]["processing"] = "none";
  report["protocol"]["order"] = "compress,process";
  const audit_folder a = folder(here, "a", report);
  CHECK(why_not_paired(a, folder(here, "same", report)).empty());
  report_json other = report;
  other["protocol"]["inputs"][0]["crc32"] = "44444444";
  CHECK(why_not_paired(a, folder(here, "b", other)) == "the audits do not compress the same model");
  other["protocol"]["inputs"].erase(0);
  const audit_folder nameless = folder(here, "c", other);
  CHECK(why_not_paired(nameless, nameless) == "the audits do not compress the same model");
  other = report;
  other["protocol"]["processing"] = "transformer_lens";
  CHECK(why_not_paired(a, folder(here, "d", other)) ==
        "their protocols differ in processing (\"none\" and \"transformer_lens\")");
  other = report;
  other["protocol"]["order"] = "process,compress";
  CHECK(why_not_paired(a, folder(here, "e", other)).starts_with("their protocols differ in order ("));
  other = report;
  other["protocol"]["source"] = "activations";
  other["protocol"]["inputs"][2]["role"] = "activations";
  other["protocol"]["inputs"].erase(0);
  const audit_folder dumped = folder(here, "f", other);
  CHECK(why_not_paired(dumped, dumped).empty());
}

TEST_CASE("audit_comparison: a tokenizer is known by its checksum, wherever it lies") {
  const qfa_test::scratch here;
  report_json report = qfa_test::made_report("p", 7);
  report["protocol"]["inputs"][2]["role"] = "text";
  report["protocol"]["text"] = {{"tokenizer", "here/tokenizer.json"}, {"crc32", "66666666"}, {"document", "line"}};
  const audit_folder a = folder(here, "a", report);
  report["protocol"]["text"]["tokenizer"] = "there/tokenizer.json";
  CHECK(why_not_paired(a, folder(here, "b", report)).empty());
  report["protocol"]["text"]["crc32"] = "77777777";
  const std::string reason = "the audits do not make the same tokens of their text";
  CHECK(why_not_paired(a, folder(here, "c", report)) == reason);
  report["protocol"].erase("text");
  CHECK(why_not_paired(a, folder(here, "d", report)) == "the audits do not come from the same text");
}

TEST_CASE("audit_comparison: refuses two SAEs, hooks or gates, by one sentence") {
  const qfa_test::scratch here;
  const report_json report = qfa_test::made_report("p", 7);
  const audit_folder a = folder(here, "a", report);
  CHECK_NOTHROW(require_same_sae(a, a));
  report_json other = report;
  other["protocol"]["inputs"][1]["crc32"] = "55555555";
  CHECK_THROWS_WITH_AS(require_same_sae(a, folder(here, "b", other)), doctest::Contains("are not the same files"),
                       error);
  other = report;
  other["protocol"]["inputs"][1].erase("role");
  CHECK_THROWS_WITH_AS(require_same_sae(a, folder(here, "c", other)),
                       doctest::Contains("does not say which files its SAE has"), error);
  other = report;
  other["protocol"]["gate"] = "jump_relu, ignored: f = max(z, 0)";
  CHECK_THROWS_WITH_AS(require_same_sae(a, folder(here, "d", other)), doctest::Contains("have the gates"), error);
  other = report;
  other["protocol"]["hook"] = "blocks.1.hook_resid_post";
  CHECK_THROWS_WITH_AS(require_same_sae(a, folder(here, "e", other)), doctest::Contains("have the hooks"), error);
}

TEST_CASE("audit_comparison: refuses a folder that is none, and a report that knows nothing without each group") {
  const qfa_test::scratch here;
  CHECK_THROWS_WITH_AS(read_audit_folder(here.path()), doctest::Contains("report.json"), error);
  here.write("n/report.json", R"({"protocol": {}, "sae": {}})");
  CHECK_THROWS_WITH_AS(read_audit_folder(here.path() / "n"), doctest::Contains("has no conditions"), error);
  report_json old = qfa_test::made_report("p", 7);
  old["conditions"][1]["honest"].erase("without_each_group");
  const audit_folder a = folder(here, "a", old);
  CHECK_THROWS_WITH_AS(paired_differences(a, a), doctest::Contains("audit again"), error);
}

}  // namespace report_audit_comparison_test
