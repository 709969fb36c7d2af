// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_POLICY_HPP
#define QFA_CACHE_POLICY_HPP

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// What keys a cache policy sees, and a cache with it holds: those that come out of the projection, or those that have
/// been turned to their positions.  Values are the same at both.
enum class cache_point { before_rope, after_rope };
inline constexpr std::array<std::string_view, 2> cache_point_names{"before_rope", "after_rope"};
constexpr const auto& names_of(cache_point) noexcept { return cache_point_names; }

/// What attention reads of the tokens that arrive in the same call: what the cache holds of them once the policy has
/// seen them, as kernels do that read the cache only (vLLM, llama.cpp) and as simulations do that change the
/// projections' results; or what arrived, the policy coming after (KIVI, Hugging Face's QuantizedCache).
enum class attention_reads { stored, arrived };
inline constexpr std::array<std::string_view, 2> attention_reads_names{"stored", "arrived"};
constexpr const auto& names_of(attention_reads) noexcept { return attention_reads_names; }

/// Which cache it is: that of one layer.
struct cache_info {
  std::size_t layer = 0;
  std::size_t layers = 1;    ///< of the model
  std::size_t kv_heads = 1;  ///< rows hold their vectors side by side
  std::size_t head_dim = 1;

  std::size_t width() const noexcept { return kv_heads * head_dim; }
};

/// What has just happened to it.
struct cache_update {
  cache_info info{};
  std::size_t first_new = 0;  ///< rows from here on arrived with this call; 0: it is the text's first
};

/// Bits that the keys of some tokens take in one layer, and their values.
struct cache_bits {
  double keys = 0.0;
  double values = 0.0;

  double sum() const noexcept { return keys + values; }
  friend bool operator==(const cache_bits&, const cache_bits&) = default;
};

/// What an element takes that no policy touches: caches hold 16-bit floats.
inline constexpr double untouched_bits = 16.0;

/// The bits of a cache of so many tokens that no policy touches.
inline cache_bits untouched_cache_bits(std::size_t tokens, const cache_info& info) noexcept {
  const double bits = static_cast<double>(tokens) * static_cast<double>(info.width()) * untouched_bits;
  return {.keys = bits, .values = bits};
}

/// What a cache does to the keys and values that it holds.
///
///   struct halves {                                      // a stranger's cache
///     void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) { ... }
///   };
///
/// It is called whenever tokens have arrived, with all that the cache holds of one text in one layer, (tokens so far,
/// kv_heads head_dim): the rows before `update.first_new` as it left them, those from there on as they arrived.  What
/// it leaves is what the cache holds from then on.  So it may quantize what is new, wait until a block is full, or
/// quantize again what it has quantized before.
///
/// Each layer of each text has a copy of its own: members that change are that cache's memory.  The result depends on
/// the members, the arguments and nothing else.
///
/// Besides, each of these members may be there:
///
///   cache_point point                 which keys it works on; static or not; after RoPE where there is none
///   attention_reads reads             what attention reads of new tokens; what is stored where there is none
///   std::string name() const          best of all the spec string that makes it
///   cache_bits stored_bits(std::size_t tokens, const cache_info&) const
///                                     bits that keys and values of so many tokens take, scales included; or a
///                                     double, their sum, where they cannot be told apart
///   void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info&)
///                                     called once for each layer before any text, with keys (at the policy's point)
///                                     and values of calibration tokens, texts end to end
template <class P>
concept cache_policy = std::copyable<P> &&
    requires(P p, matrix_view<float> keys, matrix_view<float> values, const cache_update& update) {
  p(keys, values, update);
};

/// A cache policy that can say what it is.
template <class P>
concept named_cache_policy = cache_policy<P> && requires(const P& p) {
  { p.name() } -> std::convertible_to<std::string>;
};

/// A cache policy that has to see calibration tokens first.
template <class P>
concept learning_cache_policy = cache_policy<P> && requires(P p, matrix_view<const float> x, const cache_info& info) {
  p.learn(x, x, info);
};

template <cache_policy P>
cache_point point_of(const P& policy) {
  if constexpr (requires {
                  { policy.point } -> std::convertible_to<cache_point>;
                })
    return policy.point;
  else if constexpr (requires {
                       { policy.point() } -> std::convertible_to<cache_point>;
                     })
    return policy.point();
  else
    return cache_point::after_rope;
}

template <cache_policy P>
attention_reads reads_of(const P& policy) {
  if constexpr (requires {
                  { policy.reads } -> std::convertible_to<attention_reads>;
                })
    return policy.reads;
  else if constexpr (requires {
                       { policy.reads() } -> std::convertible_to<attention_reads>;
                     })
    return policy.reads();
  else
    return attention_reads::stored;
}

/// Whether calibration tokens must come before texts: what a policy held at run time only says by `learns()`.
template <cache_policy P>
bool learns(const P& policy) {
  if constexpr (requires {
                  { policy.learns() } -> std::convertible_to<bool>;
                })
    return policy.learns();
  else
    return learning_cache_policy<P>;
}

/// Bits that keys and values of so many tokens take in one layer; nothing where the policy does not say.
template <cache_policy P>
std::optional<double> cache_bits_of(const P& policy, std::size_t tokens, const cache_info& info) {
  if constexpr (requires { { policy.stored_bits(tokens, info) } -> std::same_as<cache_bits>; })
    return policy.stored_bits(tokens, info).sum();
  else if constexpr (requires { policy.stored_bits(tokens, info); })
    return policy.stored_bits(tokens, info);
  else
    return std::nullopt;
}

/// The same, keys and values apart: what a policy held at run time only says by `side_bits`.
template <cache_policy P>
std::optional<cache_bits> side_bits_of(const P& policy, std::size_t tokens, const cache_info& info) {
  if constexpr (requires { { policy.side_bits(tokens, info) } -> std::same_as<std::optional<cache_bits>>; })
    return policy.side_bits(tokens, info);
  else if constexpr (requires { { policy.stored_bits(tokens, info) } -> std::same_as<cache_bits>; })
    return policy.stored_bits(tokens, info);
  else
    return std::nullopt;
}

}  // namespace qfa

#endif
