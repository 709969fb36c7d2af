// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_STEERING_FINDINGS_HPP
#define QFA_STEERING_STEERING_FINDINGS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "qfa/sae/sae.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/bands.hpp"

namespace qfa {

/// A direction of the caller's own to steer with: one that was found between two sets of prompts, say.
struct named_vector {
  std::string name;
  std::vector<float> values;  ///< (hook_width); dose 1 adds it as it is
};

/// What is steered with, and on what.
struct steering_options {
  std::size_t features = 64;   ///< of the counted ones, chosen by sample_by_damage
  std::size_t rows = 64;       ///< of the audit's, spread over all of them
  std::size_t positions = 32;  ///< the first of each row, behind those that are skipped
  std::size_t pilot_rows = 8;  ///< other rows, on which target tokens are chosen; no more than a block of logits holds
  std::uint64_t seed = 1;      ///< of the random directions
  std::vector<named_vector> directions{};  ///< to steer with besides
};

/// One vector's numbers for each dose, over all groups.
struct dose_curve {
  std::vector<double> gain, fidelity;
  std::vector<double> reference_shift, compressed_shift;  ///< of the target's logit
  std::vector<double> exchange;  ///< exchange_rate: infinite where no dose does as much, NaN without a shift
};

/// A feature that models were steered with.
struct steered_feature {
  std::uint32_t feature = 0;
  double r = 0.0;  ///< in the audit; 0 where the compressed model never fires it
  outcome band = outcome::unmeasured;
  std::size_t target = 0;  ///< token whose logit it raises most
  double length = 0.0;     ///< of the vector, in the activations' units
  dose_curve own;
  dose_curve random;  ///< of a random vector of the same length
};

/// All steered features at one dose: lower medians.
struct dose_finding {
  double dose = 0.0;
  estimate gain;
  estimate fidelity;          ///< interval on atanh
  estimate exchange;          ///< interval on log
  std::size_t unreached = 0;  ///< features of which no dose does as much in the compressed model
  estimate random_gain, random_fidelity;
  estimate excess;          ///< median of a feature's fidelity less its random vector's
  estimate predicted_by_r;  ///< Spearman of r and fidelity
};

/// Mean fidelity at dose 1 of the steered features with one outcome.
struct band_fidelity {
  std::size_t features = 0;
  estimate fidelity;  ///< interval on atanh
};

/// What one direction does at one dose.
struct direction_dose {
  double dose = 0.0;
  estimate gain;
  estimate fidelity;         ///< interval on atanh
  estimate reference_shift;  ///< of the target's logit
  estimate exchange;         ///< exchange_rate, interval on log; infinite where no dose does as much
  estimate random_gain, random_fidelity;
};

/// What one direction does in a compressed model, dose by dose.
struct steered_direction {
  std::string name;
  std::size_t target = 0;  ///< token whose logit it raises most
  double length = 0.0;
  std::vector<direction_dose> doses;
};

/// What steering says of one condition.
struct steered_condition {
  std::string policy;
  std::vector<dose_finding> doses;
  /// Whether the audit's r says how faithfully a feature steers, at dose 1: Spearman's correlation, with its interval
  /// over groups of rows, which are left out of both, and as it would be had other features been drawn (leaving out one
  /// at a time).
  estimate predicted_by_r;
  estimate over_features;
  estimate predicted_beyond_length;    ///< the same with the fidelity of random vectors of equal length held fixed
  std::array<band_fidelity, 3> bands;  ///< by outcome: survived, blurred, destroyed
  band_fidelity not_survived;          ///< blurred and destroyed together
  estimate survivors_lead;             ///< mean fidelity of survivors less that of the others
  std::size_t without_fidelity = 0;    ///< features of which one model does not respond: in no correlation
  std::vector<steered_feature> features;
  std::vector<steered_direction> directions;  ///< the caller's own
  std::size_t halves_of = 0;                  ///< groups of which even ones choose the next; 0: those of all numbers
  std::size_t least_faithful = 0;             ///< place among the features, chosen on the even groups at dose 1
  estimate least_fidelity;                    ///< of that feature, on the odd groups, which did not choose it; on atanh

  /// Whether r predicts fidelity for sure: both intervals lie above 0.
  bool r_predicts() const noexcept {
    const auto above = [](const interval& range) {
      return (range.kind == interval_kind::two_sided || range.kind == interval_kind::at_least) && range.lower > 0.0;
    };
    return above(predicted_by_r.range) && above(over_features.range);
  }
};

struct steering_findings {
  steering_options options;
  std::vector<double> doses;
  std::string hook;
  activation_kind gate = activation_kind::relu;
  std::size_t counted = 0;                                      ///< features from which those steered with are drawn
  std::size_t rows = 0, positions = 0, tokens = 0, groups = 0;  ///< steered and measured; groups that have such rows
  std::size_t pilot_tokens = 0;
  std::vector<steered_condition> conditions;
  std::vector<std::string> notes;
};

}  // namespace qfa

#endif
