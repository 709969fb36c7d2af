// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_POLICY_LAWS_HPP
#define QFA_TESTS_POLICY_LAWS_HPP

// The laws of weight policies (qfa/compress/policy.hpp) in one call; include it to hold your own to them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/compress/grouping.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/compress/spec.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa_test {

/// What a policy claims beyond the laws that all of them owe.  A quantizer's claims are about its groups.
struct policy_claims {
  std::optional<qfa::grouping> groups{};      ///< which weights share a scale
  std::size_t levels = 0;                     ///< a group takes no more distinct values; 0: no claim
  std::optional<double> idempotent_within{};  ///< applied twice it moves no weight by more than this, relatively
  bool odd = false;                           ///< turning all signs turns the result's; a zero may have either
  bool monotone = false;                      ///< within a group the larger of two weights does not become the smaller
  bool keeps_zeros = false;                   ///< a weight of 0 stays 0
  bool rows_apart = false;                    ///< a row becomes what it becomes alone
};

/// Weights of all kinds: ordinary rows, an outlier, one sign only, equal, zeros of both signs, tiny, ties; so many that
/// threads share them.
inline matrix law_weights(std::size_t rows = 192, std::size_t columns = 256) {
  matrix m = random_matrix(rows, columns, 20260603);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) {
      float& w = m.view()(r, c);
      switch (r % 16) {
        case 1:
          w = c == columns / 3 ? 300.0f : w;
          break;
        case 2:
          w = std::fabs(w) + 0.01f;
          break;
        case 4:
          w = -std::fabs(w) - 0.01f;
          break;
        case 6:
          w = 0.3f;
          break;
        case 8:
          w = c % 2 == 0 ? 0.0f : -0.0f;
          break;
        case 10:
          w *= 1e-9f;
          break;
        case 12:
          w = std::floor(w * 4.0f) / 8.0f;
          break;
        case 14:
          w = c % 3 == 0 ? 0.0f : w;
          break;
        default:
          break;
      }
    }
  return m;
}

namespace laws {

/// Views in strides and in blocks give what a contiguous copy gives, and nothing outside is touched.
template <class P>
void check_views(const P& policy, const matrix& weights, const matrix& expected, const qfa::tensor_info& info) {
  const std::size_t stride = weights.columns + 5;
  for (const std::size_t block : {weights.rows, std::size_t{3}}) {
    CAPTURE(block);
    const std::size_t blocks = (weights.rows + block - 1) / block;
    matrix around = random_matrix(2 * block * blocks, stride, 3);
    const qfa::matrix_view<float> part(around.values.data() + 2, weights.rows, weights.columns, stride, block,
                                       2 * block * stride);
    for (std::size_t r = 0; r < weights.rows; ++r)
      std::copy_n(weights.view().row(r).begin(), weights.columns, part.row(r).begin());
    matrix wanted = around;
    for (std::size_t r = 0; r < weights.rows; ++r)
      std::copy_n(expected.view().row(r).begin(), weights.columns,
                  wanted.values.begin() + (part.row(r).data() - around.values.data()));
    qfa::apply_policy(policy, part, info);
    CHECK_MESSAGE(same_bits(around.values, wanted.values), "a view must be treated as a copy, and only the view");
  }
}

/// Weights that are not finite are refused by the tensor's name, wherever they stand, and nothing is changed.
template <class P>
void check_refusal(const P& policy, const matrix& weights, qfa::tensor_info info) {
  info.name = "the.tensor.of.laws";
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity})
    for (const std::size_t place : {std::size_t{0}, weights.values.size() / 2, weights.values.size() - 1}) {
      matrix spoiled = weights;
      spoiled.values[place] = bad;
      const matrix before = spoiled;
      std::string sentence = "accepted";
      try {
        qfa::apply_policy(policy, spoiled.view(), info);
      } catch (const qfa::error& e) {
        sentence = e.what();
      }
      CAPTURE(sentence);
      CHECK_MESSAGE(sentence.find(info.name) != std::string::npos, "a refusal must name the tensor");
      CHECK_MESSAGE(same_bits(spoiled.values, before.values), "a refusal must leave the weights alone");
    }
}

/// Calls `body(values before, values after)` for each group.
template <class Body>
void for_each_group_of(const qfa::grouping& groups, matrix before, matrix after, Body body) {
  std::vector<std::vector<float>> values(qfa::group_count(groups, before.rows, before.columns));
  qfa::for_each_group(before.view(), groups, [&](std::size_t number, std::span<float> group) {
    values[number].assign(group.begin(), group.end());
  });
  const std::size_t threads = qfa::thread_count();
  qfa::set_thread_count(1);  // doctest's assertions in order
  qfa::for_each_group(after.view(), groups, [&](std::size_t number, std::span<float> group) {
    body(values[number], std::vector<float>(group.begin(), group.end()));
  });
  qfa::set_thread_count(threads);
}

}  // namespace laws

/// What every weight policy owes, and what this one claims:
///
///   determined   1, 2, 3 and 8 threads give the same bits, and so does a second call
///   in place     a view in strides or blocks gives what a contiguous copy gives; nothing else is touched
///   refusal      weights that are not finite are refused by name and left alone
///   named        where it is named and its name can be parsed: parse_policy(describe(p)) acts as p
///   claims       see policy_claims
///
/// Those that need calibration are not for this battery.
template <qfa::weight_policy P>
void check_policy_laws(const P& policy, const policy_claims& claims = {}, const matrix& weights = law_weights(),
                       const qfa::tensor_info& info = {}, bool parsed = true) {
  const std::size_t threads = qfa::thread_count();
  qfa::set_thread_count(1);
  const matrix once = compressed(weights, policy, info);
  for (const std::size_t n : {1U, 2U, 3U, 8U}) {
    qfa::set_thread_count(n);
    CHECK_MESSAGE(same_bits(compressed(weights, policy, info).values, once.values), n, " threads must change nothing");
  }
  qfa::set_thread_count(threads);
  laws::check_views(policy, weights, once, info);
  laws::check_refusal(policy, weights, info);
  if constexpr (qfa::named_policy<P>) {
    if (parsed) {
      const qfa::any_policy again = qfa::parse_policy(describe(policy));
      CHECK(describe(again) == describe(policy));
      CHECK_MESSAGE(same_bits(compressed(weights, again, info).values, once.values), "its name must make the policy");
    }
  }

  std::size_t broken = 0;
  const auto holds = [&broken](bool fine) { broken += fine ? 0U : 1U; };
  if (claims.keeps_zeros) {
    for (std::size_t i = 0; i < once.values.size(); ++i)
      holds(weights.values[i] != 0.0f || once.values[i] == 0.0f);
    CHECK_MESSAGE(broken == 0, "zeros must stay zero");
  }
  if (claims.odd) {
    matrix negated = weights;
    for (float& w : negated.values)
      w = -w;
    negated = compressed(negated, policy, info);
    for (float& w : negated.values)
      w = -w;
    CHECK_MESSAGE(negated.values == once.values, "turning all signs must turn the result's");
  }
  if (claims.idempotent_within) {
    const matrix twice = compressed(once, policy, info);
    broken = 0;
    for (std::size_t i = 0; i < once.values.size(); ++i) {
      const double gap = std::fabs(static_cast<double>(twice.values[i]) - static_cast<double>(once.values[i]));
      holds(gap <= *claims.idempotent_within * std::fabs(static_cast<double>(once.values[i])));
    }
    CHECK_MESSAGE(broken == 0, "a second application must change nothing");
  }
  if (claims.rows_apart) {
    broken = 0;
    for (std::size_t r = 0; r < weights.rows; ++r) {
      const auto row = weights.view().row(r);
      holds(same_bits(compressed(row_matrix({row.begin(), row.end()}), policy, info).values, once.view().row(r)));
    }
    CHECK_MESSAGE(broken == 0, "a row must become what it becomes alone");
  }
  if (!claims.groups) return;
  laws::for_each_group_of(*claims.groups, weights, once, [&](const auto& before, const auto& after) {
    if (claims.levels != 0)
      CHECK_MESSAGE(std::set<float>(after.begin(), after.end()).size() <= claims.levels, "too many values in a group");
    if (!claims.monotone) return;
    std::vector<std::size_t> order(before.size());
    for (std::size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return before[a] < before[b]; });
    broken = 0;
    for (std::size_t i = 1; i < order.size(); ++i) {
      const std::size_t a = order[i - 1], b = order[i];
      holds(before[a] == before[b] ? after[a] == after[b] : after[a] <= after[b]);
    }
    CHECK_MESSAGE(broken == 0, "order within a group must be kept, and equal weights equal");
  });
}

}  // namespace qfa_test

#endif
