// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/earlier_audit.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "qfa/io/npy_writer.hpp"
#include "scratch.hpp"

namespace controls_earlier_audit_test {

using namespace qfa;

namespace {

void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

/// Feature 2 is silent, feature 3 unmeasured.
void write_audit(const std::filesystem::path& into, const std::string& gate = "relu") {
  write(into / "report.json", R"({"protocol": {"inputs": ["a"]}, "sae": {"activation": ")" + gate + R"("}})");
  write(into / "features.csv",
        "# inputs: [\"quoted\"]\npolicy,feature,active,honest_outcome,r,noise_to_signal\n"
        "reference,0,1,survived,1,0\n"
        "rtn:bits=8,0,1,survived,0.999,0.002\nrtn:bits=8,1,1,survived,0.9999,0.0002\nrtn:bits=8,2,1,destroyed,,\n"
        "rtn:bits=8,3,1,unmeasured,0.5,3\nrtn:bits=8,4,1,survived,0.99,0.02\n"
        "\"a,b\",0,1,blurred,0.8,0.5\n\"a,b\",1,1,survived,0.95,0.1\n\"a,b\",4,1,blurred,0.7,1\n");
}

}  // namespace

TEST_CASE("earlier_audit: counted features by condition, the most endangered first and the silent before all") {
  const qfa_test::scratch here;
  write_audit(here.path());
  const earlier_audit a = read_earlier_audit(here.path() / "report.json");
  CHECK(a.gate == "relu");
  CHECK(a.conditions == std::vector<std::string>{"rtn:bits=8", "a,b"});
  const auto ranked = most_endangered_first(a.features.at("rtn:bits=8"));
  REQUIRE(ranked.size() == 4);
  CHECK(ranked[0].feature == 2);
  CHECK(ranked[1].feature == 4);
  CHECK(ranked[3].feature == 1);
  CHECK(a.groups == 0);
}

TEST_CASE("earlier_audit: a condition's name is read without what keeps a spreadsheet from computing it") {
  const qfa_test::scratch here;
  write_audit(here.path());
  std::ofstream(here.path() / "features.csv", std::ios::app) << "'@c,0,1,survived,0.95,0.1\n";
  CHECK(read_earlier_audit(here.path()).conditions == std::vector<std::string>{"rtn:bits=8", "a,b", "@c"});
}

TEST_CASE("earlier_audit: a cell that is not its column's number is refused by file and line") {
  const qfa_test::scratch here;
  const std::string head = "policy,feature,honest_outcome,r,noise_to_signal\nreference,0,survived,1,0\n";
  for (const char* const feature : {"abc", "-1", "1e30", "inf", "1.5", "", "4294967296", " 1", "1x"}) {
    write_audit(here.path());
    write(here.path() / "features.csv", head + "p," + feature + ",survived,0.9,0.1\n");
    CAPTURE(feature);
    qfa_test::check_refused([&] { read_earlier_audit(here.path()); },
                            {"features.csv", "line 3", "for feature", "a feature's number"});
  }
  write(here.path() / "features.csv", head + "p,4294967295,survived,-0.5,inf\np,1,destroyed,,\n");
  const std::vector<reported_feature> read = read_earlier_audit(here.path()).features.at("p");
  CHECK(read[0].feature == 4294967295U);
  CHECK(read[0].r == -0.5);
  CHECK(std::isinf(read[0].noise_to_signal));
  CHECK(std::isnan(read[1].r));
  write(here.path() / "features.csv", head + "p,1,survived,much,0.1\n");
  qfa_test::check_refused([&] { read_earlier_audit(here.path()); }, {"line 3", "\"much\" for r"});
  write(here.path() / "features.csv", head + "p,1,survived,0.9,0.1.\n");
  qfa_test::check_refused([&] { read_earlier_audit(here.path()); }, {"line 3", "for noise_to_signal"});
}

TEST_CASE("earlier_audit: has the rows that its report says") {
  const qfa_test::scratch here;
  write_audit(here.path());
  CHECK_FALSE(same_rows(read_earlier_audit(here.path()).rows, read_earlier_audit(here.path()).rows));
  write(here.path() / "report.json",
        R"({"protocol": {"hook": "h", "inputs": [{"role": "tokens", "crc32": "t"}]}, "sae": {"activation": "relu"}})");
  const earlier_audit a = read_earlier_audit(here.path());
  CHECK(same_rows(a.rows, a.rows));
  CHECK(a.sae == "relu SAE of unknown x unknown at \"h\"");
}

TEST_CASE("earlier_audit: each bit fewer makes nu four times as large, of a ReLU alone") {
  const qfa_test::scratch here;
  write_audit(here.path());
  earlier_audit a = read_earlier_audit(here.path());
  // nu may be .2346: 0.0002, 0.002, 0.02 times 4^b.
  CHECK(survivors_at_fewer_bits(a, a.features.at("rtn:bits=8"), 0.0) == 3);
  CHECK(survivors_at_fewer_bits(a, a.features.at("rtn:bits=8"), 2.0) == 2);
  CHECK(survivors_at_fewer_bits(a, a.features.at("rtn:bits=8"), 5.0) == 1);
  a.gate = "jump_relu";
  CHECK_THROWS_AS(survivors_at_fewer_bits(a, a.features.at("rtn:bits=8"), 1.0), error);
}

TEST_CASE("earlier_audit: groups.npy gives each condition its own shifts, and must be of the table beside it") {
  const qfa_test::scratch here;
  write_audit(here.path());
  std::vector<float> shifts;
  for (int i = 0; i < 2 * 3 * 5; ++i)
    shifts.push_back(static_cast<float>(i));
  write_npy<float>(here.path() / "groups.npy", {2, 3, 5}, shifts);
  const earlier_audit a = read_earlier_audit(here.path());
  CHECK(a.groups == 3);
  CHECK(a.width == 5);
  CHECK(a.shifts.at("rtn:bits=8")[4] == 4.0f);
  CHECK(a.shifts.at("a,b")[0] == 15.0f);
  write_npy<float>(here.path() / "groups.npy", {1, 6, 5}, shifts);
  CHECK_THROWS_WITH_AS(read_earlier_audit(here.path()), doctest::Contains("expected 2 x groups"), error);
  write_npy<float>(here.path() / "groups.npy", {2, 5, 3}, shifts);
  CHECK_THROWS_WITH_AS(read_earlier_audit(here.path()), doctest::Contains("holds 3 features"), error);
}

TEST_CASE("earlier_audit: what is missing is named") {
  const qfa_test::scratch here;
  write_audit(here.path());
  const earlier_audit a = read_earlier_audit(here.path());
  CHECK_THROWS_WITH_AS(a.condition(""), doctest::Contains("several conditions"), error);
  CHECK_THROWS_WITH_AS(a.condition("rtn:bits=3"), doctest::Contains("expected one of"), error);
  CHECK(a.condition("a,b") == "a,b");
  write(here.path() / "features.csv", "policy,feature\nx,1\n");
  CHECK_THROWS_WITH_AS(read_earlier_audit(here.path()), doctest::Contains("no column"), error);
  write(here.path() / "report.json", "{}");
  CHECK_THROWS_WITH_AS(read_earlier_audit(here.path()), doctest::Contains("sae.activation"), error);
}

}  // namespace controls_earlier_audit_test
