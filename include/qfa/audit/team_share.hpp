// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_TEAM_SHARE_HPP
#define QFA_AUDIT_TEAM_SHARE_HPP

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/team.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/meaning/meaning_record.hpp"
#include "qfa/stats/feature_table.hpp"

namespace qfa {

namespace detail {

/// Rank 0 merges what each rank has of a pass and keeps it whole; the others get all of it but what is large and only
/// a report is made from: the table's cells, the shift, the damage of tokens, and what features mean.
inline void merge_over(const team& ranks, pass_record& record) {
  std::vector<std::byte> bytes;
  if (!ranks.leads()) bytes = to_bytes(record);
  ranks.gather(bytes, [&](std::size_t rank, std::span<const std::byte> theirs) {
    if (rank > 0) record += pass_record_from(theirs, "the record of rank " + std::to_string(rank));
  });
  if (ranks.leads()) {
    feature_table table = std::exchange(record.table, record.table.tokens_only());
    auto shift = std::exchange(record.shift, std::nullopt);
    auto tokens = std::exchange(record.tokens, std::nullopt);
    auto meaning = std::exchange(record.meaning, std::nullopt);
    bytes = to_bytes(record);
    record.table = std::move(table);
    record.shift = std::move(shift);
    record.tokens = std::move(tokens);
    record.meaning = std::move(meaning);
  }
  ranks.broadcast(bytes);
  if (!ranks.leads()) record = pass_record_from(bytes, "the merged record");
}

}  // namespace detail

/// What one rank of a team does of an audit.  Rank 0 makes the report: by one rank or many, with the same bits.
inline audit_share share_among(const team& ranks, audit_split by = audit_split::tokens) {
  if (ranks.alone()) return {};
  return {.part = ranks.rank,
          .parts = ranks.size,
          .complete = [ranks](pass_record& record) { detail::merge_over(ranks, record); },
          .by = by,
          .concludes = ranks.leads()};
}

/// Refuses ranks that do not read the same bytes: machines that do not share their files may have others of the same
/// names.  Collective.
inline void check_same_inputs(const team& ranks, std::span<const input_file> inputs) {
  if (ranks.alone()) return;
  archive_writer out("list of inputs", 1);
  out(static_cast<std::uint64_t>(inputs.size()));
  for (const input_file& input : inputs)
    out(input.path, input.bytes, input.checksum);
  ranks.gather(std::move(out).finish(), [&](std::size_t rank, std::span<const std::byte> bytes) {
    archive_reader in(bytes, "list of inputs", 1, "the list of inputs of rank " + std::to_string(rank));
    std::uint64_t count = 0;
    in(count);
    if (count != inputs.size())
      fail("rank " + std::to_string(rank) + " reads " + std::to_string(count) + " files and rank 0 " +
           std::to_string(inputs.size()) + ": all ranks must read the same ones");
    for (const input_file& mine : inputs) {
      input_file theirs;
      in(theirs.path, theirs.bytes, theirs.checksum);
      if (theirs.path != mine.path || theirs.bytes != mine.bytes || theirs.checksum != mine.checksum)
        fail("rank " + std::to_string(rank) + " reads another \"" + theirs.path + "\" than rank 0's \"" + mine.path +
             "\", expected the same bytes");
    }
  });
}

}  // namespace qfa

#endif
