// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/attention.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "model_threads.hpp"
#include "scratch.hpp"

namespace model_attention_test {

using namespace qfa;

namespace {

std::vector<float> noise(std::size_t n, unsigned seed, float spread = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> out(n);
  for (float& x : out)
    x = normal(random);
  return out;
}

struct inputs {
  attention_shape shape;
  std::size_t texts, context;
  std::vector<float> q, k, v;

  inputs(attention_shape s, std::size_t n, std::size_t c)
      : shape(s),
        texts(n),
        context(c),
        q(noise(n * c * s.heads * s.head_dim, 1)),
        k(noise(n * c * s.kv_heads * s.head_dim, 2)),
        v(noise(n * c * s.kv_heads * s.head_dim, 3)) {}

  std::size_t tokens() const { return texts * context; }
  template <class Arch = simd::best_arch>
  std::vector<float> run() const {
    std::vector<float> z(q.size());
    const std::size_t wide = shape.heads * shape.head_dim;
    const std::size_t narrow = shape.kv_heads * shape.head_dim;
    attend<Arch>({q.data(), tokens(), wide}, {k.data(), tokens(), narrow}, {v.data(), tokens(), narrow}, context, shape,
                 {z.data(), tokens(), wide});
    return z;
  }
  /// One number of z by the definition, in double.
  double z(std::size_t text, std::size_t i, std::size_t head, std::size_t d) const {
    const std::size_t kv = head / (shape.heads / shape.kv_heads);
    const auto at = [&](const std::vector<float>& x, std::size_t j, std::size_t heads, std::size_t h, std::size_t e) {
      return static_cast<double>(x[((text * context + j) * heads + h) * shape.head_dim + e]);
    };
    double sum = 0.0, mix = 0.0;
    for (std::size_t j = 0; j <= i; ++j) {
      if (shape.window > 0 && i - j >= shape.window) continue;
      double score = 0.0;
      for (std::size_t e = 0; e < shape.head_dim; ++e)
        score += at(q, i, shape.heads, head, e) * at(k, j, shape.kv_heads, kv, e);
      score *= static_cast<double>(shape.scale);
      const auto cap = static_cast<double>(shape.softcap);
      if (cap > 0.0) score = cap * std::tanh(score / cap);
      sum += std::exp(score);
      mix += std::exp(score) * at(v, j, shape.kv_heads, kv, d);
    }
    return mix / sum;
  }
};

}  // namespace

TEST_CASE("attend: every number follows the definition") {
  const attention_shape shapes[] = {
      {.heads = 1, .kv_heads = 1, .head_dim = 1, .scale = 1.0f},
      {.heads = 4, .kv_heads = 2, .head_dim = 8, .scale = 0.35f},
      {.heads = 6, .kv_heads = 3, .head_dim = 5, .scale = 0.5f, .softcap = 2.0f},
      {.heads = 2, .kv_heads = 2, .head_dim = 40, .scale = 0.16f, .window = 7},
      {.heads = 3, .kv_heads = 1, .head_dim = 16, .scale = 0.25f, .softcap = 1.0f, .window = 1},
      {.heads = 2, .kv_heads = 1, .head_dim = 33, .scale = 0.2f, .window = 60},
  };
  for (const attention_shape& shape : shapes)
    for (const std::size_t context : std::vector<std::size_t>{1, 2, 31, 48, 49, 130}) {
      CAPTURE(shape.heads);
      CAPTURE(context);
      const inputs in(shape, 2, context);
      const std::vector<float> z = in.run();
      for (std::size_t text = 0; text < 2; ++text)
        for (std::size_t i = 0; i < context; ++i)
          for (std::size_t head = 0; head < shape.heads; ++head)
            for (std::size_t d = 0; d < shape.head_dim; ++d) {
              const float got = z[((text * context + i) * shape.heads + head) * shape.head_dim + d];
              REQUIRE(std::fabs(static_cast<double>(got) - in.z(text, i, head, d)) < 3e-6);
            }
    }
}

TEST_CASE("attend: scores far apart neither overflow nor lose the largest") {
  inputs in({.heads = 1, .kv_heads = 1, .head_dim = 4, .scale = 1.0f}, 1, 20);
  for (float& x : in.q)
    x *= 100.0f;
  const std::vector<float> z = in.run();
  for (std::size_t i = 0; i < 20; ++i)
    for (std::size_t d = 0; d < 4; ++d)
      if (const double expected = in.z(0, i, 0, d); std::isfinite(expected))
        CHECK(static_cast<double>(z[i * 4 + d]) == doctest::Approx(expected).epsilon(1e-3));
  for (float x : z)
    CHECK(std::isfinite(x));
}

TEST_CASE("attend: a later token changes nothing before it, and another text nothing at all") {
  const inputs in({.heads = 4, .kv_heads = 2, .head_dim = 8, .scale = 0.35f}, 2, 100);
  const std::vector<float> z = in.run();
  inputs other = in;
  const std::size_t from = 60;  // of the first text
  for (auto* x : {&other.k, &other.v})
    for (std::size_t i = from * 16; i < 100 * 16; ++i)
      (*x)[i] += 1.0f;
  const std::vector<float> changed = other.run();
  const std::size_t row = 4 * 8;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const bool may_change = i >= from * row && i < 100 * row;
    CHECK((may_change || changed[i] == z[i]));
  }
  CHECK(changed[from * row] != z[from * row]);
}

TEST_CASE("attend: the same bits for every number of threads, every batch and both widths") {
  const inputs in({.heads = 6, .kv_heads = 2, .head_dim = 12, .scale = 0.3f, .softcap = 5.0f, .window = 50}, 3, 70);
  const std::vector<float> z = in.run();
  qfa_test::for_each_thread_count([&] { CHECK(in.run() == z); });
  inputs one({.heads = 6, .kv_heads = 2, .head_dim = 12, .scale = 0.3f, .softcap = 5.0f, .window = 50}, 1, 70);
  const std::size_t wide = 70 * 72, narrow = 70 * 24;
  std::copy_n(in.q.begin() + 2 * static_cast<std::ptrdiff_t>(wide), wide, one.q.begin());
  std::copy_n(in.k.begin() + 2 * static_cast<std::ptrdiff_t>(narrow), narrow, one.k.begin());
  std::copy_n(in.v.begin() + 2 * static_cast<std::ptrdiff_t>(narrow), narrow, one.v.begin());
  const std::vector<float> alone = one.run();
  CHECK(std::equal(alone.begin(), alone.end(), z.begin() + 2 * static_cast<std::ptrdiff_t>(wide)));
#ifdef __FMA__
  CHECK(in.run<xsimd::fma3<xsimd::avx2>>() == z);
#endif
}

TEST_CASE("attend: shapes that do not fit together are refused") {
  inputs in({.heads = 4, .kv_heads = 3, .head_dim = 2, .scale = 1.0f}, 1, 4);
  qfa_test::check_refused([&] { in.run(); }, {"attention needs whole texts"});
  const inputs uneven({.heads = 2, .kv_heads = 2, .head_dim = 2, .scale = 1.0f}, 1, 4);
  std::vector<float> z(16);
  const matrix_view<const float> four(uneven.q.data(), 4, 4);
  qfa_test::check_refused([&] { attend(four, four, four, 3, uneven.shape, {z.data(), 4, 4}); }, {"whole texts"});
  qfa_test::check_refused([&] { attend(four, four, four, 0, uneven.shape, {z.data(), 4, 4}); }, {"whole texts"});
  const matrix_view<const float> narrow(uneven.q.data(), 4, 2, 4);
  qfa_test::check_refused([&] { attend(four, narrow, four, 4, uneven.shape, {z.data(), 4, 4}); }, {"q, k and v"});
}

}  // namespace model_attention_test
