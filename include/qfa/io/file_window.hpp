// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_FILE_WINDOW_HPP
#define QFA_IO_FILE_WINDOW_HPP

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <span>
#include <string>
#include <utility>

#if __has_include(<sys/mman.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

namespace detail {

#if QFA_IO_HAS_MMAP
/// An open file, closed when this is gone.
class file_handle {
 public:
  file_handle() = default;
  explicit file_handle(const std::filesystem::path& path) : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  file_handle(file_handle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  file_handle& operator=(file_handle other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~file_handle() {
    if (is_open()) ::close(number_);
  }
  bool is_open() const noexcept { return number_ >= 0; }
  int operator*() const noexcept { return number_; }
  /// The same open file once more, whatever has taken its name meanwhile.
  file_handle another() const noexcept {
    file_handle out;
    out.number_ = ::fcntl(number_, F_DUPFD_CLOEXEC, 0);
    return out;
  }

 private:
  int number_ = -1;
};

struct unmap {
  std::size_t size = 0;
  void operator()(const std::byte* place) const noexcept { ::munmap(const_cast<std::byte*>(place), size); }
};
#endif

}  // namespace detail

/// The bytes of a file, seen through one window: a piece of the file is mapped where it is asked for, and the piece
/// before is let go.  However large the file is, address space for one window is enough (`ulimit -v`), and memory for
/// none; where the system does not map, or with file_access::read, the window is memory that is read into.
///
/// A file that has become shorter meanwhile is refused whenever bytes are asked for.  Moves, does not copy, and is
/// not looked at after it was moved from; one thread at a time.
class file_window {
 public:
  /// An audit has a window for each condition: with 64 MiB, thirty of them leave room under a limit of 2 GiB.
  static constexpr std::size_t usual = std::size_t{64} << 20;

  /// `window` bytes are mapped at once, and at least two pages.  Throws unless the path leads to a plain file that can
  /// be read.
  explicit file_window(const std::filesystem::path& path, file_access access = file_access::mapped,
                       std::size_t window = usual)
      : where_(in_quotes(path)), size_(size_of_file(path)), access_(access) {
#if QFA_IO_HAS_MMAP
    page_ = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    file_ = detail::file_handle(path);
    if (!file_.is_open()) fail("cannot open " + where_);
#else
    access_ = file_access::read;
    path_ = path;
    file_.open(path_, std::ios::binary);
    if (!file_) fail("cannot open " + where_);
#endif
    window_ = (std::max)(window, 2 * page_) / page_ * page_;
  }

  /// Another window onto the same open file, for another thread.  Throws where the system gives no more files.
  file_window another() const {
    file_window out;
    out.where_ = where_;
    out.size_ = size_;
    out.access_ = access_;
    out.page_ = page_;
    out.window_ = window_;
    out.open_like(*this);
    return out;
  }

  /// Bytes of the whole file, when it was opened.
  std::uint64_t size() const noexcept { return size_; }
  /// The file's name in quotes, for messages.
  const std::string& where() const noexcept { return where_; }
  /// The most bytes that can be seen at once, wherever they begin.
  std::size_t largest_piece() const noexcept { return window_ - page_; }
  /// True where the bytes last seen stay in the file until looked at.
  bool mapped() const noexcept { return mapping_ != nullptr; }

  /// The bytes [begin, begin + count) of the file, which stay until the next call.  Throws for more than
  /// `largest_piece()`, for bytes beyond the end, and where the file has become shorter than it was.
  std::span<const std::byte> bytes(std::uint64_t begin, std::size_t count) {
    require(count <= largest_piece(), "a window shows no more of a file than its largest piece at once");
    check_inside(begin, count);
    if (count == 0) return {};
    check_length();
    if (begin < begin_ || begin - begin_ > shown_.size() || count > shown_.size() - (begin - begin_)) {
      let_go();
      if (access_ == file_access::read || !map(begin)) read_window(begin, count);
    }
    return shown_.subspan(static_cast<std::size_t>(begin - begin_), count);
  }

  /// Copies the bytes from `begin` on into memory of the caller's, of any size.  Throws as `bytes` does.
  void read(std::uint64_t begin, std::span<std::byte> out) {
    check_inside(begin, out.size());
    read_file(begin, out);
  }

  /// Calls `take(i, bytes)` with the bytes of elements i, i + 1, ... of the `count` elements, `width` bytes each, that
  /// lie from `begin` on: in runs of as many as the window shows.  Throws for elements of no bytes or wider than the
  /// window, and as `bytes`.
  template <class Take>
  void for_each_run(std::uint64_t begin, std::size_t width, std::uint64_t count, Take take) {
    require(width > 0 && width <= largest_piece(), "an element must fit into a window of its file");
    const std::size_t most = largest_piece() / width;
    for (std::uint64_t i = 0; i < count;) {
      const auto run = static_cast<std::size_t>((std::min<std::uint64_t>)(most, count - i));
      take(i, bytes(begin + i * width, run * width));
      i += run;
    }
  }

 private:
  file_window() = default;

#if QFA_IO_HAS_MMAP
  using mapping = std::unique_ptr<const std::byte, detail::unmap>;
#endif

  void check_inside(std::uint64_t begin, std::size_t count) const {
    if (begin > size_ || count > size_ - begin)
      fail("bytes " + std::to_string(begin) + " to " + std::to_string(begin + count) + " are not in " + where_ +
           ", which has " + std::to_string(size_));
  }
  [[noreturn]] void refuse_shortened() const {
    fail(where_ + " had " + std::to_string(size_) + " bytes when it was opened, and has become shorter");
  }

#if QFA_IO_HAS_MMAP
  void open_like(const file_window& other) {
    file_ = other.file_.another();
    if (!file_.is_open()) fail("cannot open " + where_ + " once more");
  }

  /// A mapping beyond the end of a file ends the program where it is looked at.
  void check_length() const {
    struct stat now {};
    if (::fstat(*file_, &now) != 0 || now.st_size < 0 || static_cast<std::uint64_t>(now.st_size) < size_)
      refuse_shortened();
  }

  bool map(std::uint64_t begin) {
    const std::uint64_t first = begin / page_ * page_;
    const auto length = static_cast<std::size_t>((std::min<std::uint64_t>)(window_, size_ - first));
    void* const place = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, *file_, static_cast<off_t>(first));
    if (place == MAP_FAILED) return false;  // some file systems do not map, and address space may be short
    mapping_ = mapping(static_cast<const std::byte*>(place), {length});
    begin_ = first;
    shown_ = {mapping_.get(), length};
    return true;
  }

  void let_go() noexcept {
    mapping_.reset();
    shown_ = {};
  }

  void read_file(std::uint64_t begin, std::span<std::byte> out) {
    while (!out.empty()) {
      const ssize_t n = ::pread(*file_, out.data(), out.size(), static_cast<off_t>(begin));
      if (n == 0) refuse_shortened();
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("cannot read " + where_);
      out = out.subspan(static_cast<std::size_t>(n));
      begin += static_cast<std::size_t>(n);
    }
  }
#else
  void open_like(const file_window& other) {
    path_ = other.path_;
    file_.open(path_, std::ios::binary);
    if (!file_) fail("cannot open " + where_ + " once more");
  }

  void check_length() const {}  // reading finds it
  bool map(std::uint64_t) { return false; }
  void let_go() noexcept { shown_ = {}; }

  void read_file(std::uint64_t begin, std::span<std::byte> out) {
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(begin));
    file_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
    if (static_cast<std::size_t>(file_.gcount()) != out.size()) refuse_shortened();
  }
#endif

  /// Reads what is asked for, and on to a megabyte, so that small pieces in order cost few calls.
  void read_window(std::uint64_t begin, std::size_t count) {
    constexpr std::uint64_t usual_read = std::uint64_t{1} << 20;
    const auto wanted = static_cast<std::size_t>(
        (std::max<std::uint64_t>)(count, (std::min<std::uint64_t>)({usual_read, largest_piece(), size_ - begin})));
    if (room_ < wanted) {
      owned_ = std::make_unique_for_overwrite<std::byte[]>(wanted);
      room_ = wanted;
    }
    read_file(begin, {owned_.get(), wanted});
    begin_ = begin;
    shown_ = {owned_.get(), wanted};
  }

  std::string where_;
  std::uint64_t size_ = 0;
  file_access access_ = file_access::mapped;
  std::size_t page_ = 4096;
  std::size_t window_ = usual;
  std::uint64_t begin_ = 0;           // in the file, of what is shown
  std::span<const std::byte> shown_;  // mapped, or in owned_
  std::size_t room_ = 0;              // bytes of owned_
  std::unique_ptr<std::byte[]> owned_;
#if QFA_IO_HAS_MMAP
  detail::file_handle file_;
  mapping mapping_;
#else
  std::filesystem::path path_;
  std::ifstream file_;
  std::unique_ptr<const std::byte> mapping_;  // never
#endif
};

}  // namespace qfa

#endif
