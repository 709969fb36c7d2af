// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/units.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/model/load.hpp"

namespace locate_units_test {

using namespace qfa;

namespace {

model_config config_of(std::string_view family) {
  return load_model(std::filesystem::path(QFA_TEST_DATA) / "models" / family).config;
}

/// How many units each weight of each matrix belongs to.
std::map<std::string, std::vector<int>> covered(const std::vector<compression_unit>& units) {
  std::map<std::string, std::vector<int>> out;
  for (const compression_unit& unit : units)
    for (const unit_part& part : unit.parts) {
      const weight_slice& slice = part.tensor.slice;
      std::vector<int>& counts = out[part.tensor.info.name];
      counts.resize(slice.rows * slice.columns);
      for (std::size_t r = part.first_row; r < part.last_row; ++r)
        for (std::size_t c = part.first_column; c < part.last_column; ++c)
          ++counts.at(r * slice.columns + c);
    }
  return out;
}

}  // namespace

TEST_CASE("units: every chosen weight of every family belongs to exactly one unit of any kind") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const model_config config = config_of(family);
    for (const target_patterns& targets : {target_patterns{}, target_patterns{{"*"}, {"*down_proj*"}}}) {
      std::map<std::string, std::size_t> chosen;
      for (const logical_tensor& tensor : logical_tensors(config))
        if (targets(tensor.info)) chosen[tensor.info.name] = tensor.slice.rows * tensor.slice.columns;
      for (const unit_kind kind : {unit_kind::tensors, unit_kind::layers, unit_kind::heads}) {
        const auto units = units_of(config, kind, family == "gpt_neox" ? target_patterns{targets.include} : targets);
        const auto counts = covered(units);
        CHECK(counts.size() >= chosen.size());
        std::size_t weights = 0, covered_weights = 0;
        for (const auto& [name, list] : counts) {
          CAPTURE(name);
          covered_weights += list.size();
          CHECK(list == std::vector<int>(list.size(), 1));
        }
        for (const auto& [name, size] : chosen)
          CHECK(counts.at(name).size() == size);
        for (const compression_unit& unit : units)
          weights += unit.weights();
        CHECK(weights == covered_weights);
      }
    }
  }
}

TEST_CASE("units: a head with its query heads, their columns, and the rest of its layer") {
  const model_config config = config_of("llama");  // 8 heads that share 2 of keys and values, 8 channels each
  const auto units = units_of(config, unit_kind::heads);
  REQUIRE(units.size() == 3 * (2 + 1));
  CHECK(units[3].name == "layer 1 heads 0-3");
  CHECK(units[4].name == "layer 1 heads 4-7");
  CHECK(units[5].name == "layer 1 MLP");
  REQUIRE(units[4].parts.size() == 4);
  const auto& [q, k, v, o] = std::tie(units[4].parts[0], units[4].parts[1], units[4].parts[2], units[4].parts[3]);
  CHECK((q.tensor.info.role == tensor_role::query && q.first_row == 32 && q.last_row == 64 && q.last_column == 64));
  CHECK((k.tensor.info.role == tensor_role::key && k.first_row == 8 && k.last_row == 16));
  CHECK((v.tensor.info.role == tensor_role::value && v.first_row == 8 && v.last_row == 16));
  CHECK((o.tensor.info.role == tensor_role::attention_out && o.first_row == 0 && o.last_row == 64));
  CHECK((o.first_column == 32 && o.last_column == 64));
  CHECK(units[5].parts.size() == 3);
  CHECK(units_of(config_of("gpt_neox"), unit_kind::heads)[1].name == "layer 0 head 1");
  CHECK_THROWS_WITH(units_of(config, unit_kind::heads, {}, true), doctest::Contains("heads cannot be told apart"));
}

TEST_CASE("units: layers hold what lies in them, and what lies outside stands by itself") {
  const auto units = units_of(config_of("llama"), unit_kind::layers, {.include = {"*"}});
  REQUIRE(units.size() == 3 + 2);
  CHECK(units[2].name == "layer 2");
  CHECK(units[2].parts.size() == 7);
  CHECK(units[3].name == "lm_head.weight");
  CHECK(units[4].name == "model.embed_tokens.weight");
  CHECK(units_of(config_of("phi3"), unit_kind::tensors)[1].name == "model.layers.0.self_attn.qkv_proj.weight#k");
  CHECK(units_of(config_of("phi3"), unit_kind::tensors, {}, true)[0].name ==
        "model.layers.0.self_attn.qkv_proj.weight");
}

TEST_CASE("units: bits of matrices are shared out by weights, and unknown where one is unknown") {
  const auto units = units_of(config_of("llama"), unit_kind::heads, {.include = {"*.0.self_attn.*"}});
  REQUIRE(units.size() == 2);
  std::vector<compressed_tensor> tensors;
  double all = 0.0;
  for (const unit_part& part : units[0].parts) {
    const std::size_t weights = part.tensor.slice.rows * part.tensor.slice.columns;
    tensors.push_back({part.tensor.info, weights, {}, 5.0 * static_cast<double>(weights)});
    all += *tensors.back().stored_bits;
  }
  CHECK(*stored_bits_of(units[0], tensors) == 5.0 * static_cast<double>(units[0].weights()));
  CHECK(*stored_bits_of(units[0], tensors) + *stored_bits_of(units[1], tensors) == all);
  tensors[2].stored_bits.reset();
  CHECK(!stored_bits_of(units[1], tensors));
  tensors.pop_back();
  tensors[2].stored_bits = 1.0;
  CHECK_THROWS_WITH(stored_bits_of(units[1], tensors), doctest::Contains("o_proj"));
}

}  // namespace locate_units_test
