// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/calibrate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <vector>

#include "model_threads.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/norm.hpp"
#include "scratch.hpp"

namespace model_calibrate_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

token_rows tokens_of(std::string_view family) { return read_tokens(models / family / "tokens.npy", {}); }

std::vector<linear_input> all_inputs(const model_config& config) {
  std::vector<linear_input> out;
  for (std::size_t l = 0; l < config.layers; ++l)
    for (const input_kind kind : {input_kind::attention, input_kind::mix, input_kind::mlp, input_kind::hidden})
      out.push_back({l, kind});
  return out;
}

constexpr calibration_needs channels_only{.channels = true};
constexpr calibration_needs with_gram{.channels = true, .gram = true};
constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

struct gathered {
  std::vector<input_statistics> statistics;
  std::size_t passes = 0;
};

gathered gather(const language_model& model, const token_rows& tokens, std::size_t budget) {
  calibrator calibrate(model, tokens, with_gram, all_inputs(model.config), budget);
  gathered out;
  for (const linear_input& input : all_inputs(model.config))
    out.statistics.push_back(calibrate(input).inputs);
  out.passes = calibrate.passes();
  return out;
}

}  // namespace

TEST_CASE("calibrator: statistics are those of what hooks show, and of its norm where no hook shows it") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    const token_rows tokens = tokens_of(family);
    calibrator calibrate(model, tokens, with_gram, all_inputs(model.config));
    const decoder<> plain(model);
    for (const linear_input& input : all_inputs(model.config)) {
      CAPTURE(name_of(input));
      const layer_layout names = layout_of(model.config).layers[input.layer];
      hook_kind seen = hook_kind::resid_pre;
      if (input.kind == input_kind::mix) seen = hook_kind::z;
      if (input.kind == input_kind::hidden) seen = hook_kind::mlp_post;
      if (input.kind == input_kind::mlp && !model.config.parallel_residual) seen = hook_kind::resid_mid;
      std::string norm;
      if (input.kind == input_kind::attention) norm = names.attention_norm;
      if (input.kind == input_kind::mlp) norm = names.mlp_norm;
      input_statistics expected(input_width(model.config, input.kind), true);
      plain.forward(tokens.view(), {.hooks = {{input.layer, seen}}}, [&](std::size_t, matrix_view<float> x) {
        if (!norm.empty()) norm_weights(model, norm)(x, x);
        expected(x);
      });
      const calibration& known = calibrate(input);
      CHECK(known.inputs.tokens() == tokens.ids.size());
      CHECK(known.inputs == expected);
    }
  }
}

TEST_CASE("calibrator: one layer's Gram matrices at a time give the same bits as all at once") {
  const language_model model = load_model(models / "llama");
  const token_rows tokens = tokens_of("llama");
  const gathered all = gather(model, tokens, unlimited);
  CHECK(all.passes == 1);
  const gathered one_by_one = gather(model, tokens, 0);
  CHECK(one_by_one.passes == 3 * 4);
  CHECK(one_by_one.statistics == all.statistics);
  // What the four Gram matrices of one layer, and their sums over channels, take.
  std::size_t layer = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t width = all.statistics[i].channels();
    layer += 8 * width * width + (8 + 8 + 4 + 4) * width;
  }
  const gathered by_layer = gather(model, tokens, layer);
  CHECK(by_layer.passes == 3);
  CHECK(by_layer.statistics == all.statistics);
  CHECK(gather(model, tokens, layer - 1).passes > 3);
}

TEST_CASE("calibrator: the same bits for every number of threads, and however rows are cut into passes") {
  const language_model model = load_model(models / "phi3");
  token_rows tokens = tokens_of("phi3");
  const gathered once = gather(model, tokens, 0);
  qfa_test::for_each_thread_count([&] { CHECK(gather(model, tokens, 0).statistics == once.statistics); });
  // More tokens than one pass takes: the sums run on over the cut.
  const std::vector<std::uint32_t> few = tokens.ids;
  while (tokens.ids.size() < 4096 + few.size())
    tokens.ids.insert(tokens.ids.end(), few.begin(), few.end());
  const linear_input input{0, input_kind::hidden};
  calibrator many(model, tokens, channels_only, {input});
  input_statistics expected(model.config.intermediate);
  decoder<>(model).forward(tokens.view(), {.hooks = {{0, hook_kind::mlp_post}}},
                           [&](std::size_t, matrix_view<float> x) { expected(x); });
  CHECK(many(input).inputs == expected);
}

TEST_CASE("calibrator: the largest weights of a channel are over all matrices that read it, as the model holds them") {
  for (const std::string_view family : {"gpt_neox", "phi3", "llama"}) {
    CAPTURE(family);
    const language_model model = load_model(models / family);
    calibrator calibrate(model, tokens_of(family), channels_only, all_inputs(model.config));
    const layer_layout names = layout_of(model.config).layers[1];
    const auto check = [&](input_kind kind, const std::vector<weight_slice>& readers) {
      std::vector<float> peaks(input_width(model.config, kind), 0.0f);
      for (const weight_slice& slice : readers)
        for (std::size_t r = 0; r < slice.rows; ++r)
          for (std::size_t c = 0; c < slice.columns; ++c)
            peaks[c] = std::max(peaks[c], std::fabs(slice.of(model.at(slice.weight).data())(r, c)));
      CHECK(calibrate({1, kind}).column_peaks == peaks);
    };
    check(input_kind::attention, {names.query, names.key, names.value});
    check(input_kind::mix, {names.attention_out});
    check(input_kind::mlp, {names.gate, names.up});
    check(input_kind::hidden, {names.down});
  }
}

TEST_CASE("calibrator: only what is asked for is gathered, once where the order ascends") {
  const language_model model = load_model(models / "llama");
  const token_rows tokens = tokens_of("llama");
  const any_decoder ready(model);
  calibrator calibrate(model, tokens, channels_only, {{2, input_kind::mlp}, {0, input_kind::mix}, {2, input_kind::mlp}},
                       0, &ready);
  CHECK(calibrate.passes() == 0);
  CHECK_FALSE(calibrate({0, input_kind::mix}).inputs.has_gram());
  calibrate({0, input_kind::mix});
  CHECK(calibrate.passes() == 1);
  const input_statistics late = calibrate({2, input_kind::mlp}).inputs;
  CHECK(calibrate.passes() == 2);
  calibrator copy = calibrate;
  copy({0, input_kind::mix});
  CHECK(copy({2, input_kind::mlp}).inputs == late);
  CHECK(copy.passes() == 4);
  qfa_test::check_refused([&] { calibrate({1, input_kind::mix}); }, {"the mix inputs of layer 1"});
  qfa_test::check_refused(
      [&] {
        calibrator(model, tokens, channels_only, {{3, input_kind::mix}});
      },
      {"layer 3", "3 layers"});
  qfa_test::check_refused([&] { calibrator(model, {}, channels_only, {}); }, {"at least one row"});
}

}  // namespace model_calibrate_test
