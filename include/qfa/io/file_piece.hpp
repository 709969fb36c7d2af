// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_FILE_PIECE_HPP
#define QFA_IO_FILE_PIECE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file_window.hpp"

namespace qfa {

/// Bytes that lie together in a file, and are looked at when they are asked for: through a window, so that address
/// space is taken for no more of them at once, however large the file is, and for none while nobody looks.
///
/// Copies share the open file, which stays open as long as there is one.  Several threads may read at once.  Reading
/// throws where the file has become shorter meanwhile.
class file_piece {
 public:
  /// No bytes.
  file_piece() = default;
  /// The bytes [begin, begin + size) of the file.  Throws where they are not in it.
  file_piece(std::shared_ptr<const file_window> file, std::uint64_t begin, std::size_t size)
      : file_(std::move(file)), begin_(begin), size_(size) {
    if (begin > file_->size() || size > file_->size() - begin)
      fail(file_->where() + " ends before byte " + std::to_string(begin) + " and the " + std::to_string(size) +
           " that follow");
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// Calls `take(i, bytes)` with the bytes of elements i, i + 1, ..., `width` bytes each, in runs of as many as a
  /// window shows; a rest that is shorter than an element is left out.
  template <class Take>
  void for_each_run(std::size_t width, Take take) const {
    if (empty()) return;
    file_->another().for_each_run(begin_, width, size_ / width, take);
  }

  /// Copies the bytes from `first` on into memory of the caller's.  Throws where there are fewer.
  void read(std::size_t first, std::span<std::byte> out) const {
    require(first <= size_ && out.size() <= size_ - first, "a piece of a file has fewer bytes than were asked for");
    if (!out.empty()) file_->another().read(begin_ + first, out);
  }
  /// All of them, in memory of their own.
  std::vector<std::byte> read() const {
    std::vector<std::byte> out(size_);
    read(0, out);
    return out;
  }

 private:
  std::shared_ptr<const file_window> file_;
  std::uint64_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace qfa

#endif
