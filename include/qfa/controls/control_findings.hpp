// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_CONTROL_FINDINGS_HPP
#define QFA_CONTROLS_CONTROL_FINDINGS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "qfa/controls/control_contrast.hpp"
#include "qfa/controls/controlled_prediction.hpp"
#include "qfa/controls/numerics_floor.hpp"
#include "qfa/controls/shared_damage.hpp"
#include "qfa/controls/survival_transfer.hpp"
#include "qfa/controls/variant_contrast.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// What controls run on and how often.
struct control_settings {
  std::size_t seeds = 5;             ///< of every random control of weights
  std::size_t max_tokens = 40'960;   ///< of the reported rows, the first ones; 0: all but those for matching
  std::size_t noise_seeds = 1;       ///< of noise at the hook, each two more passes a policy
  std::size_t pruning_seeds = 1;     ///< of random pruning, each matched by a search of its own, which is dear
  double pruning_tolerance = 0.002;  ///< nats, or a tenth of what the policy costs where that is less
};

/// Random pruning that costs as much as a policy, by a search on rows of its own, and on the controls' rows by a line
/// through the damage of two sparsities (controls/pruned_runs.hpp).
struct matched_pruning {
  double sparsity = 0.0;  ///< the nearest by loss
  double gap = 0.0;       ///< of the losses, nats
  bool within_tolerance = true;
  std::optional<double> across{};                           ///< sparsity from the other side of the policy's loss
  double place = std::numeric_limits<double>::quiet_NaN();  ///< of that loss on the controls' rows: 0 nearest, 1 across
  double sparsity_at_equal_loss = std::numeric_limits<double>::quiet_NaN();
  std::string reason{};    ///< why there is no equal loss, and so no control; empty where there is
  double tolerance = 0.0;  ///< of the search, nats
};

/// The reference held against itself through all that a compression passes through (C1): plumbing.
struct self_check {
  std::uint64_t changed_features = 0;                         ///< 0 where codes are the same to the bit
  double least_r = std::numeric_limits<double>::quiet_NaN();  ///< of the counted features: 1
  double kl = std::numeric_limits<double>::quiet_NaN();       ///< nats per token: 0; NaN where no losses were asked for
  double excess_loss = std::numeric_limits<double>::quiet_NaN();

  bool holds() const noexcept {
    return changed_features == 0 && least_r == 1.0 && !(kl != 0.0 && kl == kl) &&
           !(excess_loss != 0.0 && excess_loss == excess_loss);
  }
};

/// One compression on the rows of the controls, with what its error of the weights is compared with.
struct controlled_policy {
  std::string policy;
  estimate survived;          ///< share of the counted features with r > 0.9, on logit
  estimate mean_r;            ///< on atanh
  std::size_t survivors = 0;  ///< features with r > 0.9
  double error_energy = 0.0;  ///< E|D|^2 at the hook
  double flip_share = std::numeric_limits<double>::quiet_NaN();   ///< of the error's energy over the counted features
  double reliability = std::numeric_limits<double>::quiet_NaN();  ///< of the order of damage, even against odd groups
  std::vector<estimate> beyond;                                   ///< share below tau_null, for each of the floors
  std::vector<control_contrast> contrasts;                        ///< of each kind of control there is
  std::string refusal;                   ///< why there are none of its weights; empty where there are
  std::vector<matched_pruning> matches;  ///< at random, one for each of their seeds
  selection_check selection;
  controlled_prediction prediction;
};

/// What survives the same policies where one choice of the audit is made otherwise: rows with BOS or without, position
/// 0 in the statistics or not, another gate, an SAE that has learned nothing.
struct survival_variant {
  std::string what;
  std::size_t counted = 0;                                ///< features: a matter of the variant's own reference
  double fvu = std::numeric_limits<double>::quiet_NaN();  ///< of the reference
  struct condition {
    std::string policy;
    estimate survived;  ///< share with r > 0.9, on logit
    estimate mean_r;    ///< on atanh
    double flip_share = std::numeric_limits<double>::quiet_NaN();
    variant_contrast against{};  ///< the audit as it is, less this
  };
  std::vector<condition> conditions;  ///< in the order of the policies
  variant_kind kind = variant_kind::positions;
};

/// What the controls say of an audit's claims.
struct control_findings {
  control_settings settings;
  std::size_t rows = 0;
  std::size_t context = 0;
  std::size_t tokens = 0;             ///< in the statistics
  std::size_t groups = 0;             ///< of rows
  std::size_t groups_before = 0;      ///< before neighbors were joined for what rows have to do with each other
  group_length_check group_length{};  ///< of `groups`, by the audit's b* for as many rows as these; NaN: not known
  std::size_t counted = 0;            ///< features
  activation_kind gate = activation_kind::relu;
  self_check self;
  std::vector<numerics_floor> floors;
  std::vector<controlled_policy> policies;
  std::vector<shared_damage> pairs;
  std::vector<survival_transfer> transfers;  ///< for every ordered pair
  std::size_t families = 0;                  ///< of the counted features, near-duplicates being one
  std::size_t largest_family = 0;            ///< members
  std::vector<survival_variant> variants;
  std::vector<std::string> notes;
};

}  // namespace qfa

#endif
