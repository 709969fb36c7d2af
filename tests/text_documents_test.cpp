// SPDX-License-Identifier: Apache-2.0
#include "qfa/text/documents.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_documents_test {

using qfa::document_cut;
using list = std::vector<std::string>;

list cut(std::string_view text, document_cut how) {
  list out;
  qfa::for_each_document(text, how, [&](std::string_view document) { out.emplace_back(document); });
  return out;
}

TEST_CASE("for_each_document: a file is one document, to its last byte") {
  CHECK(cut("a\n\nb\n", document_cut::files) == list{"a\n\nb\n"});
  CHECK(cut("\n", document_cut::files) == list{"\n"});
  CHECK(cut("", document_cut::files).empty());
}

TEST_CASE("for_each_document: lines without their breaks, and none of blanks") {
  CHECK(cut("a\n b \r\n\n \t\nc", document_cut::lines) == list{"a", " b ", "c"});
  CHECK(cut("a\rb\n", document_cut::lines) == list{"a\rb"});
  CHECK(cut("\n\n", document_cut::lines).empty());
  CHECK(cut("a\r", document_cut::lines) == list{"a\r"});
}

TEST_CASE("for_each_document: paragraphs with the breaks between their lines, up to blanks") {
  CHECK(cut("a\nb\n\nc\n", document_cut::blank_lines) == list{"a\nb", "c"});
  CHECK(cut("\n\n a\r\nb\r\n \t\r\n\r\nc", document_cut::blank_lines) == list{" a\r\nb", "c"});
  CHECK(cut(" \n\t\n", document_cut::blank_lines).empty());
}

TEST_CASE("lines_of: lines that hold more than blanks, behind a byte order mark, and a sentence where there is none") {
  CHECK(qfa::lines_of("\xef\xbb\xbf" "a\r\n\n b \n", "\"x\"") == list{"a", " b "});
  for (const char* text : {"", "\n \t\r\n", "\xef\xbb\xbf"})
    qfa_test::check_refused([&] { qfa::lines_of(text, "\"x.txt\""); }, {"\"x.txt\" holds no text"});
}

}  // namespace text_documents_test
