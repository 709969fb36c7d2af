// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_RESULT_HPP
#define QFA_AUDIT_RESULT_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/equal_loss.hpp"
#include "qfa/audit/losses.hpp"
#include "qfa/audit/overlap.hpp"
#include "qfa/audit/prediction.hpp"
#include "qfa/audit/shift_account.hpp"
#include "qfa/audit/token_account.hpp"
#include "qfa/audit/worst_features.hpp"
#include "qfa/bits/ladder_survey.hpp"
#include "qfa/meaning/findings.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/feature_summary.hpp"
#include "qfa/stats/row_groups.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// A file that an audit read.
struct input_file {
  std::string path;
  std::uint64_t bytes = 0;
  std::string checksum;  ///< CRC-32 in hexadecimal
  std::string role{};    ///< what it is to the audit: "model", "sae", "tokens" ...; empty: not said
};

/// A model that was compressed elsewhere and audited as it is stored.
struct audited_checkpoint {
  std::string condition;  ///< what the report calls it
  std::string path;
  std::string quantization;  ///< how its files hold the weights; empty where they hold floats
};

/// The text that an audit's tokens were made of.
struct audited_text {
  std::string tokenizer;  ///< its file
  std::string kind;       ///< "byte-level BPE", "BPE over characters" or "SentencePiece"
  std::string checksum;   ///< CRC-32 of the tokenizer's file, in hexadecimal
  std::string cut;        ///< what is a document: files, lines or blank-lines
  std::string separator;  ///< what stands between documents: none, bos, eos or a token
  std::size_t documents = 0;
  std::size_t bytes = 0;     ///< of the documents
  std::size_t tokens = 0;    ///< of the stream that rows are cut from, separators included
  std::size_t replaced = 0;  ///< documents with bytes that were not UTF-8, and were replaced
};

/// The groups of rows that an audit, a location or an allocation began with, and whether they were joined because rows
/// depend on each other for longer than half a group (audit/long_groups.hpp).
struct group_halving {
  std::size_t from = 0;                                            ///< groups
  std::size_t to = 0;                                              ///< the same, or a half, a quarter, ...; 8 at least
  double block_length = std::numeric_limits<double>::quiet_NaN();  ///< b*, rows: the longest of any condition's series
  std::string policy{};                                            ///< whose it is; empty where no series has one
  std::string series{};                                            ///< "excess loss" or "the codes' cosine"
  bool long_enough = true;                                         ///< whether a group holds 2 b* rows in the end
  std::size_t for_halves =
      0;  ///< of which half chooses and the other half judges: `to`, or more where `to` is under 16
};

/// How a report was made.  Stands in every file that an audit writes.
struct audit_protocol {
  std::string rules{};   ///< whose headline numbers are shown: the protocol's name
  std::string source{};  ///< "model" or "activations"
  std::string hook{};
  std::string gate{};  ///< of the SAE, and whether it is ignored; empty: as its files have it
  std::size_t rows = 0;
  std::size_t context = 0;                 ///< tokens a row, BOS included
  std::size_t tokens = 0;                  ///< rows x context
  std::size_t analyzed_tokens = 0;         ///< those in the feature statistics
  std::size_t dropped_tokens = 0;          ///< of the file, behind the last whole row
  std::size_t groups = 0;                  ///< of rows, for the intervals
  std::optional<group_halving> halving{};  ///< where groups that are too short are joined
  std::size_t documents = 0;               ///< between which groups are cut; 0: cut between rows, of whatever document
  bool prepend_bos = false;
  std::size_t bos_added = 0;  ///< rows that got a BOS which the file did not have
  std::size_t skip_positions = 0;
  std::string processing{};
  std::string order{};  ///< of compression and processing
  bool fused = false;
  std::string targets{};
  std::string calibration{};           ///< which rows calibrated policies learned from; empty: none did
  std::size_t calibration_tokens = 0;  ///< in those rows
  std::string architecture{};
  std::string model_dtype{};  ///< as stored; qfa computes in float32
  std::string loss{};         ///< which mean
  std::uint64_t fold_seed = 0;
  std::string simd{};
  std::vector<audited_checkpoint> checkpoints{};
  std::vector<input_file> inputs{};
  std::optional<audited_text> text{};  ///< where tokens were made here, and not read
  std::vector<std::string> warnings{};
};

/// How well the SAE describes one model's activations, over the analyzed tokens (sae/health.hpp).
struct sae_fit {
  double fvu = std::numeric_limits<double>::quiet_NaN();
  double l0 = std::numeric_limits<double>::quiet_NaN();
  double dead_share = std::numeric_limits<double>::quiet_NaN();
  double explained_variance = std::numeric_limits<double>::quiet_NaN();
  double explained_variance_legacy = std::numeric_limits<double>::quiet_NaN();
  interval fvu_range{};  ///< on log
  interval l0_range{};   ///< on log
};

/// The first analyzed position of the rows apart from the others: one massive token can set every tensor-wide number.
/// Where position 0 is left out of all statistics, its norm alone is known.
struct first_position {
  std::size_t position = 0;
  double norm = std::numeric_limits<double>::quiet_NaN();            ///< mean |h| there
  double norm_elsewhere = std::numeric_limits<double>::quiet_NaN();  ///< mean |h| at the others
  double norm_at_0 = std::numeric_limits<double>::quiet_NaN();       ///< mean |h| at position 0, analyzed or left out
  double fvu = std::numeric_limits<double>::quiet_NaN();             ///< of the SAE there
  double flip_share = std::numeric_limits<double>::quiet_NaN();      ///< its share of all firings that came or went
  double shift_share = std::numeric_limits<double>::quiet_NaN();     ///< its share of E|D|^2, D = h~ - h; paired audits
};

/// A sparsity chosen so that pruning costs as much as another condition.
struct pruning_match {
  std::string matched_to;
  std::string method;   ///< "published bisection on perplexity" or "bisection on nats"
  double target = 0.0;  ///< perplexity or nats on the matching rows
  double reference = std::numeric_limits<double>::quiet_NaN();  ///< the reference's there, where it was asked; nats
  double reached = 0.0;
  double sparsity = 0.0;
  std::size_t rows = 0;    ///< on which it was matched
  bool same_rows = false;  ///< whether those are also the reported ones
  bool within_tolerance = true;
  std::optional<double> tolerance{};              ///< nats; none of the published match
  std::vector<std::pair<double, double>> trials;  ///< sparsity, value
  bool across = false;  ///< not the best: run for the damage between, from the target's other side
};

/// The caches through which a condition's texts passed.
struct audited_cache {
  std::string name;            ///< the plan's
  std::size_t first_call = 0;  ///< tokens of a row's first call
  std::size_t calls = 0;       ///< by which a row comes
  /// Bits that an element of K or V takes in the caches of a whole row, scales included, over all layers; those of a
  /// layer without a policy as 16.  None where a policy does not say.
  std::optional<double> bits_per_element{};
};

/// One compressed model, or the reference itself.
struct condition_result {
  std::string policy;  ///< spec string, or the caller's name
  bool reference = false;
  std::optional<loss_summary> loss;  ///< none where only activations were given
  sae_fit fit;
  first_position first;
  std::optional<token_account> tokens;    ///< where damage is asked for token by token
  std::optional<activation_shift> shift;  ///< where both sides' activations are at hand (`paired`)
  survey by_published;
  survey by_honest;
  std::vector<feature_summary> features;  ///< (d_sae)
  estimate flip_share;                    ///< of the error's energy, over the features that the honest protocol counts
  survival_prediction<published_prediction> published_auc;
  survival_prediction<honest_prediction> honest_auc;
  estimate baseline_auc;                   ///< of survival by noise to signal: nothing is fitted
  std::vector<compressed_tensor> tensors;  ///< what the policy did to each
  /// Bits a weight takes over the targeted matrices, scales included; of the reference, over those that the other
  /// conditions target.  None where that is not known, or where conditions' targets differ in it.
  std::optional<double> bits_per_weight{};
  std::optional<pruning_match> match;
  std::optional<equal_loss_damage> at_equal_loss{};  ///< of pruning that is matched in nats
  std::optional<audited_cache> cache{};
  std::optional<meaning_findings> meaning{};        ///< where the audit compares what features mean
  std::optional<worth_in_bits> effective{};         ///< in bits of the audit's ladder, if it has one
  std::optional<group_length_check> code_groups{};  ///< by rows' cosines of codes; none of the reference
  worst_features worst{};                           ///< chosen on half of the rows; empty of the reference
  bool ladder_only = false;                         ///< a rung or a pruning that nobody asked to see: in no table

  const survey& by(const protocol& rules) const noexcept { return rules.guarded_r ? by_published : by_honest; }
};

/// The ladder of bit widths among an audit's conditions (audit/ladder.hpp), by which the others are measured.
struct audited_ladder {
  std::string family;              ///< of policies, without their bits
  std::vector<std::size_t> rungs;  ///< places among the conditions, by bits
  ladder_survey survey;            ///< `conditions` is empty: each condition has its own
};

/// What an audit found.
struct audit_result {
  audit_protocol made;
  protocol headline{};  ///< whose numbers a table shows
  sae_metadata sae;
  std::string sae_checksum;  ///< of its numbers, whatever file they came from
  activation_kind activation = activation_kind::relu;
  std::size_t d_in = 0;
  std::size_t d_sae = 0;
  std::vector<condition_result> conditions;        ///< the reference first
  std::vector<damage_overlap> published_overlaps;  ///< of every two conditions but the reference
  std::vector<damage_overlap> honest_overlaps;
  std::optional<audited_ladder> ladder{};
  std::optional<row_groups> groups{};  ///< of the reported rows, which intervals leave out; none in a made-up result
  std::optional<row_groups> halves{};  ///< of which half chooses and the other half judges: these, or more
};

}  // namespace qfa

#endif
