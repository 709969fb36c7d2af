// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_ACTIVATION_FILES_HPP
#define QFA_AUDIT_ACTIVATION_FILES_HPP

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/activation_file.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// One side's activations, in one file or in several, one after the other.  A file may stand in the list more than
/// once.  Only one is open at a time, whatever their number.
class activation_files {
 public:
  /// Looks at every file's front.  Throws for none, where one is no matrix of activations, and where two are of
  /// different widths.
  explicit activation_files(std::vector<std::filesystem::path> paths) : paths_(std::move(paths)) {
    require(!paths_.empty(), "activations are read from at least one file");
    std::map<std::filesystem::path, std::size_t> known;  // tokens of each
    for (const std::filesystem::path& path : paths_) {
      begins_.push_back(tokens_);
      const auto [entry, is_new] = known.emplace(path, 0);
      if (is_new) {
        const activation_file file(path);
        if (width_ && *width_ != file.width())
          fail(file.where() + " holds activations " + std::to_string(file.width()) + " wide, but " +
               in_quotes(paths_.front()) + ", which it follows, " + std::to_string(*width_));
        width_ = file.width();
        entry->second = file.tokens();
      }
      tokens_ += entry->second;
    }
    where_ = in_quotes(paths_.front());
    if (paths_.size() > 1) where_ += " and the " + std::to_string(paths_.size() - 1) + " that follow it";
  }

  std::size_t tokens() const noexcept { return tokens_; }  ///< in all files
  std::size_t width() const noexcept { return *width_; }
  /// The file's name in quotes, for messages; of several, the first's, and how many follow it.
  const std::string& where() const noexcept { return where_; }

  /// Fills `out` with the tokens from `first` on, as many as it has rows.  Throws where there are not so many, and
  /// where a file is another than it was when it was first looked at.
  void read(std::size_t first, matrix_view<float> out) {
    if (first > tokens_ || out.rows() > tokens_ - first)
      fail("tokens " + std::to_string(first) + " to " + std::to_string(first + out.rows()) + " are not in " + where_ +
           ", expected no more than " + std::to_string(tokens_));
    for (std::size_t done = 0; done < out.rows();) {
      const std::size_t at = first + done;
      // The last file that begins at or before the token: files without tokens are passed over.
      const auto after = std::upper_bound(begins_.begin(), begins_.end(), at);
      const auto index = static_cast<std::size_t>(after - begins_.begin()) - 1;
      const std::size_t end = after == begins_.end() ? tokens_ : *after;
      const std::size_t count = (std::min)(out.rows() - done, end - at);
      open(index, end - begins_[index]);
      file_->read(at - begins_[index], out.rows_between(done, done + count));
      done += count;
    }
  }

 private:
  void open(std::size_t index, std::size_t tokens) {
    if (file_ && paths_[index] == paths_[open_]) return;
    file_.reset();  // before the next: two windows are never mapped at once
    file_.emplace(paths_[index]);
    open_ = index;
    if (file_->tokens() != tokens || file_->width() != *width_)
      fail(file_->where() + " has changed since it was first looked at: it held " + std::to_string(tokens) +
           " tokens of " + std::to_string(*width_));
  }

  std::vector<std::filesystem::path> paths_;
  std::vector<std::size_t> begins_;  // the first token of each file
  std::size_t tokens_ = 0;
  std::optional<std::size_t> width_;  // of all files
  std::string where_;
  std::optional<activation_file> file_;  // the one that is open
  std::size_t open_ = 0;                 // its index
};

}  // namespace qfa

#endif
