// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_CHECKPOINT_DIRECTORY_HPP
#define QFA_AUDIT_CHECKPOINT_DIRECTORY_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "qfa/audit/audit_parts.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// Where a run keeps its state: files "qfa-RUN-NAME" of a directory, of which "qfa-RUN-state" says which of the others
/// belong together and what the run is made of.  It is written last and removed first, so that a process that is killed
/// meanwhile leaves a whole checkpoint or none.  Other files of the directory are left alone.
class checkpoint_directory {
 public:
  /// Keeps nothing.
  checkpoint_directory() = default;
  /// Nothing is made or read.  An empty path keeps nothing.  `run` is part of files' names: "audit".
  checkpoint_directory(std::filesystem::path path, std::string_view run)
      : path_(std::move(path)), prefix_("qfa-" + std::string(run) + "-") {}

  bool keeps() const noexcept { return !path_.empty(); }
  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path file(std::string_view name) const { return path_ / (prefix_ + std::string(name)); }
  std::filesystem::path state() const { return file("state"); }

  /// Whether there is something to go on from.
  bool holds_state() const { return keeps() && path_exists(state()); }

  /// Makes the directory.  Throws where that is not possible.
  void make() const {
    std::error_code problem;
    std::filesystem::create_directories(path_, problem);
    if (problem) fail("cannot make the directory " + in_quotes(path_) + ": " + problem.message());
  }

  /// Takes up the state, if it is asked to and there is one: an archive of that kind, which read(archive) reads.  Else
  /// forgets what there is.  Returns whether it took anything up.  Throws where the state is damaged.
  template <class Read>
  bool take_up(bool resume, std::string_view kind, std::uint32_t layout, Read read) const {
    if (!keeps()) return false;
    if (!resume || !holds_state()) {
      remove();
      return false;
    }
    const file_bytes file(state(), file_access::read);
    archive_reader in(file.bytes(), kind, layout, "the checkpoint " + in_quotes(state()));
    read(in);
    in.finish();
    remove_partial();
    return true;
  }

  /// Removes the run's files, its state first, and the directory unless it holds anything else.
  void remove() const {
    if (!keeps()) return;
    std::error_code ignored;
    std::filesystem::remove(state(), ignored);
    remove_files("");
    std::filesystem::remove(path_, ignored);
  }

  /// Removes what a process has left that was killed while it wrote.
  void remove_partial() const { remove_files(".partial-"); }

 private:
  void remove_files(std::string_view part) const {
    std::error_code ignored;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(prefix_) && name.find(part) != std::string::npos) files.push_back(entry.path());
    }
    for (const auto& file : files)
      std::filesystem::remove(file, ignored);
  }

  std::filesystem::path path_;
  std::string prefix_;
};

/// Says when a run's state is due to be saved: so many seconds after the last saving, and not before that has become a
/// twentieth of the time since, as large records take seconds to write.  0 seconds: at once.
class saving_clock {
 public:
  explicit saving_clock(double seconds = 30.0) : seconds_(seconds) {}

  bool due() const {
    const auto since = clock::now() - last_;
    return seconds_ == 0.0 || (std::chrono::duration<double>(since).count() >= seconds_ && since >= 20 * took_);
  }

  /// Calls save(), and takes its time.
  template <class Save>
  void operator()(Save save) {
    const clock::time_point began = clock::now();
    save();
    last_ = clock::now();
    took_ = last_ - began;
  }

 private:
  using clock = std::chrono::steady_clock;

  double seconds_;
  clock::time_point last_ = clock::now();
  clock::duration took_{};
};

/// Throws unless a checkpoint was made of the same parts as what is to go on from it; the sentence says which differs.
/// `run` stands in it: "audit".
inline void check_same_parts(const audit_parts& there, const audit_parts& here, const std::filesystem::path& directory,
                             const std::string& run) {
  const auto differ = [&](const std::string& what, const std::string& of_there, const std::string& of_here) {
    fail("the checkpoint in " + in_quotes(directory) + " is of another " + run + ": " + what + " is " + of_there +
         " there, and " + of_here + " here");
  };
  for (std::size_t i = 0; i < there.size() && i < here.size(); ++i) {
    if (there[i].first != here[i].first) differ("its part " + std::to_string(i + 1), there[i].first, here[i].first);
    if (there[i].second != here[i].second) differ(there[i].first, there[i].second, here[i].second);
  }
  if (there.size() != here.size())
    differ("the number of its parts", std::to_string(there.size()), std::to_string(here.size()));
}

/// Writes a file that appears whole or not at all.
inline void write_whole_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  atomic_file file(path);
  file.write(bytes);
  file.commit();
}

/// Writes an archive that appears whole or not at all, piece by piece: a whole state in memory would be the most that a
/// run of few features takes.  `fill` as write_archive has it (io/archive.hpp).  Returns the archive's checksum.
template <class Fill>
std::uint32_t write_archive_file(const std::filesystem::path& path, std::string_view kind, std::uint32_t layout,
                                 Fill fill) {
  atomic_file file(path);
  const std::uint32_t sum =
      write_archive(kind, layout, fill, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.commit();
  return sum;
}

}  // namespace qfa

#endif
