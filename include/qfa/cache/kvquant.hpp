// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_KVQUANT_HPP
#define QFA_CACHE_KVQUANT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/codebook.hpp"
#include "qfa/cache/learned_scale.hpp"
#include "qfa/cache/outlier_range.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/exact.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#ifdef QFA_HAS_KMEANS
#include "qfa/cache/kmeans.hpp"
#endif

namespace qfa {

/// What kvquant_cache learns of a layer.
struct kvquant_state {
  std::vector<outlier_range> channels{};  ///< of the keys
  codebook keys{}, values{};
};

/// KVQuant (Hooper and others 2024, arXiv 2401.18079): keys before RoPE by ranges of their channels, which calibration
/// tokens give; values by the range of their token; attention reads what is stored.
///
///   outliers, and a text's first tokens, are kept apart in fp16 (see outlier_range)
///   nuq: y = (x - middle) / half width goes to the nearest of 2^bits levels, one codebook for the layer's keys, one
///        for its values
///   else: m = (2^bits - 1) / (high - low); q = clamp(half_even(m x - low m), 0, 2^bits - 1); x <- (q + low m) / m
///
/// Codebooks come from k-means over the normalized calibration numbers that are no outliers.  KVQuant weighs these by
/// their Fisher information, which takes a backward pass; here all weigh the same.  Codebooks may be given instead.
/// (Its released code takes a channel's percentiles themselves for low and high, and a token's numbers that lie on its
/// percentiles for outliers.)
struct kvquant_cache {
  int bits = 4;
  double outliers = 0.01;
  std::size_t first_tokens = 0;
  bool nuq = true;
  bool norm = false;
  std::vector<float> key_levels{};    ///< increasing; empty: learned
  std::vector<float> value_levels{};  ///< increasing; empty: learned
  kvquant_state learned{};

  static constexpr cache_point point = cache_point::before_rope;
  static constexpr attention_reads reads = attention_reads::stored;

  /// Throws as check_arrivals does, before calibration, and where fp16 cannot hold what is kept apart; keys and values
  /// are then unchanged.
  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) const {
    validate();
    if (learns()) fail_unlearned("kvquant", update.info);
    if (learned.channels.size() != update.info.width())
      fail("kvquant has learned " + std::to_string(learned.channels.size()) + " channels, and layer " +
           std::to_string(update.info.layer) + " has " + std::to_string(update.info.width()));
    check_arrivals(keys, values, update);
    const matrix_view<float> new_keys = new_rows(keys, update), new_values = new_rows(values, update);
    std::vector<outlier_range> tokens(new_values.rows());
    for_each_row(new_values,
                 [&](std::size_t t, std::span<float> row) { tokens[t] = find_outlier_range(row, outliers); });
    const auto range_of_key = [&](std::size_t, std::size_t c) -> const outlier_range& { return learned.channels[c]; };
    const auto range_of_value = [&](std::size_t t, std::size_t) -> const outlier_range& { return tokens[t]; };
    check_halves(new_keys, range_of_key, cache_side::keys, update);
    check_halves(new_values, range_of_value, cache_side::values, update);
    round(new_keys, range_of_key, learned.keys, update);
    round(new_values, range_of_value, learned.values, update);
  }

  bool learns() const noexcept { return learned.channels.empty(); }
  /// Throws where codebooks are missing and this was built without a k-means.
  void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) {
    validate();
    check_calibration_tokens(keys, values, info);
    kvquant_state state;
    state.channels.resize(keys.columns());
    parallel_for(keys.columns(), [&](std::size_t c) {
      std::vector<float> channel(keys.rows());
      for (std::size_t t = 0; t < keys.rows(); ++t)
        channel[t] = keys(t, c);
      state.channels[c] = find_outlier_range(channel, outliers);
    });
    if (nuq) {
      std::vector<float> normalized;
      for (std::size_t t = 0; t < keys.rows(); ++t)
        for (std::size_t c = 0; c < keys.columns(); ++c)
          if (const outlier_range& range = state.channels[c]; range.holds(keys(t, c)))
            normalized.push_back(normalization(range)(keys(t, c)));
      state.keys = book_of(key_levels, normalized);
      normalized.clear();
      for (std::size_t t = 0; t < values.rows(); ++t) {
        const outlier_range range = find_outlier_range(values.row(t), outliers);
        for (const float v : values.row(t))
          if (range.holds(v)) normalized.push_back(normalization(range)(v));
      }
      state.values = book_of(value_levels, normalized);
    }
    learned = std::move(state);
  }

  /// Codes; for each channel of keys and each token's values two fp16 numbers of the range; for each outlier, as many
  /// as the share says, 16 bits of value and 16 of place, and 32 for each token and side that say where its outliers
  /// begin; codebooks and first tokens in fp16.
  cache_bits stored_bits(std::size_t tokens, const cache_info& info) const noexcept {
    if (tokens == 0) return {};
    const std::size_t kept = (std::min)(tokens, first_tokens), rest = tokens - kept;
    const auto numbers = static_cast<double>(rest * info.width());
    double side = untouched_bits * static_cast<double>(kept * info.width()) + bits * numbers;
    if (outliers > 0.0) side += 32.0 * outliers * numbers + 32.0 * static_cast<double>(rest);
    if (nuq) side += 16.0 * static_cast<double>(1 << bits);
    return {.keys = side + 32.0 * static_cast<double>(info.width()), .values = side + 32.0 * static_cast<double>(rest)};
  }

  static constexpr std::string_view spec_name = "kvquant";
  static constexpr std::string_view summary = "KVQuant: levels by k-means, outliers apart, keys before RoPE by channel";
  static constexpr auto fields() {
    return std::tuple{field{"bits", &kvquant_cache::bits, "2 to 8"},
                      field{"outliers", &kvquant_cache::outliers, "the share of numbers kept apart in fp16"},
                      field{"first_tokens", &kvquant_cache::first_tokens, "of each text, kept in fp16"},
                      field{"nuq", &kvquant_cache::nuq, "levels by k-means; false: evenly spaced ones"},
                      field{"norm", &kvquant_cache::norm, "whether levels keep mean and deviation (Q-Norm)"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits outside 2 to 8, outliers outside [0, 1), norm without nuq, and for codebooks that are not 2^bits
  /// finite levels, increasing.
  void validate() const {
    if (bits < 2 || bits > 8) fail("kvquant's bits must lie between 2 and 8, not be " + std::to_string(bits));
    if (!(outliers >= 0.0 && outliers < 1.0))
      fail("kvquant's outliers must be a share of at least 0 and below 1, not " + value_to_text(outliers));
    if (norm && !nuq) fail("kvquant's norm means something with nuq=true only");
    for (const std::vector<float>* levels : {&key_levels, &value_levels}) {
      if (levels->empty()) continue;
      if (levels->size() != std::size_t{1} << bits || !std::is_sorted(levels->begin(), levels->end()) ||
          magnitude_bits(absmax(*levels)) >= infinity_bits)
        fail("kvquant's codebooks must be " + std::to_string(1 << bits) + " finite levels, increasing");
    }
  }

 private:
  codebook book_of(const std::vector<float>& given, std::span<const float> normalized) const {
    codebook book{.levels = given};
    if (given.empty()) {
#ifdef QFA_HAS_KMEANS
      book.levels = kmeans_levels(normalized, std::size_t{1} << bits);
#else
      fail(
          "kvquant learns its codebooks by VLFeat's k-means, which this program was built without: build it with "
          "qfa::kmeans, give codebooks, or take nuq=false");
#endif
    }
    if (norm) fit_norm(book, normalized);
    return book;
  }

  /// Calls `apart(row, column)` or `within(row, column)` for each number.
  template <class RangeOf, class Apart, class Within>
  void sort_out(matrix_view<float> x, const RangeOf& range_of, const cache_update& update, Apart apart,
                Within within) const {
    for_each_row(x, [&](std::size_t t, std::span<float> row) {
      const bool first = update.first_new + t < first_tokens;
      for (std::size_t c = 0; c < row.size(); ++c)
        if (first || !range_of(t, c).holds(row[c]))
          apart(row[c], t);
        else
          within(row[c], range_of(t, c));
    });
  }

  template <class RangeOf>
  void check_halves(matrix_view<float> x, const RangeOf& range_of, cache_side side, const cache_update& update) const {
    sort_out(
        x, range_of, update,
        [&](float v, std::size_t t) {
          if (magnitude_bits(round_to_f16(v)) >= infinity_bits)
            fail("the " + name_of(side, update.info) + " hold a number at token " +
                 std::to_string(update.first_new + t) + " that fp16 cannot, in which kvquant keeps outliers");
        },
        [](float, const outlier_range&) {});
  }

  template <class RangeOf>
  void round(matrix_view<float> x, const RangeOf& range_of, const codebook& book, const cache_update& update) const {
    sort_out(
        x, range_of, update, [](float& v, std::size_t) { v = round_to_f16(v); },
        [&](float& v, const outlier_range& range) {
          if (nuq) {
            const normalization to(range);
            v = to.back(book.decoded(book.nearest(to(v))));
          } else {
            v = evenly(v, range);
          }
        });
  }

  float evenly(float x, const outlier_range& range) const noexcept {
    const auto top = static_cast<float>((1 << bits) - 1);
    const float m = range.high == range.low ? 0.0f : top / (range.high - range.low);
    if (m == 0.0f || magnitude_bits(m) >= infinity_bits) return range.low;
    const float start = rounded_product(range.low, m);
    return (std::clamp(half_even(rounded_product(m, x) - start), 0.0f, top) + start) / m;
  }
};

static_assert(described<kvquant_cache> && named_cache_policy<kvquant_cache> && learning_cache_policy<kvquant_cache>);

}  // namespace qfa

#endif
