// SPDX-License-Identifier: Apache-2.0
// An SAE that others trained and measured: its published figures through encode, decode and health.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "oracle.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/sae/decode.hpp"
#include "qfa/sae/encode.hpp"
#include "qfa/sae/health.hpp"

namespace routing_sae_test {

using qfa::matrix_view;

namespace {

constexpr std::size_t d = 32;
constexpr std::size_t features = 64;
constexpr std::size_t tokens = 8192;

/// (rows, columns) to (columns, rows): the file holds both matrices as linear layers do.
std::vector<float> transposed(const std::vector<float>& w, std::size_t rows, std::size_t columns) {
  std::vector<float> out(w.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      out[c * rows + r] = w[r * columns + c];
  return out;
}

qfa::sae routing_sae() {
  const qfa::safetensors file(qfa_test::oracle_data() / "routing_lm_sae" / "sae.safetensors");
  qfa::sae s;
  s.d_in = d;
  s.d_sae = features;
  s.w_enc = transposed(qfa::read_floats(file.at("W_enc")), features, d);
  s.w_dec = transposed(qfa::read_floats(file.at("W_dec")), d, features);
  s.b_enc = qfa::read_floats(file.at("b_enc"));
  s.b_dec = qfa::read_floats(file.at("b_dec"));
  return s;
}

/// The residual stream before the first block: the first 8,192 positions of the prompts.
std::vector<float> routing_activations() {
  const qfa::safetensors file(qfa_test::oracle_data() / "routing_lm_sae" / "model.safetensors");
  const auto embedding = qfa::read_floats(file.at("embed.weight"));
  const auto position = qfa::read_floats(file.at("pos"));
  const auto prompts = qfa::read_npy(std::filesystem::path(QFA_TEST_DATA) / "routing_prompts.npy");
  REQUIRE(prompts.shape == std::vector<std::size_t>{1639, 5});
  const auto ids = qfa::as_integers(prompts);
  std::vector<float> x(tokens * d);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t i = 0; i < d; ++i)
      x[t * d + i] = embedding[static_cast<std::size_t>(ids[t]) * d + i] + position[t % 5 * d + i];
  return x;
}

}  // namespace

TEST_CASE("routing SAE: the published FVU, L0, dead features and mean error come out") {
  const auto s = routing_sae();
  const auto x = routing_activations();
  const matrix_view<const float> view(x.data(), tokens, d);
  const auto codes = qfa::encoder<>(s)(view);
  std::vector<float> y(x.size());
  qfa::decode(s, codes, matrix_view<float>(y.data(), tokens, d));
  qfa::sae_health health;
  health(view, codes, matrix_view<const float>(y.data(), tokens, d));

  const auto published =
      qfa::read_json(qfa_test::oracle_data() / "routing_lm_sae" / "baseline.json")["sae"]["bridge_gap"];
  CHECK(std::fabs(health.fvu() - 5.910e-4) < 1e-6);
  CHECK(std::fabs(health.fvu() / published["fvu"].get<double>() - 1.0) < 2e-6);
  CHECK(health.l0() == 49.67529296875);
  CHECK(health.l0() == published["l0_mean"].get<double>());
  CHECK(health.dead_share() == 0.0);
  CHECK(health.explained_variance() == 1.0 - health.fvu());

  double error = 0.0;
  for (std::size_t t = 0; t < tokens; ++t) {
    double squares = 0.0;
    for (std::size_t i = 0; i < d; ++i)
      squares += std::pow(static_cast<double>(x[t * d + i] - y[t * d + i]), 2);
    error += std::sqrt(squares) / static_cast<double>(tokens);
  }
  CHECK(std::fabs(error / published["abs_recon_err_mean"].get<double>() - 1.0) < 1e-6);
}

TEST_CASE("routing SAE: the codes equal the scalar twin's") {
  const auto s = routing_sae();
  const auto x = routing_activations();
  const matrix_view<const float> view(x.data(), tokens, d);
  if (qfa::simd::has_fma<qfa::simd::best_arch>) CHECK(qfa::encoder<>(s)(view) == qfa::ref::encode(s, view));
}

}  // namespace routing_sae_test
