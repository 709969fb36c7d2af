// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_BENCH_PARTS_HPP
#define QFA_LOCATE_BENCH_PARTS_HPP

#include <cstddef>
#include <cstdint>

#include "qfa/audit/layout.hpp"
#include "qfa/core/team.hpp"
#include "qfa/locate/bench_checkpoint.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/language_model.hpp"

namespace qfa {

struct bench_options {
  bool losses = true;  ///< run models to their end, for loss and KL; without, passes end with the hook
  bool fused = false;  ///< give policies fused tensors as they are stored
  bool allow_bad_sae = false;
  bool fits = false;  ///< also measure how well the SAE fits each model, not the trunks alone
  /// Bytes that the models measured at a time may hold: their tables of co-moments (48 bytes for each feature and
  /// group) and the weights that are theirs alone.  Beyond it they are measured in turns, each a pass of the reference
  /// more.  No number depends on it, and at least one model is measured at a time.
  std::size_t memory = std::size_t{1} << 30;
  std::size_t tokens_per_block = token_layout::block_tokens;  ///< of which residuals are held; no number depends on it
  /// Outlives the bench; nullptr: no state is kept.  It is made of whatever decides about calls and policies
  /// (locate/bench_checkpoint.hpp): a bench knows only its own part.
  bench_checkpoint* checkpoint = nullptr;
  /// Processes that share the rows of every pass, by groups of rows; policies learn on each of them from all of theirs.
  /// Each does the same with its bench, and gets the same numbers: those of one process, to the bit.
  team ranks{};
};

/// What is measured of models: losses only where the bench has them.
enum class measured_parts : std::uint8_t { features, features_and_losses };

/// A model of the audited kind, ready to run.
struct runnable_model {
  language_model model;
  any_decoder decoder;
};

}  // namespace qfa

#endif
