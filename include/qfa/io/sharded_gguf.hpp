// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_SHARDED_GGUF_HPP
#define QFA_IO_SHARDED_GGUF_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/gguf.hpp"
#include "qfa/io/gguf_values.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// "-00002-of-00007.gguf": what the second of seven parts of a model ends in.
inline std::string gguf_part_suffix(std::size_t part, std::size_t parts) {
  const auto five = [](std::size_t n) {
    const std::string digits = std::to_string(n);
    return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  };
  return "-" + five(part) + "-of-" + five(parts) + ".gguf";
}

/// The tensors of one GGUF file, or of all the parts that llama.cpp's tool cut one into, under one roof.  The metadata
/// is the first part's.  Copies share the open files.
class sharded_gguf {
 public:
  /// Takes a whole file or the first part: NAME-00001-of-0000N.gguf, whose keys split.no and split.count say so. Throws
  /// where a part is missing, is another one than its name says, or has a tensor that an earlier part has.
  explicit sharded_gguf(const std::filesystem::path& path, gguf_options options = {}) {
    files_.emplace_back(path, options);
    paths_.push_back(path);
    const auto number = [](const gguf& file, std::string_view key) -> std::optional<std::uint64_t> {
      const gguf_value* const value = file.find(key);
      if (value == nullptr) return std::nullopt;
      const auto whole = value->whole();
      if (!whole) fail("the value of " + in_quotes(key) + " in " + file.where() + " is no whole number");
      return whole;
    };
    // The reference counts parts in 16 bits, and names them with five digits.
    const std::uint64_t parts = number(files_.front(), "split.count").value_or(1);
    if (parts > 65535) fail(where() + " claims to be one of " + std::to_string(parts) + " parts");
    if (parts > 1) {
      const std::string first = gguf_part_suffix(1, static_cast<std::size_t>(parts));
      const std::string name = path.filename().string();
      if (number(files_.front(), "split.no").value_or(1) != 0 || name.size() <= first.size() || !name.ends_with(first))
        fail(where() + " is part of a model in " + std::to_string(parts) +
             " files, expected the first one, whose name ends in " + first);
      const std::string stem = name.substr(0, name.size() - first.size());
      for (std::size_t part = 2; part <= parts; ++part) {
        paths_.push_back(path.parent_path() / (stem + gguf_part_suffix(part, static_cast<std::size_t>(parts))));
        files_.emplace_back(paths_.back(), options);
        if (number(files_.back(), "split.no") != part - 1 || number(files_.back(), "split.count") != parts)
          fail(files_.back().where() + " is not the part that its name says");
      }
    }
    for (const gguf& file : files_)
      for (const gguf_tensor& tensor : file.tensors())
        if (!by_name_.emplace(tensor.name, tensor).second)
          fail("tensor " + in_quotes(tensor.name) + " in " + file.where() + " is in an earlier part too");
    if (const auto total = number(files_.front(), "split.tensors.count"); total && *total != by_name_.size())
      fail(where() + " tells of " + std::to_string(*total) + " tensors, but its parts have " +
           std::to_string(by_name_.size()));
  }

  bool contains(std::string_view tensor) const { return by_name_.find(tensor) != by_name_.end(); }
  /// Throws, naming the file, where there is no such tensor.
  const gguf_tensor& at(std::string_view tensor) const {
    const auto found = by_name_.find(tensor);
    if (found == by_name_.end()) fail("there is no tensor " + in_quotes(tensor) + " in " + where());
    return found->second;
  }
  /// By name.
  const std::map<std::string, gguf_tensor, std::less<>>& tensors() const noexcept { return by_name_; }
  /// Null where the metadata has no such key.
  const gguf_value* find(std::string_view key) const { return files_.front().find(key); }
  std::size_t files() const noexcept { return files_.size(); }
  /// Where the files are, the first part first.
  const std::vector<std::filesystem::path>& paths() const noexcept { return paths_; }
  /// The first file's name in quotes, for messages.
  const std::string& where() const noexcept { return files_.front().where(); }

 private:
  std::vector<gguf> files_;
  std::vector<std::filesystem::path> paths_;
  std::map<std::string, gguf_tensor, std::less<>> by_name_;
};

}  // namespace qfa

#endif
