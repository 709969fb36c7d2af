// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/kvquant.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_kvquant_test {

using qfa::kvquant_cache;
using qfa_test::check_refused;
using qfa_test::oracle_heads;
using qfa_test::same_bits;

namespace {

kvquant_cache with_codebooks(int bits, double outliers) {
  const std::vector<float> levels = qfa::read_floats(qfa_test::cache_array("codebook." + std::to_string(bits)));
  return {.bits = bits, .outliers = outliers, .key_levels = levels, .value_levels = levels};
}

kvquant_cache learned(kvquant_cache policy) {
  policy.learn(qfa_test::cache_matrix("calibration.keys").view(), qfa_test::cache_matrix("calibration.values").view(),
               oracle_heads());
  return policy;
}

/// Learned from a text of its own shape; without a k-means the levels are even.
kvquant_cache learned_of(kvquant_cache policy, const qfa::cache_info& info) {
  const qfa_test::cache_content sample = qfa_test::random_text(50, info, 20);
  policy.learn(sample.keys.view(), sample.values.view(), info);
  return policy;
}

[[maybe_unused]] double squared_error(const qfa_test::matrix& a, const qfa_test::matrix& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double e = static_cast<double>(a.values[i]) - static_cast<double>(b.values[i]);
    sum += e * e;
  }
  return sum;
}

}  // namespace

TEST_CASE("kvquant_cache: by given codebooks and by even levels it gives numpy's bits") {
  for (const int bits : {4, 3, 2}) {
    const std::string suffix = std::to_string(bits);
    kvquant_cache policy = with_codebooks(bits, 0.01);
    policy.first_tokens = 4;
    qfa_test::check_cache_oracle(learned(policy), "kvquant.nuq" + suffix);
    qfa_test::check_cache_oracle(learned(with_codebooks(bits, 0.0)), "kvquant.nuq" + suffix + ".dense");
    qfa_test::check_cache_oracle(learned({.bits = bits, .outliers = 0.01, .first_tokens = 4, .nuq = false}),
                                 "kvquant.int" + suffix);
  }
}

TEST_CASE("kvquant_cache: laws") {
  const qfa::cache_info info{.layer = 1, .kv_heads = 2, .head_dim = 12};
  qfa_test::check_cache_laws(learned_of({.bits = 3, .first_tokens = 2, .nuq = false}, info), info);
  const std::vector<float> levels{-1.0f, -0.25f, 0.25f, 1.0f};
  qfa_test::check_cache_laws(
      learned_of({.bits = 2, .outliers = 0.1, .norm = true, .key_levels = levels, .value_levels = levels}, info), info);
}

TEST_CASE("kvquant_cache: outliers and first tokens are kept in fp16, the rest is not") {
  const qfa::cache_info info{.kv_heads = 1, .head_dim = 4};
  qfa_test::cache_content sample{{100, 4, {}}, {100, 4, {}}};
  for (std::size_t i = 0; i < 400; ++i)
    sample.keys.values.push_back(static_cast<float>(i / 4 % 10));
  sample.values = sample.keys;
  kvquant_cache policy{.bits = 2, .outliers = 0.02, .first_tokens = 1, .nuq = false};
  policy.learn(sample.keys.view(), sample.values.view(), info);
  const qfa_test::cache_content text{{2, 4, {4.1f, 4.1f, 4.1f, 4.1f, 4.1f, 9.7f, -0.3f, 9.0f}},
                                     {2, 4, {1.1f, 2.1f, 3.1f, 4.1f, 1.1f, 2.1f, 3.1f, 4.1f}}};
  const auto held = qfa_test::cached(policy, text, info);
  const float f = qfa::round_to_f16(4.1f);
  CHECK(held.keys.values ==
        std::vector<float>{f, f, f, f, 3.0f, qfa::round_to_f16(9.7f), qfa::round_to_f16(-0.3f), 9.0f});
  CHECK(held.values.view()(0, 1) == qfa::round_to_f16(2.1f));
  CHECK(held.values.view()(1, 0) == qfa::round_to_f16(1.1f));  // the token's smallest is an outlier of four
  CHECK(held.values.view()(1, 3) == qfa::round_to_f16(4.1f));
  CHECK(held.values.view()(1, 1) == 2.1f);

  // In the text's second call the first token is long gone.
  kvquant_cache again = policy;
  qfa_test::cache_content later;
  qfa_test::arrive(again, later, text, 0, 1, info);
  qfa_test::arrive(again, later, text, 1, 2, info);
  CHECK(same_bits(later.keys.values, held.keys.values));
  CHECK(same_bits(later.values.values, held.values.values));
}

#ifdef QFA_HAS_KMEANS
TEST_CASE("kvquant_cache: levels by k-means beat even ones, given codebooks stay, and outliers help") {
  const qfa_test::cache_content text = qfa_test::oracle_text();
  const auto error = [&](const kvquant_cache& policy) {
    return squared_error(qfa_test::cached(learned(policy), text).values, text.values);
  };
  for (const int bits : {3, 4}) {
    // 0.93 and 0.97 of the even levels' error: the text's tokens are not the calibration's, and some lie on even steps.
    CHECK(error({.bits = bits}) < 0.98 * error({.bits = bits, .nuq = false}));
    CHECK(error({.bits = bits}) < 0.9 * error({.bits = bits, .outliers = 0.0}));
  }
  kvquant_cache half = with_codebooks(3, 0.01);
  half.value_levels.clear();
  half = learned(half);
  CHECK(half.learned.keys.levels == half.key_levels);
  CHECK(half.learned.values.levels != half.key_levels);
  CHECK(half.learned.values.levels.size() == 8);
  // Calibrating again learns anew.
  const auto before = half.learned.values.levels;
  const qfa_test::cache_content other = qfa_test::random_text(64, oracle_heads());
  half.learn(other.keys.view(), other.values.view(), oracle_heads());
  CHECK(half.learned.values.levels != before);
}
#else
TEST_CASE("kvquant_cache: without a k-means it says what is missing") {
  check_refused([] { learned({}); }, {"kvquant", "k-means", "qfa::kmeans", "codebooks", "nuq=false"});
  kvquant_cache policy;
  try {
    policy = learned(policy);
  } catch (const qfa::error&) {
  }
  CHECK(qfa::learns(policy));
}
#endif

TEST_CASE("kvquant_cache: levels with the norm keep each side's deviation better than without") {
  const qfa_test::cache_content text = qfa_test::oracle_text();
  const auto deviation = [](const qfa_test::matrix& m) {
    double sum = 0.0, squares = 0.0;
    for (const float x : m.values) {
      sum += static_cast<double>(x);
      squares += static_cast<double>(x) * static_cast<double>(x);
    }
    const auto n = static_cast<double>(m.values.size());
    return std::sqrt(squares / n - sum / n * (sum / n));
  };
  kvquant_cache plain = with_codebooks(2, 0.01), norm = plain;
  norm.norm = true;
  const double of_text = deviation(text.values);
  const double off_plain = std::fabs(deviation(qfa_test::cached(learned(plain), text).values) - of_text);
  const double off_norm = std::fabs(deviation(qfa_test::cached(learned(norm), text).values) - of_text);
  CHECK(off_norm < 0.5 * off_plain);
}

TEST_CASE("kvquant_cache: bits, a sparse entry counted as sixteen of value and sixteen of place") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 64};
  const kvquant_cache dense{.bits = 4, .outliers = 0.0, .nuq = false};
  CHECK(dense.stored_bits(10, info) == qfa::cache_bits{1280.0 * 4 + 32.0 * 128, 1280.0 * 4 + 32.0 * 10});
  kvquant_cache sparse = dense;
  sparse.outliers = 0.25;
  CHECK(sparse.stored_bits(10, info).sum() == 2560.0 * 4 + 32.0 * (128 + 10) + 640.0 * 32 + 20.0 * 32);
  kvquant_cache nuq = dense;
  nuq.nuq = true;
  CHECK(nuq.stored_bits(10, info).sum() == dense.stored_bits(10, info).sum() + 2 * 16 * 16);
  kvquant_cache first = dense;
  first.first_tokens = 4;
  CHECK(first.stored_bits(10, info).sum() == 1024.0 * 16 + 1536.0 * 4 + 32.0 * (128 + 6));
  CHECK(first.stored_bits(3, info).sum() == 768.0 * 16 + 32.0 * 128);
  CHECK(dense.stored_bits(0, info).sum() == 0.0);
}

TEST_CASE("kvquant_cache: says what it is, works before RoPE, and refuses what it cannot do") {
  CHECK(kvquant_cache{}.name() == "kvquant:bits=4");
  CHECK(kvquant_cache{.bits = 3, .outliers = 0.0, .first_tokens = 5, .nuq = false}.name() ==
        "kvquant:bits=3,outliers=0,first_tokens=5,nuq=false");
  CHECK(qfa::point_of(kvquant_cache{}) == qfa::cache_point::before_rope);
  CHECK(qfa::reads_of(kvquant_cache{}) == qfa::attention_reads::stored);
  CHECK(qfa::learns(kvquant_cache{}));
  check_refused([] { kvquant_cache{.bits = 1}.validate(); }, {"bits", "2 and 8"});
  check_refused([] { kvquant_cache{.outliers = 1.0}.validate(); }, {"outliers", "below 1"});
  check_refused([] { kvquant_cache{.nuq = false, .norm = true}.validate(); }, {"norm", "nuq=true"});
  for (const std::vector<float>& levels :
       {std::vector<float>{1.0f, 2.0f}, std::vector<float>{4.0f, 3.0f, 2.0f, 1.0f},
        std::vector<float>{1.0f, 2.0f, 3.0f, std::numeric_limits<float>::infinity()}})
    check_refused([&] { kvquant_cache{.bits = 2, .value_levels = levels}.validate(); },
                  {"codebooks", "4 finite levels"});

  const qfa::cache_info info{.layer = 3, .kv_heads = 1, .head_dim = 4};
  qfa_test::cache_content text = qfa_test::random_text(3, info);
  check_refused([&] { kvquant_cache{}(text.keys.view(), text.values.view(), {.info = info}); },
                {"kvquant", "calibration tokens of layer 3"});
  const kvquant_cache even = learned_of({.nuq = false}, info);
  const qfa::cache_info wider{.layer = 3, .kv_heads = 2, .head_dim = 4};
  check_refused([&] { qfa_test::cached(even, qfa_test::random_text(2, wider), wider); },
                {"4 channels", "layer 3 has 8"});
  for (qfa_test::matrix* side : {&text.keys, &text.values}) {
    const qfa_test::cache_content kept = text;
    side->view()(1, 2) = -70000.0f;
    const qfa_test::cache_content before = text;
    check_refused([&] { even(text.keys.view(), text.values.view(), {.info = info}); },
                  {side == &text.keys ? "keys" : "values", "layer 3", "token 1", "fp16"});
    CHECK(same_bits(text.keys.values, before.keys.values));
    CHECK(same_bits(text.values.values, before.values.values));
    text = kept;
  }
}

}  // namespace cache_kvquant_test
