// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_CACHE_SWEEP_HPP
#define QFA_ALIGNMENT_CACHE_SWEEP_HPP

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/measured_cache.hpp"
#include "qfa/alignment/onset.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace qfa {

/// Behavior over falling bits, beside noise of the same size and beside perplexity: what perplexity hides.
struct cache_sweep {
  std::vector<measured_cache> rows;    ///< one for each number of bits, as the settings have them
  std::vector<measured_cache> floors;  ///< noise of the same size in place of each one's error (validity.md 2.8)
  onset_bits published;                ///< from the rates
  onset_bits confirmed;                ///< from their lower bounds
};

inline cache_sweep sweep_bits(cache_meter& measure, std::size_t layers, const align_settings& settings) {
  cache_sweep out;
  std::vector<flips_at_bits> flips;
  for (const int bits : settings.bits) {
    const std::string spec = align_specs{&settings}.sweep(bits);
    out.rows.push_back(measure(answering(parse_cache_plan(spec, layers)), bits));
    out.floors.push_back(measure(
        answering(parse_cache_plan("noise:of=(" + spec + "),seed=" + std::to_string(settings.seed), layers)), bits));
    flips.push_back({static_cast<double>(bits), summarize(out.rows.back().harmful).conditional});
  }
  out.published = find_onset(flips, flip_evidence::rate, settings.thresholds);
  out.confirmed = find_onset(flips, flip_evidence::lower_bound, settings.thresholds);
  return out;
}

/// The bits whose cache is worth protecting: the most at which flips have begun beyond doubt, else the most at which
/// they have begun, else the fewest of the sweep.
inline int bits_to_protect(const cache_sweep& sweep, const align_settings& settings) {
  if (settings.deployed_bits) return *settings.deployed_bits;
  if (sweep.confirmed.onset) return static_cast<int>(*sweep.confirmed.onset);
  if (sweep.published.onset) return static_cast<int>(*sweep.published.onset);
  return settings.bits.empty() ? settings.mechanism_bits : (std::ranges::min)(settings.bits);
}

}  // namespace qfa

#endif
