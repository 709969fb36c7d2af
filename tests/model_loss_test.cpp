// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/loss.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "model_threads.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "scratch.hpp"

namespace model_loss_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

std::vector<float> noise(std::size_t n, unsigned seed, float spread) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& x : out)
    x = spread * normal(random);
  return out;
}

/// log sum exp by definition, in long double.
long double plain_log_sum_exp(std::span<const float> logits) {
  long double top = logits[0];
  for (float x : logits)
    top = std::max(top, static_cast<long double>(x));
  long double sum = 0.0L;
  for (float x : logits)
    sum += std::exp(static_cast<long double>(x) - top);
  return top + std::log(sum);
}

/// A model whose logits are its hidden states.
struct identity_unembedding {
  struct {
    std::size_t vocabulary;
  } shape;
  const auto& config() const { return shape; }
  void unembed(const simd::packed_rows<>& hidden, std::size_t first, matrix_view<float> logits) const {
    for (std::size_t r = 0; r < logits.rows(); ++r)
      for (std::size_t c = 0; c < logits.columns(); ++c)
        logits(r, c) = hidden(r, first + c);
  }
};

}  // namespace

TEST_CASE("loss: log_sum_exp is what it says, for every length and any size of logits") {
  for (const std::size_t n : std::vector<std::size_t>{1, 2, 15, 16, 17, 511, 512, 513, 2000})
    for (float spread : {0.0f, 1.0f, 30.0f}) {
      CAPTURE(n);
      CAPTURE(spread);
      const auto logits = noise(n, static_cast<unsigned>(n), spread);
      CHECK(log_sum_exp(std::span<const float>(logits)) ==
            doctest::Approx(static_cast<double>(plain_log_sum_exp(logits))).epsilon(2e-7));
    }
  CHECK(log_sum_exp(std::span<const float>(std::vector<float>(1000, 300.0f))) ==
        doctest::Approx(300.0 + std::log(1000.0)));
  CHECK(log_sum_exp(std::span<const float>(std::vector<float>(3, -400.0f))) == doctest::Approx(-400.0 + std::log(3.0)));
}

TEST_CASE("loss: the nll of the reference implementation is reproduced for every family") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const token_rows tokens = read_tokens(models / family / "tokens.npy", {});
    const auto expected = read_floats(safetensors(models / family / "expected.safetensors").at("nll"));
    std::vector<double> nll(expected.size());
    score_tokens(model, model.final_hidden(tokens.view()).view(), tokens.view(), nll);
    double difference = 0.0, norm = 0.0;
    for (std::size_t i = 0; i < nll.size(); ++i) {
      difference += std::pow(nll[i] - static_cast<double>(expected[i]), 2);
      norm += std::pow(static_cast<double>(expected[i]), 2);
    }
    CHECK(std::sqrt(difference / norm) < 1e-6);
  }
}

TEST_CASE("loss: KL, both losses and agreement follow their definitions") {
  const auto a = noise(1003, 1, 3.0f);
  auto b = noise(1003, 2, 0.3f);
  for (std::size_t i = 0; i < b.size(); ++i)
    b[i] += a[i];
  const long double log_a = plain_log_sum_exp(a);
  const long double log_b = plain_log_sum_exp(b);
  long double kl = 0.0L;
  for (std::size_t i = 0; i < a.size(); ++i)
    kl += std::exp(static_cast<long double>(a[i]) - log_a) *
          ((static_cast<long double>(a[i]) - log_a) - (static_cast<long double>(b[i]) - log_b));
  const token_comparison got = compare_predictions(std::span<const float>(a), std::span<const float>(b), 5);
  CHECK(got.kl == doctest::Approx(static_cast<double>(kl)).epsilon(1e-6));
  CHECK(got.reference_nll == doctest::Approx(static_cast<double>(log_a) - static_cast<double>(a[5])).epsilon(1e-7));
  CHECK(got.compressed_nll == doctest::Approx(static_cast<double>(log_b) - static_cast<double>(b[5])).epsilon(1e-7));
  // Divergence is not symmetric: the reference weighs it.
  CHECK(std::fabs(compare_predictions(std::span<const float>(b), std::span<const float>(a), 5).kl - got.kl) > 1e-4);
}

TEST_CASE("loss: a model does not diverge from itself, nor from itself moved by a constant") {
  const auto a = noise(777, 3, 5.0f);
  const token_comparison same = compare_predictions(std::span<const float>(a), std::span<const float>(a), 0);
  CHECK(same.kl == 0.0);
  CHECK(same.same_top);
  CHECK(same.reference_nll == same.compressed_nll);
  auto moved = a;
  for (float& x : moved)
    x += 2.0f;
  CHECK(std::fabs(compare_predictions(std::span<const float>(a), std::span<const float>(moved), 0).kl) < 1e-6);
}

TEST_CASE("loss: of equal largest logits the lowest id is the prediction") {
  const std::vector<float> a{0.0f, 2.0f, 2.0f}, b{0.0f, 1.0f, 3.0f}, c{0.0f, 3.0f, 1.0f};
  CHECK_FALSE(compare_predictions(std::span<const float>(a), std::span<const float>(b), 0).same_top);
  CHECK(compare_predictions(std::span<const float>(a), std::span<const float>(c), 0).same_top);
}

TEST_CASE("loss: each token is scored on the next one of its own row") {
  const std::size_t vocabulary = 5;
  const identity_unembedding model{{vocabulary}};
  const std::vector<std::uint32_t> ids{0, 1, 2, 3, 4, 0};
  const matrix_view<const std::uint32_t> tokens(ids.data(), 2, 3);
  const auto hidden = noise(6 * vocabulary, 9, 1.0f);
  const matrix_view<const float> states(hidden.data(), 6, vocabulary);
  std::vector<double> nll(4);
  score_tokens(model, states, tokens, nll);
  CHECK(nll[0] == next_token_nll(states.row(0), 1));
  CHECK(nll[1] == next_token_nll(states.row(1), 2));
  CHECK(nll[2] == next_token_nll(states.row(3), 4));
  CHECK(nll[3] == next_token_nll(states.row(4), 0));
  std::vector<token_comparison> both(4);
  compare_tokens(model, states, model, states, tokens, both);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(both[i].reference_nll == nll[i]);
    CHECK(both[i].compressed_nll == nll[i]);
    CHECK(both[i].kl == 0.0);
    CHECK(std::isnan(both[i].reference_entropy));
  }
  compare_tokens(model, states, model, states, tokens, both, true);
  for (const std::size_t i : {0U, 1U, 2U, 3U}) {
    const auto row = states.row(i + i / 2);
    CHECK(both[i].reference_entropy == compare_predictions(row, row, 0, true).reference_entropy);
    CHECK(both[i].reference_top == compare_predictions(row, row, 0).reference_top);
  }
}

TEST_CASE("loss: a token is scored alike in whatever block of tokens it comes") {
  // 96 tokens are the most that one block holds.
  const std::size_t vocabulary = 300;
  const identity_unembedding model{{vocabulary}};
  std::vector<std::uint32_t> ids(100);
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::uint32_t>(i * 2621 % vocabulary);
  const matrix_view<const std::uint32_t> tokens(ids.data(), 2, 50);
  const auto hidden = noise(100 * vocabulary, 10, 1.0f);
  const matrix_view<const float> states(hidden.data(), 100, vocabulary);
  std::vector<double> nll(98);
  score_tokens(model, states, tokens, nll);
  CHECK(nll[48] == next_token_nll(states.row(48), ids[49]));
  CHECK(nll[49] == next_token_nll(states.row(50), ids[51]));
  CHECK(nll[97] == next_token_nll(states.row(98), ids[99]));
}

namespace {

/// A llama of noise with more tokens in its vocabulary than a chunk of logits holds, its logits capped.
language_model made_up(unsigned seed) {
  language_model out;
  out.config = {.hidden = 24,
                .layers = 1,
                .heads = 2,
                .kv_heads = 2,
                .head_dim = 12,
                .intermediate = 20,
                .vocabulary = 1100,
                .rotated = 12,
                .query_scale = 0.3,
                .logit_softcap = 4.0,
                .windows = {0}};
  for (const expected_tensor& tensor : expected_tensors(out.config)) {
    std::size_t count = 1;
    for (const std::size_t n : tensor.shape)
      count *= n;
    out.tensors[tensor.name] = share(tensor.shape, noise(count, seed++, 0.7f));
  }
  return out;
}

template <class Arch>
void check_fused() {
  const decoder<Arch> a(made_up(1)), b(made_up(50));
  const std::size_t rows = 3, context = 70;  // two blocks of tokens and a bit
  std::vector<std::uint32_t> ids(rows * context);
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::uint32_t>(i * 2621 % 1100);
  const matrix_view<const std::uint32_t> tokens(ids.data(), rows, context);
  const activations of_a = a.final_hidden(tokens), of_b = b.final_hidden(tokens);
  const activations logits_a = a.logits(tokens), logits_b = b.logits(tokens);
  std::vector<double> nll(rows * (context - 1));
  std::vector<token_comparison> both(nll.size());
  score_tokens<Arch>(a, of_a.view(), tokens, nll);
  compare_tokens<Arch>(a, of_a.view(), b, of_b.view(), tokens, both);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t t = 0; t + 1 < context; ++t) {
      const std::size_t i = r * (context - 1) + t;
      const std::size_t target = tokens(r, t + 1);
      const auto row = [&](const activations& x) { return x.view().row(r * context + t); };
      CHECK(nll[i] == next_token_nll<Arch>(row(logits_a), target));
      const token_comparison expected = compare_predictions<Arch>(row(logits_a), row(logits_b), target);
      CHECK(both[i].reference_nll == expected.reference_nll);
      CHECK(both[i].compressed_nll == expected.compressed_nll);
      CHECK(both[i].kl == expected.kl);
      CHECK(both[i].same_top == expected.same_top);
      const auto top = [&](const activations& x) {
        return std::max_element(row(x).begin(), row(x).end()) - row(x).begin();
      };
      CHECK(both[i].same_top == (top(logits_a) == top(logits_b)));
    }
}

}  // namespace

TEST_CASE("loss: losses without stored logits are those of stored logits to the bit, for every number of threads") {
  qfa_test::for_each_thread_count([] { check_fused<simd::best_arch>(); });
}

#ifdef __AVX512F__
TEST_CASE("loss: losses have the same bits on AVX2 and on AVX-512") {
  check_fused<xsimd::fma3<xsimd::avx2>>();
  const std::vector<std::uint32_t> ids{1, 500, 700, 3, 1099};
  const matrix_view<const std::uint32_t> tokens(ids.data(), 1, 5);
  const decoder<> wide(made_up(1));
  const decoder<xsimd::fma3<xsimd::avx2>> narrow(made_up(1));
  std::vector<double> on_wide(4), on_narrow(4);
  score_tokens(wide, wide.final_hidden(tokens).view(), tokens, on_wide);
  score_tokens<xsimd::fma3<xsimd::avx2>>(narrow, narrow.final_hidden(tokens).view(), tokens, on_narrow);
  CHECK(on_wide == on_narrow);
}
#endif

TEST_CASE("loss: what does not fit together is refused") {
  const identity_unembedding model{{5}};
  const std::vector<std::uint32_t> ids{0, 1, 2, 3};
  const std::vector<float> hidden(20);
  std::vector<double> nll(3);
  const matrix_view<const float> states(hidden.data(), 4, 5);
  check_refused([&] { score_tokens(model, states, {ids.data(), 4, 1}, nll); }, {"no next token"});
  check_refused(
      [&] {
        score_tokens(model, states, {ids.data(), 1, 3}, nll);
      },
      {"one final hidden state for each token"});
  check_refused([&] { score_tokens(model, states, {ids.data(), 2, 2}, nll); }, {"room"});
  std::vector<token_comparison> both(3);
  check_refused(
      [&] {
        compare_tokens(model, states, identity_unembedding{{6}}, states, {ids.data(), 1, 4}, both);
      },
      {"one vocabulary"});
}

}  // namespace model_loss_test
