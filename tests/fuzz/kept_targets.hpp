// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_FUZZ_KEPT_TARGETS_HPP
#define QFA_TESTS_FUZZ_KEPT_TARGETS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <vector>

#include "fuzz/places.hpp"
#include "qfa/audit/block_store.hpp"
#include "qfa/audit/checkpoint.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/locate/bench_checkpoint.hpp"
#include "qfa/locate/branch_record.hpp"

// The readers of what interrupted runs have kept, as functions of bytes.

namespace qfa_fuzz {

/// An archive with its checksum mended, so that what lies behind it is reached.
inline std::vector<std::byte> mended(bytes data) {
  std::vector<std::byte> out(data.begin(), data.end());
  if (out.size() > 4) {
    const std::uint32_t crc = qfa::crc32(bytes(out).first(out.size() - 4));
    std::memcpy(out.data() + out.size() - 4, &crc, 4);
  }
  return out;
}

inline void checkpoint(bytes data) { qfa::pass_record_from(mended(data), "the checkpoint"); }

/// The effects of a call, and the state of a run of one call, whose records are taken up as a bench does.
inline void bench_checkpoint(bytes data) {
  tolerate([&] { qfa::bench_checkpoint::effects_from(mended(data), "the checkpoint"); });
  write("bench/qfa-bench-state", mended(data));
  qfa::bench_checkpoint kept({.directory = directory() / "bench", .seconds = 1e9, .resume = true, .made_of = {}});
  kept.enter({});
  tolerate([&] { kept.finished("call"); });
  for (std::size_t count = 0; count < 4; ++count) {
    std::vector<qfa::branch_record> records(count);
    tolerate([&] { kept.restore("call", records); });
    for (const qfa::branch_record& record : records)
      if (record.noise.groups() > 0) record.noise.noise();
  }
}

/// The first two bytes say where the state of an audit ends and the blocks of its two stores begin; the first pass is
/// as the seed's.
inline void audit_state(bytes data) {
  if (data.size() < 2) return;
  const bytes parts = data.subspan(2);
  const std::size_t end = (std::min)(
      std::to_integer<std::size_t>(data[0]) + 256 * std::to_integer<std::size_t>(data[1]), parts.size());
  write("audited/qfa-audit-state", mended(parts.first(end)));
  write("audited/qfa-audit-codes", parts.subspan(end));
  write("audited/qfa-audit-states", parts.subspan(end));
  write("audited/qfa-audit-pass-0", qfa::to_bytes(qfa::pass_record("reference", {.rows = 2, .row_tokens = 3}, 3)));
  qfa::audit_checkpoint kept({.directory = directory() / "audited", .seconds = 1e9, .resume = true, .made_of = {}}, {});
  qfa::code_store codes(3, 1000);
  qfa::row_store states(2, 1000);
  tolerate([&] { kept.keep(codes.file(), "codes"); });
  tolerate([&] { kept.keep(states.file(), "states"); });
  for (std::size_t block = 0; block < codes.blocks() && block < 4; ++block)
    tolerate([&] { codes[block]; });
  for (std::size_t block = 0; block < states.blocks() && block < 4; ++block)
    tolerate([&] { states[block]; });
  for (std::size_t pass = 0; pass < 3; ++pass)
    tolerate([&] { kept.finished(pass); });
  if (kept.running() != nullptr) static_cast<void>(kept.running()->complete());
  const auto [records, blocks] = kept.take_running();
  for (const qfa::pass_record& record : records)
    qfa::to_bytes(record);
}

}  // namespace qfa_fuzz

#endif
