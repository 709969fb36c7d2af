// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_TOKENS_HPP
#define QFA_MODEL_TOKENS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file_window.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/npy_header.hpp"
#include "qfa/io/npy_rows.hpp"

namespace qfa {

/// How a file of tokens becomes rows.
struct token_options {
  std::size_t context = 0;                     ///< tokens in a row, BOS among them; 0: as many as a row of the file has
  std::size_t max_tokens = 0;                  ///< whole rows of no more tokens than this in all; 0: all
  std::size_t vocabulary = 0;                  ///< every token must be below; 0: not checked
  std::optional<std::uint32_t> prepend_bos{};  ///< begin each row with this token, unless it begins with it already
};

/// Texts of equal length, one after the other.
struct token_rows {
  std::size_t context = 0;
  std::vector<std::uint32_t> ids{};  ///< (rows, context)
  std::size_t dropped = 0;           ///< tokens of a short last row, or that made room for BOS
  std::size_t bos_added = 0;         ///< rows that got a BOS which the file did not have
  /// (rows): the document that each belongs to, by any number; rows of one document follow each other.  Empty: not
  /// known.
  std::vector<std::uint32_t> documents{};

  std::size_t rows() const noexcept { return context == 0 ? 0 : ids.size() / context; }
  matrix_view<const std::uint32_t> view() const noexcept { return {ids.data(), rows(), context}; }
};

/// The rows behind the first at which a document begins, increasing; none where documents are not known.
inline std::vector<std::size_t> document_begins(std::span<const std::uint32_t> document_of_row) {
  std::vector<std::size_t> out;
  for (std::size_t row = 1; row < document_of_row.size(); ++row)
    if (document_of_row[row] != document_of_row[row - 1]) out.push_back(row);
  return out;
}

namespace detail {

/// Adds to `out` a row from the front of `text`, and returns how many of its tokens it took.
inline std::size_t add_row(token_rows& out, std::span<const std::uint32_t> text,
                           const std::optional<std::uint32_t>& bos) {
  std::size_t taken = out.context;
  if (bos && text.front() != *bos) {
    out.ids.push_back(*bos);
    ++out.bos_added;
    --taken;
  }
  out.ids.insert(out.ids.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(taken));
  return taken;
}

/// Puts a file's next numbers behind `out`, each of them a token.
inline void append_ids(std::vector<std::uint32_t>& out, std::span<const std::int64_t> ids, std::size_t vocabulary,
                       const std::string& where) {
  for (const std::int64_t id : ids) {
    if (id < 0 || id > std::int64_t{0xffffffff})
      fail(where + " holds " + std::to_string(id) + " at place " + std::to_string(out.size()) + ", which is no token");
    if (vocabulary != 0 && static_cast<std::uint64_t>(id) >= vocabulary)
      fail(where + " holds token " + std::to_string(id) + " at place " + std::to_string(out.size()) +
           ", but the model's vocabulary ends at " + std::to_string(vocabulary - 1));
    out.push_back(static_cast<std::uint32_t>(id));
  }
}

}  // namespace detail

/// Cuts a stream of tokens into disjoint rows of `context`; a short last row is dropped.
///
/// A row that gets a BOS holds context - 1 tokens of the stream; one whose text begins with BOS holds context.  Throws
/// where there are fewer tokens than one row takes.  `where` names the file.
///
/// `begins` are the places at which documents begin, increasing; with fewer than two, nothing is known of documents.  A
/// row may hold the end of one and the beginning of the next: it belongs to the one that has its middle, so that
/// between rows of two documents lies the boundary of rows nearest to the beginning of one.
inline token_rows rows_of_stream(std::span<const std::uint32_t> stream, const token_options& options,
                                 const std::string& where, std::span<const std::size_t> begins = {}) {
  if (options.context == 0) fail(where + " is one stream of tokens: say how many of them make a row (--context)");
  if (options.context < 2) fail("a row of one token has nothing to predict, expected a context of at least 2");
  token_rows out{.context = options.context};
  const std::size_t most = options.max_tokens == 0 ? stream.size() + 1 : options.max_tokens / options.context;
  std::size_t at = 0;
  while (out.rows() < most) {
    const std::span<const std::uint32_t> rest = stream.subspan(at);
    if (rest.empty()) break;
    const std::size_t takes =
        options.prepend_bos && rest.front() != *options.prepend_bos ? out.context - 1 : out.context;
    if (rest.size() < takes) {
      out.dropped = rest.size();
      break;
    }
    if (begins.size() > 1)
      out.documents.push_back(static_cast<std::uint32_t>(
          std::upper_bound(begins.begin(), begins.end(), at + takes / 2) - begins.begin()));
    at += detail::add_row(out, rest, options.prepend_bos);
  }
  if (out.rows() == 0)
    fail(where + " holds " + std::to_string(stream.size()) + " tokens" +
         (options.max_tokens == 0 ? "" : ", of which " + std::to_string(options.max_tokens) + " may be used") +
         ", fewer than one context of " + std::to_string(options.context));
  return out;
}

/// Takes rows as they are.  Where BOS must be put before a row, its last token makes room.  Throws where another
/// context is asked for, for rows of fewer than 2 tokens, and where no row may be used.
inline token_rows rows_of_table(std::span<const std::uint32_t> ids, std::size_t rows, std::size_t columns,
                                const token_options& options, const std::string& where) {
  if (options.context != 0 && options.context != columns)
    fail(where + " holds rows of " + std::to_string(columns) +
         " tokens, which are taken as they are: the context cannot be " + std::to_string(options.context));
  if (columns < 2) fail(where + " holds rows of " + std::to_string(columns) + " tokens, expected at least 2");
  token_rows out{.context = columns};
  const std::size_t used = options.max_tokens == 0 ? rows : (std::min)(rows, options.max_tokens / columns);
  if (used == 0)
    fail(where + " holds " + std::to_string(rows) + " rows" +
         (options.max_tokens == 0 ? "" : ", and " + std::to_string(options.max_tokens) + " tokens may be used") +
         ", fewer than one context of " + std::to_string(columns));
  for (std::size_t r = 0; r < used; ++r) {
    const std::size_t taken = detail::add_row(out, ids.subspan(r * columns, columns), options.prepend_bos);
    out.dropped += columns - taken;
  }
  return out;
}

/// Reads rows of tokens from an .npy file of integers: one dimension is a stream, two are rows already.  Beyond the
/// tokens, four bytes each, memory does not grow with the file, unless it is big-endian or in Fortran order.  Throws
/// for any other file, for an id that is no token of the vocabulary, and as rows_of_stream and rows_of_table.
inline token_rows read_tokens(const std::filesystem::path& path, const token_options& options) {
  file_window file(path, file_access::mapped, std::size_t{1} << 20);
  const npy_header header = read_npy_header(file);
  const std::string& where = file.where();
  if (!is_integer(header.type)) fail(where + " holds " + std::string(name(header.type)) + ", expected integer tokens");
  if (header.shape.size() != 1 && header.shape.size() != 2)
    fail(where + " has " + std::to_string(header.shape.size()) + " dimensions, expected 1 (a stream) or 2 (rows)");
  const std::size_t width = bits(header.type) / 8;
  std::vector<std::uint32_t> ids;
  ids.reserve(header.data_bytes / width);
  if (header.big_endian || header.fortran_order) {
    detail::append_ids(ids, as_integers(read_npy(path)), options.vocabulary, where);
  } else {
    std::vector<std::int64_t> part;
    file.for_each_run(header.data_begin, width, header.data_bytes / width,
                      [&](std::uint64_t, std::span<const std::byte> bytes) {
                        part.resize(bytes.size() / width);
                        to_integers(header.type, bytes, part);
                        detail::append_ids(ids, part, options.vocabulary, where);
                      });
  }
  return header.shape.size() == 1 ? rows_of_stream(ids, options, where)
                                  : rows_of_table(ids, header.shape[0], header.shape[1], options, where);
}

}  // namespace qfa

#endif
