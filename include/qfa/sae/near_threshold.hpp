// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_NEAR_THRESHOLD_HPP
#define QFA_SAE_NEAR_THRESHOLD_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// Of each feature's firings in each group of rows how many have a code less than a tenth above the threshold: (groups,
/// d_sae).  As a share of all its firings, over 0.1 theta, it is the density of the pre-activation at the threshold,
/// given that the feature fires: how often a little noise makes it come or go.  Counts of groups add up to those of any
/// choice of groups, so that the density is had from the rows that the rest of a prediction is from.  `block_at(b)`
/// gives each block of codes, `groups_at(b)` the group of each of its tokens.  Throws for an SAE without thresholds,
/// and where tokens and groups do not fit.
template <class BlockAt, class GroupsAt>
std::vector<std::uint32_t> firings_near_threshold(const sae& s, std::size_t groups, std::size_t blocks,
                                                  BlockAt block_at, GroupsAt groups_at) {
  require(s.activation == activation_kind::jump_relu && s.threshold.size() == s.d_sae,
          "firings near a threshold are those of a JumpReLU SAE, which has one for each feature");
  std::vector<std::uint32_t> nearby(groups * s.d_sae, 0);
  for (std::size_t b = 0; b < blocks; ++b) {
    const sparse_codes codes = block_at(b);
    const std::vector<std::uint32_t> group_of = groups_at(b);
    require(group_of.size() == codes.tokens(), "firings near a threshold are counted with one group for each token");
    for (std::size_t t = 0; t < codes.tokens(); ++t) {
      const sparse_codes::token token = codes[t];
      require(group_of[t] < groups, "firings near a threshold are counted in groups that there are");
      for (std::size_t i = 0; i < token.features.size(); ++i) {
        const std::uint32_t f = token.features[i];
        nearby[group_of[t] * s.d_sae + f] += token.values[i] < 1.1f * s.threshold[f];
      }
    }
  }
  return nearby;
}

}  // namespace qfa

#endif
