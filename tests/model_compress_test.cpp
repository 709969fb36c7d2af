// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/compress.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/chain.hpp"
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

/// Learns from channels; writes what it was told, so that a test sees what each matrix got.
struct write_peaks {
  bool gram = false;
  void operator()(matrix_view<float> w, const tensor_info& info, const calibration& known) const {
    CAPTURE(info.name);
    REQUIRE(known.inputs.channels() == w.columns());
    REQUIRE(known.column_peaks.size() == w.columns());
    CHECK(known.inputs.has_gram() == gram);
    for (std::size_t r = 0; r < w.rows(); ++r) {
      CHECK(std::abs(w(r, 0)) <= known.column_peaks[0]);
      for (std::size_t c = 0; c < w.columns(); ++c)
        w(r, c) = known.inputs.peak()[c];
    }
  }
  calibration_needs needs() const { return {.channels = true, .gram = gram}; }
  std::string name() const { return "write_peaks"; }
};

/// Rounds activations to whole numbers; leaves weights.
struct whole_inputs {
  void operator()(matrix_view<float>) const {}
  void activations(matrix_view<float> x, const linear_input&) const {
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (float& v : x.row(r))
        v = std::nearbyint(v);
  }
  std::string name() const { return "whole_inputs"; }
};

/// Adds 1000 to the peaks of inputs that it was calibrated on; leaves weights.
struct add_known_peaks {
  void operator()(matrix_view<float>, const tensor_info&, const calibration& known) const {
    CHECK(known.inputs.has_gram());
  }
  void activations(matrix_view<float> x, const linear_input&, const calibration& known) const {
    CHECK_FALSE(known.inputs.has_gram());  // not kept for all layers
    CHECK(known.column_peaks.size() == x.columns());
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (std::size_t c = 0; c < x.columns(); ++c)
        x(r, c) = known.inputs.peak()[c];
  }
  calibration_needs needs() const { return {.channels = true, .gram = true}; }
};

/// Says that it takes so many bits a weight.
struct says_bits {
  double bits = 3.0;
  bool spares_q = false;
  void operator()(matrix_view<float>) const {}
  std::optional<double> stored_bits(std::size_t rows, std::size_t columns, const tensor_info& info) const {
    if (spares_q && info.role == tensor_role::query) return std::nullopt;
    return bits * static_cast<double>(rows * columns);
  }
};

token_rows tokens_of(std::string_view family) { return read_tokens(models / family / "tokens.npy", {}); }

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

TEST_CASE("compress: a calibrated policy is told of the inputs that its matrix reads, fused or in parts") {
  for (const std::string_view family : model_family_names)
    for (const bool fused : {false, true}) {
      CAPTURE(family);
      const language_model model = load_model(models / family);
      const token_rows rows = tokens_of(family);
      const compressed_model out = compress(model, write_peaks{}, {}, {.fused = fused, .calibration = &rows});
      CHECK_FALSE(out.on_inputs);
      calibrator known(
          model, rows, {.channels = true},
          {{1, input_kind::attention}, {1, input_kind::mix}, {1, input_kind::mlp}, {1, input_kind::hidden}});
      const layer_layout names = layout_of(model.config).layers[1];
      const auto check = [&](const weight_slice& slice, input_kind kind) {
        if (slice.rows == 0) return;
        const auto peaks = known({1, kind}).inputs.peak();
        const auto w = slice.of(out.model.at(slice.weight).data());
        for (std::size_t r = 0; r < w.rows(); ++r)
          CHECK(std::ranges::equal(w.row(r), peaks));
      };
      check(names.query, input_kind::attention);
      check(names.key, input_kind::attention);
      check(names.value, input_kind::attention);
      check(names.attention_out, input_kind::mix);
      check(names.gate, input_kind::mlp);
      check(names.up, input_kind::mlp);
      check(names.down, input_kind::hidden);
    }
}

TEST_CASE("compress: the budget of calibration changes no bit, and packed weights may be shared with it") {
  const language_model model = load_model(models / "llama");
  const token_rows rows = tokens_of("llama");
  const any_decoder ready(model);
  const auto peaks = [&](const compress_options& options) {
    return *compress(model, write_peaks{.gram = true}, {}, options)
                .model.at("model.layers.2.mlp.down_proj.weight")
                .values;
  };
  CHECK(peaks({.calibration = &rows}) == peaks({.calibration = &rows, .calibration_budget = 0, .like = &ready}));
}

TEST_CASE("compress: a policy that learns is refused without tokens, and where nothing is known of the inputs") {
  const language_model model = load_model(models / "llama");
  const token_rows rows = tokens_of("llama"), none;
  const any_policy learns(write_peaks{});
  check_refused([&] { compress(model, learns); }, {"model.layers.0.self_attn.q_proj.weight", "calibration tokens"});
  check_refused([&] { compress(model, learns, {}, {.calibration = &none}); }, {"q_proj.weight", "calibration tokens"});
  for (const char* name : {"lm_head.weight", "model.embed_tokens.weight"}) {
    const target_patterns targets{.include = {name}, .exclude = {}};
    check_refused([&] { compress(model, learns, targets, {.calibration = &rows}); }, {name, "no calibration"});
    check_refused([&] { compress(model, whole_inputs{}, targets); }, {name, "activations", "cannot be changed"});
    CHECK(compress(model, negate_all{}, targets).tensors.size() == 1);
  }
}

TEST_CASE("compress: a policy that changes activations changes those that its matrices read, and no others") {
  const language_model model = load_model(models / "phi3");
  CHECK_FALSE(compress(model, rtn{}).on_inputs);
  CHECK_FALSE(compress(model, any_policy(rtn{})).on_inputs);
  const target_patterns mlp{.include = {"*layers.1.mlp*"}, .exclude = {}};
  for (const bool fused : {false, true})
    for (const any_policy& policy : {any_policy(whole_inputs{}), any_policy(chain(rtn{.bits = 8}, whole_inputs{}))}) {
      const compressed_model out = compress(model, policy, mlp, {.fused = fused});
      REQUIRE(out.on_inputs);
      const auto changed = [&](const linear_input& input) {
        std::vector<float> x{0.25f, 1.75f};
        out.on_inputs(input, {x.data(), 2, 1}, 1);
        return x == std::vector<float>{0.0f, 2.0f};
      };
      CHECK(changed({1, input_kind::mlp}));
      CHECK(changed({1, input_kind::hidden}));
      CHECK_FALSE(changed({1, input_kind::attention}));
      CHECK_FALSE(changed({0, input_kind::mlp}));
    }
}

TEST_CASE("compress: what changes activations is told what they were, but for the Gram matrix") {
  const language_model model = load_model(models / "gpt_neox");
  const token_rows rows = tokens_of("gpt_neox");
  const compressed_model out = compress(model, add_known_peaks{}, {}, {.calibration = &rows, .calibration_budget = 0});
  calibrator known(model, rows, {.channels = true}, {{2, input_kind::hidden}});
  const auto peaks = known({2, input_kind::hidden}).inputs.peak();
  std::vector<float> x(peaks.size(), 0.0f);
  out.on_inputs({2, input_kind::hidden}, {x.data(), 1, x.size()}, 1);
  CHECK(std::ranges::equal(x, peaks));
}

TEST_CASE("compress: bits are what the policy says, and what the files took where it does not") {
  const language_model model = load_model(models / "llama");  // files of halves
  const std::string q = "model.layers.0.self_attn.q_proj.weight";
  const compressed_model pruned = compress(model, magnitude_pruner{.sparsity = 0.5});
  CHECK(pruned.model.at(q).bits == 16.0);
  CHECK(*bits_per_weight(pruned.tensors) == 16.0);
  const compressed_model said = compress(model, says_bits{});
  CHECK(said.model.at(q).bits == 3.0);
  CHECK(said.model.at(q).values == model.at(q).values);  // unchanged, and shared
  CHECK(said.model.at("lm_head.weight").bits == 16.0);
  CHECK(said.tensors.front().stored_bits == 3.0 * 64 * 64);
  CHECK(*bits_per_weight(said.tensors) == 3.0);
  // 4 bits and a float for each of a row's 64 weights or 128.
  const compressed_model rounded = compress(model, rtn{.bits = 4});
  CHECK(rounded.model.at(q).bits == 4.5);
  const double share = 32.0 / 64.0;
  CHECK(*bits_per_weight(rounded.tensors) < 4.0 + share);
  CHECK(*bits_per_weight(rounded.tensors) > 4.0 + share / 4.0);
}

TEST_CASE("compress: a fused tensor's bits are those of its parts, whatever became of each") {
  const language_model model = load_model(models / "gpt_neox");  // float32 files
  const std::string qkv = "gpt_neox.layers.0.attention.query_key_value.weight";
  CHECK(compress(model, says_bits{}, {.include = {"*.0*#k"}, .exclude = {}}).model.at(qkv).bits ==
        doctest::Approx((3.0 + 32.0 + 32.0) / 3.0).epsilon(1e-14));
  CHECK(compress(model, says_bits{.spares_q = true}).model.at(qkv).bits ==
        doctest::Approx((32.0 + 3.0 + 3.0) / 3.0).epsilon(1e-14));
  language_model unknown = model;
  unknown.tensors[qkv].bits = std::numeric_limits<double>::quiet_NaN();
  CHECK(compress(unknown, says_bits{}).model.at(qkv).bits == 3.0);
  const compressed_model part = compress(unknown, says_bits{.spares_q = true});
  CHECK(std::isnan(part.model.at(qkv).bits));
  CHECK_FALSE(part.tensors[0].stored_bits.has_value());
  CHECK(part.tensors[1].stored_bits == 3.0 * 64 * 64);
  CHECK_FALSE(bits_per_weight(part.tensors).has_value());
  CHECK_FALSE(bits_per_weight({}).has_value());
}

TEST_CASE("check_targets: what compress would refuse of targets is refused of the configuration alone") {
  const model_config config = load_model(models / "gpt_neox").config;
  check_targets(config, {});
  check_refused([&] { check_targets(config, {.include = {"no.such.*"}, .exclude = {}}); }, {"no.such.*"});
  const target_patterns part{.include = {"*.0*#k"}, .exclude = {}};
  check_targets(config, part);
  check_refused([&] { check_targets(config, part, true); }, {"only part of"});
}

}  // namespace model_compress_test
