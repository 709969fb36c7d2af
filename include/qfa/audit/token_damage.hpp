// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_TOKEN_DAMAGE_HPP
#define QFA_AUDIT_TOKEN_DAMAGE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/reconstruction_sums.hpp"

namespace qfa {

/// What compression did to one token, and what kind of token it is.
struct token_damage {
  static constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

  double cosine = undefined;           ///< of the two codes; NaN where a side is empty
  double jaccard = undefined;          ///< of the sets of features that fire; NaN where both are empty
  double relative_shift = undefined;   ///< |h~ - h| / |h|; NaN at h = 0, and where activations are not at hand
  double kl = undefined;               ///< KL(reference || compressed) of the next token, nats
  double entropy = undefined;          ///< of the reference's prediction, nats
  double top_probability = undefined;  ///< of the token that the reference finds likeliest
  std::size_t position = 0;            ///< in its row
  std::uint64_t frequency = 0;         ///< how often its id occurs in the audit's rows
};

namespace detail {

inline void compare_codes(sparse_codes::token x, sparse_codes::token y, token_damage& out) {
  double xx = 0.0, yy = 0.0, xy = 0.0;
  std::size_t common = 0;
  for (const float v : x.values)
    xx += static_cast<double>(v) * static_cast<double>(v);
  for (const float v : y.values)
    yy += static_cast<double>(v) * static_cast<double>(v);
  for (std::size_t i = 0, j = 0; i < x.features.size() && j < y.features.size();) {
    const bool step_x = x.features[i] <= y.features[j], step_y = y.features[j] <= x.features[i];
    if (step_x && step_y) {
      xy += static_cast<double>(x.values[i]) * static_cast<double>(y.values[j]);
      ++common;
    }
    i += step_x;
    j += step_y;
  }
  const std::size_t either = x.features.size() + y.features.size() - common;
  // Equal codes: xx / sqrt(xx xx) is 1.  (Of NaN and 1, std::min gives its first.)
  out.cosine = (std::min)(quotient(xy, std::sqrt(xx * yy)), 1.0);
  out.jaccard = quotient(static_cast<double>(common), static_cast<double>(either));
}

}  // namespace detail

/// Compares both sides' codes on each token, and their activations (tokens, d), where these are at hand on both.
/// Throws where codes or activations differ in tokens.
inline std::vector<token_damage> measure_tokens(const sparse_codes& reference, const sparse_codes& compressed,
                                                matrix_view<const float> before = {},
                                                matrix_view<const float> after = {}) {
  const std::size_t tokens = reference.tokens();
  const bool dense = before.size() > 0 && after.size() > 0;
  require(compressed.tokens() == tokens && (!dense || (before.rows() == tokens && after.rows() == tokens)),
          "damage is measured token by token: both sides need as many");
  std::vector<token_damage> out(tokens);
  constexpr std::size_t some = 64;
  parallel_for((tokens + some - 1) / some, [&](std::size_t b) {
    for (std::size_t t = b * some; t < (std::min)(tokens, (b + 1) * some); ++t) {
      detail::compare_codes(reference[t], compressed[t], out[t]);
      if (!dense) continue;
      const auto x = before.row(t), y = after.row(t);
      const double moved = detail::sum_of(x.size(), [&](std::size_t i) {
        const double d = static_cast<double>(y[i]) - static_cast<double>(x[i]);
        return d * d;
      });
      const double length = detail::sum_of(
          x.size(), [&](std::size_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); });
      out[t].relative_shift = std::sqrt(detail::quotient(moved, length));
    }
  });
  return out;
}

/// How often each token id occurs.
inline std::vector<std::uint64_t> count_ids(std::span<const std::uint32_t> ids) {
  std::vector<std::uint64_t> out(ids.empty() ? 0 : std::size_t{*std::ranges::max_element(ids)} + 1);
  for (const std::uint32_t id : ids)
    ++out[id];
  return out;
}

/// The tokens of whole rows that are both analyzed and scored, with all that is known of each: (rows, context - 1 -
/// skip_positions).  `measured` (rows, context - skip_positions) comes from `measure_tokens`, `scores` (rows, context -
/// 1) from `compare_tokens` with entropies, `ids` are the rows, `frequencies` how often each id occurs.  Throws where
/// `measured` or `scores` is of another number of tokens.
inline std::vector<token_damage> scored_damage(std::span<const token_damage> measured,
                                               std::span<const token_comparison> scores,
                                               matrix_view<const std::uint32_t> ids, std::size_t skip_positions,
                                               std::span<const std::uint64_t> frequencies) {
  const std::size_t scored = ids.columns() - 1, kept = ids.columns() - skip_positions;
  require(measured.size() == ids.rows() * kept && scores.size() == ids.rows() * scored,
          "damage and scores are of the same rows");
  std::vector<token_damage> out;
  for (std::size_t r = 0; r < ids.rows(); ++r)
    for (std::size_t p = skip_positions; p < scored; ++p) {
      const token_comparison& score = scores[r * scored + p];
      token_damage& token = out.emplace_back(measured[r * kept + p - skip_positions]);
      token.kl = score.kl;
      token.entropy = score.reference_entropy;
      token.top_probability = score.reference_top;
      token.position = p;
      token.frequency = frequencies[ids(r, p)];
    }
  return out;
}

}  // namespace qfa

#endif
