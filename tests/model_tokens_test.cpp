// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/tokens.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "qfa/io/npy_writer.hpp"
#include "scratch.hpp"

namespace model_tokens_test {

using namespace qfa;
using qfa_test::check_refused;
using ids = std::vector<std::uint32_t>;

namespace {

ids counting(std::size_t n, std::uint32_t from = 10) {
  ids out(n);
  std::iota(out.begin(), out.end(), from);
  return out;
}

}  // namespace

TEST_CASE("tokens: a stream is cut into disjoint rows, and a short last row is dropped and counted") {
  const token_rows rows = rows_of_stream(counting(11), {.context = 4}, "t.npy");
  CHECK(rows.rows() == 2);
  CHECK(rows.ids == counting(8));
  CHECK(rows.dropped == 3);
  CHECK(rows.bos_added == 0);
  CHECK(rows.view()(1, 0) == 14);
  CHECK(rows_of_stream(counting(12), {.context = 4}, "t.npy").rows() == 3);
  CHECK(rows_of_stream(counting(12), {.context = 4}, "t.npy").dropped == 0);
}

TEST_CASE("tokens: a budget buys whole rows") {
  CHECK(rows_of_stream(counting(100), {.context = 8, .max_tokens = 31}, "t.npy").rows() == 3);
  CHECK(rows_of_stream(counting(100), {.context = 8, .max_tokens = 32}, "t.npy").rows() == 4);
  CHECK(rows_of_stream(counting(100), {.context = 8, .max_tokens = 31}, "t.npy").dropped == 0);
  // The published budgets: 200 000 tokens are 390 rows of 512, 500 000 are 1953 rows of 256.
  CHECK(rows_of_stream(counting(500000), {.context = 512, .max_tokens = 200000}, "t.npy").rows() == 390);
  CHECK(rows_of_stream(counting(500000), {.context = 256, .max_tokens = 500000}, "t.npy").rows() == 1953);
}

TEST_CASE("tokens: a row with BOS holds one token of the stream less") {
  const token_rows rows = rows_of_stream(counting(7), {.context = 4, .prepend_bos = 1}, "t.npy");
  CHECK(rows.ids == ids{1, 10, 11, 12, 1, 13, 14, 15});
  CHECK(rows.dropped == 1);
  CHECK(rows.bos_added == 2);
}

TEST_CASE("tokens: text that begins with BOS gets no second one") {
  const token_rows rows = rows_of_stream(ids{1, 5, 6, 7, 8, 9, 1, 2, 3}, {.context = 4, .prepend_bos = 1}, "t.npy");
  CHECK(rows.ids == ids{1, 5, 6, 7, 1, 8, 9, 1});
  CHECK(rows.bos_added == 1);
  CHECK(rows.dropped == 2);
  // A last row whose BOS must be added needs one token less than one that has it.
  CHECK(rows_of_stream(ids{1, 5, 6, 7, 8, 9, 2}, {.context = 4, .prepend_bos = 1}, "t.npy").rows() == 2);
}

TEST_CASE("tokens: rows of a table are taken as they are, and make room for BOS at their end") {
  const ids table{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const token_rows plain = rows_of_table(table, 3, 3, {}, "t.npy");
  CHECK(plain.context == 3);
  CHECK(plain.ids == table);
  const token_rows bos = rows_of_table(table, 3, 3, {.prepend_bos = 1}, "t.npy");
  CHECK(bos.ids == ids{1, 2, 3, 1, 4, 5, 1, 7, 8});
  CHECK(bos.bos_added == 2);
  CHECK(bos.dropped == 2);
  CHECK(rows_of_table(table, 3, 3, {.max_tokens = 8}, "t.npy").rows() == 2);
  check_refused([&] { rows_of_table(table, 3, 3, {.context = 2}, "t.npy"); }, {"t.npy", "rows of 3", "cannot be 2"});
  check_refused([&] { rows_of_table(table, 3, 3, {.max_tokens = 2}, "t.npy"); }, {"t.npy", "one context of 3"});
  check_refused([&] { rows_of_table(table, 9, 1, {}, "t.npy"); }, {"t.npy", "at least 2"});
  check_refused([&] { rows_of_table({}, 0, 3, {}, "t.npy"); }, {"t.npy", "0 rows"});
}

TEST_CASE("tokens: what cannot make one row is refused") {
  check_refused([] { rows_of_stream(counting(3), {.context = 4}, "t.npy"); }, {"t.npy", "3 tokens", "context of 4"});
  check_refused([] { rows_of_stream({}, {.context = 4}, "t.npy"); }, {"t.npy", "0 tokens"});
  check_refused([] { rows_of_stream(counting(9), {.context = 4, .max_tokens = 3}, "t.npy"); }, {"3 may be used"});
  check_refused([] { rows_of_stream(counting(9), {}, "t.npy"); }, {"t.npy", "--context"});
  check_refused([] { rows_of_stream(counting(9), {.context = 1}, "t.npy"); }, {"at least 2"});
}

TEST_CASE("tokens: files of every integer width are read, one or two dimensions") {
  const qfa_test::scratch folder;
  const auto path = folder.path() / "t.npy";
  write_npy<std::uint16_t>(path, {5}, {1, 2, 3, 4, 5});
  CHECK(read_tokens(path, {.context = 2}).ids == ids{1, 2, 3, 4});
  write_npy<std::int64_t>(path, {2, 2}, {1, 2, 3, 4});
  CHECK(read_tokens(path, {}).ids == ids{1, 2, 3, 4});
  write_npy<std::int32_t>(path, {2, 2}, {1, 2, 3, 4});
  CHECK(read_tokens(path, {.context = 2}).rows() == 2);
}

TEST_CASE("tokens: other orders of bytes and of elements are turned around") {
  const qfa_test::scratch folder;
  const auto path = folder.path() / "t.npy";
  const auto written = [&](std::string_view from, std::string_view to) {
    std::string bytes = qfa_test::slurp(path);
    bytes.replace(bytes.find(from), from.size(), to);
    folder.write("t.npy", bytes);
    return read_tokens(path, {}).ids;
  };
  write_npy<std::uint16_t>(path, {2, 3}, {0x0100, 0x0200, 0x0300, 0x0400, 0x0500, 0x0600});
  CHECK(written("<u2", ">u2") == ids{1, 2, 3, 4, 5, 6});
  write_npy<std::uint32_t>(path, {2, 3}, {1, 4, 2, 5, 3, 6});
  CHECK(written("False", "True ") == ids{1, 2, 3, 4, 5, 6});
}

TEST_CASE("tokens: a file larger than what is read at once gives all its tokens, in order") {
  const qfa_test::scratch folder;
  const auto path = folder.path() / "t.npy";
  const ids all = counting(700'001);
  write_npy<std::uint32_t>(path, {all.size()}, all);
  const token_rows rows = read_tokens(path, {.context = 1000});
  CHECK(rows.ids == ids(all.begin(), all.end() - 1));
  CHECK(rows.dropped == 1);
  check_refused([&] { read_tokens(path, {.context = 1000, .vocabulary = 700'000}); }, {"token 700000 at place 699990"});
  const std::string bytes = qfa_test::slurp(path);
  folder.write("t.npy", std::string_view(bytes).substr(0, bytes.size() - 4));
  check_refused([&] { read_tokens(path, {.context = 1000}); }, {"t.npy", "should hold", "bytes"});
}

TEST_CASE("tokens: a file that holds no tokens of this model is refused") {
  const qfa_test::scratch folder;
  const auto path = folder.path() / "t.npy";
  write_npy<std::int64_t>(path, {4}, {1, 99, 100, 3});
  CHECK(read_tokens(path, {.context = 2, .vocabulary = 101}).rows() == 2);
  check_refused([&] { read_tokens(path, {.context = 2, .vocabulary = 100}); },
                {"t.npy", "token 100 at place 2", "ends at 99"});
  write_npy<std::int64_t>(path, {2}, {1, -1});
  check_refused([&] { read_tokens(path, {.context = 2}); }, {"t.npy", "-1 at place 1"});
  write_npy<std::int64_t>(path, {2}, {1, std::int64_t{1} << 32});
  check_refused([&] { read_tokens(path, {.context = 2}); }, {"t.npy", "4294967296"});
  write_npy<float>(path, {2}, {1.0f, 2.0f});
  check_refused([&] { read_tokens(path, {.context = 2}); }, {"t.npy", "F32", "integer"});
  write_npy<std::int32_t>(path, {1, 1, 2}, {1, 2});
  check_refused([&] { read_tokens(path, {.context = 2}); }, {"t.npy", "3 dimensions"});
  check_refused([&] { read_tokens(folder.path() / "none.npy", {.context = 2}); }, {"none.npy"});
}

TEST_CASE("tokens: a row belongs to the document that has its middle") {
  using numbers = std::vector<std::uint32_t>;
  // Rows of 4 from a stream of 20: their middles are tokens 2, 6, 10, 14 and 18.
  const std::vector<std::size_t> begins{0, 3, 10, 15, 17};
  const token_rows rows = rows_of_stream(counting(20), {.context = 4}, "t.npy", begins);
  CHECK(rows.documents == numbers{1, 2, 3, 3, 5});
  CHECK(document_begins(rows.documents) == std::vector<std::size_t>{1, 2, 4});
  // With BOS a row takes 3 tokens: their middles are 1, 4, 7, 10, 13 and 16.
  CHECK(rows_of_stream(counting(20), {.context = 4, .prepend_bos = 77}, "t.npy", begins).documents ==
        numbers{1, 2, 2, 3, 3, 4});
  CHECK(rows_of_stream(counting(20), {.context = 4}, "t.npy", std::vector<std::size_t>{0}).documents.empty());
  CHECK(rows_of_stream(counting(20), {.context = 4}, "t.npy").documents.empty());
  CHECK(document_begins({}).empty());
}

}  // namespace model_tokens_test
