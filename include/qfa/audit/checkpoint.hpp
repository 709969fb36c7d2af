// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_CHECKPOINT_HPP
#define QFA_AUDIT_CHECKPOINT_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/checkpoint_directory.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/spill.hpp"

namespace qfa {

/// Whether a directory holds an audit's checkpoint.
inline bool holds_checkpoint(const std::filesystem::path& directory) {
  return checkpoint_directory(directory, "audit").holds_state();
}

/// Removes it, and the directory unless that holds anything else.
inline void remove_checkpoint(const std::filesystem::path& directory) {
  checkpoint_directory(directory, "audit").remove();
}

/// The state of an audit on disk: records of finished passes, those of passes that are under way and how many blocks
/// they have seen, and the reference's codes and states.
///
/// Files of the directory, all but the last kind archives with a checksum, written under another name and renamed:
///   qfa-audit-state       what belongs together: the parts, the running records, and checksums of the other files
///   qfa-audit-pass-0...   a finished pass each, written once
///   qfa-audit-NAME        blocks of codes and states, appended to; the state says how many bytes count
/// Whenever a process is killed, the last state that was renamed into place finds all that it speaks of: what was
/// written after it is cut off or overwritten.
class audit_checkpoint {
 public:
  /// Keeps nothing, and has nothing.
  audit_checkpoint() = default;

  /// Takes up what the directory holds, if it is asked to, or forgets it.  Throws where that is damaged or of an audit
  /// made of other parts.
  audit_checkpoint(const checkpoint_options& options, audit_parts made_of)
      : files_(options.directory, "audit"), clock_(options.seconds), made_of_(std::move(made_of)) {
    if (!keeps()) return;
    made_of_.insert(made_of_.end(), options.made_of.begin(), options.made_of.end());
    saved_ = files_.take_up(options.resume, kind, version, [&](archive_reader& in) {
      audit_parts found;
      in(found);
      check_same_parts(found, made_of_, files_.path(), "audit");
      in(finished_, stored_, running_, blocks_);
    });
    on_disk_ = finished_.size();
  }

  /// Whether it was made to keep anything.
  bool keeps() const noexcept { return files_.keeps(); }

  /// Names the file that the blocks of `store` are kept in, and restores those that were saved.  To be called for each
  /// store that is saved, in the same order.
  void keep(spill_file& store, const std::string& name) {
    if (!keeps()) return;
    store.keep_in(files_.file(name));
    if (restored_ < stored_.size()) store.restore(stored_[restored_]);
    ++restored_;
  }

  /// The record of the pass of this number, if it is finished; a pass without one is to be run.  Throws where its file
  /// is not there, is damaged or is another than the one that was saved.
  std::optional<pass_record> finished(std::size_t pass) const {
    if (pass >= finished_.size()) return std::nullopt;
    const std::string where = "the checkpoint " + in_quotes(path_of(pass));
    if (pass >= on_disk_) return pass_record_from(pending_[pass - on_disk_], where);
    const file_bytes file(path_of(pass), file_access::read);
    pass_record record = pass_record_from(file.bytes(), where);
    if (checksum_of_archive(file.bytes()) != finished_[pass])
      fail(where + " is not the one that was saved: it has another checksum");
    return record;
  }

  /// The first record of the passes that were under way behind the finished ones, until they are taken; nullptr where
  /// none was.
  const pass_record* running() const noexcept { return running_.empty() ? nullptr : &running_.front(); }

  /// Those records, and how many blocks they had seen.
  std::pair<std::vector<pass_record>, std::size_t> take_running() {
    return {std::exchange(running_, {}), std::exchange(blocks_, 0)};
  }

  /// Saves, if it is time to, passes that have seen `blocks` blocks, and the stores that they need.
  void offer(std::span<const std::reference_wrapper<const pass_record>> running, std::size_t blocks,
             std::span<spill_file* const> stores = {}) {
    if (keeps() && clock_.due()) save(running, blocks, stores);
  }
  void offer(const pass_record& running, std::size_t blocks, std::span<spill_file* const> stores = {}) {
    offer(std::vector{std::cref(running)}, blocks, stores);
  }

  /// A pass has ended.  Until the first saving is due its record waits in memory, so that short audits write nothing.
  void finish(const pass_record& record, std::span<spill_file* const> stores = {}) {
    if (!keeps()) return;
    pending_.push_back(to_bytes(record));
    finished_.push_back(checksum_of_archive(pending_.back()));
    if (saved_ || clock_.due()) save({}, 0, stores);
  }

 private:
  static constexpr std::string_view kind = "state of an audit";
  static constexpr std::uint32_t version = 2;

  std::filesystem::path path_of(std::size_t pass) const { return files_.file("pass-" + std::to_string(pass)); }

  void save(std::span<const std::reference_wrapper<const pass_record>> running, std::size_t blocks,
            std::span<spill_file* const> stores) {
    clock_([&] {
      files_.make();
      std::vector<saved_blocks> stored;
      for (spill_file* const store : stores)
        stored.push_back(store->save());
      for (const std::vector<std::byte>& bytes : pending_)
        write_whole_file(path_of(on_disk_++), bytes);
      pending_.clear();
      write_archive_file(files_.state(), kind, version, [&](archive_writer& out) {
        out(made_of_, finished_, stored);
        out(static_cast<std::uint64_t>(running.size()));
        for (const pass_record& record : running)
          out(record);
        out(blocks);
      });
    });
    saved_ = true;
  }

  checkpoint_directory files_;
  saving_clock clock_;
  audit_parts made_of_;
  std::vector<std::uint32_t> finished_;          // checksums of the files of finished passes
  std::size_t on_disk_ = 0;                      // of them
  std::vector<std::vector<std::byte>> pending_;  // the bytes of the others
  std::vector<saved_blocks> stored_;             // as they were found
  std::size_t restored_ = 0;                     // of them
  std::vector<pass_record> running_;             // as they were found
  std::size_t blocks_ = 0;
  bool saved_ = false;
};

}  // namespace qfa

#endif
