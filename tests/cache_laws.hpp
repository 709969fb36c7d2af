// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_CACHE_LAWS_HPP
#define QFA_TESTS_CACHE_LAWS_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa_test {

/// Keys and values of one text in one layer, (tokens, width).
struct cached_text {
  qfa::cache_info info{};
  std::size_t tokens = 0;
  std::vector<float> keys{}, values{};

  friend bool operator==(const cached_text& a, const cached_text& b) {
    return a.tokens == b.tokens && a.keys == b.keys && a.values == b.values;
  }
};

inline qfa::cache_info small_cache() { return {.layer = 3, .layers = 5, .kv_heads = 3, .head_dim = 4}; }

/// Numbers of a fixed sequence, about -1 to 3, with an outlying channel.
inline cached_text made_text(std::size_t tokens, std::uint64_t seed = 1, qfa::cache_info info = small_cache()) {
  cached_text text{.info = info, .tokens = tokens};
  std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  const auto next = [&state] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<float>(state >> 40) / 4194304.0f - 1.0f;
  };
  for (std::size_t i = 0; i < tokens * info.width(); ++i) {
    const float scale = i % info.width() == 1 ? 20.0f : 1.0f;
    text.keys.push_back(scale * next());
    text.values.push_back(next());
  }
  return text;
}

/// The text's first tokens, all of whose values are `x`.
inline cached_text text_of(std::size_t tokens, float x, qfa::cache_info info = small_cache()) {
  const std::vector<float> all(tokens * info.width(), x);
  return {.info = info, .tokens = tokens, .keys = all, .values = all};
}

inline qfa::matrix_view<float> view_of(std::vector<float>& x, const qfa::cache_info& info) {
  return {x.data(), x.size() / info.width(), info.width()};
}

/// Lets `held`'s cache have the next `count` tokens of `text`, as qfa::kv_cache does.
template <class P>
void extend(P& policy, cached_text& held, const cached_text& text, std::size_t count) {
  const std::size_t width = text.info.width(), first = held.tokens;
  for (std::size_t i = first * width; i < (first + count) * width; ++i) {
    held.keys.push_back(text.keys[i]);
    held.values.push_back(text.values[i]);
  }
  held.tokens += count;
  policy(view_of(held.keys, held.info), view_of(held.values, held.info),
         qfa::cache_update{.info = text.info, .first_new = first});
}

/// What a cache holds of `text` after calls that bring so many tokens each, together all of them.
template <class P>
cached_text held_after(P policy, const cached_text& text, const std::vector<std::size_t>& calls) {
  cached_text held{.info = text.info};
  for (const std::size_t count : calls)
    extend(policy, held, text, count);
  REQUIRE(held.tokens == text.tokens);
  return held;
}
template <class P>
cached_text held_at_once(P policy, const cached_text& text) {
  return held_after(std::move(policy), text, {text.tokens});
}

/// What every cache policy owes, whatever it does: finite values for degenerate ones, memory of its own in each copy,
/// the same in an any_cache_policy, through gaps between rows, and on a text that begins anew; and that it refuses what
/// is not finite by layer and side, before anything changes.
template <class P>
void check_call_laws(const P& policy) {
  const std::vector<std::size_t> calls{9, 1, 1, 6, 1, 5};
  const cached_text text = made_text(23), other = made_text(23, 2);
  const cached_text expected = held_after(policy, text, calls);

  for (const float x : {0.0f, -0.0f, 1.0f, -2.5f, 1e-12f, -3e-9f, 1e4f, -1e-41f})
    for (const std::size_t tokens : {std::size_t{1}, std::size_t{2}, std::size_t{23}}) {
      CAPTURE(x);
      CAPTURE(tokens);
      const cached_text held = held_at_once(policy, text_of(tokens, x));
      for (std::size_t i = 0; i < held.keys.size(); ++i)
        REQUIRE((std::isfinite(held.keys[i]) && std::isfinite(held.values[i])));
    }

  CHECK(held_after(qfa::any_cache_policy(policy, "law"), text, calls) == expected);

  P a = policy;
  cached_text held_a{.info = text.info};
  extend(a, held_a, text, 9);
  P b = a;
  cached_text held_b = held_a;
  for (const std::size_t count : {1UL, 1UL, 6UL, 1UL, 5UL})
    extend(b, held_b, other, count);
  for (const std::size_t count : {1UL, 1UL, 6UL, 1UL, 5UL})
    extend(a, held_a, text, count);
  CHECK(held_a == expected);
  P c = policy;
  cached_text held_c{.info = text.info};
  extend(c, held_c, other, 23);
  CHECK(held_after(c, text, calls) == expected);  // a text that begins knows nothing of another

  const std::size_t width = text.info.width();
  std::vector<float> apart_k(23 * (width + 3), 7.0f), apart_v(23 * (width + 5), 7.0f);
  const qfa::matrix_view<float> k(apart_k.data(), 23, width, width + 3), v(apart_v.data(), 23, width, width + 5);
  for (std::size_t i = 0; i < 23 * width; ++i) {
    k(i / width, i % width) = text.keys[i];
    v(i / width, i % width) = text.values[i];
  }
  P d = policy;
  d(k, v, qfa::cache_update{.info = text.info});
  const cached_text at_once = held_at_once(policy, text);
  bool same = true;
  for (std::size_t i = 0; i < 23 * width; ++i)
    same = same && k(i / width, i % width) == at_once.keys[i] && v(i / width, i % width) == at_once.values[i];
  CHECK(same);
  CHECK(apart_k[width] == 7.0f);
  CHECK(apart_v[width + 4] == 7.0f);

  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    for (const bool in_keys : {true, false}) {
      CAPTURE(in_keys);
      P fresh = policy;
      cached_text held{.info = text.info}, broken = text;
      extend(fresh, held, text, 9);
      (in_keys ? broken.keys : broken.values)[10 * width + 2] = bad;
      const cached_text before = held;
      std::string said;
      try {
        extend(fresh, held, broken, 14);
      } catch (const qfa::error& e) {
        said = e.what();
      }
      CHECK(said.find(in_keys ? "keys of layer 3" : "values of layer 3") != std::string::npos);
      CHECK(said.find("not finite") != std::string::npos);
      held.keys.resize(9 * width);
      held.values.resize(9 * width);
      CHECK(held.keys == before.keys);
      CHECK(held.values == before.values);
    }
}

/// The cache depends on what has come, not on how it was cut into calls: every two cuts, and token by token.
template <class P>
void check_any_cut(const P& policy, std::size_t tokens = 23) {
  const cached_text text = made_text(tokens);
  const cached_text expected = held_at_once(policy, text);
  for (std::size_t cut = 1; cut < tokens; ++cut) {
    CAPTURE(cut);
    REQUIRE(held_after(policy, text, {cut, tokens - cut}) == expected);
  }
  REQUIRE(held_after(policy, text, std::vector<std::size_t>(tokens, 1)) == expected);
}

}  // namespace qfa_test

#endif
