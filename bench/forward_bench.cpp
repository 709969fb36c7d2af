// SPDX-License-Identifier: Apache-2.0
// A decoder's forward pass against a scalar twin, and against nothing but the matrix products of its linear layers
// through OpenBLAS's sgemm: what a pass cannot do without, however it is written.  Then the loss from final hidden
// states, its logits never stored, against the same from logits that are.  One thread each.
//
// `of_peak` is the share of the multiply-add peak that the same thread reached right before (fma_peak.hpp); operations
// are the linear layers' and what causal attention cannot do without, the norms' and activations' not counted.
//
// Read the ratios, and from runs that alternate (--benchmark_enable_random_interleaving=true
// --benchmark_repetitions=5).  A chip that OpenBLAS does not know needs OPENBLAS_CORETYPE=SKYLAKEX.
#include "assert_release.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#ifdef QFA_HAS_OPENBLAS
#include <cblas.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#include "count_flops.hpp"
#include "made_model.hpp"
#include "qfa/model/decoder.hpp"
#include "qfa/model/logical_tensors.hpp"
#include "qfa/model/loss.hpp"

#ifdef QFA_HAS_OPENBLAS
extern "C" void openblas_set_num_threads(int);
#endif

namespace {

using qfa::matrix_view;

std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

using qfa_bench::count_flops;
using qfa_bench::llama_config;
using qfa_bench::made_model;

/// range(0) wide with heads of range(1), range(2) layers, an MLP of range(3); range(4) texts of range(5) tokens.
made_model model_of(const benchmark::State& state) {
#ifdef _OPENMP
  omp_set_num_threads(1);
#endif
  return {llama_config(size_of(state.range(0)), size_of(state.range(1)), size_of(state.range(2)),
                       size_of(state.range(3)), 512),
          size_of(state.range(4)), size_of(state.range(5))};
}

/// Tokens, parameters, and the multiply-adds of the linear layers and of causal attention.
void count(benchmark::State& state, const made_model& p, bool with_attention = true) {
  using benchmark::Counter;
  const auto tokens_done = static_cast<double>(p.tokens().size());
  state.counters["tokens/s"] = Counter(tokens_done, Counter::kIsIterationInvariantRate, Counter::kIs1000);
  state.counters["weights"] = Counter(p.weights(), Counter::kDefaults, Counter::kIs1000);
  count_flops(state, with_attention ? p.flops() : p.linear_flops());
}

void forward(benchmark::State& state) {
  const made_model p = model_of(state);
  const qfa::decoder<> model(p.model());
  qfa::forward_scratch scratch;
  for (auto _ : state) {
    auto hidden = model.forward(p.tokens(), {.final_hidden = true}, qfa::no_visitor{}, scratch);
    benchmark::DoNotOptimize(hidden.values.data());
  }
  count(state, p);
}

/// One linear layer, one attention and one norm after the other, a float at a time.
class scalar_twin {
 public:
  explicit scalar_twin(const qfa::language_model& model) : model_(model), layout_(qfa::layout_of(model.config)) {}

  std::vector<float> operator()(matrix_view<const std::uint32_t> tokens) const {
    const qfa::model_config& c = model_.config;
    const std::size_t n = tokens.size(), d = c.hidden;
    std::vector<float> x(n * d), y, q, k, v, z(n * d), gate, up, out;
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t i = 0; i < d; ++i)
        x[t * d + i] = model_.at(layout_.embedding).data()[tokens(t / tokens.columns(), t % tokens.columns()) * d + i];
    for (const qfa::layer_layout& layer : layout_.layers) {
      norm(x, y);
      linear(layer.query, y, q), linear(layer.key, y, k), linear(layer.value, y, v);
      turn(q, tokens.columns()), turn(k, tokens.columns());
      attend(q, k, v, tokens.columns(), z);
      linear(layer.attention_out, z, out);
      add(out, x);
      norm(x, y);
      linear(layer.gate, y, gate), linear(layer.up, y, up);
      for (std::size_t i = 0; i < up.size(); ++i)
        up[i] *= gate[i] / (1.0f + std::exp(-gate[i]));
      linear(layer.down, up, out);
      add(out, x);
    }
    norm(x, y);
    return y;
  }

 private:
  void norm(const std::vector<float>& x, std::vector<float>& out) const {
    const std::size_t d = model_.config.hidden;
    out.resize(x.size());
    for (std::size_t t = 0; t < x.size(); t += d) {
      float square = 0.0f;
      for (std::size_t i = 0; i < d; ++i)
        square += x[t + i] * x[t + i];
      const float inverse = 1.0f / std::sqrt(square / static_cast<float>(d) + 1e-6f);
      for (std::size_t i = 0; i < d; ++i)
        out[t + i] = x[t + i] * inverse;
    }
  }
  void linear(const qfa::weight_slice& slice, const std::vector<float>& x, std::vector<float>& out) const {
    const float* const w = model_.at(slice.weight).data();
    const std::size_t n = x.size() / slice.columns;
    out.assign(n * slice.rows, 0.0f);
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t r = 0; r < slice.rows; ++r)
        for (std::size_t c = 0; c < slice.columns; ++c)
          out[t * slice.rows + r] += x[t * slice.columns + c] * w[r * slice.columns + c];
  }
  void turn(std::vector<float>& x, std::size_t context) const {
    qfa::rope_table(model_.config, context)({x.data(), x.size() / model_.config.hidden, model_.config.hidden},
                                            {.columns = context});
  }
  void attend(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v,
              std::size_t context, std::vector<float>& z) const {
    const std::size_t d = model_.config.hidden, width = model_.config.head_dim;
    std::vector<float> p(context);
    for (std::size_t t = 0; t < q.size() / d; ++t)
      for (std::size_t h = 0; h < d; h += width) {
        const std::size_t first = t / context * context;
        float sum = 0.0f;
        for (std::size_t j = first; j <= t; ++j) {
          float score = 0.0f;
          for (std::size_t i = h; i < h + width; ++i)
            score += q[t * d + i] * k[j * d + i];
          sum += p[j - first] = std::exp(score * static_cast<float>(model_.config.query_scale));
        }
        for (std::size_t i = h; i < h + width; ++i) {
          float mix = 0.0f;
          for (std::size_t j = first; j <= t; ++j)
            mix += p[j - first] * v[j * d + i];
          z[t * d + i] = mix / sum;
        }
      }
  }
  static void add(const std::vector<float>& x, std::vector<float>& to) {
    for (std::size_t i = 0; i < x.size(); ++i)
      to[i] += x[i];
  }

  const qfa::language_model& model_;
  qfa::model_layout layout_;
};

void scalar(benchmark::State& state) {
  const made_model p = model_of(state);
  const scalar_twin twin(p.model());
  const auto a = twin(p.tokens());
  const auto b = qfa::decoder<>(p.model()).final_hidden(p.tokens());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::fabs(a[i] - b.values[i]) > 1e-3f) state.SkipWithError("the twin computes something else");
  for (auto _ : state) {
    auto hidden = twin(p.tokens());
    benchmark::DoNotOptimize(hidden.data());
  }
  count(state, p);
}

#ifdef QFA_HAS_OPENBLAS
void openblas_products(benchmark::State& state) {
  const made_model p = model_of(state);
  openblas_set_num_threads(1);
  const auto i = [](std::size_t s) { return static_cast<blasint>(s); };
  const std::size_t n = p.tokens().size();
  std::vector<float> x(n * p.model().config.intermediate, 0.01f), out(n * p.model().config.intermediate);
  const auto tensors = qfa::logical_tensors(p.model().config);
  for (auto _ : state) {
    for (const qfa::logical_tensor& tensor : tensors) {
      if (tensor.info.role == qfa::tensor_role::other) continue;
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, i(n), i(tensor.slice.rows), i(tensor.slice.columns), 1.0f,
                  x.data(), i(tensor.slice.columns), p.model().at(tensor.slice.weight).data(), i(tensor.slice.columns),
                  0.0f, out.data(), i(tensor.slice.rows));
    }
    benchmark::ClobberMemory();
  }
  count(state, p, false);
}
#endif

/// Final hidden states of 512 tokens, 768 wide, and their next tokens in a vocabulary of range(0); `compressed` is a
/// little off.
struct loss_problem {
  made_model made;
  qfa::decoder<> model;
  qfa::activations reference, compressed;
  std::vector<double> nll;
  std::vector<qfa::token_comparison> both;

  explicit loss_problem(const benchmark::State& state)
      : made(llama_config(768, 64, 1, 64, size_of(state.range(0))), 2, 257),
        model(made.model()),
        reference(model.final_hidden(made.tokens())),
        compressed(reference),
        nll(2 * 256),
        both(2 * 256) {
    for (float& x : compressed.values)
      x *= 1.01f;
  }
  /// Of `products` unembeddings, exponentials not counted.
  void count(benchmark::State& state, double products) const {
    count_flops(state, products * 2.0 * static_cast<double>(nll.size() * 768 * made.model().config.vocabulary));
  }
  qfa::activations logits_of(const qfa::activations& hidden) const {
    qfa::activations out;
    out.resize(hidden.tokens, made.model().config.vocabulary);
    model.unembed(hidden.view(), out.view());
    return out;
  }
  /// score(i, row, target) for each token that is scored.
  template <class Score>
  void for_each_scored(Score score) const {
    for (std::size_t i = 0; i < nll.size(); ++i)
      score(i, i + i / 256, made.tokens()(i / 256, i % 256 + 1));
  }
};

void score_fused(benchmark::State& state) {
  loss_problem p(state);
  for (auto _ : state) {
    qfa::score_tokens(p.model, p.reference.view(), p.made.tokens(), p.nll);
    benchmark::ClobberMemory();
  }
  p.count(state, 1.0);
}

void score_stored(benchmark::State& state) {
  loss_problem p(state);
  for (auto _ : state) {
    const qfa::activations logits = p.logits_of(p.reference);
    p.for_each_scored([&](std::size_t i, std::size_t row, std::size_t target) {
      p.nll[i] = qfa::next_token_nll(logits.view().row(row), target);
    });
    benchmark::ClobberMemory();
  }
  p.count(state, 1.0);
}

void compare_fused(benchmark::State& state) {
  loss_problem p(state);
  for (auto _ : state) {
    qfa::compare_tokens(p.model, p.reference.view(), p.model, p.compressed.view(), p.made.tokens(), p.both);
    benchmark::ClobberMemory();
  }
  p.count(state, 2.0);
}

void compare_stored(benchmark::State& state) {
  loss_problem p(state);
  for (auto _ : state) {
    const qfa::activations a = p.logits_of(p.reference), b = p.logits_of(p.compressed);
    p.for_each_scored([&](std::size_t i, std::size_t row, std::size_t target) {
      p.both[i] = qfa::compare_predictions(a.view().row(row), b.view().row(row), target);
    });
    benchmark::ClobberMemory();
  }
  p.count(state, 2.0);
}

void named(benchmark::internal::Benchmark* b) {
  b->ArgNames({"hidden", "head_dim", "layers", "mlp", "texts", "context"})->Unit(benchmark::kMillisecond);
}
/// The last has 113 million weights in its blocks.
void shapes(benchmark::internal::Benchmark* b) {
  named(b);
  b->Args({64, 8, 5, 168, 8, 256})->Args({512, 64, 6, 1364, 8, 256})->Args({768, 64, 12, 3072, 2, 512});
}
void small_shapes(benchmark::internal::Benchmark* b) {
  named(b);
  b->Args({64, 8, 5, 168, 8, 256})->Args({512, 64, 2, 1364, 2, 256});
}
void vocabularies(benchmark::internal::Benchmark* b) {
  b->ArgName("vocabulary")->Unit(benchmark::kMillisecond)->Arg(32000);
}

}  // namespace

BENCHMARK(forward)->Apply(shapes);
#ifdef QFA_HAS_OPENBLAS
BENCHMARK(openblas_products)->Apply(shapes);
#endif
BENCHMARK(scalar)->Apply(small_shapes);
BENCHMARK(score_fused)->Apply(vocabularies);
BENCHMARK(score_stored)->Apply(vocabularies);
BENCHMARK(compare_fused)->Apply(vocabularies);
BENCHMARK(compare_stored)->Apply(vocabularies);

BENCHMARK_MAIN();
