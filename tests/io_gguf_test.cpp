// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/gguf.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "gguf_bytes.hpp"
#include "scratch.hpp"

namespace io_gguf_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::gguf_bytes;

namespace {

const std::filesystem::path files = std::filesystem::path(QFA_TEST_DATA) / "gguf";

}  // namespace

TEST_CASE("gguf: versions 2 and 3 are read, mapped or not, and copies read the same bytes") {
  const gguf three(files / "mixed_v3.gguf");
  CHECK(three.version() == 3);
  CHECK(three.alignment() == 32);
  CHECK(three.tensors().size() == 21);
  CHECK(three.where().find("mixed_v3.gguf") != std::string::npos);
  const gguf two(files / "small_v2.gguf", {.access = file_access::read});
  CHECK(two.version() == 2);
  CHECK(two.alignment() == 64);
  const gguf copy = three;
  CHECK(copy.at("output.weight").bytes.read() == three.at("output.weight").bytes.read());
  CHECK(three.contains("token_embd.weight"));
  CHECK_FALSE(two.contains("output.weight"));
  check_refused([&] { two.at("output.weight"); }, {"output.weight", "small_v2.gguf"});
}

TEST_CASE("gguf: tensors have their shapes, types and bytes") {
  const gguf file(files / "mixed_v3.gguf");
  const gguf_tensor& q = file.at("blk.0.attn_q.weight");
  CHECK(q.shape == std::vector<std::size_t>{32, 256});
  CHECK(q.type->name == "q4_K");
  CHECK(q.bytes.size() == 32 * 144);
  CHECK(file.at("blk.0.attn_norm.weight").shape == std::vector<std::size_t>{256});
  // One begins where the one before it ends, up to padding.
  const gguf small(files / "small_v2.gguf");
  const std::string all = qfa_test::slurp(files / "small_v2.gguf");
  std::size_t begin = all.size();
  for (const gguf_tensor& tensor : small.tensors())
    begin -= (tensor.bytes.size() + 63) / 64 * 64;
  for (const gguf_tensor& tensor : small.tensors()) {
    const std::vector<std::byte> bytes = tensor.bytes.read();
    CHECK(std::memcmp(bytes.data(), all.data() + begin, bytes.size()) == 0);
    begin += (bytes.size() + 63) / 64 * 64;
  }
}

TEST_CASE("gguf: every attack is refused with a sentence that says why") {
  const auto attack = [](const std::string& name, std::initializer_list<std::string_view> parts) {
    CAPTURE(name);
    for (const file_access access : {file_access::mapped, file_access::read}) {
      check_refused([&] { gguf(files / "attacks" / (name + ".gguf"), {.access = access}); }, parts);
      check_refused([&] { gguf(files / "attacks" / (name + ".gguf"), {.access = access}); },
                    {name + ".gguf\" is not a valid GGUF file"});
    }
  };
  attack("bad_magic", {"begin with GGUF"});
  attack("version_1", {"version is 1"});
  attack("version_4", {"version is 4"});
  attack("big_endian", {"big-endian"});
  attack("huge_tensor_count", {"1152921504606846976 tensors"});
  attack("huge_kv_count", {"1152921504606846976 pairs"});
  attack("huge_string", {"\"general.name\"", "bytes long"});
  attack("truncated_header", {"tensor", "bytes long"});
  attack("truncated_data", {"\"output.weight\"", "the file ends before"});
  attack("duplicate_key", {"\"llama.vocab_size\" twice"});
  attack("duplicate_tensor", {"\"output.weight\" is there twice"});
  attack("empty_key", {"empty"});
  attack("five_dims", {"5 dimensions"});
  attack("negative_dim", {"-8"});
  attack("overflowing_dims", {"more elements"});
  attack("row_not_multiple_of_block", {"rows of 16"});
  attack("bad_alignment_3", {"general.alignment"});
  attack("offset_misaligned", {"\"output.weight\" begins at byte"});
  attack("offset_gap", {"\"output.weight\" begins at byte"});
  attack("offset_beyond_file", {"\"output.weight\" begins at byte"});
  attack("unknown_type", {"unknown type 99"});
  attack("nested_array", {"array of arrays"});
  attack("name_too_long", {"64 bytes"});
  attack("bad_bool", {"\"oracle.flag\" is neither true nor false"});
  CHECK(gguf(files / "attack_base.gguf").tensors().size() == 12);
}

TEST_CASE("gguf: a header of many megabytes is read to its end, and copies keep what it holds") {
  const qfa_test::scratch folder;
  for (const std::size_t size : {std::size_t{100}, std::size_t{1} << 20U, (std::size_t{1} << 20U) - 60,
                                 std::size_t{5'000'000}, std::size_t{20'000'000}}) {
    CAPTURE(size);
    gguf_bytes file;  // two strings in an array, a long one and a short one; kinds 9 and 8
    file.pair("words", 9,
              qfa_test::bytes_of(std::int32_t{8}) + qfa_test::bytes_of(std::uint64_t{2}) +
                  gguf_bytes::text(std::string(size, 'w')) + gguf_bytes::text("last"));
    file.tensor("a", {3}, 0, 0);
    file.data = "abcdefghijkl";
    const gguf copy = [&] { return gguf(gguf(folder.write("x.gguf", file.str()))); }();
    const auto words = gguf_strings(*copy.find("words")->array());
    REQUIRE(words.size() == 2);
    CHECK(words[0] == std::string(size, 'w'));
    CHECK(words[1] == "last");
    CHECK(copy.at("a").bytes.read().back() == std::byte{'l'});
    // Cut within the header it is refused, wherever that is.
    for (const std::size_t cut : {size / 2, size + 10, size + 60})
      check_refused([&] { gguf(folder.write("y.gguf", file.str().substr(0, cut))); }, {"y.gguf"});
  }
}

TEST_CASE("gguf: the last tensor's padding may be missing, its data may not") {
  const qfa_test::scratch folder;
  gguf_bytes file;
  file.tensor("a", {3}, 0, 0).tensor("b", {5}, 24, 32);
  file.data = std::string(32, 'a') + "bbbbb";
  CHECK(gguf(folder.write("x.gguf", file.str())).at("b").bytes.size() == 5);
  file.data.pop_back();
  check_refused([&] { gguf(folder.write("x.gguf", file.str())); }, {"x.gguf", "\"b\"", "ends before"});
  gguf_bytes none;
  const std::string header = none.str();
  CHECK(gguf(folder.write("y.gguf", header.substr(0, 24))).tensors().empty());
}

TEST_CASE("gguf: damaged files are taken or refused, and never read beyond their end") {
  const qfa_test::scratch folder;
  std::string valid = qfa_test::slurp(files / "attack_base.gguf");
  const std::size_t taken = qfa_test::torment(valid, 2000, [&](const std::string& bytes) {
    const gguf file(folder.write("z.gguf", bytes), {.access = file_access::read});
    std::size_t sum = 0;
    for (const gguf_tensor& tensor : file.tensors())
      for (const std::byte b : tensor.bytes.read())
        sum += std::to_integer<std::size_t>(b);
    CHECK(sum < 1U << 30U);
  });
  CHECK(taken > 100);  // flips within weights
}

}  // namespace io_gguf_test
