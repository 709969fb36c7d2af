// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_READ_TEXT_HPP
#define QFA_TEXT_READ_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/text/documents.hpp"
#include "qfa/text/tokenizer.hpp"
#include "qfa/text/unicode.hpp"

namespace qfa {

/// How files of text become one stream of tokens.
struct text_options {
  document_cut documents = document_cut::files;
  std::optional<std::uint32_t> before{};  ///< a token that begins every document
  std::optional<std::uint32_t> after{};   ///< a token that ends every document
  std::size_t vocabulary = 0;             ///< every token must be below; 0: not checked
  bool replace_invalid = false;           ///< U+FFFD for what is not UTF-8, which is refused otherwise
};

/// The documents of some files, one after the other.
struct text_tokens {
  std::vector<std::uint32_t> ids;
  std::vector<std::size_t> begins;  ///< (documents): where each begins in `ids`, its mark included
  std::size_t documents = 0;
  std::size_t bytes = 0;     ///< of the documents
  std::size_t marks = 0;     ///< tokens of `ids` that stand before or behind documents, not for text
  std::size_t replaced = 0;  ///< documents with bytes that were not UTF-8
};

/// Reads files and encodes each of their documents by itself.  A byte order mark at the beginning of a file is left
/// out.
///
/// Throws, naming file and byte, where text is not UTF-8; where a document is longer than `longest_text`; where a token
/// is beyond the model's vocabulary; and for a file without a document.
inline text_tokens read_text(std::span<const std::filesystem::path> files, const tokenizer& words,
                             const text_options& options) {
  text_tokens out;
  for (const std::filesystem::path& path : files) {
    const file_bytes file(path);
    const std::string_view whole = file.text();
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    const std::size_t before = out.documents;
    for_each_document(whole.substr(whole.starts_with(byte_order_mark) ? byte_order_mark.size() : 0), options.documents,
                      [&](std::string_view document) {
                        if (document.size() > longest_text)
                          fail(in_quotes(path) + " has a document of " + std::to_string(document.size()) +
                               " bytes, expected at most 2^30: cut it by lines or blank lines");
                        std::string replaced;
                        if (const std::size_t bad = first_invalid_utf8(document); bad != document.size()) {
                          if (!options.replace_invalid)
                            fail(in_quotes(path) + " is not UTF-8 at byte " +
                                 std::to_string(static_cast<std::size_t>(document.data() - whole.data()) + bad));
                          replaced = with_replacement_characters(document);
                          document = replaced;
                          ++out.replaced;
                        }
                        out.begins.push_back(out.ids.size());
                        if (options.before) out.ids.push_back(*options.before);
                        const std::size_t begin = out.ids.size();
                        words.encode(document, out.ids);
                        for (std::size_t i = begin; options.vocabulary != 0 && i < out.ids.size(); ++i)
                          if (out.ids[i] >= options.vocabulary)
                            fail("the tokenizer " + in_quotes(words.file) + " makes token " +
                                 std::to_string(out.ids[i]) + " of " + in_quotes(path) +
                                 ", but the model's vocabulary ends at " + std::to_string(options.vocabulary - 1));
                        if (options.after) out.ids.push_back(*options.after);
                        out.marks += std::size_t{options.before.has_value()} + std::size_t{options.after.has_value()};
                        out.bytes += document.size();
                        ++out.documents;
                      });
    if (out.documents == before) fail(in_quotes(path) + " holds no text");
  }
  return out;
}

}  // namespace qfa

#endif
