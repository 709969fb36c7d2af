// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_LOSSES_HPP
#define QFA_AUDIT_LOSSES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "qfa/audit/token_percentiles.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/stats/between_runs.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/halving_check.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// A condition's losses against the reference's, with intervals over groups of rows.  Differences are paired: the same
/// rows are left out of both.
struct loss_summary {
  double loss = 0.0;                                             ///< mean over scored tokens, nats
  double perplexity = 0.0;                                       ///< exp of it
  double batch_loss = std::numeric_limits<double>::quiet_NaN();  ///< published: unweighted mean over batches of rows
  estimate mean_loss;                                            ///< `loss` with its interval, on no scale
  estimate mean_perplexity;                                      ///< `perplexity` with its interval, on log
  group_length_check groups;                    ///< by each row's excess loss; the reference's by its loss
  estimate excess_loss;                         ///< this loss less the reference's, nats
  estimate perplexity_ratio;                    ///< exp(excess_loss); interval on log
  estimate kl;                                  ///< mean KL(reference || this) in nats; interval on log
  estimate top1_agreement;                      ///< share of scored tokens; interval on logit
  halving_check excess_halved;                  ///< of excess_loss's interval
  halving_check kl_halved;                      ///< of that of kl
  group_deletions excess{};                     ///< excess_loss and what it is without each group
  std::optional<token_percentiles> by_token{};  ///< how losses are spread over tokens; none of the reference

  /// Whether perplexity fell for sure: the interval of the ratio lies below 1.
  bool improves() const noexcept {
    return perplexity_ratio.range.kind == interval_kind::two_sided && perplexity_ratio.range.upper < 1.0;
  }
};

/// Each row's excess loss, the series that tells whether groups of rows are long enough; a constant 0 of the reference
/// itself.
inline std::vector<double> excess_by_row(std::span<const comparison_sum> rows) {
  std::vector<double> out;
  for (const comparison_sum& row : rows)
    out.push_back(row.compressed.mean() - row.reference.mean());
  return out;
}

/// How much more loss than the reference's rows have that lie in `groups`, and without each group; nats per token.
/// Throws where there is not one sum for each row of the groups.
inline group_deletions excess_by_groups(std::span<const comparison_sum> rows, const row_groups& groups) {
  require(rows.size() == groups.rows(), "losses need one sum for each row of the groups");
  by_row<comparison_sum> sums;
  for (const comparison_sum& row : rows)
    sums.add_row(row);
  const auto excess = [](const comparison_sum& s) { return s.compressed.mean() - s.reference.mean(); };
  const auto parts = sums.by_group(groups.groups(), [&](std::size_t r) { return groups.group_of(r); });
  group_deletions out{.whole = excess(sums.total())};
  for (std::size_t g = 0; g < parts.size(); ++g)
    out.without.push_back(excess(sum_without(parts, g)));
  return out;
}

/// Sums up a condition by the sums of its rows, which lie in `groups`: always in the order of rows, whoever filled
/// them. `batch_rows` > 0 adds the published mean over batches.  Throws where there is not one sum for each row of the
/// groups.
inline loss_summary summarize_losses(std::span<const comparison_sum> rows, const row_groups& groups,
                                     std::size_t batch_rows = 0) {
  require(rows.size() == groups.rows(), "losses need one sum for each row of the groups");
  const std::size_t count = groups.groups();
  by_row<comparison_sum> sums;
  by_row<loss_sum> losses;
  for (const comparison_sum& row : rows) {
    sums.add_row(row);
    losses.add_row(row.compressed);
  }
  const comparison_sum whole = sums.total();
  const std::vector<comparison_sum> parts = sums.by_group(count, [&](std::size_t r) { return groups.group_of(r); });
  // Without the groups g with g / together == left_out.
  const auto rest = [&](std::size_t left_out, std::size_t together) {
    comparison_sum sum;
    for (std::size_t g = 0; g < count; ++g)
      if (g / together != left_out) sum += parts[g];
    return sum;
  };
  const auto estimated = [&](auto statistic, interval_scale scale, std::size_t together = 1) {
    return jackknife(statistic(whole), (count + together - 1) / together,
                     [&](std::size_t g) { return statistic(rest(g, together)); }, {.scale = scale});
  };
  const auto excess = [](const comparison_sum& s) { return s.compressed.mean() - s.reference.mean(); };
  const auto kl = [](const comparison_sum& s) { return s.mean_kl(); };

  loss_summary out;
  out.loss = whole.compressed.mean();
  out.perplexity = whole.compressed.perplexity();
  out.excess = excess_by_groups(rows, groups);
  out.excess_loss = jackknife(out.excess.whole, out.excess.without);
  out.perplexity_ratio = estimated([&](const comparison_sum& s) { return std::exp(excess(s)); }, interval_scale::log);
  out.kl = estimated(kl, interval_scale::log);
  out.top1_agreement = estimated([](const comparison_sum& s) { return s.top_agreement(); }, interval_scale::logit);
  out.excess_halved = check_by_halving(out.excess_loss, estimated(excess, interval_scale::identity, 2), count);
  out.kl_halved = check_by_halving(out.kl, estimated(kl, interval_scale::log, 2), count);
  const auto own = [](const comparison_sum& s) { return s.compressed.mean(); };
  out.mean_loss = estimated(own, interval_scale::identity);
  out.mean_perplexity = estimated([&](const comparison_sum& s) { return std::exp(own(s)); }, interval_scale::log);
  std::vector<double> series = excess_by_row(rows);
  if (std::ranges::all_of(series, [](double x) { return x == 0.0; }))
    for (std::size_t r = 0; r < rows.size(); ++r)
      series[r] = own(rows[r]);
  out.groups = check_group_length(groups, {&series, 1});
  if (batch_rows > 0) out.batch_loss = mean_over_batches(losses, batch_rows);
  return out;
}

}  // namespace qfa

#endif
