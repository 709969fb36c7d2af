// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/cross_validation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"
#include "qfa/predict/folds.hpp"
#include "qfa/predict/standardized_logistic.hpp"

namespace predict_cross_validation_test {

using qfa::matrix_view;
using qfa_test::close;
using qfa_test::draw;
using qfa_test::draw_labels;

using folds = std::vector<std::uint32_t>;
using labels = std::vector<std::uint8_t>;

namespace {

/// Knows the label of every row it has seen, and nothing else: 1 or -1, and 0 for a row it has not seen.
struct memory {
  std::map<std::vector<double>, double> seen;
  double operator()(std::span<const double> row) const {
    const auto found = seen.find(std::vector<double>(row.begin(), row.end()));
    return found == seen.end() ? 0.0 : found->second;
  }
};

memory memorize(matrix_view<const double> x, std::span<const std::uint8_t> positive) {
  memory m;
  for (std::size_t r = 0; r < x.rows(); ++r)
    m.seen[std::vector<double>(x.row(r).begin(), x.row(r).end())] = positive[r] != 0 ? 1.0 : -1.0;
  return m;
}

/// A study of compare.json: features, labels and a split that scikit-learn drew.
struct split_study {
  qfa::json data = qfa_test::read_data("compare.json").at("logistic");
  std::vector<double> x;
  labels survived = qfa_test::labels(data.at("survived"));
  folds fold_of;

  split_study() {
    for (const auto& row : data.at("columns"))
      for (const auto& v : row)
        x.push_back(v.get<double>());
    for (const auto& f : data.at("fold"))
      fold_of.push_back(f.get<std::uint32_t>());
  }
  matrix_view<const double> view() const { return {x.data(), survived.size(), 4}; }
};

}  // namespace

TEST_CASE("out_of_fold_scores: no row is scored by a model that saw it") {
  const std::vector<double> x = draw(200, 1);
  const labels positive = draw_labels(100, 2);
  const matrix_view<const double> view(x.data(), 100, 2);
  const folds fold_of = qfa::stratified_folds(positive, 5, 3);
  for (const double score : qfa::out_of_fold_scores(view, positive, fold_of, memorize))
    CHECK(score == 0.0);
}

TEST_CASE("out_of_fold_scores: every row is scored by a model that saw all other folds") {
  // Each row has its double in another fold, with the same label: the memory knows it.
  std::vector<double> x = draw(50, 4);
  labels positive = draw_labels(50, 5);
  folds fold_of(50);
  for (std::uint32_t r = 0; r < 50; ++r)
    fold_of[r] = r % 5;
  for (std::uint32_t r = 0; r < 50; ++r) {
    x.push_back(x[r]);
    positive.push_back(positive[r]);
    fold_of.push_back((r + 1 + r / 5 % 4) % 5);
  }
  const matrix_view<const double> view(x.data(), 100, 1);
  const std::vector<double> scores = qfa::out_of_fold_scores(view, positive, fold_of, memorize);
  for (std::size_t r = 0; r < 100; ++r)
    CHECK(scores[r] == (positive[r] != 0 ? 1.0 : -1.0));
}

TEST_CASE("out_of_fold_scores: grouped folds keep a near-duplicate from being recognized") {
  const std::vector<double> once = draw(60, 6);
  std::vector<double> x;
  labels positive;
  folds family;
  for (std::uint32_t r = 0; r < 60; ++r)
    for (int copy = 0; copy < 2; ++copy) {
      x.push_back(once[r]);
      positive.push_back(r % 3 == 0 ? 1 : 0);
      family.push_back(r);
    }
  const matrix_view<const double> view(x.data(), 120, 1);
  const std::vector<double> honest =
      qfa::out_of_fold_scores(view, positive, qfa::grouped_folds(family, positive, 5, 1), memorize);
  CHECK(std::all_of(honest.begin(), honest.end(), [](double s) { return s == 0.0; }));
  const std::vector<double> leaky =
      qfa::out_of_fold_scores(view, positive, qfa::stratified_folds(positive, 5, 1), memorize);
  CHECK(qfa::auc(leaky, positive) > 0.85);
}

TEST_CASE("out_of_fold_scores: labels of noise are not predicted") {
  const std::vector<double> x = draw(8000, 7);
  const labels positive = draw_labels(2000, 8);
  const matrix_view<const double> view(x.data(), 2000, 4);
  const auto fit = [](matrix_view<const double> rows, std::span<const std::uint8_t> y) {
    return qfa::fit_standardized_logistic(rows, y);
  };
  const std::vector<double> scores =
      qfa::out_of_fold_scores(view, positive, qfa::stratified_folds(positive, 5, 9), fit);
  CHECK(qfa::auc(scores, positive) == doctest::Approx(0.5).epsilon(0.08));
}

TEST_CASE("auc_by_fold: agrees with scikit-learn on its own split, scaled before the split and inside the fold") {
  const split_study s;
  const auto inside = [](matrix_view<const double> rows, std::span<const std::uint8_t> y) {
    return qfa::fit_standardized_logistic(rows, y);
  };
  const auto plain = [](matrix_view<const double> rows, std::span<const std::uint8_t> y) {
    return qfa::fit_logistic(rows, y);
  };
  const qfa::standardized_rows before = qfa::standardize(s.view());
  const qfa::fold_aucs published =
      qfa::auc_by_fold(qfa::out_of_fold_scores(before.view(), s.survived, s.fold_of, plain), s.survived, s.fold_of);
  const qfa::fold_aucs honest =
      qfa::auc_by_fold(qfa::out_of_fold_scores(s.view(), s.survived, s.fold_of, inside), s.survived, s.fold_of);
  for (std::size_t f = 0; f < 5; ++f) {
    CHECK(close(published.by_fold.at(f), s.data.at("published_fold_auc")[f].get<double>(), 1e-13));
    CHECK(close(honest.by_fold.at(f), s.data.at("honest_fold_auc")[f].get<double>(), 1e-13));
  }
  CHECK(close(published.mean, s.data.at("published_mean").get<double>(), 1e-13));
  CHECK(close(published.deviation, s.data.at("published_sd").get<double>(), 1e-13));
  CHECK(close(honest.mean, s.data.at("honest_mean").get<double>(), 1e-13));
  CHECK(close(honest.deviation, s.data.at("honest_sd").get<double>(), 1e-13));
  CHECK(published.mean != honest.mean);
}

TEST_CASE("auc_by_fold: each fold by itself, the deviation divided by the number of folds") {
  const qfa::fold_aucs aucs =
      qfa::auc_by_fold(std::vector{1.0, 2.0, 20.0, 10.0, 1.0, 1.0}, labels{0, 1, 0, 1, 0, 1}, folds{0, 0, 1, 1, 2, 2});
  CHECK(aucs.by_fold == std::vector{1.0, 0.0, 0.5});
  CHECK(close(aucs.mean, 0.5, 1e-15));
  CHECK(close(aucs.deviation, std::sqrt(0.5 / 3.0), 1e-15));
}

TEST_CASE("auc_by_fold: a fold of one class has none, and the mean says so") {
  const qfa::fold_aucs aucs = qfa::auc_by_fold(std::vector{1.0, 2.0, 3.0}, labels{0, 1, 1}, folds{0, 0, 1});
  CHECK(aucs.by_fold[0] == 1.0);
  CHECK(std::isnan(aucs.by_fold[1]));
  CHECK(std::isnan(aucs.mean));
  CHECK(std::isnan(aucs.deviation));
}

TEST_CASE("marginal_aucs: each column by itself, below one half where small values are positive") {
  const split_study s;
  const std::vector<double> aucs = qfa::marginal_aucs(s.view(), s.survived);
  for (std::size_t c = 0; c < 4; ++c)
    CHECK(close(aucs.at(c), s.data.at("marginal_auc")[c].get<double>(), 1e-14));
}

TEST_CASE("cross-validation: other lengths and folds numbered wildly are refused") {
  const std::vector<double> x{1.0, 2.0, 3.0};
  const matrix_view<const double> view(x.data(), 3, 1);
  CHECK_THROWS_AS(qfa::out_of_fold_scores(view, labels{1, 0}, folds{0, 1, 0}, memorize), qfa::error);
  CHECK_THROWS_AS(qfa::out_of_fold_scores(view, labels{1, 0, 1}, folds{0, 1}, memorize), qfa::error);
  CHECK_THROWS_AS(qfa::out_of_fold_scores(view, labels{1, 0, 1}, folds{0, 9, 1}, memorize), qfa::error);
  CHECK_THROWS_AS(qfa::auc_by_fold(x, labels{1, 0, 1}, folds{0, 9, 1}), qfa::error);
  CHECK_THROWS_AS(qfa::auc_by_fold(x, labels{1, 0, 1}, folds{0, 1}), qfa::error);
  CHECK(qfa::out_of_fold_scores(matrix_view<const double>(nullptr, 0, 1), labels{}, folds{}, memorize).empty());
}

}  // namespace predict_cross_validation_test
