// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_COVERAGE_POPULATION_HPP
#define QFA_TESTS_COVERAGE_POPULATION_HPP

// A real model's tokens as a population: r of every feature over all of them is known, and samples of rows are asked.
//
// Both sides' codes are kept as sparse codes, 8 bytes a firing, and each sample is put through a table of its own.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <utility>
#include <vector>

#include "coverage.hpp"
#include "qfa/audit/model_pass.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/sae/any_encoder.hpp"
#include "qfa/sae/load.hpp"
#include "qfa/stats/feature_table.hpp"

namespace qfa_test {

/// Codes of a population's rows on two models.
struct population {
  std::size_t width = 0, rows = 0, context = 0;
  std::vector<qfa::sparse_codes> reference, compressed;  ///< of each row
};

inline std::vector<qfa::sparse_codes> codes_of(const qfa::language_model& weights, const qfa::token_rows& tokens,
                                               const qfa::sae& dictionary) {
  const qfa::any_decoder model(weights);
  const qfa::any_encoder encode(dictionary);
  const qfa::hook_point hook = qfa::parse_hook(dictionary.metadata.hook.value(), weights.config);
  std::vector<qfa::sparse_codes> out;
  const auto keep = [&](std::size_t, const auto&, qfa::matrix_view<const float> x, const auto&) {
    for (std::size_t row = 0; row < x.rows() / tokens.context; ++row)
      out.push_back(encode(x.rows_between(row * tokens.context, (row + 1) * tokens.context)));
  };
  qfa::run_over(model, tokens, {.rows = tokens.rows(), .row_tokens = tokens.context}, hook, "codes", {}, keep, 0,
                false);
  return out;
}

/// stories260K under a policy, with rows of 256 tokens: `rows` of them at most.
template <class Policy>
population read_population(const std::filesystem::path& stories, const char* sae_name, const Policy& policy,
                           std::size_t most_rows) {
  const qfa::sae dictionary = qfa::load_sae(stories / sae_name);
  const qfa::language_model model = qfa::load_model(stories);
  const qfa::token_rows tokens = qfa::read_tokens(
      stories / "tokens.npy", {.context = 256, .max_tokens = most_rows * 256, .vocabulary = model.config.vocabulary});
  population out;
  out.width = dictionary.d_sae;
  out.rows = tokens.rows();
  out.context = tokens.context;
  out.reference = codes_of(model, tokens, dictionary);
  out.compressed = codes_of(qfa::compress(model, policy).model, tokens, dictionary);
  return out;
}

/// The table of some rows in their order, cut into groups as the library cuts a stream of that many.
inline qfa::feature_table table_of(const population& all, const std::vector<std::size_t>& rows) {
  const qfa::row_groups groups(rows.size());
  qfa::feature_table table(all.width, groups.groups());
  for (std::size_t i = 0; i < rows.size(); ++i)
    table(all.reference[rows[i]], all.compressed[rows[i]], groups.of_tokens(i, 1, all.context));
  return table;
}

/// `count` rows one after another.
inline std::vector<std::size_t> run_of_rows(std::size_t first, std::size_t count) {
  std::vector<std::size_t> rows(count);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

/// `count` of `of` rows, drawn without replacement, in increasing order.
inline std::vector<std::size_t> drawn_rows(std::size_t of, std::size_t count, splitmix64& random) {
  std::vector<std::size_t> rows = run_of_rows(0, of);
  for (std::size_t i = 0; i < count; ++i)
    std::swap(rows[i], rows[i + static_cast<std::size_t>(random.uniform() * static_cast<double>(of - i))]);
  rows.resize(count);
  std::sort(rows.begin(), rows.end());
  return rows;
}

struct population_result {
  std::size_t features = 0;        ///< with at least 20 intervals
  double mean_coverage = 0.0;      ///< averaged over features, intervals with 10 effective groups and more
  double mean_coverage_few = 0.0;  ///< over all other intervals that were not refused
  std::size_t intervals = 0, intervals_few = 0, refused = 0;
};

/// Samples of rows; features that fire on a share above .001 of all tokens.
inline population_result measure_population(const population& all,
                                            const std::vector<std::vector<std::size_t>>& samples) {
  const auto honest = [](const qfa::comoments& c) { return qfa::pearson(c); };
  const qfa::feature_table whole = table_of(all, run_of_rows(0, all.rows));
  std::vector<double> truth(all.width);
  std::vector<std::uint8_t> active(all.width);
  for (std::size_t f = 0; f < all.width; ++f) {
    const qfa::feature_totals total = whole.total(f);
    truth[f] = qfa::pearson(total.all);
    active[f] = qfa::firing_rate(total) > 0.001 && !std::isnan(truth[f]);
  }
  std::vector<hit_rate> hits(all.width);
  hit_rate few;
  population_result out;
  for (const std::vector<std::size_t>& rows : samples) {
    const qfa::leave_one_out r = qfa::leave_groups_out(table_of(all, rows), honest);
    for (std::size_t f = 0; f < all.width; ++f) {
      if (active[f] == 0) continue;
      const qfa::interval& range = r.ranges[f];
      if (range.kind == qfa::interval_kind::refused)
        ++out.refused;
      else
        (r.evidence[f].effective >= 10.0 ? hits[f] : few)(range.lower, range.upper, truth[f]);
    }
  }
  for (const hit_rate& h : hits) {
    out.intervals += h.asked;
    if (h.asked < 20) continue;
    ++out.features;
    out.mean_coverage += h.share();
  }
  out.mean_coverage /= static_cast<double>(out.features);
  out.mean_coverage_few = few.share();
  out.intervals_few = few.asked;
  return out;
}

}  // namespace qfa_test

#endif
