// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_TOKEN_ACCOUNT_HPP
#define QFA_AUDIT_TOKEN_ACCOUNT_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "qfa/audit/token_record.hpp"
#include "qfa/compare/grouped_spearman.hpp"
#include "qfa/sae/reconstruction_sums.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Means over the tokens of one bucket, with intervals over groups of rows.
struct token_bucket {
  double low = 0.0, high = 0.0;  ///< [low, high); infinity: no end
  std::uint64_t tokens = 0;
  estimate kl;              ///< nats; on log
  estimate cosine;          ///< of codes; on logit
  estimate jaccard;         ///< of active sets; on logit
  estimate relative_shift;  ///< |D| / |h|; on log
  /// Tokens on which each of the last three is defined, and rests: not where a side is silent, nor at h = 0.
  std::uint64_t cosines = 0, jaccards = 0, shifts = 0;
};

/// Spearman's correlation of the KL divergence at a token with something that happened to its code or activation.
struct token_correlation {
  std::uint64_t tokens = 0;  ///< on which both are defined
  estimate value;            ///< on atanh, ranks taken anew without each group
};

/// Which tokens compression hurts, over those that are analyzed and scored.
struct token_account {
  std::uint64_t tokens = 0;
  std::uint64_t ranked_tokens = 0;  ///< of them, on which correlations are computed
  std::size_t ranked_stride = 1;    ///< those of every so many rows
  token_correlation cosine{}, jaccard{}, relative_shift{};
  /// By position, frequency, entropy and top probability; from the first bucket that holds a token to the last.
  std::array<std::vector<token_bucket>, token_sort_names.size()> tables{};

  const std::vector<token_bucket>& table(token_sort by) const noexcept { return tables[static_cast<std::size_t>(by)]; }
};

namespace detail {

/// Mean of one measure in one bucket; evidence lies in as many groups as hold its tokens.
inline estimate bucket_mean(const token_record& record, token_sort by, std::size_t bucket, double token_sums::*sum,
                            std::uint64_t token_sums::*count, interval_scale scale) {
  double total = 0.0, tokens = 0.0, squares = 0.0;
  for (std::size_t g = 0; g < record.groups(); ++g) {
    const token_sums here = record.sums(by, bucket, g);
    const auto n = static_cast<double>(here.*count);
    total += here.*sum;
    tokens += n;
    squares += n * n;
  }
  const auto without = [&](std::size_t left_out) {
    double rest = 0.0, n = 0.0;
    for (std::size_t g = 0; g < record.groups(); ++g) {
      if (g == left_out) continue;
      const token_sums here = record.sums(by, bucket, g);
      rest += here.*sum;
      n += static_cast<double>(here.*count);
    }
    return quotient(rest, n);
  };
  const double effective = squares > 0.0 ? tokens * tokens / squares : 0.0;
  return jackknife(quotient(total, tokens), record.groups(), without,
                   {.scale = scale, .dof = effective - 1.0, .effective_groups = effective});
}

inline std::vector<token_bucket> buckets_of(const token_record& record, token_sort by) {
  std::vector<token_bucket> out;
  std::size_t last = 0;  // behind the last bucket that holds a token
  for (std::size_t b = 0; b < bucket_count(by); ++b) {
    token_bucket bucket;
    bucket.low = bucket_bounds(by, b)[0];
    bucket.high = bucket_bounds(by, b)[1];
    for (std::size_t g = 0; g < record.groups(); ++g) {
      const token_sums here = record.sums(by, b, g);
      bucket.tokens += here.tokens;
      bucket.cosines += here.cosines;
      bucket.jaccards += here.jaccards;
      bucket.shifts += here.shifts;
    }
    if (out.empty() && bucket.tokens == 0) continue;
    const auto mean = [&](double token_sums::*sum, std::uint64_t token_sums::*count, interval_scale scale) {
      return bucket_mean(record, by, b, sum, count, scale);
    };
    bucket.kl = mean(&token_sums::kl, &token_sums::tokens, interval_scale::log);
    bucket.cosine = mean(&token_sums::cosine, &token_sums::cosines, interval_scale::logit);
    bucket.jaccard = mean(&token_sums::jaccard, &token_sums::jaccards, interval_scale::logit);
    bucket.relative_shift = mean(&token_sums::relative_shift, &token_sums::shifts, interval_scale::log);
    out.push_back(bucket);
    if (bucket.tokens > 0) last = out.size();
  }
  out.resize(last);
  return out;
}

/// Of KL with sign * measure.
inline token_correlation correlate_with_kl(const token_record& record, float ranked_token::*measure, double sign) {
  std::vector<double> kl, other;
  std::vector<std::uint32_t> group;
  for (std::size_t g = 0; g < record.groups(); ++g)
    for (const ranked_token& token : record.ranked(g)) {
      if (std::isnan(token.*measure)) continue;
      kl.push_back(static_cast<double>(token.kl));
      other.push_back(sign * static_cast<double>(token.*measure));
      group.push_back(static_cast<std::uint32_t>(g));
    }
  return {kl.size(), grouped_spearman(kl, other, group, record.groups())};
}

}  // namespace detail

/// Works out the numbers of a whole pass.
inline token_account account_for_tokens(const token_record& record) {
  token_account out;
  out.ranked_stride = record.stride();
  for (std::size_t g = 0; g < record.groups(); ++g) {
    out.ranked_tokens += record.ranked(g).size();
    for (std::size_t b = 0; b < bucket_count(token_sort::entropy); ++b)
      out.tokens += record.sums(token_sort::entropy, b, g).tokens;
  }
  out.cosine = detail::correlate_with_kl(record, &ranked_token::turn, -1.0);
  out.jaccard = detail::correlate_with_kl(record, &ranked_token::jaccard, 1.0);
  out.relative_shift = detail::correlate_with_kl(record, &ranked_token::relative_shift, 1.0);
  for (std::size_t by = 0; by < token_sort_names.size(); ++by)
    out.tables[by] = detail::buckets_of(record, static_cast<token_sort>(by));
  return out;
}

}  // namespace qfa

#endif
