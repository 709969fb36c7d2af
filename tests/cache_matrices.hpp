// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_CACHE_MATRICES_HPP
#define QFA_TESTS_CACHE_MATRICES_HPP

// Keys and values of tests/data/cache.safetensors, what numpy makes of them, and the laws that every cache policy owes.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/safetensors.hpp"
#include "scratch.hpp"

namespace qfa_test {

/// The keys and values that a cache holds, (tokens, width) each.
struct cache_content {
  matrix keys, values;
};

inline const qfa::stored_tensor& cache_array(const std::string& name) {
  static const qfa::safetensors file(QFA_TEST_DATA "/cache.safetensors");
  return file.at(name);
}
inline matrix cache_matrix(const std::string& name) {
  const qfa::stored_tensor& tensor = cache_array(name);
  REQUIRE(tensor.shape.size() == 2);
  return {tensor.shape[0], tensor.shape[1], qfa::read_floats(tensor)};
}
inline std::vector<std::uint32_t> cache_hashes(const std::string& name) {
  std::vector<std::uint32_t> out;
  for (const std::int64_t h : qfa::read_integers(cache_array(name)))
    out.push_back(static_cast<std::uint32_t>(h));
  return out;
}

/// 32-bit FNV-1a of floats' little-endian bytes, -0 as 0.
class fnv1a_32 {
 public:
  void add(std::uint32_t word) {
    for (unsigned shift = 0; shift < 32; shift += 8)
      hash_ = (hash_ ^ (word >> shift & 0xffU)) * 16777619U;
  }
  void add(float x) { add(std::bit_cast<std::uint32_t>(x + 0.0f)); }
  std::uint32_t value() const { return hash_; }

 private:
  std::uint32_t hash_ = 2166136261U;
};

/// As make_cache.py hashes: each token's row, then each four channels by channel and token.
inline std::vector<std::uint32_t> token_hashes(const matrix& m) {
  std::vector<std::uint32_t> out;
  for (std::size_t t = 0; t < m.rows; ++t) {
    fnv1a_32 hash;
    for (const float x : m.view().row(t))
      hash.add(x);
    out.push_back(hash.value());
  }
  return out;
}
inline std::vector<std::uint32_t> all_hashes(const matrix& m) {
  std::vector<std::uint32_t> out = token_hashes(m);
  for (std::size_t c = 0; c < m.columns; c += 4) {
    fnv1a_32 hash;
    for (std::size_t i = c; i < c + 4; ++i)
      for (std::size_t t = 0; t < m.rows; ++t)
        hash.add(m.view()(t, i));
    out.push_back(hash.value());
  }
  return out;
}
inline std::uint32_t whole_hash(const matrix& m) {
  fnv1a_32 hash;
  for (const std::uint32_t h : token_hashes(m))
    hash.add(h);
  return hash.value();
}

/// Two heads of 64, as the arrays have them, or others.
inline qfa::cache_info oracle_heads(std::size_t head_dim = 64) {
  return {.layer = 3, .layers = 8, .kv_heads = 128 / head_dim, .head_dim = head_dim};
}
inline cache_content oracle_text() { return {cache_matrix("keys"), cache_matrix("values")}; }

/// Tokens [first, last) of a text arrive, the policy's own tokens before them.
template <class P>
void arrive(P& policy, cache_content& held, const cache_content& text, std::size_t first, std::size_t last,
            const qfa::cache_info& info) {
  for (const auto& [to, from] : {std::pair{&held.keys, &text.keys}, std::pair{&held.values, &text.values}}) {
    const auto begin = from->values.begin();
    to->columns = from->columns;
    to->values.insert(to->values.end(), begin + static_cast<std::ptrdiff_t>(first * from->columns),
                      begin + static_cast<std::ptrdiff_t>(last * from->columns));
    to->rows = last;
  }
  policy(held.keys.view(), held.values.view(), {.info = info, .first_new = first});
}

/// What a cache holds of a text that came in one call.
template <class P>
cache_content cached(P policy, const cache_content& text, const qfa::cache_info& info = oracle_heads()) {
  cache_content held;
  arrive(policy, held, text, 0, text.keys.rows, info);
  return held;
}

/// Numpy's matrices, by the hash of each token and of each four channels: which of them differ is what is reported.
inline void check_hashes(const cache_content& held, const std::string& name) {
  CAPTURE(name);
  const std::vector<std::uint32_t> expected = cache_hashes(name + ".hash");
  const std::vector<float> diagonal = qfa::read_floats(cache_array(name + ".diagonal"));
  std::size_t at = 0, on = 0;
  for (const matrix* side : {&held.keys, &held.values}) {
    CAPTURE((side == &held.values));
    for (std::size_t t = 0; t < side->rows; t += 3) {
      CAPTURE(t);
      CHECK(side->view()(t, 37 * t % side->columns) == diagonal.at(on++));
    }
    std::string differing;
    for (const std::uint32_t hash : all_hashes(*side)) {
      if (hash != expected.at(at)) differing += " " + std::to_string(at % (expected.size() / 2));
      ++at;
    }
    CHECK(differing == "");
  }
  CHECK(at == expected.size());
}

/// The policy makes of the text in one call what numpy makes of it, to the bit.
template <class P>
void check_cache_oracle(const P& policy, const std::string& name, const qfa::cache_info& info = oracle_heads()) {
  check_hashes(cached(policy, oracle_text(), info), name + ".prefill");
}

/// A prompt of so many tokens, then one token a call: after each call the cache holds, and attention has read, what
/// numpy says.
template <class P>
void check_cache_over_time(P policy, const std::string& name, std::size_t prompt) {
  CAPTURE(name);
  const cache_content text = oracle_text();
  const std::string suffix = "." + std::to_string(prompt);
  const std::vector<std::uint32_t> held_hashes = cache_hashes(name + ".held" + suffix);
  const std::vector<std::uint32_t> read_hashes = cache_hashes(name + ".read" + suffix);
  cache_content held;
  std::size_t at = 0;
  for (std::size_t last = prompt; last <= text.keys.rows; ++last, at += 2) {
    CAPTURE(last);
    const std::size_t first = last == prompt ? 0 : last - 1;
    cache_content read;
    auto keep = [&](qfa::matrix_view<float> keys, qfa::matrix_view<float> values, const qfa::cache_update& update) {
      if (qfa::reads_of(policy) == qfa::attention_reads::arrived) read = held;
      policy(keys, values, update);
      if (qfa::reads_of(policy) == qfa::attention_reads::stored) read = held;
    };
    arrive(keep, held, text, first, last, oracle_heads());
    CHECK(whole_hash(held.keys) == held_hashes.at(at));
    CHECK(whole_hash(held.values) == held_hashes.at(at + 1));
    CHECK(whole_hash(read.keys) == read_hashes.at(at));
    CHECK(whole_hash(read.values) == read_hashes.at(at + 1));
  }
  CHECK(at == held_hashes.size());
}

/// Normal keys and values, each token on a scale of its own.
inline cache_content random_text(std::size_t tokens, const qfa::cache_info& info, unsigned seed = 7) {
  return {random_matrix(tokens, info.width(), seed), random_matrix(tokens, info.width(), seed + 1)};
}

/// Laws of every cache policy: zeros, constants, tiny and large numbers and a single token give finite ones; a copy has
/// a memory of its own, also within any_cache_policy; the result does not depend on the number of threads; a call
/// without tokens is no trouble; what is not finite is refused by layer and side, and nothing changes.  `old_rows_stay`
/// holds of policies that leave tokens alone once they are stored.
template <class P>
void check_cache_laws(const P& policy, const qfa::cache_info& info, bool old_rows_stay = true) {
  const std::size_t width = info.width();
  for (const float x : {0.0f, 1.5f, -2.25f, 1e-30f, 1e-45f, 60000.0f})
    for (const std::size_t tokens : {std::size_t{1}, std::size_t{2}, std::size_t{40}}) {
      CAPTURE(x);
      const matrix constant{tokens, width, std::vector<float>(tokens * width, x)};
      const cache_content held = cached(policy, {constant, constant}, info);
      for (const matrix* side : {&held.keys, &held.values})
        CHECK(std::all_of(side->values.begin(), side->values.end(), [](float v) { return std::isfinite(v); }));
    }

  const cache_content text = random_text(48, info);
  P original = policy, copy = policy;
  qfa::any_cache_policy any(policy, "any"), any_copy = any;
  cache_content by_original, by_copy, by_any, by_any_copy;
  const auto step = [&](auto& p, cache_content& held, std::size_t first, std::size_t last) {
    const cache_content before = held;
    arrive(p, held, text, first, last, info);
    if (old_rows_stay) {
      CHECK(same_bits(before.keys.values, std::span(held.keys.values).first(before.keys.values.size())));
      CHECK(same_bits(before.values.values, std::span(held.values.values).first(before.values.values.size())));
    }
  };
  // The copies run ahead of, and behind, what they were copied from.
  step(original, by_original, 0, 30);
  step(any, by_any, 0, 30);
  for (std::size_t t = 30; t < 48; t += 2)
    step(original, by_original, t, t + 2);
  step(copy, by_copy, 0, 30);
  step(any_copy, by_any_copy, 0, 30);
  for (std::size_t t = 30; t < 48; t += 2) {
    step(any, by_any, t, t + 2);
    step(copy, by_copy, t, t + 2);
    step(any_copy, by_any_copy, t, t + 2);
  }
  for (const cache_content* other : {&by_copy, &by_any, &by_any_copy}) {
    CHECK(same_bits(by_original.keys.values, other->keys.values));
    CHECK(same_bits(by_original.values.values, other->values.values));
  }
  CHECK_FALSE(same_bits(by_original.keys.values, text.keys.values));
  CHECK_FALSE(same_bits(by_original.values.values, text.values.values));

  const std::size_t threads = qfa::thread_count();
  qfa::set_thread_count(1);
  const cache_content alone = cached(policy, random_text(200, info), info);
  qfa::set_thread_count(3);
  const cache_content shared = cached(policy, random_text(200, info), info);
  qfa::set_thread_count(threads);
  CHECK(same_bits(alone.keys.values, shared.keys.values));
  CHECK(same_bits(alone.values.values, shared.values.values));

  P any_state = policy;
  any_state(qfa::matrix_view<float>(nullptr, 0, width), qfa::matrix_view<float>(nullptr, 0, width), {.info = info});

  for (const bool in_keys : {true, false})
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      cache_content broken = random_text(7, info);
      (in_keys ? broken.keys : broken.values).view()(5, width - 1) = bad;
      const cache_content before = broken;
      P p = policy;
      check_refused([&] { p(broken.keys.view(), broken.values.view(), {.info = info}); },
                    {in_keys ? "keys" : "values", "layer " + std::to_string(info.layer), "token 5", "not finite"});
      CHECK(same_bits(broken.keys.values, before.keys.values));
      CHECK(same_bits(broken.values.values, before.values.values));
    }
}

/// The canonical spec string of a policy.
template <class P>
std::string spec(const P& policy) {
  return policy.name();
}

}  // namespace qfa_test

#endif
