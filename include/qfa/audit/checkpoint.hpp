// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_CHECKPOINT_HPP
#define QFA_AUDIT_CHECKPOINT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/spill.hpp"

namespace qfa {

/// Whether a directory holds a checkpoint.
inline bool holds_checkpoint(const std::filesystem::path& directory) {
  return path_exists(directory / "qfa-audit-state");
}

namespace detail {

/// Removes the files of a checkpoint's directory whose names hold `part`.
inline void remove_checkpoint_files(const std::filesystem::path& directory, std::string_view part) {
  std::error_code ignored;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("qfa-audit-", 0) == 0 && name.find(part) != std::string::npos) files.push_back(entry.path());
  }
  for (const auto& file : files)
    std::filesystem::remove(file, ignored);
}

}  // namespace detail

/// Removes a checkpoint, its state first: a process that is killed meanwhile leaves a whole one or none.  The directory
/// goes too, unless it holds anything else.
inline void remove_checkpoint(const std::filesystem::path& directory) {
  std::error_code ignored;
  std::filesystem::remove(directory / "qfa-audit-state", ignored);
  detail::remove_checkpoint_files(directory, "");
  std::filesystem::remove(directory, ignored);
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
      : directory_(options.directory), seconds_(options.seconds), made_of_(std::move(made_of)) {
    if (directory_.empty()) return;
    made_of_.insert(made_of_.end(), options.made_of.begin(), options.made_of.end());
    if (!options.resume || !holds_checkpoint(directory_)) {
      remove_checkpoint(directory_);
      return;
    }
    const file_bytes file(directory_ / "qfa-audit-state", file_access::read);
    archive_reader in(file.bytes(), kind, version, "the checkpoint " + in_quotes(directory_ / "qfa-audit-state"));
    audit_parts found;
    in(found);
    check(found);
    in(finished_, stored_, running_, blocks_);
    in.finish();
    detail::remove_checkpoint_files(directory_, ".partial-");  // of a process that was killed while it wrote
    on_disk_ = finished_.size();
    saved_ = true;
  }

  /// Whether it was made to keep anything.
  bool keeps() const noexcept { return !directory_.empty(); }

  /// Names the file that the blocks of `store` are kept in, and restores those that were saved.  To be called for each
  /// store that is saved, in the same order.
  void keep(spill_file& store, const std::string& name) {
    if (!keeps()) return;
    store.keep_in(directory_ / ("qfa-audit-" + name));
    if (restored_ < stored_.size()) store.restore(stored_[restored_]);
    ++restored_;
  }

  /// The record of the pass of this number, if it is finished; a pass without one is to be run.
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
    if (keeps() && due()) save(running, blocks, stores);
  }
  void offer(const pass_record& running, std::size_t blocks, std::span<spill_file* const> stores = {}) {
    offer(std::vector{std::cref(running)}, blocks, stores);
  }

  /// A pass has ended.  Until the first saving is due its record waits in memory, so that short audits write nothing.
  void finish(const pass_record& record, std::span<spill_file* const> stores = {}) {
    if (!keeps()) return;
    pending_.push_back(to_bytes(record));
    finished_.push_back(checksum_of_archive(pending_.back()));
    if (saved_ || due()) save({}, 0, stores);
  }

 private:
  static constexpr std::string_view kind = "state of an audit";
  static constexpr std::uint32_t version = 2;

  std::filesystem::path path_of(std::size_t pass) const {
    return directory_ / ("qfa-audit-pass-" + std::to_string(pass));
  }

  /// Not before the last saving has become a twentieth of the time since: large records take seconds to write.
  bool due() const {
    const auto since = clock::now() - last_;
    return seconds_ == 0.0 || (std::chrono::duration<double>(since).count() >= seconds_ && since >= 20 * took_);
  }

  void check(const audit_parts& found) const {
    const auto differ = [&](const std::string& what, const std::string& there, const std::string& here) {
      fail("the checkpoint in " + in_quotes(directory_) + " is of another audit: " + what + " is " + there +
           " there, and " + here + " here");
    };
    for (std::size_t i = 0; i < found.size() && i < made_of_.size(); ++i) {
      if (found[i].first != made_of_[i].first)
        differ("its part " + std::to_string(i + 1), found[i].first, made_of_[i].first);
      if (found[i].second != made_of_[i].second) differ(found[i].first, found[i].second, made_of_[i].second);
    }
    if (found.size() != made_of_.size())
      differ("the number of its parts", std::to_string(found.size()), std::to_string(made_of_.size()));
  }

  void save(std::span<const std::reference_wrapper<const pass_record>> running, std::size_t blocks,
            std::span<spill_file* const> stores) {
    const clock::time_point began = clock::now();
    std::error_code problem;
    std::filesystem::create_directories(directory_, problem);
    if (problem) fail("cannot make the directory " + in_quotes(directory_) + ": " + problem.message());
    std::vector<saved_blocks> stored;
    for (spill_file* const store : stores)
      stored.push_back(store->save());
    for (const std::vector<std::byte>& bytes : pending_)
      write(path_of(on_disk_++), bytes);
    pending_.clear();
    // Piece by piece: memory for a whole state would be the most that an audit of few features takes.
    atomic_file file(directory_ / "qfa-audit-state");
    write_archive(
        kind, version,
        [&](archive_writer& out) {
          out(made_of_, finished_, stored);
          out(static_cast<std::uint64_t>(running.size()));
          for (const pass_record& record : running)
            out(record);
          out(blocks);
        },
        [&](std::span<const std::byte> bytes) { file.write(bytes); });
    file.commit();
    saved_ = true;
    last_ = clock::now();
    took_ = last_ - began;
  }

  static void write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    atomic_file file(path);
    file.write(bytes);
    file.commit();
  }

  using clock = std::chrono::steady_clock;

  std::filesystem::path directory_;
  double seconds_ = 0.0;
  audit_parts made_of_;
  std::vector<std::uint32_t> finished_;          // checksums of the files of finished passes
  std::size_t on_disk_ = 0;                      // of them
  std::vector<std::vector<std::byte>> pending_;  // the bytes of the others
  std::vector<saved_blocks> stored_;             // as they were found
  std::size_t restored_ = 0;                     // of them
  std::vector<pass_record> running_;             // as they were found
  std::size_t blocks_ = 0;
  bool saved_ = false;
  clock::time_point last_ = clock::now();  // saving, or the beginning
  clock::duration took_{};                 // the last saving
};

}  // namespace qfa

#endif
