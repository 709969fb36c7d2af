// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/decoder.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "qfa/io/safetensors.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

token_rows tokens_of(std::string_view family) { return read_tokens(models / family / "tokens.npy", {}); }

/// |a - b|_F / |b|_F.
double relative_error(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double difference = 0.0, norm = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

}  // namespace

TEST_CASE("decoder: every family agrees with an independent float64 run at every hook it recorded") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const safetensors expected(models / family / "expected.safetensors");
    forward_options options{.final_hidden = true};
    std::vector<std::string> names;
    for (const hook_point& hook : hooks_of(model.config()))
      if (expected.contains(name_of(hook))) {
        options.hooks.push_back(hook);
        names.push_back(name_of(hook));
      }
    CHECK(names.size() == 4 * model.config().layers);
    double worst = 0.0;
    std::size_t visits = 0;
    const activations hidden = model.forward(tokens.view(), options, [&](std::size_t i, matrix_view<float> values) {
      CAPTURE(names[i]);
      const double error = relative_error({values.data(), values.size()}, read_floats(expected.at(names[i])));
      CHECK(error < 1e-5);
      worst = std::max(worst, error);
      ++visits;
    });
    CHECK(visits == names.size());
    activations logits;
    logits.resize(hidden.tokens, model.config().vocabulary);
    model.unembed(hidden.view(), logits.view());
    const double error = relative_error(logits.values, read_floats(expected.at("logits")));
    CHECK(error < 1e-5);
    worst = std::max(worst, error);
    // A float32 pass agrees to about 1e-6; what is systematically wrong shows far above.
    CHECK(worst < 2e-6);
    MESSAGE(std::string(family) << ": worst relative error " << worst);
  }
}
