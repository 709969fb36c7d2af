// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LOSS_SUMS_HPP
#define QFA_MODEL_LOSS_SUMS_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/model/loss.hpp"

namespace qfa {

/// Loss over scored tokens: mergeable.
struct loss_sum {
  double nats = 0.0;
  std::uint64_t tokens = 0;

  void operator()(double nll) noexcept {
    nats += nll;
    ++tokens;
  }
  loss_sum& operator+=(const loss_sum& other) noexcept {
    nats += other.nats;
    tokens += other.tokens;
    return *this;
  }
  bool operator==(const loss_sum&) const = default;

  /// Nats per token.  NaN of no tokens.
  double mean() const noexcept {
    return tokens == 0 ? std::numeric_limits<double>::quiet_NaN() : nats / static_cast<double>(tokens);
  }
  /// exp of the mean.
  double perplexity() const noexcept { return std::exp(mean()); }
};

static_assert(mergeable<loss_sum, double>);

/// A compressed model's predictions against the reference's, over scored tokens: mergeable.
struct comparison_sum {
  loss_sum reference{};
  loss_sum compressed{};
  double kl_nats = 0.0;
  std::uint64_t same_top = 0;

  void operator()(const token_comparison& token) noexcept {
    reference(token.reference_nll);
    compressed(token.compressed_nll);
    kl_nats += token.kl;
    same_top += token.same_top ? 1U : 0U;
  }
  comparison_sum& operator+=(const comparison_sum& other) noexcept {
    reference += other.reference;
    compressed += other.compressed;
    kl_nats += other.kl_nats;
    same_top += other.same_top;
    return *this;
  }
  bool operator==(const comparison_sum&) const = default;

  std::uint64_t tokens() const noexcept { return compressed.tokens; }
  /// Mean KL(reference || compressed), nats per token.  NaN of no tokens.
  double mean_kl() const noexcept { return over_tokens(kl_nats); }
  /// Share of tokens for which both put the same token first.  NaN of no tokens.
  double top_agreement() const noexcept { return over_tokens(static_cast<double>(same_top)); }

 private:
  double over_tokens(double sum) const noexcept {
    return tokens() == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(tokens());
  }
};

static_assert(mergeable<comparison_sum, token_comparison>);

/// Adds sums by row or by group of rows to others, each to its own; rows or groups that `to` lacks come behind.
inline void add_each(std::vector<comparison_sum>& to, std::span<const comparison_sum> more) {
  if (to.size() < more.size()) to.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i)
    to[i] += more[i];
}

/// Sums by group of rows without one of them; of all where there is no group of that number.
inline comparison_sum sum_without(std::span<const comparison_sum> groups, std::size_t left_out) noexcept {
  comparison_sum sum;
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (g != left_out) sum += groups[g];
  return sum;
}

/// One sum for each row (text), from which those of groups of rows and of everything follow, always added in row order.
/// `Sum` is loss_sum or comparison_sum.
template <class Sum>
class by_row {
 public:
  /// Adds the scores of consecutive rows, (rows, tokens_per_row).  Throws where they are no whole rows.
  template <class Score>
  void add_rows(std::span<const Score> scores, std::size_t tokens_per_row) {
    require(tokens_per_row > 0 && scores.size() % tokens_per_row == 0, "losses come in whole rows");
    for (std::size_t first = 0; first < scores.size(); first += tokens_per_row) {
      Sum& row = rows_.emplace_back();
      for (const Score& score : scores.subspan(first, tokens_per_row))
        row(score);
    }
  }

  /// Adds the sum of one more row.
  void add_row(const Sum& row) { rows_.push_back(row); }

  const std::vector<Sum>& rows() const noexcept { return rows_; }

  Sum total() const noexcept {
    Sum out;
    for (const Sum& row : rows_)
      out += row;
    return out;
  }
  /// One sum for each group; group_of(row) < groups.  Throws where one is not.
  template <class GroupOf>
  std::vector<Sum> by_group(std::size_t groups, GroupOf group_of) const {
    std::vector<Sum> out(groups);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const auto group = static_cast<std::size_t>(group_of(r));
      require(group < groups, "a row belongs to a group that there is not");
      out[group] += rows_[r];
    }
    return out;
  }

 private:
  std::vector<Sum> rows_;
};

/// The published loss (arXiv:2606.03002, scripts): the unweighted mean over batches of `rows_per_batch` rows of each
/// batch's mean; a short last batch counts as much as a full one.  NaN of no rows.  Throws for batches of 0 rows.
inline double mean_over_batches(const by_row<loss_sum>& losses, std::size_t rows_per_batch) {
  require(rows_per_batch > 0, "a batch holds at least one row");
  loss_sum batches;
  for (std::size_t first = 0; first < losses.rows().size(); first += rows_per_batch) {
    loss_sum batch;
    for (std::size_t r = first; r < losses.rows().size() && r < first + rows_per_batch; ++r)
      batch += losses.rows()[r];
    batches(batch.mean());
  }
  return batches.mean();
}

}  // namespace qfa

#endif
