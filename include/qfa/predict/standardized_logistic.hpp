// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_STANDARDIZED_LOGISTIC_HPP
#define QFA_PREDICT_STANDARDIZED_LOGISTIC_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/predict/logistic.hpp"
#include "qfa/predict/standardize.hpp"

namespace qfa {

/// The rows of a table, standardized, in a table of their own.
struct standardized_rows {
  standardizer scaling;
  std::size_t rows = 0;
  std::vector<double> values;  // (rows, columns)

  matrix_view<const double> view() const noexcept { return {values.data(), rows, scaling.mean.size()}; }
};

inline standardized_rows standardize(matrix_view<const double> x) {
  standardized_rows s{fit_standardizer(x), x.rows(), {}};
  s.values.reserve(x.size());
  for (std::size_t r = 0; r < x.rows(); ++r)
    s.values.insert(s.values.end(), x.row(r).begin(), x.row(r).end());
  s.scaling(matrix_view<double>(s.values.data(), x.rows(), x.columns()));
  return s;
}

/// A logistic regression together with the scaling of its columns, both learned from the same rows.
struct standardized_logistic {
  standardizer scaling;
  logistic_model model;  ///< on standardized columns

  /// The log odds of a row that is not standardized yet.  Throws for another number of columns.
  double operator()(std::span<const double> x) const {
    require(x.size() == model.coefficients.size(), "a logistic model was fitted to another number of columns");
    double sum = model.intercept;
    for (std::size_t c = 0; c < x.size(); ++c)
      sum += model.coefficients[c] * ((x[c] - scaling.mean[c]) / scaling.scale[c]);
    return sum;
  }
};

/// Standardizes the rows, then fits them; throws as fit_logistic does.
inline standardized_logistic fit_standardized_logistic(matrix_view<const double> x,
                                                       std::span<const std::uint8_t> positive,
                                                       const logistic_options& options = {}) {
  const standardized_rows s = standardize(x);
  return {s.scaling, fit_logistic(s.view(), positive, options)};
}

}  // namespace qfa

#endif
