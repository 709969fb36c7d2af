// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_MADE_UP_LADDER_AUDIT_HPP
#define QFA_TESTS_MADE_UP_LADDER_AUDIT_HPP

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "made_up_ladder.hpp"
#include "qfa/audit/ladder.hpp"

namespace qfa_test {

/// A condition of an audit of which nothing is known but the features' correlations.  Feature 0 is not counted.
inline qfa::condition_result made_condition(std::string name, qfa::leave_one_out correlations) {
  qfa::condition_result out;
  out.policy = std::move(name);
  out.by_honest.rules = qfa::honest;
  for (std::size_t f = 0; f < correlations.features(); ++f) {
    if (f > 0) out.by_honest.counted.push_back(static_cast<std::uint32_t>(f));
    qfa::feature_summary s;
    s.firing_rate = 0.5 / static_cast<double>(f + 1);
    s.mean_activation = s.firing_rate * static_cast<double>(1 + f % 5);
    s.max_activation = 3.0 + static_cast<double>(f * 3 % 7);
    out.features.push_back(s);
    out.by_honest.rates.push_back(s.firing_rate);
  }
  out.by_honest.active.assign(correlations.features(), 1);
  out.by_honest.outcomes.assign(correlations.features(), qfa::outcome::blurred);
  out.by_published = out.by_honest;
  out.by_published.rules = qfa::published;
  out.by_honest.correlations = std::move(correlations);
  return out;
}

/// A reference, rungs from 8 to 3 bits, and a policy of 5.25 bits by every feature's law.  `family` is behind the bits.
inline qfa::audit_result made_ladder_audit(std::size_t features = 40, const std::string& family = "") {
  const made_ladder made(features);
  qfa::audit_result out;
  out.conditions.push_back(made_condition("reference", made_correlations(std::vector<double>(features, 0.0), 0.0, 1)));
  out.conditions[0].reference = true;
  for (int bits = 8; bits >= 3; --bits)
    out.conditions.push_back(made_condition("rtn:bits=" + std::to_string(bits) + family,
                                            made.correlations[static_cast<std::size_t>(bits - 3)]));
  out.conditions.push_back(made_condition("gptq:bits=4", made_correlations(made.at(5.25), 0.2, 50)));
  out.conditions.back().bits_per_weight = 4.125;
  return out;
}

}  // namespace qfa_test

#endif
