// SPDX-License-Identifier: Apache-2.0
// Dispatched kernels against what the compiler makes of the same code with this build's own flags (-march=native):
// the median ratio of their speeds over runs that alternate, on one thread and on all.  Above 1 dispatch is faster.
//
//   dispatch_bench [pairs of runs, 15]
#include "assert_release.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <vector>

#include "qfa/compress/error_feedback.hpp"
#include "qfa/compress/input_statistics.hpp"
#include "qfa/compress/inverse_cholesky.hpp"
#include "qfa/compress/inverse_factor.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/sae/any_encoder.hpp"
#include "qfa/simd/gram.hpp"
#include "qfa/simd/rank_update.hpp"

namespace {

using qfa::matrix_view;

std::vector<float> normal_floats(std::size_t count, float scale, unsigned seed) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> out(count);
  for (float& x : out)
    x = normal(bits);
  return out;
}

/// Normal pre-activations of unit variance, and a threshold at which about 64 features of 16,384 fire on a token.
qfa::sae made_up_sae(std::size_t d, std::size_t features) {
  qfa::sae s;
  s.activation = qfa::activation_kind::jump_relu;
  s.d_in = d;
  s.d_sae = features;
  s.w_enc = normal_floats(d * features, 1.0f / std::sqrt(static_cast<float>(d)), 1);
  s.w_dec = s.w_enc;
  s.b_enc.assign(features, 0.0f);
  s.b_dec.assign(d, 0.0f);
  s.threshold.assign(features, 2.66f);
  return s;
}

/// A llama of random weights, 19 million of them.
qfa::language_model made_up_model() {
  qfa::language_model model;
  qfa::model_config& c = model.config;
  c.hidden = 768;
  c.head_dim = 64;
  c.heads = c.kv_heads = 12;
  c.layers = 2;
  c.intermediate = 2048;
  c.vocabulary = 4096;
  c.rotated = c.head_dim;
  c.query_scale = 0.125;
  c.windows.assign(c.layers, 0);
  for (const qfa::expected_tensor& tensor : qfa::expected_tensors(c)) {
    std::size_t count = 1;
    for (const std::size_t n : tensor.shape)
      count *= n;
    model.tensors[tensor.name] = qfa::share(
        tensor.shape, tensor.shape.size() == 2 ? normal_floats(count, 0.036f, 2) : std::vector<float>(count, 1.0f));
  }
  return model;
}

template <class Run>
double seconds(Run run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// One line: the median of native / dispatched over pairs of runs, each of which begins as often.
template <class Native, class Dispatched>
void compare(const char* what, std::size_t pairs, Native native, Dispatched dispatched) {
  native();
  dispatched();
  std::vector<double> ratios, of_native;
  for (std::size_t i = 0; i < pairs; ++i) {
    double a = 0.0, b = 0.0;
    if (i % 2 == 0) a = seconds(native);
    b = seconds(dispatched);
    if (i % 2 == 1) a = seconds(native);
    ratios.push_back(a / b);
    of_native.push_back(a);
  }
  std::ranges::sort(ratios);
  std::ranges::sort(of_native);
  std::printf("%-34s %3zu %10.1f %8.3f   [%.3f, %.3f]\n", what, qfa::thread_count(), 1e3 * of_native[pairs / 2],
              ratios[pairs / 2], ratios[pairs / 4], ratios[pairs - 1 - pairs / 4]);
}

}  // namespace

int main(int argc, char** argv) {
  const auto pairs = static_cast<std::size_t>(argc > 1 ? (std::max)(1, std::atoi(argv[1])) : 15);
  const std::size_t d = 768, features = 16384, tokens = 768;
  const qfa::sae s = made_up_sae(d, features);
  const std::vector<float> x = normal_floats(tokens * d, 1.0f, 3);
  const matrix_view<const float> rows(x.data(), tokens, d);
  const qfa::encoder<> native(s);
  const qfa::any_encoder dispatched(s);

  qfa::simd::gram_kernel* const native_gram = &qfa::simd::add_gram_tile<>;

  qfa::input_statistics inputs(d, true);
  inputs(rows);
  const qfa::inverse_factor known = qfa::factor_inverse(inputs, {});
  std::vector<double> hessian(d * d), upper(d * d, 0.0);
  const auto factor = [&](qfa::inverse_cholesky_kernel* kernel) {
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j)
        hessian[i * d + j] = inputs.gram()(i, j) + (i == j ? 10.0 : 0.0);
    if (!kernel(hessian.data(), d, upper.data())) std::abort();
  };
  std::vector<float> weights = normal_floats(512 * d, 1.0f, 4);
  const auto feed = [&](qfa::simd::rank_update_kernel* kernel) {
    qfa::feedback_weights w({weights.data(), 512, d}, known, kernel);
    w.feed_forward(
        128, [](std::size_t, std::size_t) {},
        [](std::size_t, std::size_t i, std::span<const double> row) { return std::round(row[i]); });
  };

  const qfa::language_model model = made_up_model();
  std::vector<std::uint32_t> ids(2 * 512);
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::uint32_t>(i * 2654435761U % 4096U);
  const matrix_view<const std::uint32_t> texts(ids.data(), 2, 512);
  const qfa::decoder<> native_model(model);
  const qfa::any_decoder dispatched_model(model);
  std::vector<double> nll(2 * 511);

  if (!(native(rows) == dispatched(rows)) ||
      native_model.final_hidden(texts).values != dispatched_model.final_hidden(texts).values) {
    std::puts("native and dispatched results differ");
    return 1;
  }
  std::printf("native %s, dispatched %s\n%-34s %3s %10s %8s   %s\n", qfa::simd::best_arch::name(),
              dispatched.runs_on().name.data(), "", "thr", "native ms", "ratio", "quartiles");
  for (const std::size_t threads : {std::size_t{1}, qfa::thread_count()}) {
    qfa::set_thread_count(threads);
    compare(
        "encode 768 x (768, 16384)", pairs, [&] { native(rows); }, [&] { dispatched(rows); });
    compare(
        "forward 2 x 512 tokens, 768 wide", pairs, [&] { native_model.final_hidden(texts); },
        [&] { dispatched_model.final_hidden(texts); });
    const auto hidden = native_model.final_hidden(texts);
    compare(
        "loss 2 x 512 tokens, vocabulary 4096", pairs,
        [&] { score_tokens(native_model, hidden.view(), texts, std::span<double>(nll)); },
        [&] { score_tokens(dispatched_model, hidden.view(), texts, std::span<double>(nll)); });
    compare(
        "Gram matrix 768 x (768, 768)", pairs, [&] { qfa::input_statistics(d, true).add(rows, native_gram); },
        [&] { qfa::input_statistics(d, true)(rows); });
    compare(
        "factor of a Hessian (768, 768)", pairs, [&] { factor(&qfa::inverse_cholesky); },
        [&] { factor(qfa::default_inverse_cholesky()); });
    compare(
        "error feedback (512, 768)", pairs, [&] { feed(&qfa::simd::subtract_products<>); },
        [&] { feed(qfa::simd::default_rank_update()); });
    if (qfa::thread_count() == 1 && threads != 1) break;
  }
}
