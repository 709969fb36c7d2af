// SPDX-License-Identifier: Apache-2.0
// The kernels of every level that this machine runs, against what this file's own flags make of the same code.  Both
// are in one program: a level whose object were not closed could run instructions of another's.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "decoder_numbers.hpp"
#include "model_threads.hpp"
#include "qfa/compress/error_feedback.hpp"
#include "qfa/compress/input_statistics.hpp"
#include "qfa/compress/inverse_cholesky.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/sae/any_encoder.hpp"
#include "qfa/simd/gram.hpp"
#include "qfa/simd/rank_update.hpp"
#include "sae_made_up.hpp"
#include "scratch.hpp"

#ifndef QFA_DISPATCH
#error "this target asks for dispatch"
#endif

namespace levels_test {

using namespace qfa;
using namespace qfa_test;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

/// Calls check(level, whether it has FMA) for every level that this machine runs.
template <class Check>
void for_each_level(Check check) {
  for (std::size_t i = 0; i < simd::levels; ++i) {
    if (!simd::runs(static_cast<simd::level>(i))) continue;
    CAPTURE(simd::level_names[i]);
    check(static_cast<simd::level>(i), simd::level_names[i] != "sse2");
  }
}

any_encoder encoder_of(simd::level level, const sae& s, const encode_options& options = {}) {
  return any_encoder(detail::dispatched_encoder(level, s, options));
}
any_decoder decoder_of(simd::level level, const language_model& model) {
  return any_decoder(detail::dispatched_decoder(level, model));
}

/// Whether b strays no further from a than sums without FMA may, with sums of about `scale`.
bool near(const std::vector<float>& a, const std::vector<float>& b, float scale) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](float x, float y) { return std::fabs(x - y) <= 1e-5f * scale; });
}

}  // namespace

TEST_CASE("levels: each says its name, and whether its bits are those of the others") {
  const sae s = random_sae(activation_kind::relu, 8, 9);
  const language_model model = load_model(models / "llama");
  for_each_level([&](simd::level level, bool fma) {
    const simd::instruction_set expected{simd::level_names[static_cast<std::size_t>(level)], fma};
    CHECK(encoder_of(level, s).runs_on() == expected);
    CHECK(decoder_of(level, model).runs_on() == expected);
  });
}

TEST_CASE("levels: codes and their reconstructions have the same bits on every level with FMA and any threads") {
  const std::size_t tokens = 101, d = 67, features = 130;
  const std::vector<float> x = random_floats(tokens * d, 1);
  const matrix_view<const float> view(x.data(), tokens, d);
  for (const activation_kind activation : all_activations)
    for (const input_norm norm : all_norms) {
      sae s = random_sae(activation, d, features);
      s.norm = norm;
      const std::vector<input_frame> frames = frames_of(s, view);
      const sparse_codes expected = ref::encode(s, view);
      std::vector<float> decoded(x.size()), got(x.size());
      decode<>(s, expected, frames, matrix_view<float>(decoded.data(), tokens, d));
      for_each_level([&](simd::level level, bool fma) {
        const any_encoder encode = encoder_of(level, s), screen = encoder_of(level, s, {.screen = screen_kind::int8});
        for_each_thread_count([&] {
          const sparse_codes codes = encode(view);
          CHECK(screen(view) == codes);
          encode.decode(s, expected, frames, {got.data(), tokens, d});
          if (fma && simd::has_fma<simd::best_arch>) {
            CHECK(codes == expected);
            CHECK(got == decoded);
          } else {
            CHECK(std::fabs(static_cast<double>(codes.firings()) - static_cast<double>(expected.firings())) <=
                  0.001 * static_cast<double>(expected.firings()));
            const float largest =
                std::abs(*std::ranges::max_element(decoded, {}, [](float v) { return std::fabs(v); }));
            CHECK(near(got, decoded, largest));
          }
        });
        CHECK((screen.screened().products > 0) == (simd::level_names[static_cast<std::size_t>(level)] == "avx512vnni"));
      });
    }
}

TEST_CASE("levels: forward, logits, losses and comparisons have the same bits on every level with FMA") {
  for (const char* family : {"llama", "gemma2"}) {
    const language_model model = load_model(models / family);
    language_model other = model;
    std::vector<float> smaller(*model.at("model.layers.1.mlp.up_proj.weight").values);
    for (float& v : smaller)
      v *= 0.75f;
    other.tensors["model.layers.1.mlp.up_proj.weight"] =
        share(model.at("model.layers.1.mlp.up_proj.weight").shape, std::move(smaller));
    const token_rows tokens = read_tokens(models / family / "tokens.npy", {});
    const auto expected = decoder_numbers(decoder<>(model), decoder<>(other), tokens.view());
    for_each_level([&](simd::level level, bool fma) {
      const any_decoder a = decoder_of(level, model), b = decoder_of(level, other);
      for_each_thread_count([&] {
        const auto got = decoder_numbers(a, b, tokens.view());
        if (fma && simd::has_fma<simd::best_arch>) {
          CHECK((got == expected));
        } else {
          double difference = 0.0, norm = 0.0;
          REQUIRE(got.size() == expected.size());
          for (std::size_t i = 0; i < got.size(); ++i) {
            difference += (got[i] - expected[i]) * (got[i] - expected[i]);
            norm += expected[i] * expected[i];
          }
          CHECK(std::sqrt(difference / norm) < 1e-5);
        }
      });
    });
  }
}

TEST_CASE("levels: what calibration learns has the same bits on every level, without FMA too, and any threads") {
  const std::size_t tokens = 300, channels = 75;
  const std::vector<float> x = random_floats(tokens * channels, 5);
  const matrix_view<const float> view(x.data(), tokens, channels);
  input_statistics expected(channels, true);
  expected.add(view, &simd::ref::add_gram_tile);
  for_each_level([&](simd::level level, bool) {
    for_each_thread_count([&] {
      input_statistics got(channels, true);
      got.add(view, simd::detail::dispatched_gram(level));
      CHECK(got == expected);
    });
  });
  const auto chosen = static_cast<std::size_t>(simd::level_called(std::getenv("QFA_ARCH")));
  CHECK((simd::default_gram() == simd::detail::dispatched_gram(static_cast<simd::level>(chosen))));
}

TEST_CASE("levels: error feedback's updates have the same bits on every level, its factor on every level with FMA") {
  const std::size_t n = 150, tokens = 400;
  const std::vector<float> x = random_floats(tokens * n, 6), weights = random_floats(40 * n, 7);
  input_statistics inputs(n, true);
  inputs(matrix_view<const float>(x.data(), tokens, n));
  std::vector<double> reversed(n * n), expected;
  for (std::size_t c = 0; c < n; ++c)
    for (std::size_t r = 0; r < n; ++r)
      reversed[c * n + r] = inputs.gram()(n - 1 - c, n - 1 - r);
  const inverse_factor factor = factor_inverse(inputs, {});
  for_each_level([&](simd::level level, bool fma) {
    for_each_thread_count([&] {
      std::vector<double> h = reversed, upper(n * n, 0.0);
      REQUIRE(detail::dispatched_inverse_cholesky(level)(h.data(), n, upper.data()));
      if (fma && expected.empty()) expected = upper;
      if (fma) CHECK(upper == expected);
      // U^T U H at one place on the diagonal, whatever the level: inv(H) H is the identity.
      double last = 0.0;
      for (std::size_t i = 0; i < n; ++i) {
        double inverse = 0.0;
        for (std::size_t k = 0; k <= i; ++k)
          inverse += upper[k * n + i] * upper[k * n + n - 1];
        last += inverse * inputs.gram()(i, n - 1);
      }
      CHECK(last == doctest::Approx(1.0).epsilon(1e-9));
      std::vector<float> from = weights;
      feedback_weights w({from.data(), 40, n}, factor, simd::detail::dispatched_rank_update(level));
      w.feed_forward(
          32, [](std::size_t, std::size_t) {},
          [](std::size_t, std::size_t i, std::span<const double> row) { return std::round(row[i]); });
      w.store({from.data(), 40, n});
      std::vector<float> by_twin = weights;
      feedback_weights twin({by_twin.data(), 40, n}, factor, &simd::ref::subtract_products);
      twin.feed_forward(
          32, [](std::size_t, std::size_t) {},
          [](std::size_t, std::size_t i, std::span<const double> row) { return std::round(row[i]); });
      twin.store({by_twin.data(), 40, n});
      CHECK(from == by_twin);
    });
  });
  const auto chosen = static_cast<simd::level>(simd::level_called(std::getenv("QFA_ARCH")));
  CHECK((simd::default_rank_update() == simd::detail::dispatched_rank_update(chosen)));
  CHECK((default_inverse_cholesky() == detail::dispatched_inverse_cholesky(chosen)));
}

TEST_CASE("levels: what is thrown inside arrives outside as what it is, out of threads too") {
  const sae s = random_sae(activation_kind::relu, 8, 9);
  std::vector<float> x(64 * 8, 1.0f);
  x[63 * 8] = INFINITY;
  const language_model model = load_model(models / "llama");
  language_model broken = model;
  broken.tensors.erase("model.embed_tokens.weight");
  const std::vector<std::uint32_t> ids{1, 2, 1'000'000};
  for_each_level([&](simd::level level, bool) {
    CHECK_THROWS_WITH_AS(encoder_of(level, s)(matrix_view<const float>(x.data(), 64, 8)),
                         "token row 63 of the activations holds an infinity or a NaN", error);
    CHECK_THROWS_AS(decoder_of(level, broken), error);
    check_refused([&] { decoder_of(level, model).final_hidden({ids.data(), 1, 3}); }, {"token 1000000"});
    // And what visitors throw passes through.
    any_decoder visited = decoder_of(level, model);
    visited.visit_inputs([](const linear_input&, matrix_view<float>, std::size_t) { throw std::string("seen"); });
    CHECK_THROWS_AS(visited.final_hidden({ids.data(), 1, 2}), std::string);
  });
}

TEST_CASE("levels: the one that QFA_ARCH names is taken, otherwise the widest") {
  const char* const asked = std::getenv("QFA_ARCH");
  const std::string expected(simd::level_names[static_cast<std::size_t>(simd::level_called(asked))]);
  CHECK(any_encoder(random_sae(activation_kind::relu, 8, 9)).runs_on().name == expected);
  const any_decoder taken(load_model(models / "llama"));
  CHECK(taken.runs_on().name == expected);
  // Panels are laid out for their level: none of another's are shared.
  for_each_level([&](simd::level level, bool) {
    const language_model model = load_model(models / "llama");
    const any_decoder like = decoder_of(level, model);
    const any_decoder other(model, like);
    CHECK(other.shared_panels(like) == (like.runs_on() == taken.runs_on() ? 3U * 7U + 1U : 0U));
    const std::vector<std::uint32_t> ids{1, 2, 3, 4};
    CHECK(other.final_hidden({ids.data(), 2, 2}).values == taken.final_hidden({ids.data(), 2, 2}).values);
  });
}

}  // namespace levels_test
