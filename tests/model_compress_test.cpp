// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/compress.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/model/load.hpp"
#include "scratch.hpp"

namespace model_compress_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

struct leave_alone {
  void operator()(matrix_view<float>) const {}
};

struct negate_all {
  void operator()(matrix_view<float> w) const {
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (float& x : w.row(r))
        x = -x;
  }
};

std::size_t zeros(std::span<const float> xs) { return static_cast<std::size_t>(std::ranges::count(xs, 0.0f)); }

}  // namespace

TEST_CASE("compress: only attention and MLP matrices change, and all others are shared") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    std::map<std::string, std::vector<float>> before;
    for (const auto& [name, tensor] : model.tensors)
      before[name] = *tensor.values;
    const compressed_model out = compress(model, negate_all{});
    for (const auto& entry : model.tensors) {
      const std::string& name = entry.first;
      const shared_tensor& tensor = entry.second;
      CAPTURE(name);
      const bool targeted =
          tensor.shape.size() == 2 && name.find("embed") == std::string::npos && name != "lm_head.weight";
      CHECK((out.model.at(name).values == tensor.values) == !targeted);
      CHECK(*tensor.values == before[name]);
      if (targeted)
        for (std::size_t i = 0; i < tensor.values->size(); ++i)
          REQUIRE((*out.model.at(name).values)[i] == -(*tensor.values)[i]);
    }
    CHECK(out.tensors.size() == model.config.layers * (model.config.gated ? 7 : 6));
    for (const compressed_tensor& tensor : out.tensors) {
      CHECK(tensor.change.relative_frobenius_error() == doctest::Approx(2.0));
      CHECK(tensor.weights == tensor.change.count());
    }
  }
}

TEST_CASE("compress: a policy that changes nothing shares everything") {
  const language_model model = load_model(models / "gpt_neox");
  const compressed_model out = compress(model, leave_alone{});
  for (const auto& [name, tensor] : model.tensors)
    CHECK(out.model.at(name).values == tensor.values);
  CHECK(out.tensors.front().change.relative_frobenius_error() == 0.0);
}

TEST_CASE("compress: pruning a fused QKV per tensor is not pruning its three parts") {
  for (const std::string_view family : {"gpt_neox", "phi3"}) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    const magnitude_pruner half{.sparsity = 0.5};
    const compressed_model split = compress(model, half);
    const compressed_model fused = compress(model, half, {}, {.fused = true});
    const std::string name(stored_name(split.tensors.front().info.name));
    const auto& a = *split.model.at(name).values;
    const auto& b = *fused.model.at(name).values;
    CHECK(a != b);
    // As many go, but the split prunes each part by its own threshold.
    CHECK(zeros(a) == a.size() / 2);
    CHECK(zeros(b) == b.size() / 2);
    for (std::size_t part = 0; part < 3; ++part) {
      const logical_tensor tensor = logical_tensors(model.config)[part];
      const auto count = [&](const std::vector<float>& values) {
        std::size_t n = 0;
        const auto view = tensor.of(values.data());
        for (std::size_t r = 0; r < view.rows(); ++r)
          n += zeros(view.row(r));
        return n;
      };
      CHECK(count(a) == tensor.slice.rows * tensor.slice.columns / 2);
      CHECK(count(b) != tensor.slice.rows * tensor.slice.columns / 2);
    }
    CHECK(fused.tensors.front().info.role == tensor_role::other);
    CHECK(fused.tensors.size() < split.tensors.size());
    // Rounding row by row does not care how rows are grouped into tensors.
    CHECK(*compress(model, rtn{.bits = 4}).model.at(name).values ==
          *compress(model, rtn{.bits = 4}, {}, {.fused = true}).model.at(name).values);
  }
}

TEST_CASE("compress: targets choose by the name of a part or of the tensor that holds it") {
  const language_model model = load_model(models / "phi3");
  const auto names = [&](const target_patterns& targets, bool fused = false) {
    std::vector<std::string> out;
    for (const compressed_tensor& tensor : compress(model, leave_alone{}, targets, {.fused = fused}).tensors)
      out.push_back(tensor.info.name);
    return out;
  };
  CHECK(names({.include = {"*layers.1*qkv_proj.weight#k"}, .exclude = {}}) ==
        std::vector<std::string>{"model.layers.1.self_attn.qkv_proj.weight#k"});
  CHECK(names({.include = {"*layers.1*qkv_proj.weight"}, .exclude = {}}).size() == 3);
  CHECK(names({.include = {"*layers.1*qkv_proj.weight"}, .exclude = {}}, true).size() == 1);
  CHECK(names({.include = {"lm_head*"}, .exclude = {}}) == std::vector<std::string>{"lm_head.weight"});
  check_refused([&] { names({.include = {"*#k"}, .exclude = {}}, true); }, {"only part of", "qkv_proj"});
  check_refused([&] { names({.include = {"*W_Q*"}, .exclude = {}}); }, {"*W_Q*", "matches no tensor"});
  check_refused([&] { names({.include = {}, .exclude = {"*layers*"}}); }, {"choose no tensor"});
}

TEST_CASE("compress: a policy is told which matrix it has before it") {
  const language_model model = load_model(models / "llama");
  std::vector<std::string> seen;
  const auto watch = [&](matrix_view<float> w, const tensor_info& info) {
    seen.push_back(info.name);
    CHECK(w.rows() == model.at(info.name).shape[0]);
    CHECK(w.columns() == model.at(info.name).shape[1]);
  };
  std::vector<std::size_t> steps;
  compress(model, watch, {}, {.on_progress = [&](std::string_view, std::size_t done, std::size_t total) {
             CHECK(total == 21);
             steps.push_back(done);
           }});
  CHECK(seen.size() == 21);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 21);
  CHECK(steps.back() == 21);
  CHECK(std::ranges::is_sorted(steps));
}

TEST_CASE("compress: a policy that leaves no numbers is refused") {
  const language_model model = load_model(models / "llama");
  const auto spoil = [](matrix_view<float> w) { w(0, 0) = std::numeric_limits<float>::infinity(); };
  check_refused([&] { compress(model, spoil); }, {"model.layers.0.self_attn.q_proj.weight", "NaN or infinite"});
}

}  // namespace model_compress_test
