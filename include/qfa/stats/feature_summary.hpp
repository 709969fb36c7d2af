// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_FEATURE_SUMMARY_HPP
#define QFA_STATS_FEATURE_SUMMARY_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "qfa/stats/feature_statistics.hpp"

namespace qfa {

/// Every statistic of one feature, computed.  What the definitions leave without a value is NaN.
struct feature_summary {
  double tokens = 0.0;
  double reference_firings = 0.0;
  double compressed_firings = 0.0;
  double both_firings = 0.0;
  double groups = 0.0;            ///< groups of rows in which the reference fires
  double effective_groups = 0.0;  ///< as evidence_of
  double firing_rate = 0.0;
  double mean_activation = 0.0;  ///< over all tokens
  double max_activation = 0.0;
  double mean_when_active = 0.0;
  double compressed_firing_rate = 0.0;
  double compressed_mean_activation = 0.0;
  double compressed_max_activation = 0.0;
  double r = 0.0;
  double published_r = 0.0;
  double damage = 0.0;
  double noise_to_signal = 0.0;
  double gain = 0.0;
  double firing_rate_ratio = 0.0;
  double recall = 0.0;
  double precision = 0.0;
  double firing_jaccard = 0.0;
  double firing_phi = 0.0;
  double lost_mass_share = 0.0;
  double ghost_mass_share = 0.0;
  double common_support_r = 0.0;
  double flip_energy = 0.0;  ///< mean over tokens, as the next five
  double on_energy = 0.0;
  double error_energy = 0.0;
  double bias_energy = 0.0;
  double gain_energy = 0.0;
  double noise_energy = 0.0;
  double flip_share = 0.0;
  double normalized_error = 0.0;
  double repairable_share = 0.0;
  bool dead = false;
  bool born = false;
};

inline feature_summary summarize(const feature_totals& t, const group_evidence& evidence) noexcept {
  feature_summary s;
  s.tokens = static_cast<double>(t.tokens);
  s.reference_firings = static_cast<double>(t.fired.reference_firings);
  s.compressed_firings = static_cast<double>(t.fired.compressed_firings());
  s.both_firings = static_cast<double>(t.fired.both_firings());
  s.groups = static_cast<double>(evidence.groups);
  s.effective_groups = evidence.effective;
  s.firing_rate = firing_rate(t);
  s.mean_activation = mean_activation(t);
  s.max_activation = static_cast<double>(t.fired.reference_max);
  s.mean_when_active = mean_when_active(t);
  s.compressed_firing_rate = compressed_firing_rate(t);
  s.compressed_mean_activation = ratio(t.fired.either.sum_y(), s.tokens);
  s.compressed_max_activation = static_cast<double>(t.fired.compressed_max);
  s.r = pearson(t.all);
  s.published_r = published_pearson(t.all);
  s.damage = damage(s.r);
  s.noise_to_signal = noise_to_signal(s.r);
  s.gain = regression_gain(t);
  s.firing_rate_ratio = firing_rate_ratio(t);
  s.recall = firing_recall(t);
  s.precision = firing_precision(t);
  s.firing_jaccard = firing_jaccard(t);
  s.firing_phi = firing_phi(t);
  s.lost_mass_share = lost_mass_share(t);
  s.ghost_mass_share = ghost_mass_share(t);
  s.common_support_r = common_support_pearson(t);
  s.flip_energy = ratio(t.fired.flip_energy, s.tokens);
  s.on_energy = ratio(t.fired.on_energy, s.tokens);
  s.error_energy = error_energy(t);
  const error_parts parts = split_error(t);
  s.bias_energy = parts.bias;
  s.gain_energy = parts.gain;
  s.noise_energy = parts.noise;
  s.flip_share = flip_share(t);
  s.normalized_error = normalized_error(t);
  s.repairable_share = repairable_share(t);
  s.dead = died(t);
  s.born = was_born(t);
  return s;
}

inline feature_summary summarize(const feature_table& table, std::size_t feature) noexcept {
  return summarize(table.total(feature), evidence_of(table, feature));
}

/// One number of a summary, for whoever writes a table: its name there, where it is, and why it may have no value.
struct summary_column {
  std::string_view name;
  double feature_summary::*value = nullptr;
  std::string_view why_undefined = {};  ///< empty where it always has a value once there are tokens
};

inline constexpr std::string_view reference_never_fires = "the feature never fires on the reference";
inline constexpr std::string_view compressed_never_fires = "the feature never fires on the compressed model";
inline constexpr std::string_view reference_is_constant = "the feature does not vary on the reference";
inline constexpr std::string_view a_side_is_constant = "the feature does not vary on one of the models";
inline constexpr std::string_view nothing_changed = "the feature's codes are the same on both models";

/// The columns of a per-feature table, in order.
inline constexpr std::array summary_columns{
    summary_column{"reference_firings", &feature_summary::reference_firings},
    summary_column{"compressed_firings", &feature_summary::compressed_firings},
    summary_column{"both_firings", &feature_summary::both_firings},
    summary_column{"groups", &feature_summary::groups},
    summary_column{"effective_groups", &feature_summary::effective_groups},
    summary_column{"firing_rate", &feature_summary::firing_rate},
    summary_column{"mean_activation", &feature_summary::mean_activation},
    summary_column{"max_activation", &feature_summary::max_activation},
    summary_column{"mean_when_active", &feature_summary::mean_when_active, reference_never_fires},
    summary_column{"compressed_firing_rate", &feature_summary::compressed_firing_rate},
    summary_column{"compressed_mean_activation", &feature_summary::compressed_mean_activation},
    summary_column{"compressed_max_activation", &feature_summary::compressed_max_activation},
    summary_column{"r", &feature_summary::r, a_side_is_constant},
    summary_column{"published_r", &feature_summary::published_r},
    summary_column{"damage", &feature_summary::damage, a_side_is_constant},
    summary_column{"noise_to_signal", &feature_summary::noise_to_signal, a_side_is_constant},
    summary_column{"gain", &feature_summary::gain, reference_is_constant},
    summary_column{"firing_rate_ratio", &feature_summary::firing_rate_ratio, reference_never_fires},
    summary_column{"recall", &feature_summary::recall, reference_never_fires},
    summary_column{"precision", &feature_summary::precision, compressed_never_fires},
    summary_column{"firing_jaccard", &feature_summary::firing_jaccard, "the feature never fires on either model"},
    summary_column{"firing_phi", &feature_summary::firing_phi, "on one model the feature fires always or never"},
    summary_column{"lost_mass_share", &feature_summary::lost_mass_share, reference_never_fires},
    summary_column{"ghost_mass_share", &feature_summary::ghost_mass_share, compressed_never_fires},
    summary_column{"common_support_r", &feature_summary::common_support_r,
                   "where both models fire, one of them does not vary"},
    summary_column{"flip_energy", &feature_summary::flip_energy},
    summary_column{"on_energy", &feature_summary::on_energy},
    summary_column{"error_energy", &feature_summary::error_energy},
    summary_column{"bias_energy", &feature_summary::bias_energy},
    summary_column{"gain_energy", &feature_summary::gain_energy, reference_is_constant},
    summary_column{"noise_energy", &feature_summary::noise_energy, reference_is_constant},
    summary_column{"flip_share", &feature_summary::flip_share, nothing_changed},
    summary_column{"normalized_error", &feature_summary::normalized_error, reference_is_constant},
    summary_column{"repairable_share", &feature_summary::repairable_share, "nothing changed or x does not vary"},
};

}  // namespace qfa

#endif
