// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_MATCHED_NOISE_CACHE_HPP
#define QFA_CACHE_MATCHED_NOISE_CACHE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "qfa/cache/any_cache_policy.hpp"
#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/compress/compression_error.hpp"
#include "qfa/compress/counter_random.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_range.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Gaussian noise as large as a cache policy's error, the floor of flips: an unbiased disturbance of borderline prompts
/// flips some of them, with no loss of alignment.
///
///   x + eps G,   G iid standard normal,   eps = |x_q - x|_F / |G|_F,   x what arrived
///
/// over the rows that the policy changes in one call, for keys and for values.  The policy works on a copy of its own,
/// where it finds what it has left there.  A row that it changes again, as Hugging Face's QuantizedCache does, gets
/// noise in place of what it had, as large as the error is now: errors do not add up where the policy's do not.
///
/// G of a position and channel depends on seed, layer and side alone: no order of calls or texts changes it, and a row
/// that is disturbed again is disturbed the same way.  Texts share it, position by position, so that the flips of
/// many prompts under one seed are not independent: take several seeds.  G is rounded to float, the result once more;
/// the norm is met to about 1e-7 of itself, or to the rounding of x where that is larger.
struct matched_noise_cache {
  any_cache_policy of{};
  std::uint64_t seed = 0;

  /// (tokens, channels) of one side: as they arrived, and as the policy has left them.
  struct side_memory {
    std::vector<float> arrived{}, left{};
  };
  side_memory seen_keys{}, seen_values{};

  cache_point point() const { return of.point(); }
  attention_reads reads() const { return of.reads(); }
  bool learns() const { return of.learns(); }
  void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) {
    of.learn(keys, values, info);
  }

  /// Throws where the policy does, on shapes that disagree, on values that are not finite or would not be, and where
  /// the text's first tokens went by unseen; keys and values are then unchanged.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) {
    check_arrivals(keys, values, update);
    if (of.is_none()) return;
    side_memory k = extended(seen_keys, keys, cache_side::keys, update);
    side_memory v = extended(seen_values, values, cache_side::values, update);
    const std::vector<float> k_before = k.left, v_before = v.left;
    of(matrix_view<float>(k.left.data(), keys.rows(), keys.columns()),
       matrix_view<float>(v.left.data(), values.rows(), values.columns()), update);
    const noisy_rows new_k = disturbed(k, k_before, cache_side::keys, update.info);
    const noisy_rows new_v = disturbed(v, v_before, cache_side::values, update.info);
    seen_keys = std::move(k);
    seen_values = std::move(v);
    new_k.write_to(keys);
    new_v.write_to(values);
  }

  /// Those of the policy: what it is compared with.
  std::optional<cache_bits> side_bits(std::size_t tokens, const cache_info& info) const {
    return of.is_none() ? untouched_cache_bits(tokens, info) : of.side_bits(tokens, info);
  }
  std::optional<double> stored_bits(std::size_t tokens, const cache_info& info) const {
    return of.is_none() ? untouched_cache_bits(tokens, info).sum() : of.stored_bits(tokens, info);
  }

  static constexpr std::string_view spec_name = "noise";
  static constexpr std::string_view summary =
      "control: Gaussian noise with the norm of a cache policy's error, per call";
  static constexpr auto fields() {
    return std::tuple{field{"of", &matched_noise_cache::of, "the policy whose error it equals in norm", true},
                      field{"seed", &matched_noise_cache::seed, "of the noise", true}};
  }
  std::string name() const { return spec_of(*this); }

 private:
  /// Some rows, and what they become.
  struct noisy_rows {
    std::vector<std::size_t> rows{};
    std::vector<float> values{};

    void write_to(matrix_view<float> x) const {
      for (std::size_t i = 0; i < rows.size(); ++i)
        std::ranges::copy(std::span(values).subspan(i * x.columns(), x.columns()), x.row(rows[i]).begin());
    }
  };

  static side_memory extended(const side_memory& seen, matrix_view<const float> x, cache_side side,
                              const cache_update& update) {
    side_memory out = update.first_new == 0 ? side_memory{} : seen;
    if (out.arrived.size() != update.first_new * x.columns())
      fail("noise has not seen the first tokens of the " + name_of(side, update.info));
    for (std::size_t t = update.first_new; t < x.rows(); ++t)
      for (std::vector<float>* to : {&out.arrived, &out.left})
        to->insert(to->end(), x.row(t).begin(), x.row(t).end());
    return out;
  }

  /// The rows of `now.left` that differ from `before`, each as it arrived with noise of their error's norm.
  noisy_rows disturbed(const side_memory& now, const std::vector<float>& before, cache_side side,
                       const cache_info& info) const {
    const std::size_t width = info.width();
    const counter_random random(seed, name_of(side, info), random_use::noise);
    noisy_rows out;
    std::vector<float> error, noise;
    for (std::size_t t = 0; t < before.size() / width; ++t) {
      const auto row_of = [&](const std::vector<float>& x) { return std::span(x).subspan(t * width, width); };
      const std::span<const float> x = row_of(now.arrived), left = row_of(now.left);
      if (std::ranges::equal(left, row_of(before))) continue;
      out.rows.push_back(t);
      for (std::size_t c = 0; c < width; ++c) {
        error.push_back(left[c] - x[c]);
        noise.push_back(static_cast<float>(random.gaussian(t * width + c)));
        out.values.push_back(x[c]);
      }
    }
    if (out.rows.empty()) return out;
    const auto rows_of = [&](const std::vector<float>& x) {
      return matrix_view<const float>(x.data(), out.rows.size(), width);
    };
    const double scale = frobenius_norm(rows_of(error)) / frobenius_norm(rows_of(noise));
    for (std::size_t i = 0; i < noise.size(); ++i)  // fused by name, so that no compiler may choose
      out.values[i] =
          float_or_infinity(std::fma(scale, static_cast<double>(noise[i]), static_cast<double>(out.values[i])));
    require_float_range(rows_of(out.values), spec_name, "the " + name_of(side, info));
    return out;
  }
};

static_assert(named_cache_policy<matched_noise_cache> && learning_cache_policy<matched_noise_cache>);
static_assert(described<matched_noise_cache>);

}  // namespace qfa

#endif
