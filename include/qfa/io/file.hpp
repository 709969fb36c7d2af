// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_FILE_HPP
#define QFA_IO_FILE_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#if __has_include(<sys/mman.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#define QFA_IO_HAS_MMAP 1
#else
#define QFA_IO_HAS_MMAP 0
#endif

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// How a file's bytes come into memory.  `mapped` costs nothing until a byte is looked at, and falls back to `read`
/// where the system does not map; it trusts that nobody shortens the file meanwhile.
enum class file_access : std::uint8_t { mapped, read };

/// True where the path leads to a file or a directory; false also where it may not be looked at.
inline bool path_exists(const std::filesystem::path& path) noexcept {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}
inline bool path_is_directory(const std::filesystem::path& path) noexcept {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}
/// The path from the root on; the path as it is where the system cannot say.
inline std::filesystem::path whole_path(const std::filesystem::path& path) {
  std::error_code problem;
  std::filesystem::path out = std::filesystem::absolute(path, problem);
  return problem ? path : out;
}

/// How many bytes a plain file has.  Throws where there is none, something else stands there, or it holds bytes of
/// which the system does not tell.
inline std::uint64_t size_of_file(const std::filesystem::path& path) {
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (!std::filesystem::exists(status)) fail("there is no file " + in_quotes(path));
  if (!std::filesystem::is_regular_file(status)) fail(in_quotes(path) + " is not a plain file");
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  if (problem) fail("cannot tell the size of " + in_quotes(path));
  if (size == 0 && std::ifstream(path, std::ios::binary).peek() != std::ifstream::traits_type::eof())
    fail(in_quotes(path) + " holds bytes, but the system says that it is empty: copy it into a plain file");
  return size;
}

/// The bytes of a whole file, for reading.  Moves, does not copy.
class file_bytes {
 public:
  /// Throws unless the path leads to a plain file that can be read.
  explicit file_bytes(const std::filesystem::path& path, file_access access = file_access::mapped) {
    const std::uint64_t size = size_of_file(path);
    if (size > (std::numeric_limits<std::size_t>::max)() / 2) fail(in_quotes(path) + " is too large for memory");
    size_ = static_cast<std::size_t>(size);
    if (size_ == 0) {  // a mapping may not be empty; opening still tells whether the file may be read
      if (!std::ifstream(path, std::ios::binary)) fail("cannot open " + in_quotes(path));
      return;
    }
    if (access == file_access::read || !map(path)) read(path);
  }

  file_bytes(file_bytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        mapped_(std::exchange(other.mapped_, false)),
        owned_(std::move(other.owned_)) {}
  file_bytes& operator=(file_bytes other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
    std::swap(owned_, other.owned_);
    return *this;
  }
  ~file_bytes() {
#if QFA_IO_HAS_MMAP
    if (mapped_) ::munmap(const_cast<std::byte*>(data_), size_);
#endif
  }

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  /// The same bytes as characters.
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }
  /// True where the bytes stay in the file until looked at.
  bool mapped() const noexcept { return mapped_; }

 private:
  bool map([[maybe_unused]] const std::filesystem::path& path) {
#if QFA_IO_HAS_MMAP
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail("cannot open " + in_quotes(path));
    void* const place = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    ::close(file);
    if (place == MAP_FAILED) return false;  // some file systems do not map
    data_ = static_cast<const std::byte*>(place);
    mapped_ = true;
    return true;
#else
    return false;
#endif
  }

  void read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) fail("cannot open " + in_quotes(path));
    owned_ = std::make_unique_for_overwrite<std::byte[]>(size_);
    in.read(reinterpret_cast<char*>(owned_.get()), static_cast<std::streamsize>(size_));
    if (static_cast<std::size_t>(in.gcount()) != size_) fail("cannot read " + in_quotes(path) + " to its end");
    data_ = owned_.get();
  }

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool mapped_ = false;
  std::unique_ptr<std::byte[]> owned_;
};

}  // namespace qfa

#endif
