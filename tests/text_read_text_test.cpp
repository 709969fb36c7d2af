// SPDX-License-Identifier: Apache-2.0
#ifdef QFA_HAS_TEXT
#include "qfa/text/read_text.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace text_read_text_test {

using qfa::document_cut;
using qfa_test::check_refused;
using ids = std::vector<std::uint32_t>;
using paths = std::vector<std::filesystem::path>;

/// A stranger's tokenizer: bytes are tokens.
qfa::tokenizer bytes() {
  return {.kind = "bytes", .file = "bytes", .size = 256, .encode = [](std::string_view text, ids& out) {
            for (const char c : text)
              out.push_back(static_cast<unsigned char>(c));
          }};
}

TEST_CASE("read_text: documents follow each other, with what stands before and behind each") {
  const qfa_test::scratch here;
  const paths files{here.write("a", "ab\n\nc\n"), here.write("b",
                                                             "\xef\xbb\xbf"
                                                             "d\n")};
  const auto whole = qfa::read_text(files, bytes(), {});
  CHECK(whole.ids == ids{'a', 'b', '\n', '\n', 'c', '\n', 'd', '\n'});
  CHECK(whole.documents == 2);
  CHECK(whole.bytes == 8);
  CHECK(whole.marks == 0);
  const auto lines = qfa::read_text(files, bytes(), {.documents = document_cut::lines, .before = 1, .after = 2});
  CHECK(lines.ids == ids{1, 'a', 'b', 2, 1, 'c', 2, 1, 'd', 2});
  CHECK(lines.documents == 3);
  CHECK(lines.begins == std::vector<std::size_t>{0, 4, 7});
  CHECK(lines.bytes == 4);
  CHECK(lines.marks == 6);
  const auto ended = qfa::read_text(files, bytes(), {.documents = document_cut::blank_lines, .after = 2});
  CHECK(ended.ids == ids{'a', 'b', 2, 'c', 2, 'd', 2});
  CHECK(ended.marks == 3);
}

TEST_CASE("read_text: what is not UTF-8 is refused by file and byte, or replaced where that is asked for") {
  const qfa_test::scratch here;
  const paths files{here.write("good", "a"), here.write("bad",
                                                        "ab\n\nc\xff"
                                                        "d\n")};
  for (const document_cut cut : {document_cut::files, document_cut::lines})
    check_refused([&] { qfa::read_text(files, bytes(), {.documents = cut}); }, {"bad", "not UTF-8", "byte 5"});
  const auto replaced = qfa::read_text(files, bytes(), {.documents = document_cut::lines, .replace_invalid = true});
  CHECK(replaced.ids == ids{'a', 'a', 'b', 'c', 0xef, 0xbf, 0xbd, 'd'});
  CHECK(replaced.replaced == 1);
  CHECK(replaced.documents == 3);
}

TEST_CASE("read_text: tokens beyond the model's vocabulary, missing files and files without text are refused") {
  const qfa_test::scratch here;
  const paths files{here.write("a", "az")};
  check_refused([&] { qfa::read_text(files, bytes(), {.vocabulary = 'z'}); },
                {"\"bytes\"", "token 122", "a\"", "ends at 121"});
  CHECK(qfa::read_text(files, bytes(), {.vocabulary = 'z' + 1}).ids.size() == 2);
  check_refused([&] { qfa::read_text(paths{here.path() / "gone"}, bytes(), {}); }, {"gone"});
  check_refused([&] { qfa::read_text(paths{files[0], here.write("empty", "")}, bytes(), {}); }, {"empty", "no text"});
  check_refused(
      [&] { qfa::read_text(paths{here.write("blank", "\n \n")}, bytes(), {.documents = document_cut::lines}); },
      {"blank", "no text"});
}

TEST_CASE("read_text: a document longer than can be counted is refused by its file, before it is looked at") {
  const qfa_test::scratch here;
  const std::filesystem::path path = here.write("long", "");
  std::filesystem::resize_file(path, qfa::longest_text + 1);  // of holes
  const paths files{path};
  check_refused([&] { qfa::read_text(files, bytes(), {}); }, {"long", "1073741825 bytes", "at most 2^30"});
}

}  // namespace text_read_text_test
#endif
