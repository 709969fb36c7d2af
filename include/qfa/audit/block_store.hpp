// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_BLOCK_STORE_HPP
#define QFA_AUDIT_BLOCK_STORE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/spill.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/sae/codes.hpp"

namespace qfa {

/// The reference's sparse codes, block after block, in memory up to a budget and in a temporary file beyond it: the
/// reference is encoded once, whatever the number of conditions.
class code_store {
 public:
  code_store(std::size_t width, std::size_t bytes_in_memory) : width_(width), file_(bytes_in_memory) {}

  /// A block as one run of 4-byte words: tokens, then each token's count of firings, all features, all values.
  void append(const sparse_codes& codes) {
    std::vector<std::uint32_t> words;
    words.reserve(1 + codes.tokens() + 2 * codes.firings());
    words.push_back(static_cast<std::uint32_t>(codes.tokens()));
    for (std::size_t t = 0; t < codes.tokens(); ++t)
      words.push_back(static_cast<std::uint32_t>(codes[t].features.size()));
    for (std::size_t t = 0; t < codes.tokens(); ++t)
      words.insert(words.end(), codes[t].features.begin(), codes[t].features.end());
    const std::size_t values = words.size();
    words.resize(values + codes.firings());
    std::size_t at = values;
    for (std::size_t t = 0; t < codes.tokens(); ++t) {
      const auto from = codes[t].values;
      if (!from.empty()) std::memcpy(words.data() + at, from.data(), from.size_bytes());
      at += from.size();
    }
    file_.append(std::as_bytes(std::span(words)));
  }

  /// The block that was appended as number `index`.  Throws where a restored file holds something else there.
  sparse_codes operator[](std::size_t index) const {
    const std::vector<std::byte> bytes = file_.read(index);
    const auto check = [&](bool holds) {
      if (!holds) fail("block " + std::to_string(index) + " of the kept codes is damaged");
    };
    check(bytes.size() % sizeof(std::uint32_t) == 0 && !bytes.empty());
    std::vector<std::uint32_t> words(bytes.size() / sizeof(std::uint32_t));
    std::memcpy(words.data(), bytes.data(), bytes.size());
    const std::size_t tokens = words.front();
    check(tokens < words.size());
    const std::span<const std::uint32_t> counts = std::span(words).subspan(1, tokens);
    const std::span<const std::uint32_t> rest = std::span(words).subspan(1 + tokens);
    const std::span<const std::uint32_t> features = rest.first(rest.size() / 2);
    check(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) == features.size() && rest.size() % 2 == 0);
    check(std::ranges::all_of(features, [&](std::uint32_t feature) { return feature < width_; }));
    std::vector<float> values(features.size());
    if (!values.empty()) std::memcpy(values.data(), rest.data() + features.size(), features.size_bytes());
    sparse_codes codes(width_);
    std::size_t first = 0;
    for (const std::uint32_t count : counts) {
      codes.append_token(features.subspan(first, count), std::span<const float>(values).subspan(first, count));
      first += count;
    }
    return codes;
  }

  std::size_t blocks() const noexcept { return file_.blocks(); }
  /// Where the blocks lie, to keep them beyond this process.
  spill_file& file() noexcept { return file_; }

 private:
  std::size_t width_;
  spill_file file_;
};

/// Dense rows of one width > 0, block after block, kept in the same way: final hidden states, and in paired audits the
/// reference's activations.
class row_store {
 public:
  row_store(std::size_t width, std::size_t bytes_in_memory) : width_(width), file_(bytes_in_memory) {}

  /// Adds rows (tokens, width).  Throws for another width, and as spill_file::append.
  void append(matrix_view<const float> rows) {
    require(rows.columns() == width_, "a store of rows was made for another width");
    std::vector<float> block;
    block.reserve(rows.size());
    for (std::size_t r = 0; r < rows.rows(); ++r)
      block.insert(block.end(), rows.row(r).begin(), rows.row(r).end());
    file_.append(std::as_bytes(std::span<const float>(block)));
  }

  /// The block that was appended as number `index`.  Throws where a restored file holds no whole rows there.
  activations operator[](std::size_t index) const {
    const std::vector<std::byte> bytes = file_.read(index);
    if (bytes.size() % (width_ * sizeof(float)) != 0)
      fail("block " + std::to_string(index) + " of kept rows is damaged: it has " + std::to_string(bytes.size()) +
           " bytes, expected rows of " + std::to_string(width_) + " floats");
    activations out;
    out.resize(bytes.size() / sizeof(float) / width_, width_);
    if (!bytes.empty()) std::memcpy(out.values.data(), bytes.data(), bytes.size());
    return out;
  }

  std::size_t blocks() const noexcept { return file_.blocks(); }
  /// Where the blocks lie, to keep them beyond this process.
  spill_file& file() noexcept { return file_; }

 private:
  std::size_t width_;
  spill_file file_;
};

}  // namespace qfa

#endif
