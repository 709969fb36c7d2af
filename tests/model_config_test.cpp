// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/config.hpp"

#include <doctest/doctest.h>

#include <set>

namespace model_config_test {

using namespace qfa;

TEST_CASE("model_config: every family has a name of its own and an architecture of its own") {
  CHECK(std::set<std::string_view>(model_family_names.begin(), model_family_names.end()).size() == 6);
  CHECK(std::set<std::string_view>(model_architecture_names.begin(), model_architecture_names.end()).size() == 6);
  CHECK(name_of(model_family::gpt_neox) == "gpt_neox");
  CHECK(name_of(model_family::phi3) == "phi3");
}

TEST_CASE("model_config: queries and keys are as wide as their heads") {
  const model_config config{.heads = 8, .kv_heads = 2, .head_dim = 16};
  CHECK(config.query_width() == 128);
  CHECK(config.key_width() == 32);
}

}  // namespace model_config_test
