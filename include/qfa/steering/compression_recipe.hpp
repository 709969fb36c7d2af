// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_COMPRESSION_RECIPE_HPP
#define QFA_STEERING_COMPRESSION_RECIPE_HPP

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "qfa/audit/audited_model.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/tokens.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// A condition of an audit that can be made again: by a policy, or by reading what another tool compressed.
struct compression_recipe {
  std::string condition;  ///< its name in the audit
  std::function<compressed_model()> make;
};

/// An audit, and what it was made of: what analyses run on that go back to its models.
struct finished_models {
  const audited_model& model;
  const sae& dictionary;
  const token_rows& rows;  ///< the audit's
  const audit_settings& settings;
  const audit_result& audit;
  std::span<const compression_recipe> recipes;
  progress told{};

  /// The condition of that name.  Throws where the audit has none.
  const condition_result& condition(const std::string& name) const {
    const auto found = std::ranges::find(audit.conditions, name, &condition_result::policy);
    if (found == audit.conditions.end()) fail("no condition of this audit is called \"" + name + "\"");
    return *found;
  }
  /// Features that the honest protocol counts, which is a matter of the reference alone.  Throws for an audit without
  /// one.
  const std::vector<std::uint32_t>& counted() const {
    require(!audit.conditions.empty(), "an audit has at least its reference");
    return audit.conditions.front().by_honest.counted;
  }
};

}  // namespace qfa

#endif
