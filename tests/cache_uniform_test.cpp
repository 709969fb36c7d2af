// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/uniform.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "cache_matrices.hpp"
#include "scratch.hpp"

namespace cache_uniform_test {

using qfa::cache_granularity;
using qfa::cache_range;
using qfa::scale_lifetime;
using qfa::uniform_cache;
using qfa_test::cached_text;
using qfa_test::check_refused;
using qfa_test::held_after;
using qfa_test::held_at_once;
using qfa_test::made_text;

namespace {

uniform_cache per(cache_granularity g, cache_range range = cache_range::asymmetric,
                  scale_lifetime lifetime = scale_lifetime::call) {
  uniform_cache p{.bits = 3, .range = range, .keys = g, .values = g, .lifetime = lifetime};
  const bool grouped = g == cache_granularity::channel_group || g == cache_granularity::token_group;
  if (grouped) p.key_group = p.value_group = 5;
  if (lifetime == scale_lifetime::grouped) p.block = 4;
  return p;
}

constexpr std::array all_granularities{cache_granularity::tensor,        cache_granularity::token,
                                       cache_granularity::token_head,    cache_granularity::channel,
                                       cache_granularity::channel_group, cache_granularity::token_group};
bool within_token(cache_granularity g) {
  return g == cache_granularity::token || g == cache_granularity::token_head || g == cache_granularity::channel_group;
}

// Tokens [first, last) as a text of their own.
cached_text part_of(const cached_text& text, std::size_t first, std::size_t last) {
  const auto cut = [&](const std::vector<float>& x) {
    const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first * text.info.width());
    return std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>((last - first) * text.info.width()));
  };
  return {.info = text.info, .tokens = last - first, .keys = cut(text.keys), .values = cut(text.values)};
}

}  // namespace

TEST_CASE("uniform: every granularity, range and lifetime obeys the laws of caches") {
  for (const cache_granularity g : all_granularities)
    for (const cache_range range : {cache_range::symmetric, cache_range::asymmetric})
      for (const scale_lifetime l : {scale_lifetime::call, scale_lifetime::frozen_prefill, scale_lifetime::grouped}) {
        if (l == scale_lifetime::frozen_prefill && g == cache_granularity::token_group) continue;
        const uniform_cache p = per(g, range, l);
        CAPTURE(p.name());
        qfa_test::check_call_laws(p);
      }
  for (const qfa::float_format f : {qfa::float_format::bf16, qfa::float_format::fp16}) {
    uniform_cache p = per(cache_granularity::tensor, cache_range::symmetric);
    p.arithmetic = f;
    qfa_test::check_call_laws(p);
    p = per(cache_granularity::channel);
    p.arithmetic = f;
    qfa_test::check_call_laws(p);
  }
}

TEST_CASE("uniform: scales within a token do not know how tokens are cut into calls") {
  for (const cache_granularity g : all_granularities) {
    CAPTURE(per(g).name());
    if (within_token(g)) {
      qfa_test::check_any_cut(per(g));
      qfa_test::check_any_cut(per(g, cache_range::symmetric, scale_lifetime::frozen_prefill));
    } else {
      const cached_text text = made_text(8);
      CHECK_FALSE(held_after(per(g), text, {4, 4}) == held_at_once(per(g), text));
    }
    qfa_test::check_any_cut(per(g, cache_range::asymmetric, scale_lifetime::grouped));
  }
}

TEST_CASE("uniform: a call is quantized as a text of its own is, and what was there before stays") {
  const cached_text text = made_text(13);
  for (const cache_granularity g : all_granularities) {
    const cached_text held = held_after(per(g), text, {6, 7});
    CAPTURE(per(g).name());
    CHECK(part_of(held, 0, 6) == held_at_once(per(g), part_of(text, 0, 6)));
    CHECK(part_of(held, 6, 13) == held_at_once(per(g), part_of(text, 6, 13)));
  }
}

TEST_CASE("uniform: with lifetime=grouped full blocks are texts of their own and the rest waits as it arrived") {
  const cached_text text = made_text(11);
  for (const cache_granularity g : all_granularities) {
    const uniform_cache grouped = per(g, cache_range::asymmetric, scale_lifetime::grouped);
    CAPTURE(grouped.name());
    CHECK(qfa::reads_of(grouped) == qfa::attention_reads::arrived);
    const cached_text held = held_at_once(grouped, text);
    CHECK(part_of(held, 0, 4) == held_at_once(per(g), part_of(text, 0, 4)));
    CHECK(part_of(held, 4, 8) == held_at_once(per(g), part_of(text, 4, 8)));
    CHECK(part_of(held, 8, 11) == part_of(text, 8, 11));
  }
}

TEST_CASE("uniform: with lifetime=frozen_prefill later tokens are clamped to the range of the first call") {
  const qfa::cache_info info{.kv_heads = 1, .head_dim = 2};
  const cached_text text{
      .info = info, .tokens = 4, .keys = {-7, 1, 7, 7, 100, 3.4f, -100, -9}, .values = {-7, 1, 7, 7, 3, 3, 3, 3}};
  uniform_cache p{.bits = 4,
                  .range = cache_range::symmetric,
                  .keys = cache_granularity::channel,
                  .values = cache_granularity::token,
                  .lifetime = scale_lifetime::frozen_prefill};
  CHECK(held_after(p, text, {2, 1, 1}).keys == std::vector<float>{-7, 1, 7, 7, 7, 3, -8, -8});
  CHECK(held_after(p, text, {2, 2}).keys == held_after(p, text, {2, 1, 1}).keys);
  CHECK(held_after(p, text, {2, 2}).values[4] == doctest::Approx(3.0));
  p.values = p.keys = cache_granularity::tensor;
  CHECK(held_after(p, text, {2, 2}).keys == std::vector<float>{-7, 1, 7, 7, 7, 3, -8, -8});
  // Values have steps of their own: the same text with its sides exchanged is quantized alike.
  cached_text turned = text;
  std::swap(turned.keys, turned.values);
  CHECK(held_after(p, turned, {2, 2}).values == held_after(p, text, {2, 2}).keys);

  uniform_cache late = p;
  cached_text held{.info = info, .tokens = 1, .keys = {1, 2}, .values = {1, 2}};
  check_refused([&] { qfa_test::extend(late, held, text, 1); },
                {"frozen_prefill", "first tokens of the keys of layer 0"});
}

TEST_CASE("uniform: with lifetime=full_pass a text comes in one call") {
  const uniform_cache p = per(cache_granularity::channel, cache_range::symmetric, scale_lifetime::full_pass);
  const cached_text text = made_text(9);
  CHECK(held_at_once(p, text) == held_at_once(per(cache_granularity::channel, cache_range::symmetric), text));
  check_refused([&] { held_after(p, text, {8, 1}); }, {"full_pass", "one call", "layer 3", "seen 8"});
}

TEST_CASE("uniform: one token alone is its own channel's range, unless keys then share one") {
  const cached_text text = made_text(5);
  uniform_cache p = per(cache_granularity::channel, cache_range::symmetric);
  // q = 127 / 127 of itself: a range of one value loses it by rounding at most.
  p.bits = 8;
  const cached_text alone = held_after(p, text, {1, 1, 1, 1, 1});
  for (std::size_t i = 0; i < text.keys.size(); ++i)
    CHECK(alone.keys[i] == doctest::Approx(text.keys[i]).epsilon(1e-6));
  uniform_cache fallback = per(cache_granularity::channel);
  fallback.lone_token = true;
  CHECK(held_after(fallback, text, {1, 1, 1, 1, 1}).keys == held_at_once(per(cache_granularity::token), text).keys);
  CHECK(held_after(fallback, text, {1, 1, 1, 1, 1}).values ==
        held_after(per(cache_granularity::channel), text, {1, 1, 1, 1, 1}).values);
  CHECK(held_at_once(fallback, text) == held_at_once(per(cache_granularity::channel), text));
}

TEST_CASE("uniform: keys and values have bits and groups of their own, and 16 bits leave a side alone") {
  const cached_text text = made_text(7);
  uniform_cache p = per(cache_granularity::token);
  p.key_bits = 16;
  CHECK(held_at_once(p, text).keys == text.keys);
  CHECK(held_at_once(p, text).values == held_at_once(per(cache_granularity::token), text).values);
  p = {.bits = 16, .value_bits = 3, .values = cache_granularity::channel};
  CHECK(held_at_once(p, text).keys == text.keys);
  CHECK(held_at_once(p, text).values == held_at_once(per(cache_granularity::channel), text).values);
  p.value_bits = 0;
  CHECK(held_at_once(p, text) == text);
  p = {.bits = 3, .keys = cache_granularity::channel_group, .values = cache_granularity::channel_group, .key_group = 5};
  p.value_group = 3;
  CHECK(held_at_once(p, text).keys == held_at_once(per(cache_granularity::channel_group), text).keys);
  CHECK_FALSE(held_at_once(p, text).values == held_at_once(per(cache_granularity::channel_group), text).values);
}

TEST_CASE("uniform: a tensor next to zero comes back as it is with symmetric codes only") {
  const cached_text tiny = qfa_test::text_of(3, 9e-11f);
  CHECK(held_at_once(per(cache_granularity::tensor, cache_range::symmetric), tiny) == tiny);
  CHECK_FALSE(held_at_once(per(cache_granularity::token, cache_range::symmetric), tiny) == tiny);
  CHECK_FALSE(held_at_once(per(cache_granularity::tensor), tiny) == tiny);
  const cached_text larger = qfa_test::text_of(3, 2e-10f);
  CHECK_FALSE(held_at_once(per(cache_granularity::tensor, cache_range::symmetric), larger) == larger);
}

TEST_CASE("uniform: values too far apart for the arithmetic are refused before anything changes") {
  cached_text text = made_text(3);
  text.values[5] = 60000.0f;
  text.values[6] = -60000.0f;
  uniform_cache p = per(cache_granularity::token);
  CHECK_NOTHROW(held_at_once(p, text));
  p.arithmetic = qfa::float_format::fp16;
  cached_text held{.info = text.info};
  check_refused([&] { qfa_test::extend(p, held, text, 3); }, {"values of layer 3 are too large", "fp16"});
  CHECK(held == text);
  text.values[5] = 3e38f;
  check_refused([&] { held_at_once(per(cache_granularity::token), text); }, {"values of layer 3"});
}

TEST_CASE("uniform: bits count codes, scales, zero points and what waits") {
  const qfa::cache_info info{.kv_heads = 3, .head_dim = 4};  // 12 channels
  const auto keys = [&](uniform_cache p, std::size_t tokens) { return p.stored_bits(tokens, info).keys; };
  using enum cache_granularity;
  const auto symmetric = cache_range::symmetric;
  CHECK(keys(per(tensor, symmetric), 10) == 360.0 + 32.0);
  CHECK(keys(per(tensor), 10) == 360.0 + 35.0);
  CHECK(keys(per(token, symmetric), 10) == 360.0 + 10 * 32.0);
  CHECK(keys(per(token_head, symmetric), 10) == 360.0 + 30 * 32.0);
  CHECK(keys(per(channel, symmetric), 10) == 360.0 + 12 * 32.0);
  CHECK(keys(per(channel_group, symmetric), 10) == 360.0 + 30 * 32.0);  // 12 = 5 + 5 + 2
  CHECK(keys(per(token_group, symmetric), 11) == 396.0 + 36 * 32.0);    // 11 = 5 + 5 + 1
  CHECK(keys(per(channel, symmetric, scale_lifetime::grouped), 10) == 8 * 36.0 + 24 * 32.0 + 2 * 12 * 16.0);
  CHECK(keys(per(channel, symmetric, scale_lifetime::grouped), 3) == 3 * 12 * 16.0);
  CHECK(keys(per(channel, symmetric), 0) == 0.0);
  uniform_cache p = per(token);
  p.arithmetic = qfa::float_format::bf16;
  p.value_bits = 16;
  CHECK(p.stored_bits(10, info) == qfa::cache_bits{360.0 + 10 * 19.0, 1920.0});
}

TEST_CASE("uniform: choices that mean nothing together are refused") {
  const auto refused = [](uniform_cache p, const std::string& word) {
    check_refused([&] { p.validate(); }, {"uniform's", word});
  };
  refused({.bits = 1}, "bits must lie between 2 and 8 or be 16, not 1");
  refused({.bits = 9}, "not 9");
  refused({.bits = 4, .key_bits = 1}, "key_bits");
  refused({.bits = 4, .value_bits = -1}, "value_bits");
  refused({.key_group = 32}, "key_group=32");
  refused({.value_group = 32}, "value_group=32");
  refused({.keys = cache_granularity::channel_group, .key_group = 0}, "key_group must");
  refused({.block = 16}, "block=16");
  refused({.lifetime = scale_lifetime::grouped, .block = 0}, "block must");
  refused({.lone_token = true}, "lone_token");
  refused({.keys = cache_granularity::channel, .lifetime = scale_lifetime::grouped, .lone_token = true}, "lone_token");
  refused({.values = cache_granularity::token_group, .lifetime = scale_lifetime::frozen_prefill}, "frozen_prefill");
  CHECK_NOTHROW(uniform_cache{}.validate());
}

TEST_CASE("uniform: one call gives numpy's bits for every granularity, range and width") {
  struct granularity {
    std::string name;
    cache_granularity per;
    std::size_t group;
  };
  for (const granularity& g : {granularity{"per_tensor", cache_granularity::tensor, 64},
                               granularity{"per_token", cache_granularity::token, 64},
                               granularity{"per_token_head", cache_granularity::token_head, 64},
                               granularity{"per_channel", cache_granularity::channel, 64},
                               granularity{"per_group64", cache_granularity::channel_group, 64},
                               granularity{"per_group48", cache_granularity::channel_group, 48}})
    for (const int bits : {8, 4, 3, 2})
      for (const bool symmetric : {true, false}) {
        const uniform_cache p{.bits = bits,
                              .range = symmetric ? cache_range::symmetric : cache_range::asymmetric,
                              .keys = g.per,
                              .values = g.per,
                              .key_group = g.group,
                              .value_group = g.group};
        qfa_test::check_cache_oracle(
            p, std::string("published.") + (symmetric ? "sym" : "asym") + std::to_string(bits) + "." + g.name);
      }
}

TEST_CASE("uniform: in bfloat16 and binary16 each operation is rounded as numpy rounds it") {
  for (const int bits : {8, 4})
    for (const qfa::float_format f : {qfa::float_format::bf16, qfa::float_format::fp16})
      qfa_test::check_cache_oracle(
          uniform_cache{.bits = bits, .arithmetic = f},
          "published.asym" + std::to_string(bits) + ".per_token." + std::string(qfa::name_of(f)));
}

TEST_CASE("uniform: prompt and tokens one by one give numpy's bits under every lifetime") {
  for (const bool symmetric : {true, false})
    for (const bool tensor : {true, false}) {
      if (tensor && !symmetric) continue;
      uniform_cache p{.bits = symmetric ? 3 : 4, .range = symmetric ? cache_range::symmetric : cache_range::asymmetric};
      p.keys = p.values = tensor ? cache_granularity::tensor : cache_granularity::channel;
      const std::string name =
          std::string("lifetime.") + (symmetric ? "sym3" : "asym4") + (tensor ? ".per_tensor." : ".per_channel.");
      qfa_test::check_cache_over_time(p, name + "call", 70);
      p.lifetime = scale_lifetime::frozen_prefill;
      qfa_test::check_cache_over_time(p, name + "frozen_prefill", 70);
      p.lifetime = scale_lifetime::grouped;
      p.block = 32;
      qfa_test::check_cache_over_time(p, name + "grouped32", 70);
    }
}

TEST_CASE("uniform: the published KIVI is one of its values") {
  for (const int bits : {4, 2}) {
    const uniform_cache p{.bits = bits,
                          .keys = cache_granularity::channel,
                          .values = cache_granularity::channel_group,
                          .value_group = 32,
                          .lone_token = true};
    qfa_test::check_cache_oracle(p, "published_kivi." + std::to_string(bits));
    qfa_test::check_cache_over_time(p, "published_kivi." + std::to_string(bits), 70);
  }
}

TEST_CASE("uniform: zeros, constants and single tokens, threads and calls without tokens are no trouble") {
  for (const cache_granularity g : all_granularities)
    qfa_test::check_cache_laws(per(g), qfa_test::small_cache());
}

}  // namespace cache_uniform_test
