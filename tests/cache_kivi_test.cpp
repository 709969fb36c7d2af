// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/kivi.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "cache_matrices.hpp"
#include "scratch.hpp"

namespace cache_kivi_test {

using qfa::float_format;
using qfa::kivi;
using qfa_test::cached_text;
using qfa_test::check_refused;
using qfa_test::held_after;
using qfa_test::held_at_once;
using qfa_test::made_text;

namespace {

constexpr kivi small{.bits = 2, .group = 2, .residual = 4};

qfa_test::cache_content rounded_text(float_format format) {
  qfa_test::cache_content text = qfa_test::oracle_text();
  for (auto* side : {&text.keys, &text.values})
    for (float& x : side->values)
      x = qfa::round_to(format, x);
  return text;
}

// The oracle's caches hold numbers of their type, so that tokens arrive rounded to it.
void check_over_time(kivi policy, const std::string& name) {
  CAPTURE(name);
  const qfa_test::cache_content text = rounded_text(policy.arithmetic);
  const std::vector<std::uint32_t> stored = qfa_test::cache_hashes(name + ".held.70");
  const std::vector<std::uint32_t> read = qfa_test::cache_hashes(name + ".read.70");
  qfa_test::cache_content held;
  std::size_t at = 0;
  for (std::size_t last = 70; last <= 150; ++last, at += 2) {
    CAPTURE(last);
    const auto reading = [&](qfa::matrix_view<float> k, qfa::matrix_view<float> v, const qfa::cache_update& update) {
      CHECK(qfa_test::whole_hash(held.keys) == read.at(at));
      CHECK(qfa_test::whole_hash(held.values) == read.at(at + 1));
      policy(k, v, update);
    };
    qfa_test::arrive(reading, held, text, last == 70 ? 0 : last - 1, last, qfa_test::oracle_heads());
    CHECK(qfa_test::whole_hash(held.keys) == stored.at(at));
    CHECK(qfa_test::whole_hash(held.values) == stored.at(at + 1));
  }
  CHECK(at == stored.size());
}

}  // namespace

TEST_CASE("kivi: a prompt and tokens one by one give numpy's bits") {
  for (const int bits : {4, 2})
    for (const std::size_t group : {std::size_t{32}, std::size_t{16}})
      for (const float_format f : {float_format::fp16, float_format::fp32}) {
        const std::string name = "kivi." + std::to_string(bits) + ".g" + std::to_string(group) + ".r" +
                                 std::to_string(2 * group) + "." + std::string(qfa::name_of(f));
        const kivi p{.bits = bits, .group = group, .residual = 2 * group, .store = f, .arithmetic = f};
        check_over_time(p, name);
        qfa_test::check_hashes(qfa_test::cached(p, rounded_text(f)), name + ".prefill");
      }
}

TEST_CASE("kivi: obeys the laws of caches, and does not know how tokens are cut into calls") {
  for (const float_format store : {float_format::fp16, float_format::fp32, float_format::bf16}) {
    kivi p = small;
    p.store = store;
    qfa_test::check_call_laws(p);
    qfa_test::check_any_cut(p);
  }
  qfa_test::check_any_cut(kivi{.bits = 4, .group = 3, .residual = 3});
  qfa_test::check_cache_laws(small, qfa_test::small_cache(), false);
}

TEST_CASE("kivi: keys wait until a residual is full, values until it is behind them") {
  const cached_text text = made_text(11);
  for (std::size_t tokens = 1; tokens <= 11; ++tokens) {
    CAPTURE(tokens);
    cached_text held{.info = text.info};
    kivi p = small;
    qfa_test::extend(p, held, text, tokens);
    for (std::size_t t = 0; t < tokens; ++t) {
      CAPTURE(t);
      bool keys_stay = true, values_stay = true;
      for (std::size_t i = t * 12; i < (t + 1) * 12; ++i) {
        keys_stay = keys_stay && held.keys[i] == text.keys[i];
        values_stay = values_stay && held.values[i] == text.values[i];
      }
      CHECK(keys_stay == (t >= tokens / 4 * 4));
      CHECK(values_stay == (t + 4 >= tokens));
    }
  }
}

TEST_CASE("kivi: keys share a range over tokens of a channel, values over channels of a head") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 3};
  kivi narrow = small;
  narrow.store = float_format::fp32;
  // Keys of channel 0: 0 1 2 3 in two groups of two; all other channels constant.
  cached_text text{.info = info, .tokens = 4};
  for (std::size_t t = 0; t < 4; ++t)
    for (std::size_t c = 0; c < 6; ++c) {
      text.keys.push_back(c == 0 ? static_cast<float>(t) + 0.25f : 1.5f);
      text.values.push_back(0.0f);
    }
  CHECK(held_at_once(narrow, text).keys == text.keys);  // two values are a range's ends
  kivi wide = narrow;
  wide.group = 4;
  text.keys[6] = 1.0f;  // 0.25, 1, 2.25, 3.25 in steps of 1
  CHECK(held_at_once(wide, text).keys[6] == 1.25f);
  CHECK(held_at_once(wide, text).keys[12] == 2.25f);
  CHECK(held_at_once(wide, text).keys[7] == 1.5f);

  // Values in groups of two within heads of three: {0, 1}, {2}, {3, 4}, {5}; two ends of a range come back.
  text = {.info = info, .tokens = 5, .keys = std::vector<float>(30), .values = std::vector<float>(30)};
  const std::vector<float> first{0.25f, 1, 5, -3, 100, 7};
  std::copy(first.begin(), first.end(), text.values.begin());
  CHECK(held_at_once(narrow, text).values == text.values);
  wide.group = wide.residual = 4;  // heads of three are groups, not {0, 1, 2, 3} and {4, 5}
  const cached_text held = held_at_once(wide, text);
  CHECK(held.values[1] != 1.0f);
  CHECK(held.values[5] != 7.0f);
}

TEST_CASE("kivi: ties go to the even code, and codes stay within their range") {
  const qfa::cache_info info{.kv_heads = 1, .head_dim = 1};
  const kivi p{.bits = 2, .group = 5, .residual = 5, .store = float_format::fp32};
  const cached_text text{.info = info, .tokens = 5, .keys = {-1, 2, -0.5f, 0.5f, 1.5f}, .values = {0, 0, 0, 0, 0}};
  CHECK(held_at_once(p, text).keys == std::vector<float>{-1, 2, -1, 1, 1});
}

TEST_CASE("kivi: scales and minima are those of the stored type") {
  const qfa::cache_info info{.kv_heads = 1, .head_dim = 1};
  const float low = 1.0f + 0x1p-13f, high = 2.0f;  // low is no half
  const cached_text text{.info = info, .tokens = 2, .keys = {low, high}, .values = {0, 0}};
  kivi p{.bits = 2, .group = 2, .residual = 2};
  const float s = qfa::round_to_f16((high - low) / 3.0f);
  CHECK(held_at_once(p, text).keys == std::vector<float>{1.0f, 3.0f * s + 1.0f});
  p.store = float_format::fp32;
  CHECK(held_at_once(p, text).keys[0] == low);
}

TEST_CASE("kivi: groups all alike come back as their minimum") {
  const float x = 0.1f;
  const cached_text text = qfa_test::text_of(9, x);
  kivi p = small;
  CHECK(held_at_once(p, text).keys[0] == qfa::round_to_f16(x));
  CHECK(held_at_once(p, text).values[0] == qfa::round_to_f16(x));
  CHECK(held_at_once(p, text).keys[8 * 12] == x);  // still waits
  p.store = float_format::fp32;
  CHECK(held_at_once(p, text) == text);
}

TEST_CASE("kivi: keys and values have bits of their own") {
  const cached_text text = made_text(9);
  kivi p = small;
  p.key_bits = 4;
  kivi four = small;
  four.bits = 4;
  CHECK(held_at_once(p, text).keys == held_at_once(four, text).keys);
  CHECK(held_at_once(p, text).values == held_at_once(small, text).values);
  four.value_bits = 2;
  CHECK(held_at_once(four, text) == held_at_once(p, text));
}

TEST_CASE("kivi: bits are those of its paper, and 16 for what waits") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 64};
  const kivi published{};
  const double width = 128.0;
  CHECK(published.stored_bits(128, info) == qfa::cache_bits{128 * width * 3.0, 128 * width * 16.0});
  CHECK(published.stored_bits(300, info) ==
        qfa::cache_bits{256 * width * 3.0 + 44 * width * 16.0, 172 * width * 3.0 + 128 * width * 16.0});
  CHECK(kivi{.bits = 4}.stored_bits(256, info).keys == 256 * width * 5.0);
  CHECK(kivi{.bits = 4, .store = float_format::fp32}.stored_bits(256, info).keys == 256 * width * 6.0);
  CHECK(published.stored_bits(0, info) == qfa::cache_bits{});
  // Heads of 48: two groups each, the second of 16.
  const qfa::cache_info odd{.kv_heads = 2, .head_dim = 48};
  CHECK(published.stored_bits(129, odd).values == 96 * 2.0 + 4 * 32.0 + 128 * 96 * 16.0);
}

TEST_CASE("kivi: works on turned keys, and attention reads new tokens as they arrived") {
  CHECK(qfa::point_of(small) == qfa::cache_point::after_rope);
  CHECK(qfa::reads_of(small) == qfa::attention_reads::arrived);
}

TEST_CASE("kivi: what cannot be is refused, and nothing changes") {
  check_refused([] { kivi{.bits = 0}.validate(); }, {"kivi's bits", "0"});
  check_refused([] { kivi{.value_bits = 9}.validate(); }, {"kivi's bits", "9 for values"});
  check_refused([] { kivi{.group = 32, .residual = 48}.validate(); }, {"kivi's residual", "48", "32"});
  check_refused([] { kivi{.group = 0}.validate(); }, {"kivi's residual"});
  check_refused([] { kivi{.residual = 0}.validate(); }, {"kivi's residual"});
  cached_text text = made_text(9);
  text.values[0] = -1e6f;
  cached_text held{.info = text.info};
  kivi p = small;
  check_refused([&] { qfa_test::extend(p, held, text, 9); }, {"values of layer 3 are too large", "store=fp16"});
  CHECK(held == text);
}

}  // namespace cache_kivi_test
