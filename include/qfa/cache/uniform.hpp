// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_UNIFORM_HPP
#define QFA_CACHE_UNIFORM_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/groups.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/cache/rows.hpp"
#include "qfa/cache/uniform_grid.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Which tokens the scales of `tensor` and `channel` are taken over, and when.  Scales within a token are the token's.
///   call             the tokens of one call: at decoding, each token alone (the published code)
///   frozen_prefill   those of the text's first call; later ones are clamped to its scales
///   grouped          blocks of so many tokens, each quantized once it is full; the tokens behind the last full block
///                    are held as they arrived, and attention reads new tokens so, too
///   full_pass        all tokens of the text, which must come in one call: teacher forcing, where `call` is the same
enum class scale_lifetime : std::uint8_t { call, frozen_prefill, grouped, full_pass };
inline constexpr std::array<std::string_view, 4> scale_lifetime_names{"call", "frozen_prefill", "grouped", "full_pass"};
constexpr const auto& names_of(scale_lifetime) noexcept { return scale_lifetime_names; }

/// Rounds keys and values to uniform grids of integers: the published simulation of quantized caches (arXiv 2606.09864)
/// with its choices named.  `uniform_grid` has the formulas, `cache_granularity` the groups.
///
/// As published it sees keys before RoPE, and attention reads what it leaves.  16 bits leave a side as it is.
struct uniform_cache {
  int bits = 4;
  int key_bits = 0;    ///< 0: as bits
  int value_bits = 0;  ///< 0: as bits
  cache_range range = cache_range::asymmetric;
  cache_granularity keys = cache_granularity::token;
  cache_granularity values = cache_granularity::token;
  std::size_t key_group = 64;
  std::size_t value_group = 64;
  scale_lifetime lifetime = scale_lifetime::call;
  std::size_t block = 32;
  bool lone_token = false;
  float_format arithmetic = float_format::fp32;
  cache_point point = cache_point::before_rope;
  attention_reads new_tokens = attention_reads::stored;

  /// The steps that the text's first call has fixed.
  struct memory {
    std::vector<uniform_step> keys, values;
  };
  memory frozen{};

  attention_reads reads() const noexcept {
    return lifetime == scale_lifetime::grouped ? attention_reads::arrived : new_tokens;
  }

  /// Throws where shapes disagree, on new values that are not finite, on those too far apart for the arithmetic, and
  /// where a lifetime is broken (a second call under full_pass, no first one under frozen_prefill); keys and values are
  /// then unchanged.
  void operator()(matrix_view<float> k, matrix_view<float> v, const cache_update& update) {
    validate();
    check_arrivals(k, v, update);
    with_format(arithmetic, [&](auto format) { quantize<decltype(format)::value>(k, v, update); });
  }

  /// Of a text that came in one call: the codes; for each group a scale of the arithmetic's type and, with
  /// range=asymmetric, a zero point as wide as a code; 16 bits for each element that waits for its block to fill.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const noexcept {
    return {.keys = side_bits(cache_side::keys, tokens, info), .values = side_bits(cache_side::values, tokens, info)};
  }

  /// How many scales the keys of so many tokens of a layer have, where they came in one call; 0 of 16 bits.
  std::size_t key_scales(std::size_t tokens, const cache_info& info) const noexcept {
    const side_settings s = settings(cache_side::keys);
    return s.bits == 16 ? 0 : side_scales(s, quantized_of(tokens), info);
  }

  static constexpr std::string_view spec_name = "uniform";
  static constexpr std::string_view summary = "round keys and values to integers, as arXiv 2606.09864; section4, ...";
  static constexpr auto fields() {
    return std::tuple{
        field{"bits", &uniform_cache::bits, "2 to 8, or 16 to leave everything", true},
        field{"key_bits", &uniform_cache::key_bits, "of keys, 0 for bits"},
        field{"value_bits", &uniform_cache::value_bits, "of values, 0 for bits"},
        field{"range", &uniform_cache::range, "which values codes span"},
        field{"keys", &uniform_cache::keys, "which elements of keys share a scale"},
        field{"values", &uniform_cache::values, "which elements of values share a scale"},
        field{"key_group", &uniform_cache::key_group, "channels or tokens in a group of keys"},
        field{"value_group", &uniform_cache::value_group, "channels or tokens in a group of values"},
        field{"lifetime", &uniform_cache::lifetime, "which tokens scales of tensor and channel are taken over"},
        field{"block", &uniform_cache::block, "tokens that are quantized together, with lifetime=grouped"},
        field{"lone_token", &uniform_cache::lone_token, "whether keys=channel is keys=token for calls of one token"},
        field{"arithmetic", &uniform_cache::arithmetic, "what each operation is rounded to"},
        field{"point", &uniform_cache::point, "which keys are quantized"},
        field{"reads", &uniform_cache::new_tokens,
              "what attention reads of new tokens; arrived with lifetime=grouped"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws on numbers out of range, and on choices that exclude each other or would mean nothing.
  void validate() const;

 private:
  struct side_settings {
    cache_side side;
    int bits;
    cache_granularity per;
    std::size_t group;
  };
  side_settings settings(cache_side side) const noexcept {
    if (side == cache_side::keys) return {side, key_bits != 0 ? key_bits : bits, keys, key_group};
    return {side, value_bits != 0 ? value_bits : bits, values, value_group};
  }

  /// How many of the first tokens are quantized once there are `tokens`.
  std::size_t quantized_of(std::size_t tokens) const noexcept {
    return lifetime == scale_lifetime::grouped ? tokens / block * block : tokens;
  }

  /// Of tokens that are quantized, whole blocks where there are blocks.
  std::size_t side_scales(const side_settings& s, std::size_t quantized, const cache_info& info) const noexcept {
    std::size_t scales = 0;
    for (std::size_t first = 0; first < quantized;) {
      const std::size_t together = lifetime == scale_lifetime::grouped ? block : quantized;
      scales += tiling_of(s.per, s.group, together, info).count(together, info.width());
      first += together;
    }
    return scales;
  }

  double side_bits(cache_side side, std::size_t tokens, const cache_info& info) const noexcept {
    const side_settings s = settings(side);
    const double width = static_cast<double>(info.width());
    if (s.bits == 16) return static_cast<double>(tokens) * width * untouched_bits;
    const std::size_t quantized = quantized_of(tokens);
    const int zero = range == cache_range::asymmetric ? s.bits : 0;
    return static_cast<double>(quantized) * width * s.bits +
           static_cast<double>(side_scales(s, quantized, info)) * (bits_of(arithmetic) + zero) +
           static_cast<double>(tokens - quantized) * width * untouched_bits;
  }

  template <float_format F>
  void quantize(matrix_view<float> k, matrix_view<float> v, const cache_update& update) {
    if (lifetime == scale_lifetime::full_pass && update.first_new != 0)
      fail("uniform with lifetime=full_pass needs a text's tokens in one call, but of layer " +
           std::to_string(update.info.layer) + " it has seen " + std::to_string(update.first_new) + " before");
    const std::size_t first = lifetime == scale_lifetime::grouped ? quantized_of(update.first_new) : update.first_new;
    const std::size_t last = quantized_of(k.rows());
    memory fixed = frozen;
    const std::vector<float> new_k =
        quantized_rows<F>(k.rows_between(first, last), settings(cache_side::keys), update, fixed.keys);
    const std::vector<float> new_v =
        quantized_rows<F>(v.rows_between(first, last), settings(cache_side::values), update, fixed.values);
    frozen = std::move(fixed);
    if (!new_k.empty()) write_rows(new_k, k.rows_between(first, last));
    if (!new_v.empty()) write_rows(new_v, v.rows_between(first, last));
  }

  /// What rows x, first and last of a block where there are blocks, become; nothing where they stay.
  template <float_format F>
  std::vector<float> quantized_rows(matrix_view<const float> x, const side_settings& s, const cache_update& update,
                                    std::vector<uniform_step>& fixed) const;
};

template <float_format F>
std::vector<float> uniform_cache::quantized_rows(matrix_view<const float> x, const side_settings& s,
                                                 const cache_update& update, std::vector<uniform_step>& fixed) const {
  if (s.bits == 16 || x.empty()) return {};
  const uniform_grid<F> grid{.bits = s.bits, .range = range};
  const bool over_tokens = s.per == cache_granularity::tensor || s.per == cache_granularity::channel;
  const bool freezes = lifetime == scale_lifetime::frozen_prefill && over_tokens;
  if (freezes && update.first_new != 0 && fixed.empty())
    fail("uniform with lifetime=frozen_prefill has not seen the first tokens of the " + name_of(s.side, update.info));
  const cache_granularity per =
      lone_token && s.side == cache_side::keys && x.rows() == 1 ? cache_granularity::token : s.per;
  std::vector<float> result = copied_rows(x);
  const std::size_t together = lifetime == scale_lifetime::grouped ? block : x.rows();
  for (std::size_t first = 0; first < x.rows(); first += together) {
    const matrix_view<const float> rows = x.rows_between(first, first + together);
    const cache_tiling tiling = tiling_of(per, s.group, together, update.info);
    std::vector<uniform_step> steps;
    if (freezes && update.first_new != 0) {
      steps = fixed;
    } else {
      for (const cache_extent& e : extents_of<F>(rows, tiling)) {
        uniform_step step = grid.step(e.smallest, e.largest);
        // The published code returns a tensor next to zero as it is, with one scale for all and symmetric codes only.
        step.keeps = range == cache_range::symmetric && per == cache_granularity::tensor && -e.smallest < 1e-10f &&
                     e.largest < 1e-10f;
        steps.push_back(step);
      }
      if (freezes) fixed = steps;
    }
    const matrix_view<float> out(result.data() + first * x.columns(), together, x.columns());
    for_each_part(out, tiling, [&](std::size_t g, std::span<float> part) {
      for (float& value : part)
        value = grid(steps[g], value);
    });
  }
  if (magnitude_bits(absmax(result)) >= infinity_bits)
    fail("the " + name_of(s.side, update.info) +
         " are too large for uniform with arithmetic=" + std::string(name_of(arithmetic)));
  return result;
}

inline void uniform_cache::validate() const {
  // Called for every call of every layer: a sentence is put together where it is needed only.
  const auto demand = [](bool fine, const auto& sentence) {
    if (!fine) fail("uniform's " + std::string(sentence()));
  };
  const uniform_cache defaults{};
  const auto known = [](int b) { return (b >= 2 && b <= 8) || b == 16; };
  demand(known(bits), [&] { return "bits must lie between 2 and 8 or be 16, not " + std::to_string(bits); });
  demand(key_bits == 0 || known(key_bits),
         [&] { return "key_bits must be as bits or 0, not " + std::to_string(key_bits); });
  demand(value_bits == 0 || known(value_bits),
         [&] { return "value_bits must be as bits or 0, not " + std::to_string(value_bits); });
  const auto check_group = [&](const char* side, cache_granularity per, std::size_t group, std::size_t usual) {
    const bool grouped = per == cache_granularity::channel_group || per == cache_granularity::token_group;
    demand(group >= 1 && group <= 1000000,
           [&] { return std::string(side) + "_group must lie between 1 and a million"; });
    demand(grouped || group == usual, [&] {
      return std::string(side) + "_group=" + std::to_string(group) +
             " means something with channel_group and token_group only";
    });
    demand(lifetime != scale_lifetime::frozen_prefill || per != cache_granularity::token_group, [&] {
      return "groups of tokens do not go with lifetime=frozen_prefill, since later tokens would have none";
    });
  };
  check_group("key", keys, key_group, defaults.key_group);
  check_group("value", values, value_group, defaults.value_group);
  demand(block >= 1 && block <= 1000000, [&] { return "block must lie between 1 token and a million"; });
  demand(block == defaults.block || lifetime == scale_lifetime::grouped,
         [&] { return "block=" + std::to_string(block) + " means something with lifetime=grouped only"; });
  demand(!lone_token || (keys == cache_granularity::channel && lifetime == scale_lifetime::call),
         [&] { return "lone_token=true means something with keys=channel and lifetime=call only"; });
}

static_assert(named_cache_policy<uniform_cache> && described<uniform_cache>);

}  // namespace qfa

#endif
