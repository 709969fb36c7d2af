// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_ONLY_HPP
#define QFA_CACHE_ONLY_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/number_set.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Keys, values, or both.
enum class cache_sides : std::uint8_t { both, keys, values };
inline constexpr std::array<std::string_view, 3> cache_sides_names{"both", "keys", "values"};
constexpr const auto& names_of(cache_sides) noexcept { return cache_sides_names; }

/// Lets a cache policy have a part of the cache only; the rest is held as it arrives.
///
///   only{.of = parse_cache("kivi:bits=2"), .side = cache_sides::keys}
///   only{.of = parse_cache("section5:bits=3"), .layers = {0}, .channels = {3, 17}}      // the causal test of outliers
///
/// What the policy sees is a cache of its own, and its memory is of that one:
///
///   layers     the policy is not called in others; `info` says what it is
///   keep       the text's first tokens (sinks) stand before what it sees: it is first called when more have come, and
///              counts tokens from there
///   channels   those of the concatenated heads, of keys and values alike, are gathered, in order, into rows of one
///              head, with `info` to match, and put back; its scales, blocks and first tokens are of these alone
///   side       it sees keys and values, since it may want both, but what it does to the other side is thrown away: of
///              that side it always sees what the cache holds, not what it left
///
/// Calibration tokens reach it likewise, by layers and channels; which of them are a text's first nobody knows, so that
/// `keep` keeps none of them.
struct only {
  any_cache_policy of{};
  cache_sides side = cache_sides::both;
  number_set layers{};
  number_set channels{};
  std::size_t keep = 0;

  cache_point point() const { return of.point(); }
  attention_reads reads() const { return of.reads(); }
  bool learns() const { return of.learns(); }

  /// Throws on layers and channels that the model does not have, and what the policy throws; keys and values are then
  /// as the policy leaves them.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) {
    check(update.info);
    if (!layers.contains(update.info.layer) || keys.rows() <= keep) return;
    const cache_update seen{.info = info_seen(update.info), .first_new = (std::max)(update.first_new, keep) - keep};
    const matrix_view<float> k = keys.rows_between(keep, keys.rows());
    const matrix_view<float> v = values.rows_between(keep, values.rows());
    if (side == cache_sides::both && channels.all()) return of(k, v, seen);

    const std::vector<std::size_t> chosen = channels.below(update.info.width());
    std::vector<float> own_k = gathered(k, chosen), own_v = gathered(v, chosen);
    of(matrix_view<float>(own_k.data(), k.rows(), chosen.size()),
       matrix_view<float>(own_v.data(), v.rows(), chosen.size()), seen);
    if (side != cache_sides::values) scatter(own_k, chosen, k);
    if (side != cache_sides::keys) scatter(own_v, chosen, v);
  }

  void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) {
    check(info);
    if (!layers.contains(info.layer)) return;
    if (channels.all()) return of.learn(keys, values, info);
    const std::vector<std::size_t> chosen = channels.below(info.width());
    const std::vector<float> k = gathered(keys, chosen), v = gathered(values, chosen);
    of.learn(matrix_view<const float>(k.data(), keys.rows(), chosen.size()),
             matrix_view<const float>(v.data(), values.rows(), chosen.size()), info_seen(info));
  }

  /// What the policy says of its part, and 16 bits for each element beside it.  Nothing where it does not say, or where
  /// it has one side and does not tell the sides apart.
  std::optional<cache_bits> side_bits(std::size_t tokens, const cache_info& info) const {
    const std::optional<cache_bits> own = own_bits(tokens, info);
    if (!own) return std::nullopt;
    const cache_bits rest = rest_bits(tokens, info), untouched = untouched_cache_bits(tokens, info);
    return cache_bits{.keys = side == cache_sides::values ? untouched.keys : own->keys + rest.keys,
                      .values = side == cache_sides::keys ? untouched.values : own->values + rest.values};
  }
  std::optional<double> stored_bits(std::size_t tokens, const cache_info& info) const {
    if (const std::optional<cache_bits> bits = side_bits(tokens, info)) return bits->sum();
    if (side != cache_sides::both || !reaches(tokens, info)) return std::nullopt;
    const std::optional<double> own = of.stored_bits(tokens - keep, info_seen(info));
    return own ? std::optional(*own + rest_bits(tokens, info).sum()) : std::nullopt;
  }

  static constexpr std::string_view spec_name = "only";
  static constexpr std::string_view summary = "a cache policy on one side, some layers, some channels or later tokens";
  static constexpr auto fields() {
    return std::tuple{field{"of", &only::of, "the policy", true}, field{"side", &only::side, "what it may change"},
                      field{"layers", &only::layers, "where it works"},
                      field{"channels", &only::channels, "those that it sees, of the concatenated heads"},
                      field{"keep", &only::keep, "first tokens of a text that it never sees"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where no layer or no channel is named.
  void validate() const {
    require(layers.all() || !layers.listed().empty(), "only's layers must name at least one layer");
    require(channels.all() || !channels.listed().empty(), "only's channels must name at least one channel");
  }

 private:
  void check(const cache_info& info) const {
    validate();
    if (!layers.listed().empty() && layers.listed().back() >= info.layers)
      fail("only's layers name layer " + std::to_string(layers.listed().back()) + " of a model that has " +
           std::to_string(info.layers));
    if (!channels.listed().empty() && channels.listed().back() >= info.width())
      fail("only's channels name channel " + std::to_string(channels.listed().back()) + " of a cache that has " +
           std::to_string(info.width()));
  }

  cache_info info_seen(cache_info info) const {
    if (channels.all()) return info;
    info.kv_heads = 1;
    info.head_dim = channels.listed().size();
    return info;
  }

  static std::vector<float> gathered(matrix_view<const float> x, const std::vector<std::size_t>& chosen) {
    std::vector<float> own;
    own.reserve(x.rows() * chosen.size());
    for (std::size_t t = 0; t < x.rows(); ++t) {
      const std::span<const float> row = x.row(t);
      for (const std::size_t c : chosen)
        own.push_back(row[c]);
    }
    return own;
  }
  static void scatter(const std::vector<float>& own, const std::vector<std::size_t>& chosen, matrix_view<float> x) {
    for (std::size_t t = 0; t < x.rows(); ++t) {
      const std::span<float> row = x.row(t);
      for (std::size_t i = 0; i < chosen.size(); ++i)
        row[chosen[i]] = own[t * chosen.size() + i];
    }
  }

  bool reaches(std::size_t tokens, const cache_info& info) const {
    return !of.is_none() && layers.contains(info.layer) && tokens > keep;
  }
  /// Of the part that the policy has: all of both sides' where it is never called.
  std::optional<cache_bits> own_bits(std::size_t tokens, const cache_info& info) const {
    check(info);
    if (!reaches(tokens, info)) return untouched_cache_bits(tokens > keep ? tokens - keep : 0, info_seen(info));
    return of.side_bits(tokens - keep, info_seen(info));
  }
  /// Of the elements that it never sees.
  cache_bits rest_bits(std::size_t tokens, const cache_info& info) const {
    const cache_bits all = untouched_cache_bits(tokens, info);
    const cache_bits part = untouched_cache_bits(tokens > keep ? tokens - keep : 0, info_seen(info));
    return {.keys = all.keys - part.keys, .values = all.values - part.values};
  }
};

static_assert(named_cache_policy<only> && learning_cache_policy<only> && described<only>);

}  // namespace qfa

#endif
