// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_SPILL_HPP
#define QFA_IO_SPILL_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#if __has_include(<unistd.h>)
#include <stdlib.h>
#include <unistd.h>
#define QFA_IO_HAS_UNLINK 1
#else
#define QFA_IO_HAS_UNLINK 0
#endif

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// Blocks of bytes, kept in memory up to a budget and in a temporary file without a name beyond it.  The file lies in
/// `directory` (the system's own where empty) and is gone when this object is, even if the program ends in a crash.
///
/// `read` may be called on several threads at once, `append` may not be called meanwhile.
class spill_file {
 public:
  explicit spill_file(std::size_t bytes_in_memory, std::filesystem::path directory = {})
      : budget_(bytes_in_memory), directory_(std::move(directory)) {}

  /// Keeps a block and says by which number it is read: 0, 1, 2...  Throws where the temporary file cannot be made or
  /// is full.
  std::size_t append(std::span<const std::byte> bytes) {
    if (bytes.size() <= budget_ - in_memory_) {
      blocks_.push_back({{bytes.begin(), bytes.end()}, 0, bytes.size(), false});
      in_memory_ += bytes.size();
    } else {
      if (file_ == nullptr) open();
      const std::scoped_lock lock(*turn_);
      if (seek(in_file_) != 0 || std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size() ||
          std::fflush(file_.get()) != 0)
        fail("cannot write a temporary file of " + std::to_string(in_file_ + bytes.size()) + " bytes in " +
             in_quotes(directory_));
      blocks_.push_back({{}, in_file_, bytes.size(), true});
      in_file_ += bytes.size();
    }
    return blocks_.size() - 1;
  }

  std::vector<std::byte> read(std::size_t index) const {
    require(index < blocks_.size(), "a spilled block is read by the number that it was given");
    const block& wanted = blocks_[index];
    if (!wanted.spilled) return wanted.bytes;
    std::vector<std::byte> out(wanted.size);
    const std::scoped_lock lock(*turn_);
    if (seek(wanted.begin) != 0 || std::fread(out.data(), 1, out.size(), file_.get()) != out.size())
      fail("cannot read back a temporary file in " + in_quotes(directory_));
    return out;
  }

  std::size_t blocks() const noexcept { return blocks_.size(); }
  std::size_t bytes_in_memory() const noexcept { return in_memory_; }
  std::uint64_t bytes_in_file() const noexcept { return in_file_; }

 private:
  struct block {
    std::vector<std::byte> bytes;
    std::uint64_t begin;
    std::size_t size;
    bool spilled;
  };
  struct closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  void open() {
    if (directory_.empty()) directory_ = std::filesystem::temp_directory_path();
#if QFA_IO_HAS_UNLINK
    // tmpfile would ignore the directory, and TMPDIR with it.
    std::string name = (directory_ / "qfa-spill-XXXXXX").string();
    const int handle = ::mkstemp(name.data());
    if (handle >= 0) {
      ::unlink(name.c_str());
      file_.reset(::fdopen(handle, "w+b"));
      if (file_ == nullptr) ::close(handle);
    }
#else
    file_.reset(std::tmpfile());
#endif
    if (file_ == nullptr) fail("cannot make a temporary file in " + in_quotes(directory_));
  }

  int seek(std::uint64_t offset) const {
#if QFA_IO_HAS_UNLINK
    return ::fseeko(file_.get(), static_cast<off_t>(offset), SEEK_SET);
#else
    return std::fseek(file_.get(), static_cast<long>(offset), SEEK_SET);
#endif
  }

  std::size_t budget_;
  std::filesystem::path directory_;
  std::size_t in_memory_ = 0;
  std::uint64_t in_file_ = 0;
  std::vector<block> blocks_;
  std::unique_ptr<std::FILE, closer> file_;
  std::unique_ptr<std::mutex> turn_ = std::make_unique<std::mutex>();  // the file has one position for all
};

}  // namespace qfa

#endif
