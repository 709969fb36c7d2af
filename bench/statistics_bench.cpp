// SPDX-License-Identifier: Apache-2.0
// The per-feature statistics against what they replace: dense codes, tokens x features floats, and five raw sums for
// each feature, as the published scripts keep them.  And the leave-one-out values against merging the other groups anew
// for every group.  One thread; read the ratios.
//
// The table keeps 18 numbers where its dense twin keeps five, centered and for every group, and still has less to do:
// it visits what fires.
#include "assert_release.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "qfa/core/parallel.hpp"
#include "qfa/stats/comoments.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/stats/row_groups.hpp"
#include "qfa/survival/survey.hpp"

namespace {

constexpr std::size_t rows = 256, row_tokens = 32;

/// 8,192 tokens on which `active` of `width` features fire; the compressed side keeps nine in ten of them.
struct problem {
  std::size_t width, active;
  qfa::sparse_codes reference, compressed;
  std::vector<std::uint32_t> groups;

  explicit problem(const benchmark::State& state)
      : width(static_cast<std::size_t>(state.range(0))),
        active(static_cast<std::size_t>(state.range(1))),
        reference(width),
        compressed(width),
        groups(qfa::row_groups(rows).of_tokens(0, rows, row_tokens)) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<float> uniform(0.1f, 1.0f);
    std::uniform_int_distribution<std::uint32_t> step(1, static_cast<std::uint32_t>(2 * (width / active)) - 1);
    for (std::size_t t = 0; t < groups.size(); ++t) {
      for (std::uint32_t f = step(random) - 1; f < width; f += step(random)) {
        const float x = uniform(random);
        reference.push(f, x);
        if (uniform(random) > 0.19f) compressed.push(f, x + 0.1f * uniform(random));
      }
      reference.end_token();
      compressed.end_token();
    }
    qfa::set_thread_count(1);
  }

  qfa::feature_table table() const {
    qfa::feature_table filled(width, 64);
    filled(reference, compressed, groups);
    return filled;
  }
};

std::vector<float> dense(const qfa::sparse_codes& codes) {
  std::vector<float> out(codes.tokens() * codes.width(), 0.0f);
  for (std::size_t t = 0; t < codes.tokens(); ++t)
    for (std::size_t i = 0; i < codes[t].features.size(); ++i)
      out[t * codes.width() + codes[t].features[i]] = codes[t].values[i];
  return out;
}

void count_tokens(benchmark::State& state, const problem& p) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(p.groups.size()));
}

/// A table that exists already, as in all batches but the first.
void feature_table(benchmark::State& state) {
  const problem p(state);
  qfa::feature_table table = p.table();
  for (auto _ : state) {
    table(p.reference, p.compressed, p.groups);
    benchmark::ClobberMemory();
  }
  count_tokens(state, p);
}

/// Sx, Sy, Sxx, Syy, Sxy, firings and maximum of every feature, one token after the other.
void dense_twin(benchmark::State& state) {
  const problem p(state);
  const std::vector<float> xs = dense(p.reference), ys = dense(p.compressed);
  std::vector<double> x(p.width), y(p.width), xx(p.width), yy(p.width), xy(p.width), most(p.width), firings(p.width);
  for (auto _ : state) {
    for (std::size_t t = 0; t < p.groups.size(); ++t) {
      for (std::size_t f = 0; f < p.width; ++f) {
        const auto a = static_cast<double>(xs[t * p.width + f]), b = static_cast<double>(ys[t * p.width + f]);
        x[f] += a;
        y[f] += b;
        xx[f] += a * a;
        yy[f] += b * b;
        xy[f] += a * b;
        most[f] = a > most[f] ? a : most[f];
        firings[f] += a > 0.0 ? 1.0 : 0.0;
      }
    }
    benchmark::ClobberMemory();
  }
  count_tokens(state, p);
}

void leave_groups_out(benchmark::State& state) {
  const problem p(state);
  const qfa::feature_table table = p.table();
  for (auto _ : state)
    benchmark::DoNotOptimize(qfa::leave_groups_out(table, qfa::pearson).r.data());
}

/// The same r without each group, every time from all other groups.
void leave_groups_out_twin(benchmark::State& state) {
  const problem p(state);
  const qfa::feature_table table = p.table();
  std::vector<double> r(64 * p.width);
  for (auto _ : state) {
    for (std::size_t f = 0; f < p.width; ++f) {
      for (std::size_t left_out = 0; left_out < 64; ++left_out) {
        qfa::comoments rest;
        for (std::size_t g = 0; g < 64; ++g)
          if (g != left_out) rest += table.cell(f, g).either;
        rest.add_zeros(table.tokens() - table.tokens(left_out) - rest.count);
        r[left_out * p.width + f] = qfa::pearson(rest);
      }
    }
    benchmark::ClobberMemory();
  }
}

void take_survey(benchmark::State& state) {
  const problem p(state);
  const qfa::feature_table table = p.table();
  for (auto _ : state)
    benchmark::DoNotOptimize(qfa::take_survey(table, qfa::honest).mean_r.value);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"features", "active"})->Unit(benchmark::kMillisecond)->Args({1024, 32})->Args({4096, 64});
}

}  // namespace

BENCHMARK(feature_table)->Apply(shapes)->Args({16384, 82});
BENCHMARK(dense_twin)->Apply(shapes);
BENCHMARK(leave_groups_out)->Apply(shapes);
BENCHMARK(leave_groups_out_twin)->Apply(shapes);
BENCHMARK(take_survey)->Apply(shapes);

BENCHMARK_MAIN();
