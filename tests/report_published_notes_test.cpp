// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/published_notes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace report_published_notes_test {

using namespace qfa;

namespace {

/// An audit of a model with the reference and these policies.
audit_result audit_of(const std::vector<std::string>& policies) {
  audit_result a;
  a.made.source = "model";
  a.activation = activation_kind::jump_relu;
  condition_result& reference = a.conditions.emplace_back();
  reference.policy = "reference";
  reference.reference = true;
  for (const std::string& policy : policies)
    a.conditions.emplace_back().policy = policy;
  return a;
}

std::string warnings(const audit_result& a) { return published_notes_text(published_warnings(a)); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("published_warnings: what the paper does stands beside what this audit did, BOS first") {
  audit_result a = audit_of({"rtn:bits=4"});
  for (const char* said : {"protocol: arXiv 2606.03002", "adds no BOS, and here none is added\n", "rank 3", "in sample",
                           "tokens as independent; here intervals leave out", "no noise floor", "one jump_relu SAE\n"})
    CHECK_MESSAGE(has(warnings(a), said), said);
  a.made.prepend_bos = true;
  CHECK(has(warnings(a), "the paper adds no BOS; here BOS begins every row\n"));
  CHECK_FALSE(has(warnings(a), "none is added"));
  a.made.prepend_bos = false;
  a.made.source = "activations";
  CHECK(has(warnings(a), "is not known of dumped activations\n"));
  a.made.gate = "jump_relu, ignored";
  CHECK(has(warnings(a), "one jump_relu, ignored SAE\n"));
}

TEST_CASE("published_warnings: head scales are shared where a policy does, whatever the paper does") {
  audit_result a = audit_of({"rtn:bits=4", "rtn:bits=3"});
  CHECK(has(warnings(a), "between heads; here no policy does\n"));
  a.conditions[2].policy = "rtn:bits=3,per=shared_heads";
  CHECK(has(warnings(a), "here of the policies only these do: rtn:bits=3,per=shared_heads\n"));
  a.conditions[1].tensors.emplace_back().policy = "rtn:bits=4,per=shared_heads";  // by a plan
  CHECK(has(warnings(a), "here every policy does\n"));
  // A rung that no table shows is no policy of the tables.
  a.conditions[2].policy = "rtn:bits=3";
  a.conditions[2].ladder_only = true;
  CHECK(has(warnings(a), "here every policy does\n"));
  a = audit_of({"rtn:bits=4,per=shared_heads", "theirs"});
  a.made.checkpoints.push_back({"theirs", "there", ""});
  CHECK(has(warnings(a), "only these do: rtn:bits=4,per=shared_heads; not known of theirs, compressed elsewhere\n"));
  a = audit_of({"int4"});
  a.made.source = "activations";
  CHECK(has(warnings(a), "here that is not known of models compressed elsewhere\n"));
}

TEST_CASE("published_warnings: pairs at the ceiling of their sizes are counted, empty sets are none") {
  audit_result a = audit_of({"p", "q", "s"});
  CHECK(has(warnings(a), "here no two policies are compared\n"));
  for (const auto& [sizes, count] : {std::pair(set_sizes{4, 9, 4, 20}, "for 1 of 1 pair, and"),
                                     std::pair(set_sizes{4, 9, 3, 20}, "for 1 of 2 pairs, and"),
                                     std::pair(set_sizes{0, 9, 0, 20}, "for 1 of 3 pairs, and")}) {
    a.published_overlaps.emplace_back().not_survived.sizes = sizes;
    CHECK(has(warnings(a), count));
  }
}

TEST_CASE("published_notes_json: the tag, and each warning as a text has it") {
  const audit_result a = audit_of({"p"});
  const report_json j = published_notes_json(a);
  CHECK(j["tag"] == "protocol: arXiv 2606.03002");
  REQUIRE(j["warnings"].size() == 7);
  for (const report_json& warning : j["warnings"])
    CHECK(has(warnings(a), "\nwarning: " + warning.get<std::string>() + "\n"));
  CHECK(has(published_auc_note(), "protocol: arXiv 2606.03002"));
}

}  // namespace report_published_notes_test
