// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/gguf_writer.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/gguf.hpp"
#include "scratch.hpp"

namespace io_gguf_writer_test {

using namespace qfa;
using qfa_test::check_refused;

TEST_CASE("write_gguf_file: a file rewritten in its own order is the same file") {
  const std::filesystem::path files = std::filesystem::path(QFA_TEST_DATA) / "gguf";
  const qfa_test::scratch folder;
  const gguf file(files / "mixed_v3.gguf");
  // The reader keeps pairs by key: take their order from the bytes.
  const std::string original = qfa_test::slurp(files / "mixed_v3.gguf");
  std::vector<std::pair<std::size_t, gguf_pair>> ordered;
  for (const auto& [key, value] : file.metadata()) {
    std::string stored;
    detail::append_text(stored, key);
    ordered.push_back({original.find(stored), {key, value}});
  }
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<gguf_pair> pairs;
  for (auto& [place, pair] : ordered)
    pairs.push_back(std::move(pair));
  std::vector<gguf_tensor_to_write> tensors;
  std::deque<std::vector<std::byte>> kept;  // what they view
  for (const gguf_tensor& t : file.tensors())
    tensors.push_back({t.name, t.type, t.shape, kept.emplace_back(t.bytes.read())});
  write_gguf_file(folder.path() / "again.gguf", pairs, tensors);
  CHECK(qfa_test::slurp(folder.path() / "again.gguf") == original);
}

TEST_CASE("write_gguf_file: another alignment is kept and stated") {
  const qfa_test::scratch folder;
  const std::vector<std::byte> five(5, std::byte{7}), eight(8, std::byte{9});
  const std::vector<gguf_tensor_to_write> tensors{{"a", find_gguf_type("i8"), {5}, five},
                                                  {"b", find_gguf_type("f32"), {2, 1}, eight}};
  write_gguf_file(folder.path() / "x.gguf", {}, tensors, 128);
  const gguf file(folder.path() / "x.gguf");
  CHECK(file.alignment() == 128);
  CHECK(file.at("a").bytes.read() == five);
  CHECK(file.at("b").bytes.read() == eight);
  const std::string written = qfa_test::slurp(folder.path() / "x.gguf");
  CHECK(written.find(std::string(8, 9)) - written.find(std::string(5, 7)) == 128);
  CHECK(file.at("b").shape == std::vector<std::size_t>{2, 1});
  check_refused([&] { write_gguf_file(folder.path() / "y.gguf", {}, {}, 48); }, {"power of two"});
}

TEST_CASE("write_gguf_file: what a reader would refuse is not written") {
  const qfa_test::scratch folder;
  const auto path = folder.path() / "x.gguf";
  const std::vector<std::byte> bytes(18);
  const auto refused = [&](std::vector<gguf_pair> pairs, std::vector<gguf_tensor_to_write> tensors,
                           std::initializer_list<std::string_view> parts) {
    check_refused([&] { write_gguf_file(path, pairs, tensors); }, parts);
  };
  const gguf_type* const q4 = find_gguf_type("q4_0");
  refused({{"", gguf_value::of(true)}}, {}, {"empty"});
  refused({{"k", gguf_value::of(1U)}, {"k", gguf_value::of(1U)}}, {}, {"\"k\"", "twice"});
  refused({{"general.alignment", gguf_value::of(64U)}}, {}, {"general.alignment", "32"});
  refused({{"general.alignment", gguf_value::of("32")}}, {}, {"general.alignment"});
  refused({{"k", {gguf_kind::string, 1.0}}}, {}, {"\"k\"", "string"});
  refused({{"k", {gguf_kind::u8, std::uint64_t{256}}}}, {}, {"\"k\"", "u8"});
  refused({{"k", {gguf_kind::array, gguf_array{.kind = gguf_kind::u32, .count = 1}}}}, {}, {"\"k\"", "array"});
  refused({}, {{std::string(64, 'n'), q4, {32}, bytes}}, {"63 bytes"});
  refused({}, {{"t", q4, {32}, bytes}, {"t", q4, {32}, bytes}}, {"\"t\"", "twice"});
  refused({}, {{"t", q4, {2, 16}, bytes}}, {"\"t\"", "shape"});
  refused({}, {{"t", q4, {64}, bytes}}, {"\"t\"", "18 bytes"});
  refused({}, {{"t", nullptr, {32}, bytes}}, {"\"t\""});
  refused({}, {{"t", q4, {1, 1, 1, 1, 32}, bytes}}, {"\"t\""});
  CHECK(folder.files() == 0);
}

}  // namespace io_gguf_writer_test
