// SPDX-License-Identifier: Apache-2.0
// A decoder's forward pass against a scalar twin, and against nothing but the matrix products of its linear layers
// through OpenBLAS's sgemm: what a pass cannot do without, however it is written.  One thread each.
//
// Read the ratios, and from runs that alternate (--benchmark_enable_random_interleaving=true
// --benchmark_repetitions=5).  A chip that OpenBLAS does not know needs OPENBLAS_CORETYPE=SKYLAKEX.
#include "assert_release.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#ifdef QFA_HAS_OPENBLAS
#include <cblas.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#include "qfa/model/decoder.hpp"
#include "qfa/model/logical_tensors.hpp"

#ifdef QFA_HAS_OPENBLAS
extern "C" void openblas_set_num_threads(int);
#endif

namespace {

using qfa::matrix_view;

/// A llama of random weights: range(0) wide with heads of range(1), an MLP 8/3 as wide, and range(2) layers.
qfa::model_config config_of(const benchmark::State& state) {
  qfa::model_config out;
  out.hidden = static_cast<std::size_t>(state.range(0));
  out.head_dim = static_cast<std::size_t>(state.range(1));
  out.layers = static_cast<std::size_t>(state.range(2));
  out.heads = out.kv_heads = out.hidden / out.head_dim;
  out.intermediate = out.hidden * 8 / 3 / 4 * 4;
  out.vocabulary = 512;
  out.rotated = out.head_dim;
  out.query_scale = 1.0 / std::sqrt(static_cast<double>(out.head_dim));
  out.windows.assign(out.layers, 0);
  return out;
}

struct problem {
  static constexpr std::size_t texts = 8, context = 256;
  qfa::language_model model;
  std::vector<std::uint32_t> ids;

  explicit problem(const benchmark::State& state) : ids(texts * context) {
    model.config = config_of(state);
    std::mt19937 bits(1);
    std::normal_distribution<float> normal(0.0f, 1.0f / std::sqrt(static_cast<float>(model.config.hidden)));
    for (const qfa::expected_tensor& tensor : qfa::expected_tensors(model.config)) {
      std::size_t count = 1;
      for (const std::size_t n : tensor.shape)
        count *= n;
      std::vector<float> values(count, 1.0f);
      if (tensor.shape.size() == 2)
        for (float& x : values)
          x = normal(bits);
      model.tensors[tensor.name] = qfa::share(tensor.shape, std::move(values));
    }
    for (std::uint32_t& id : ids)
      id = bits() % 512;
#ifdef _OPENMP
    omp_set_num_threads(1);
#endif
  }

  matrix_view<const std::uint32_t> tokens() const { return {ids.data(), texts, context}; }

  /// Tokens, and the multiply-adds of the linear layers and of causal attention.
  void count(benchmark::State& state, bool with_attention = true) const {
    double flops = 0.0;
    for (const qfa::logical_tensor& tensor : qfa::logical_tensors(model.config))
      if (tensor.info.role != qfa::tensor_role::other)
        flops += 2.0 * static_cast<double>(tensor.slice.rows * tensor.slice.columns);
    if (with_attention) flops += 2.0 * static_cast<double>(model.config.layers * model.config.hidden * (context + 1));
    const auto tokens_done = static_cast<double>(texts * context);
    using benchmark::Counter;
    state.counters["tokens/s"] = Counter(tokens_done, Counter::kIsIterationInvariantRate, Counter::kIs1000);
    state.counters["flop/s"] = Counter(tokens_done * flops, Counter::kIsIterationInvariantRate, Counter::kIs1000);
  }
};

void forward(benchmark::State& state) {
  const problem p(state);
  const qfa::decoder<> model(p.model);
  qfa::forward_scratch scratch;
  for (auto _ : state) {
    auto hidden = model.forward(p.tokens(), {.final_hidden = true}, qfa::no_visitor{}, scratch);
    benchmark::DoNotOptimize(hidden.values.data());
  }
  p.count(state);
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
    qfa::rope_table(model_.config, context)({x.data(), x.size() / model_.config.hidden, model_.config.hidden}, context);
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
  const problem p(state);
  const scalar_twin twin(p.model);
  const auto a = twin(p.tokens());
  const auto b = qfa::decoder<>(p.model).final_hidden(p.tokens());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::fabs(a[i] - b.values[i]) > 1e-3f) state.SkipWithError("the twin computes something else");
  for (auto _ : state) {
    auto hidden = twin(p.tokens());
    benchmark::DoNotOptimize(hidden.data());
  }
  p.count(state);
}

#ifdef QFA_HAS_OPENBLAS
void openblas_products(benchmark::State& state) {
  const problem p(state);
  openblas_set_num_threads(1);
  const auto i = [](std::size_t s) { return static_cast<blasint>(s); };
  const std::size_t n = p.ids.size();
  std::vector<float> x(n * p.model.config.intermediate, 0.01f), out(n * p.model.config.intermediate);
  const auto tensors = qfa::logical_tensors(p.model.config);
  for (auto _ : state) {
    for (const qfa::logical_tensor& tensor : tensors) {
      if (tensor.info.role == qfa::tensor_role::other) continue;
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, i(n), i(tensor.slice.rows), i(tensor.slice.columns), 1.0f,
                  x.data(), i(tensor.slice.columns), p.model.at(tensor.slice.weight).data(), i(tensor.slice.columns),
                  0.0f, out.data(), i(tensor.slice.rows));
    }
    benchmark::ClobberMemory();
  }
  p.count(state, false);
}
#endif

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"hidden", "head_dim", "layers"})->Unit(benchmark::kMillisecond);
  b->Args({64, 8, 5})->Args({512, 64, 6})->Args({1024, 64, 4});
}

}  // namespace

BENCHMARK(forward)->Apply(shapes);
#ifdef QFA_HAS_OPENBLAS
BENCHMARK(openblas_products)->Apply(shapes);
#endif
BENCHMARK(scalar)
    ->ArgNames({"hidden", "head_dim", "layers"})
    ->Unit(benchmark::kMillisecond)
    ->Args({64, 8, 5})
    ->Args({512, 64, 2});

BENCHMARK_MAIN();
