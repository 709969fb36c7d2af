// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_PROBE_HPP
#define QFA_ALIGNMENT_PROBE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/alignment/direction.hpp"
#include "qfa/alignment/paired_activations.hpp"
#include "qfa/compare/auc.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/predict/standardized_logistic.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/mcnemar.hpp"

// Does a probe that was trained on the reference still work on the compressed model?  A probe scores an activation by
// its inner product with a direction; harmful prompts are its positives.

namespace qfa {

/// How a probe's direction is found: as the difference of the classes' means, or by logistic regression on standardized
/// channels (predict/standardized_logistic.hpp).
enum class probe_kind : std::uint8_t { mean_difference, logistic };
inline constexpr std::array<std::string_view, 2> probe_kind_names{"mean difference", "logistic"};

/// A probe's direction, of length 1.  (channels)  Throws as find_direction and fit_logistic do, and where a logistic
/// fit sees no difference.
inline std::vector<double> find_probe(matrix_view<const float> positive, matrix_view<const float> negative,
                                      probe_kind kind = probe_kind::mean_difference) {
  if (kind == probe_kind::mean_difference) return find_direction(positive, negative).unit;
  require(positive.columns() == negative.columns(), "a probe needs both classes at one hook");
  std::vector<double> rows;
  for (const matrix_view<const float> of : {positive, negative})
    for (std::size_t r = 0; r < of.rows(); ++r)
      for (const float x : of.row(r))
        rows.push_back(static_cast<double>(x));
  std::vector<std::uint8_t> labels(positive.rows(), 1);
  labels.resize(positive.rows() + negative.rows(), 0);
  const standardized_logistic fit =
      fit_standardized_logistic(matrix_view<const double>(rows.data(), labels.size(), positive.columns()), labels);
  std::vector<double> out(fit.model.coefficients);
  double squares = 0.0;
  for (std::size_t c = 0; c < out.size(); ++c) {
    out[c] /= fit.scaling.scale[c];
    squares += out[c] * out[c];
  }
  require(squares > 0.0, "a probe needs classes that differ");
  for (double& x : out)
    x /= std::sqrt(squares);
  return out;
}

/// The least of the negatives' scores that at most `percent` % of them, rounded down, exceed: scores above it are
/// positive.  Throws without negatives.
inline double probe_threshold(std::span<const double> negative, std::size_t percent = 1) {
  require(!negative.empty() && percent < 100, "a threshold needs negatives, and a percentage of them below 100");
  std::vector<double> sorted(negative.begin(), negative.end());
  std::ranges::sort(sorted, std::greater{});
  return sorted[percent * sorted.size() / 100];
}

/// A probe's scores of held-out prompts.
struct probe_scores {
  std::vector<double> positive, negative;

  std::size_t prompts() const noexcept { return positive.size() + negative.size(); }
  /// Of a prompt, positives first.
  double operator[](std::size_t prompt) const noexcept {
    return prompt < positive.size() ? positive[prompt] : negative[prompt - positive.size()];
  }
  /// All but one prompt; all where there is none of that number.
  probe_scores without(std::size_t prompt) const {
    probe_scores out = *this;
    const auto erase = [](std::vector<double>& from, std::size_t place) {
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(place));
    };
    if (prompt < positive.size())
      erase(out.positive, prompt);
    else if (prompt < prompts())
      erase(out.negative, prompt - positive.size());
    return out;
  }
  /// Area under the ROC curve, ties half; NaN without one of the classes.
  double auroc() const {
    std::vector<double> scores(positive);
    scores.insert(scores.end(), negative.begin(), negative.end());
    std::vector<std::uint8_t> labels(positive.size(), 1);
    labels.resize(scores.size(), 0);
    return auc(scores, labels);
  }
  /// Share of positives above the threshold, and of negatives.
  double true_positive_rate(double threshold) const { return share_above(positive, threshold); }
  double false_positive_rate(double threshold) const { return share_above(negative, threshold); }

 private:
  static double share_above(const std::vector<double>& scores, double threshold) {
    const auto above = std::ranges::count_if(scores, [&](double s) { return s > threshold; });
    return scores.empty() ? std::numeric_limits<double>::quiet_NaN()
                          : static_cast<double>(above) / static_cast<double>(scores.size());
  }
};

/// What became of a frozen probe on the compressed model.  Decisions are held at the reference's threshold.
struct probe_change {
  double auroc = std::numeric_limits<double>::quiet_NaN();
  double true_positives = std::numeric_limits<double>::quiet_NaN();   ///< share of positives above the threshold
  double false_positives = std::numeric_limits<double>::quiet_NaN();  ///< share of negatives
  std::uint64_t lost = 0, gained = 0;                                 ///< decisions "positive" that went and that came
  double mcnemar_p = 1.0;                                             ///< of these
  std::uint64_t to_wrong = 0, to_right = 0;  ///< decisions that were right and are wrong, and the other way round
  double mcnemar_p_right = 1.0;              ///< of these
  estimate auroc_lost;                       ///< the reference's less this, intervals over prompts
  estimate true_positives_lost;              ///< likewise, the threshold being given
};

struct probe_fidelity {
  double threshold = std::numeric_limits<double>::quiet_NaN();  ///< 1 % false positives on the reference
  estimate auroc;                                               ///< on the reference; on logit, over prompts
  double true_positives = std::numeric_limits<double>::quiet_NaN();
  double false_positives = std::numeric_limits<double>::quiet_NaN();
  probe_change frozen;      ///< as the probe is
  probe_change recentered;  ///< with the mean shift E D of the training prompts taken off: what a bias would undo
};

/// Decisions and rates of the same prompts before and after.  Leaving out a prompt leaves out both of its scores.
/// Throws where a class has other numbers of prompts before and after.
inline probe_change compare_probe(const probe_scores& before, const probe_scores& after, double threshold) {
  require(before.positive.size() == after.positive.size() && before.negative.size() == after.negative.size(),
          "a probe is compared on the same prompts");
  probe_change out;
  out.auroc = after.auroc();
  out.true_positives = after.true_positive_rate(threshold);
  out.false_positives = after.false_positive_rate(threshold);
  for (std::size_t i = 0; i < before.prompts(); ++i) {
    const bool was = before[i] > threshold, is = after[i] > threshold;
    if (was == is) continue;
    ++(was ? out.lost : out.gained);
    ++((i < before.positive.size()) == was ? out.to_wrong : out.to_right);
  }
  out.mcnemar_p = mcnemar_exact(out.lost, out.gained);
  out.mcnemar_p_right = mcnemar_exact(out.to_wrong, out.to_right);
  const std::size_t all = before.prompts();
  const auto over_prompts = [&](auto statistic) {
    const auto lost = [&](std::size_t i) { return statistic(before.without(i)) - statistic(after.without(i)); };
    return jackknife(lost(all), all, lost);
  };
  out.auroc_lost = over_prompts([](const probe_scores& s) { return s.auroc(); });
  out.true_positives_lost = over_prompts([&](const probe_scores& s) { return s.true_positive_rate(threshold); });
  return out;
}

namespace detail {

inline probe_scores scores_of(matrix_view<const float> positive, matrix_view<const float> negative,
                              std::span<const double> direction, double shift = 0.0) {
  probe_scores out{projections(positive, direction), projections(negative, direction)};
  for (std::vector<double>* scores : {&out.positive, &out.negative})
    for (double& s : *scores)
      s -= shift;
  return out;
}

}  // namespace detail

/// How far along a direction compression moves the prompts, in their mean.
inline double mean_shift_along(const paired_activations& prompts, std::span<const double> direction) {
  double sum = 0.0;
  prompts.for_each_prompt([&](std::span<const float> x, std::span<const float> y) {
    sum += inner_product(y, direction) - inner_product(x, direction);
  });
  return sum / static_cast<double>(prompts.prompts());
}

/// Holds a probe's direction against the compressed model.  `fitted` are the prompts that it was found on, `held_out`
/// others, which choose the threshold, by the reference alone, and are measured.  Throws as
/// paired_activations::validate does.
inline probe_fidelity measure_probe(std::span<const double> direction, const paired_activations& fitted,
                                    const paired_activations& held_out) {
  fitted.validate();
  held_out.validate();
  const probe_scores before = detail::scores_of(held_out.harmful, held_out.harmless, direction);
  probe_fidelity out;
  out.threshold = probe_threshold(before.negative);
  const std::size_t all = before.prompts();
  const auto auroc = [&](std::size_t i) { return before.without(i).auroc(); };
  out.auroc = jackknife(auroc(all), all, auroc, {.scale = interval_scale::logit});
  out.true_positives = before.true_positive_rate(out.threshold);
  out.false_positives = before.false_positive_rate(out.threshold);
  const auto changed = [&](double shift) {
    return compare_probe(before,
                         detail::scores_of(held_out.harmful_compressed, held_out.harmless_compressed, direction, shift),
                         out.threshold);
  };
  out.frozen = changed(0.0);
  out.recentered = changed(mean_shift_along(fitted, direction));
  return out;
}

}  // namespace qfa

#endif
