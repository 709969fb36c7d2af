// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_GGUF_HPP
#define QFA_IO_GGUF_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/file_piece.hpp"
#include "qfa/io/file_window.hpp"
#include "qfa/io/gguf_header.hpp"
#include "qfa/io/gguf_types.hpp"
#include "qfa/io/gguf_values.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// A tensor as it lies in a GGUF file: rows of blocks.
struct gguf_tensor {
  std::string name;
  const gguf_type* type = nullptr;   ///< never null in a file that was read
  std::vector<std::size_t> shape{};  ///< rows before columns; empty for a scalar
  file_piece bytes{};
  std::string file{};  ///< for messages
};

struct gguf_options {
  file_access access = file_access::mapped;
};

/// A GGUF file of version 2 or 3: metadata and named tensors, whose bytes stay in the file until they are asked for.
/// Copies share the open file.
///
///   "GGUF", u32 version, i64 tensors, i64 pairs; pairs of key and value; tensor entries; padding to general.alignment
///   (32 where absent); the tensors' data in the order of their entries, each padded likewise
///
/// Little-endian files only.  A file that breaks a rule of ggml's own reader is refused with a sentence that names it:
/// the limits of gguf_header.hpp, offsets other than the running sum of the padded sizes, data beyond the end.  The
/// padding of the last tensor may be missing, and what follows it is not looked at.
class gguf {
 public:
  explicit gguf(const std::filesystem::path& path, gguf_options options = {}) : where_(in_quotes(path)) {
    const auto file = std::make_shared<file_window>(path, options.access);
    gguf_header header = read_header(*file);
    version_ = header.version;
    alignment_ = header.alignment;
    metadata_ = std::move(header.metadata);
    // Neither sum can overflow: an alignment has 32 bits, and sizes were held against the file's.
    const auto padded = [&](std::uint64_t n) { return (n + alignment_ - 1) / alignment_ * alignment_; };
    const std::uint64_t begin = (std::min)(padded(header.bytes), file->size());
    const std::uint64_t size = file->size() - begin;
    std::uint64_t end = 0;
    for (gguf_tensor_entry& entry : header.tensors) {
      if (entry.offset != end)
        detail::refuse_gguf(where_, entry.name,
                            "begins at byte " + std::to_string(entry.offset) + " of the data, expected " +
                                std::to_string(end) + ", where the one before it ends");
      if (end > size || entry.bytes > size - end)
        detail::refuse_gguf(where_, entry.name,
                            "has " + std::to_string(entry.bytes) + " bytes, and the file ends before");
      by_name_.emplace(entry.name, tensors_.size());
      tensors_.push_back({std::move(entry.name), entry.type, std::move(entry.shape),
                          entry.bytes == 0 ? file_piece() : file_piece(file, begin + end, entry.bytes), where_});
      end += padded(entry.bytes);
    }
  }

  bool contains(std::string_view tensor) const { return by_name_.find(tensor) != by_name_.end(); }

  /// Throws, naming the file, where there is no such tensor.
  const gguf_tensor& at(std::string_view tensor) const {
    const auto found = by_name_.find(tensor);
    if (found == by_name_.end()) fail("there is no tensor " + in_quotes(tensor) + " in " + where_);
    return tensors_[found->second];
  }

  /// All tensors, in the order of the file.
  std::span<const gguf_tensor> tensors() const noexcept { return tensors_; }
  const std::map<std::string, gguf_value, std::less<>>& metadata() const noexcept { return metadata_; }
  /// Null where the metadata has no such key.
  const gguf_value* find(std::string_view key) const {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? nullptr : &found->second;
  }
  std::uint32_t version() const noexcept { return version_; }
  std::size_t alignment() const noexcept { return alignment_; }
  /// The file's name in quotes, for messages.
  const std::string& where() const noexcept { return where_; }

 private:
  /// Reads as much of the file as its header has, or up to four times that: where a header ends, only its end says.
  gguf_header read_header(file_window& file) {
    for (std::uint64_t size = std::uint64_t{1} << 20U;; size *= 4) {
      std::vector<std::byte> front(static_cast<std::size_t>((std::min)(size, file.size())));
      file.read(0, front);
      try {
        gguf_header header = detail::gguf_header_reader(front, file.size(), where_).read();
        front_ = std::make_shared<const std::vector<std::byte>>(std::move(front));  // its bytes stay where they are
        return header;
      } catch (const detail::gguf_header_goes_on& header) {
        size = (std::max)(size, header.to / 4);
      }
    }
  }

  std::shared_ptr<const std::vector<std::byte>> front_;  // what arrays of the metadata view
  std::string where_;
  std::uint32_t version_ = 3;
  std::size_t alignment_ = 32;
  std::map<std::string, gguf_value, std::less<>> metadata_;
  std::vector<gguf_tensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

}  // namespace qfa

#endif
