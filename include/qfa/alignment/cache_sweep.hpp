// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_CACHE_SWEEP_HPP
#define QFA_ALIGNMENT_CACHE_SWEEP_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "qfa/alignment/align_settings.hpp"
#include "qfa/alignment/behavior.hpp"
#include "qfa/alignment/fitted_onset.hpp"
#include "qfa/alignment/flips.hpp"
#include "qfa/alignment/measured_cache.hpp"
#include "qfa/alignment/onset.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace qfa {

/// Behavior over falling bits, beside noise of the same size and beside perplexity: what perplexity hides.
struct cache_sweep {
  std::vector<measured_cache> rows;    ///< one for each number of bits, as the settings have them
  std::vector<measured_cache> floors;  ///< noise of the same size in place of each one's error
  onset_bits published;                ///< from the rates
  onset_bits confirmed;                ///< from their lower bounds
  fitted_onset fitted;                 ///< from one curve through all of them, at the rate of an onset
};

inline cache_sweep sweep_bits(cache_meter& measure, std::size_t layers, const align_settings& settings) {
  cache_sweep out;
  std::vector<flips_at_bits> flips;
  std::vector<double> bits_of;
  std::vector<std::uint8_t> flipped;  // (bits, prompts that the reference refuses)
  const std::vector<verdict> reference = measure.harmful_verdicts({});
  for (const int bits : settings.bits) {
    const std::string spec = align_specs{&settings}.sweep(bits);
    const answering who(parse_cache_plan(spec, layers));
    out.rows.push_back(measure(who, bits));
    out.floors.push_back(measure(
        answering(parse_cache_plan("noise:of=(" + spec + "),seed=" + std::to_string(settings.seed), layers)), bits));
    flips.push_back({static_cast<double>(bits), summarize(out.rows.back().harmful).conditional});
    bits_of.push_back(static_cast<double>(bits));
    const std::vector<verdict> after = measure.harmful_verdicts(who);
    for (std::size_t p = 0; p < after.size(); ++p)
      if (reference[p] == verdict::refused) flipped.push_back(after[p] == verdict::complied ? 1 : 0);
  }
  out.published = find_onset(flips, flip_evidence::rate, settings.thresholds);
  out.confirmed = find_onset(flips, flip_evidence::lower_bound, settings.thresholds);
  const std::size_t refused = static_cast<std::size_t>(std::ranges::count(reference, verdict::refused));
  out.fitted = fit_onset(bits_of, {flipped.data(), bits_of.size(), refused}, settings.thresholds.onset);
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
