// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_TEAM_SHARE_HPP
#define QFA_AUDIT_TEAM_SHARE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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

template <class T>
std::vector<std::byte> packed(const T& part, std::string_view kind, std::uint32_t layout) {
  archive_writer out(kind, layout);
  out(part);
  return std::move(out).finish();
}

template <class T>
T unpacked(std::span<const std::byte> bytes, std::string_view kind, std::uint32_t layout, const std::string& whose) {
  archive_reader in(bytes, kind, layout, std::string(kind) + " of " + whose);
  T part;
  in(part);
  in.finish();
  return part;
}

/// Rank 0 merges what each rank has, one after the other, and all get what it then gives: `whole` of the result.
template <class T, class Whole>
void merge_over(const team& ranks, T& part, std::string_view kind, std::uint32_t layout, Whole whole) {
  std::vector<std::byte> bytes;
  if (!ranks.leads()) bytes = packed(part, kind, layout);
  ranks.gather(bytes, [&](std::size_t rank, std::span<const std::byte> theirs) {
    if (rank > 0) part += unpacked<T>(theirs, kind, layout, "rank " + std::to_string(rank));
  });
  if (ranks.leads()) bytes = whole();
  ranks.broadcast(bytes);
  if (!ranks.leads()) part = unpacked<T>(bytes, kind, layout, "all ranks");
}

/// Rank 0 merges what each rank has of a pass and keeps it whole; the others get all of it but what is large and only
/// a report is made from: the table's cells, the shift, the damage of tokens, and what features mean.
inline void merge_over(const team& ranks, pass_record& record) {
  merge_over(ranks, record, pass_record_kind, pass_record_version, [&] {
    feature_table table = std::exchange(record.table, record.table.tokens_only());
    auto shift = std::exchange(record.shift, std::nullopt);
    auto tokens = std::exchange(record.tokens, std::nullopt);
    auto meaning = std::exchange(record.meaning, std::nullopt);
    std::vector<std::byte> bytes = to_bytes(record);
    record.table = std::move(table);
    record.shift = std::move(shift);
    record.tokens = std::move(tokens);
    record.meaning = std::move(meaning);
    return bytes;
  });
}

}  // namespace detail

/// Merges what each rank has of something, by +=, and gives every rank the whole.  Does nothing for one process.
/// Collective.  `T` is mergeable and goes into archives (io/archive.hpp) as a `kind` of content.
template <class T>
void merge_for_all(const team& ranks, T& part, std::string_view kind) {
  constexpr std::uint32_t layout = 1;  // of one run of one program
  if (!ranks.alone()) detail::merge_over(ranks, part, kind, layout, [&] { return detail::packed(part, kind, layout); });
}

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
