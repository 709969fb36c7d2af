// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/archive.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "scratch.hpp"

namespace io_archive_test {

using qfa::archive_reader;
using qfa::archive_writer;
using qfa_test::check_refused;

namespace {

enum class color : std::uint8_t { red, green };

/// Knows of archives.
class box {
 public:
  box() = default;
  box(int a, std::string b) : a_(a), b_(std::move(b)) {}
  bool operator==(const box&) const = default;
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.a_, self.b_);
  }

 private:
  int a_ = 0;
  std::string b_;
};

/// Does not.
struct stranger {
  double x = 0.0;
  std::vector<std::string> names{};
  bool operator==(const stranger&) const = default;
};
template <class Self, class Archive>
  requires std::same_as<std::remove_const_t<Self>, stranger>
void archive_members(Self& self, Archive& archive) { archive(self.x, self.names); }

struct everything {
  std::uint32_t number = 0;
  double real = 0.0;
  bool truth = false;
  color paint = color::red;
  std::string text{}, nothing{};
  std::vector<float> values{}, none{};
  std::vector<std::vector<std::uint16_t>> nested{};
  std::vector<std::pair<double, std::string>> pairs{};
  std::optional<double> absent{};
  std::optional<box> present{};
  std::vector<box> boxes{};
  stranger other{};
  bool operator==(const everything&) const = default;
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.number, self.real, self.truth, self.paint, self.text, self.nothing, self.values, self.none,
            self.nested);
    archive(self.pairs, self.absent, self.present, self.boxes, self.other);
  }
};

everything some() {
  return {.number = 7,
          .real = -0.1,
          .truth = true,
          .paint = color::green,
          .text = std::string("a\0b", 3),
          .values = {1.5f, -2.0f},
          .nested = {{1, 2, 3}, {}, {4}},
          .pairs = {{0.5, "half"}, {2.0, ""}},
          .present = box(3, "three"),
          .boxes = {box(1, "one"), box()},
          .other = {2.5, {"x", "yy"}}};
}

std::vector<std::byte> archived(const everything& what, std::uint32_t version = 2) {
  archive_writer out("test", version);
  out(what);
  return std::move(out).finish();
}

everything read(std::span<const std::byte> bytes) {
  archive_reader in(bytes, "test", 2, "the file");
  everything out;
  out.absent = 3.0;  // what was there before is gone
  out.values = {9.0f, 9.0f, 9.0f};
  in(out);
  in.finish();
  return out;
}

}  // namespace

TEST_CASE("archive: every kind of value comes back as it went, and equal values give equal bytes") {
  CHECK(read(archived(some())) == some());
  CHECK(read(archived(everything{})) == everything{});
  CHECK(archived(some()) == archived(some()));
  archive_writer nan("test", 2);
  nan(std::numeric_limits<double>::quiet_NaN(), -0.0);
  const auto bytes = std::move(nan).finish();
  archive_reader in(bytes, "test", 2, "the file");
  double a = 0.0, b = 0.0;
  in(a, b);
  CHECK(std::isnan(a));
  CHECK(std::signbit(b));
}

TEST_CASE("archive: the layout is the documented one, little-endian") {
  archive_writer out("k", 0x01020304);
  out(std::uint16_t{0x0506}, std::string("z"));
  const auto bytes = std::move(out).finish();
  const std::string expected("qfa archive \1\0\0\0\0\0\0\0k\4\3\2\1\13\0\0\0\0\0\0\0\6\5\1\0\0\0\0\0\0\0z", 44);
  REQUIRE(bytes.size() == expected.size() + 4);
  CHECK(std::memcmp(bytes.data(), expected.data(), expected.size()) == 0);
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + expected.size(), 4);
  CHECK(crc == qfa::crc32(std::as_bytes(std::span(expected))));
  CHECK(qfa::checksum_of_archive(bytes) == crc);
  check_refused([&] { qfa::checksum_of_archive(std::span(bytes).first(3)); }, {"checksum"});
}

TEST_CASE("write_archive: the bytes of an archive in memory, in pieces of about a megabyte") {
  everything large = some();
  large.values.assign(700'000, 1.5f);                             // more than a piece
  large.nested.assign(3, std::vector<std::uint16_t>(200'000, 7));  // less than one each
  large.boxes.assign(100'000, box(3, "many that are small"));
  for (const everything& what : {some(), large, everything{}}) {
    const std::vector<std::byte> expected = archived(what);
    std::vector<std::byte> got;
    std::size_t pieces = 0, largest = 0;
    const std::uint32_t sum = qfa::write_archive(
        "test", 2, [&](archive_writer& out) { out(what); },
        [&](std::span<const std::byte> bytes) {
          got.insert(got.end(), bytes.begin(), bytes.end());
          ++pieces;
          largest = (std::max)(largest, bytes.size());
        });
    CHECK((got == expected));
    CHECK(sum == qfa::checksum_of_archive(expected));
    CHECK(pieces <= 3 + expected.size() / 500'000);
    CHECK(largest <= 4 * 700'000);
  }
}

TEST_CASE("write_archive: values that change between the two times are refused") {
  std::string text = "a";
  check_refused(
      [&] {
        qfa::write_archive(
            "test", 2, [&](archive_writer& out) { out(text += "b"); }, [](std::span<const std::byte>) {});
      },
      {"changed"});
}

TEST_CASE("archive: cut anywhere it is refused, and so is any byte too many") {
  const auto bytes = archived(some());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    check_refused([&] { read(std::span(bytes).first(size)); }, {"the file"});
  auto longer = bytes;
  longer.push_back(std::byte{0});
  check_refused([&] { read(longer); }, {"the file", "not whole"});
}

TEST_CASE("archive: any flipped bit is refused") {
  const auto bytes = archived(some());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const unsigned bit : {1U, 16U, 128U}) {
      auto damaged = bytes;
      damaged[i] ^= static_cast<std::byte>(bit);
      check_refused([&] { read(damaged); }, {"the file"});
    }
}

TEST_CASE("archive: another kind, another version, and content that was not read to its end are refused") {
  const auto bytes = archived(some());
  check_refused([&] { archive_reader(bytes, "pass", 2, "the file"); }, {"the file", "\"test\"", "\"pass\""});
  check_refused([&] { archive_reader(archived(some(), 3), "test", 2, "the file"); }, {"version 3", "version 2"});
  archive_reader early(bytes, "test", 2, "the file");
  std::uint32_t number = 0;
  early(number);
  check_refused([&] { early.finish(); }, {"the file", "more than"});
  archive_reader late(bytes, "test", 2, "the file");
  everything all;
  late(all);
  check_refused([&] { late(number); }, {"the file", "ends before"});
  // A length that there are no bytes for allocates nothing.
  archive_writer out("test", 2);
  out(std::uint64_t{1} << 60U);
  const auto huge = std::move(out).finish();
  for (const int as : {0, 1, 2}) {
    archive_reader in(huge, "test", 2, "the file");
    std::vector<double> doubles;
    std::vector<box> boxes;
    std::string text;
    check_refused([&] { as == 0 ? in(doubles) : as == 1 ? in(boxes) : in(text); }, {"the file", "ends before"});
  }
}

}  // namespace io_archive_test
