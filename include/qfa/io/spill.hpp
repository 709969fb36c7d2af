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
#include "qfa/io/checksum.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// Where the blocks of a kept file lie, and what its bytes are: enough for another process to go on with them.
struct saved_blocks {
  struct place {
    std::uint64_t begin = 0;
    std::uint64_t size = 0;
  };
  std::vector<place> blocks{};
  std::uint64_t bytes = 0;  ///< of the file that belong to them
  std::uint32_t crc = 0;    ///< CRC-32 of those bytes

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.blocks, self.bytes, self.crc);
  }
};

/// Blocks of bytes, kept in memory up to a budget and in a temporary file without a name beyond it.  The file lies in
/// `directory` (the system's own where empty) and is gone when this object is, even if the program ends in a crash.
///
/// Or in a named file, which outlives the process: `save` puts every block there, and `restore` takes them up again.
///
/// `read` may be called on several threads at once, `append` and `save` may not be called meanwhile.
class spill_file {
 public:
  explicit spill_file(std::size_t bytes_in_memory, std::filesystem::path directory = {})
      : budget_(bytes_in_memory), directory_(std::move(directory)) {}

  /// Keeps blocks in this file, which is made, or emptied, when the first is written.  Its directory must be there
  /// then.  Throws where the first block has gone to a file already.
  void keep_in(std::filesystem::path path) {
    require(file_ == nullptr, "a spill file is given its name before the first block is in it");
    name_ = std::move(path);
    directory_ = name_.parent_path();
  }

  /// Keeps a block and says by which number it is read: 0, 1, 2...  Throws where the file cannot be made or is full.
  std::size_t append(std::span<const std::byte> bytes) {
    block& added = blocks_.emplace_back(block{{}, 0, bytes.size(), false});
    if (bytes.size() <= budget_ - in_memory_) {
      added.bytes.assign(bytes.begin(), bytes.end());
      in_memory_ += bytes.size();
    } else {
      write(added, bytes);
    }
    return blocks_.size() - 1;
  }

  /// The block of that number.  Throws where there is none, and where the file cannot be read.
  std::vector<std::byte> read(std::size_t index) const {
    require(index < blocks_.size(), "a spilled block is read by the number that it was given");
    const block& wanted = blocks_[index];
    if (wanted.bytes.size() == wanted.size) return wanted.bytes;
    std::vector<std::byte> out(wanted.size);
    const std::scoped_lock lock(*turn_);
    if (seek(wanted.begin) != 0 || std::fread(out.data(), 1, out.size(), file_.get()) != out.size())
      fail("cannot read back a temporary file in " + in_quotes(directory_));
    return out;
  }

  /// Writes to the named file what is only in memory so far.  Throws where the file has no name, and where it is full.
  saved_blocks save() {
    require(!name_.empty(), "only a spill file with a name can be saved");
    saved_blocks out;
    for (block& each : blocks_) {
      if (!each.in_file) write(each, each.bytes);
      out.blocks.push_back({each.begin, each.size});
    }
    out.bytes = in_file_;
    out.crc = crc_.value();
    return out;
  }

  /// Takes up the named file as `saved` says, in place of any blocks.  What was written behind is cut off.  Throws
  /// where the file is not there, is shorter, or holds other bytes.
  void restore(const saved_blocks& saved) {
    require(!name_.empty() && blocks_.empty(), "only a spill file with a name and without blocks can be restored");
    if (saved.blocks.empty()) return;
    std::error_code problem;
    const std::uintmax_t size = std::filesystem::file_size(name_, problem);
    if (problem || size < saved.bytes)
      fail(in_quotes(name_) + " is cut short or not there, expected " + std::to_string(saved.bytes) + " bytes");
    std::filesystem::resize_file(name_, saved.bytes, problem);
    file_.reset(problem ? nullptr : std::fopen(name_.string().c_str(), "r+b"));
    if (file_ == nullptr) fail("cannot open " + in_quotes(name_) + " to go on with it");
    std::vector<std::byte> piece(std::size_t{1} << 20);
    for (std::uint64_t left = saved.bytes; left > 0; left -= piece.size()) {
      if (left < piece.size()) piece.resize(static_cast<std::size_t>(left));
      if (std::fread(piece.data(), 1, piece.size(), file_.get()) != piece.size())
        fail("cannot read " + in_quotes(name_) + " to its end");
      crc_(piece);
    }
    if (crc_.value() != saved.crc)
      fail(in_quotes(name_) + " is damaged: its bytes do not have the checksum that they were saved with");
    in_file_ = saved.bytes;
    for (const saved_blocks::place& place : saved.blocks) {
      require(place.begin <= saved.bytes && place.size <= saved.bytes - place.begin,
              "a saved block lies within its file");
      blocks_.push_back({{}, place.begin, static_cast<std::size_t>(place.size), true});
    }
  }

  std::size_t blocks() const noexcept { return blocks_.size(); }
  std::size_t bytes_in_memory() const noexcept { return in_memory_; }
  std::uint64_t bytes_in_file() const noexcept { return in_file_; }

 private:
  struct block {
    std::vector<std::byte> bytes;  // as many as `size`, or none where they are in the file alone
    std::uint64_t begin;           // in the file
    std::size_t size;
    bool in_file;
  };
  struct closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  void write(block& to, std::span<const std::byte> bytes) {
    if (file_ == nullptr) open();
    const std::scoped_lock lock(*turn_);
    if (seek(in_file_) != 0 || std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size() ||
        std::fflush(file_.get()) != 0)
      fail("cannot write a temporary file of " + std::to_string(in_file_ + bytes.size()) + " bytes in " +
           in_quotes(directory_));
    if (!name_.empty()) crc_(bytes);
    to.begin = in_file_;
    to.in_file = true;
    in_file_ += bytes.size();
  }

  void open() {
    if (!name_.empty()) {
      std::error_code ignored;
      std::filesystem::create_directories(directory_, ignored);
      file_.reset(std::fopen(name_.string().c_str(), "w+b"));
      if (file_ == nullptr) fail("cannot write " + in_quotes(name_));
      return;
    }
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
  std::filesystem::path name_;  // empty: without one
  std::size_t in_memory_ = 0;
  std::uint64_t in_file_ = 0;
  std::vector<block> blocks_;
  running_crc32 crc_;  // of the file's bytes, where it has a name
  std::unique_ptr<std::FILE, closer> file_;
  std::unique_ptr<std::mutex> turn_ = std::make_unique<std::mutex>();  // the file has one position for all
};

}  // namespace qfa

#endif
