// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_SHARDED_SAFETENSORS_HPP
#define QFA_IO_SHARDED_SAFETENSORS_HPP

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"

namespace qfa {

/// True for a plain file name: one that, put behind a directory, stays in it on every system.
constexpr bool stays_in_directory(std::string_view file_name) noexcept {
  return !file_name.empty() && file_name != "." && file_name.find("..") == std::string_view::npos &&
         file_name.find_first_of(std::string_view("/\\:\0", 4)) == std::string_view::npos;
}

/// The tensors of one safetensors file, or of the many that `model.safetensors.index.json` tells of, under one roof.
/// Copies share the open files.
class sharded_safetensors {
 public:
  /// Takes a .safetensors file, an index file (.json), or a directory that holds `model.safetensors.index.json` or
  /// `model.safetensors`.  Throws where a file of the index leads out of its directory, is missing, is malformed, or
  /// lacks a tensor that the index puts there.
  explicit sharded_safetensors(const std::filesystem::path& path, safetensors_options options = {}) {
    std::filesystem::path file = path;
    if (path_is_directory(path)) {
      file = path / "model.safetensors.index.json";
      if (!path_exists(file)) file = path / "model.safetensors";
      if (!path_exists(file))
        fail("there is neither model.safetensors nor model.safetensors.index.json in " + in_quotes(path));
    }
    where_ = in_quotes(path);
    if (file.extension() == ".json") {
      read_index(file, options);
    } else {
      const safetensors& only = files_.emplace_back(file, options);
      for (const stored_tensor& tensor : only.tensors())
        by_name_.emplace(tensor.name, tensor);
      metadata_ = only.metadata();
    }
  }

  bool contains(std::string_view tensor) const { return by_name_.find(tensor) != by_name_.end(); }

  /// Throws, naming the file or directory, where there is no such tensor.
  const stored_tensor& at(std::string_view tensor) const {
    const auto found = by_name_.find(tensor);
    if (found == by_name_.end()) fail("there is no tensor " + in_quotes(tensor) + " in " + where_);
    return found->second;
  }

  /// The names of all tensors, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : by_name_)
      out.push_back(entry.first);
    return out;
  }
  /// The metadata of all files together; where two disagree, the first file's.
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  std::size_t size() const noexcept { return by_name_.size(); }  ///< tensors
  std::size_t files() const noexcept { return files_.size(); }
  /// What was opened, in quotes, for messages.
  const std::string& where() const noexcept { return where_; }

 private:
  void read_index(const std::filesystem::path& path, safetensors_options options) {
    const json index = read_json(path, options.access);
    const std::string shown = in_quotes(path);
    if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
      fail(shown + " has no \"weight_map\" from tensors to files");
    std::map<std::string, std::size_t> opened;
    for (const auto& [tensor, value] : index["weight_map"].items()) {
      if (!value.is_string()) fail(shown + " names no file for tensor " + in_quotes(tensor));
      const auto& file = value.get_ref<const std::string&>();
      if (!stays_in_directory(file))
        fail(shown + " puts tensor " + in_quotes(tensor) + " into " + in_quotes(file) +
             ", which is not a plain file name");
      const auto [entry, is_new] = opened.emplace(file, files_.size());
      if (is_new) {
        files_.emplace_back(path.parent_path() / file, options);
        metadata_.insert(files_.back().metadata().begin(), files_.back().metadata().end());
      }
      const safetensors& shard = files_[entry->second];
      if (!shard.contains(tensor))
        fail(shown + " puts tensor " + in_quotes(tensor) + " into " + in_quotes(file) + ", but it is not there");
      by_name_.emplace(tensor, shard.at(tensor));
    }
  }

  std::vector<safetensors> files_;
  std::string where_;
  std::map<std::string, stored_tensor, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace qfa

#endif
