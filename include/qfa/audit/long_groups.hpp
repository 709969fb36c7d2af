// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_LONG_GROUPS_HPP
#define QFA_AUDIT_LONG_GROUPS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "qfa/audit/conclude.hpp"
#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/group_lengthening.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/audit/shift_carriers.hpp"
#include "qfa/audit/worst_features.hpp"
#include "qfa/io/spill.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// Concludes a whole pass by fewer groups of rows than it was gathered in.  What half of the rows chooses and the other
/// half judges is by more of them where these are under 16 (`groups_for_halves`).
inline condition_result conclude_by(const row_groups& groups, const pass_record& record, const feature_audit& features,
                                    std::size_t batch_rows = 0, std::span<const double> logit_lengths = {}) {
  if (groups == record.groups) return conclude(record, features, batch_rows, logit_lengths);
  const pass_record fewer = record.joined(groups);
  pass_record reference;  // of which a conclusion reads nothing else
  reference.side = features.reference().side.joined(record.groups.places_among(groups));
  condition_result out =
      conclude(fewer, reference, features.dictionary(), batch_rows, {.families = features.families()}, logit_lengths);
  out.meaning = conclude_meaning(fewer, features, out);
  const row_groups halves = groups_for_halves(record.groups, groups);
  if (halves == groups) return out;
  const std::vector<std::uint32_t> places = record.groups.places_among(halves);
  if (!out.reference) out.worst = find_worst_features(record.table.joined(places), out.by_honest);
  if (out.shift) out.shift->carriers = find_shift_carriers(record.shift->joined(places));
  return out;
}

/// Concludes an audit's passes, and where that is asked for by groups of rows that are long enough for what rows have
/// to do with each other: 2 b* rows each, b* the longest block of any condition, by its rows' excess loss and by the
/// cosine of its codes with the reference's (stats/block_length.hpp).  Where they are shorter, neighbors are joined, to
/// 8 groups at fewest.
///
/// All conditions, the reference too, are concluded by the same groups, so that a difference of two leaves out the same
/// rows of both.  One that was concluded before another asked for longer groups is concluded once more by `settle`,
/// from its record, which waits in a temporary file.  Groups follow from the records alone: neither the order of the
/// conditions counts, nor who gathered them.
class long_groups {
 public:
  explicit long_groups(const audit_options& options)
      : halve_(options.halve_groups),
        concludes_(options.share.concludes),
        batch_rows_(options.loss_batch_rows),
        waiting_(0) {}

  /// The next pass, the reference's first, by the groups that the passes so far ask for.
  condition_result operator()(const pass_record& record, const feature_audit& features,
                              std::span<const double> logit_lengths = {}) {
    if (lengthening_.found().from == 0) lengthening_ = group_lengthening(record.groups);
    if (halve_ && record.pair) lengthening_(record.losses, record.cosines, record.name);
    if (!concludes_) return name_and_losses(record, batch_rows_);
    if (halve_ && record.pair) waiting_.append(to_bytes(record));
    concluded_by_.push_back(groups().groups());
    return conclude_by(groups(), record, features, batch_rows_, logit_lengths);
  }

  /// By which the passes so far are to be concluded.
  const row_groups& groups() const noexcept { return lengthening_.groups(); }

  /// Concludes those of the conditions once more that were by other groups than all of them ask for.  Says what was
  /// done with the groups, in every process that shares the audit; nothing where it was not asked for.
  template <class Conditions>
  std::optional<group_halving> settle(Conditions& conditions, const feature_audit& features,
                                      std::span<const double> logit_lengths = {}) {
    for (std::size_t i = 0; i < concluded_by_.size(); ++i) {
      if (concluded_by_[i] == groups().groups()) continue;
      const std::optional<double> bits = conditions[i].bits_per_weight;  // the reference's is the other conditions'
      conditions[i] = i == 0 ? conclude_by(groups(), features.reference(), features, batch_rows_, logit_lengths)
                             : conclude_by(groups(), pass_record_from(waiting_.read(i - 1), "a record of this audit"),
                                           features, batch_rows_, logit_lengths);
      conditions[i].bits_per_weight = bits;
      concluded_by_[i] = groups().groups();
    }
    return halve_ ? std::optional(lengthening_.found()) : std::nullopt;
  }

 private:
  bool halve_;
  bool concludes_;
  std::size_t batch_rows_;
  group_lengthening lengthening_;
  std::vector<std::size_t> concluded_by_;  // of each pass: groups
  spill_file waiting_;                     // records of all passes but the reference's
};

/// b* of an audit: the longest of any condition's series, rows; 0 where none has one.  Where groups are joined all
/// processes that share the audit know it, else the one that makes the report.
inline double longest_block(const audit_result& audit) {
  double out = 0.0;
  const auto see = [&](double length) { out = std::fmax(out, length); };  // of a NaN, what it was
  if (audit.made.halving) see(audit.made.halving->block_length);
  for (const condition_result& c : audit.conditions) {
    if (c.reference) continue;
    if (c.loss) see(c.loss->groups.block_length);
    if (c.code_groups) see(c.code_groups->block_length);
  }
  return out;
}

}  // namespace qfa

#endif
