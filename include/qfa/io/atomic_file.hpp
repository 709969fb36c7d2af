// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_ATOMIC_FILE_HPP
#define QFA_IO_ATOMIC_FILE_HPP

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <system_error>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// Throws where a file of this name must not take the place of what is there: a device, a pipe or a socket, and
/// anything that the system keeps in /dev and /proc, such as /dev/stdout where that leads to a file.
inline void require_replaceable(const std::filesystem::path& path) {
  std::error_code problem;
  const std::filesystem::file_status status = std::filesystem::status(path, problem);
  const std::filesystem::path parent = std::filesystem::absolute(path, problem).parent_path();
  const std::filesystem::path folder = std::filesystem::weakly_canonical(parent, problem);
  const bool of_system =
      folder == "/dev" || folder == "/dev/fd" || folder == "/proc" || folder.string().starts_with("/proc/");
  if (of_system || (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
                    !std::filesystem::is_directory(status)))
    fail("cannot write " + in_quotes(path) + ": it is no plain file but a device, a pipe or a socket");
}

/// A file that appears whole or not at all: written under another name in the same directory, renamed by `commit`,
/// removed by the destructor if that was never reached.  A file of that name from before stays until then.
class atomic_file {
 public:
  /// Throws where the directory does not exist or may not be written, and where a device, a pipe or a socket stands.
  explicit atomic_file(std::filesystem::path path) : path_(std::move(path)), partial_(path_) {
    std::error_code problem;
    if (path_.filename().empty() || std::filesystem::is_directory(path_, problem))
      fail("cannot write " + in_quotes(path_) + ": it names a directory");
    require_replaceable(path_);
    // Unlike any other name in the directory, so that two programs may write the same file at once.
    std::random_device random;
    partial_ += ".partial-" + std::to_string(random()) + "-" + std::to_string(random());
    stream_.open(partial_, std::ios::binary | std::ios::trunc);
    if (!stream_) fail("cannot write " + in_quotes(path_) + ": its directory does not exist or refuses");
  }
  atomic_file(const atomic_file&) = delete;
  atomic_file& operator=(const atomic_file&) = delete;
  ~atomic_file() {
    if (committed_) return;
    stream_.close();
    std::error_code ignored;
    std::filesystem::remove(partial_, ignored);
  }

  /// Binary; seeks.
  std::ostream& stream() noexcept { return stream_; }

  void write(std::span<const std::byte> bytes) {
    stream_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }

  /// Gives the file its name.  Throws where something could not be written; then nothing is left behind.
  void commit() {
    require(!committed_, "a file is committed once");
    stream_.close();
    if (!stream_) fail("cannot write " + in_quotes(path_) + " to its end");
    std::error_code problem;
    std::filesystem::rename(partial_, path_, problem);
    if (problem) fail("cannot write " + in_quotes(path_) + ": " + problem.message());
    committed_ = true;
  }

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  std::filesystem::path partial_;
  std::ofstream stream_;
  bool committed_ = false;
};

}  // namespace qfa

#endif
