// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/sharded_gguf.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/gguf_writer.hpp"
#include "scratch.hpp"

namespace io_sharded_gguf_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

struct parts {
  qfa_test::scratch folder;
  std::vector<std::byte> bytes = std::vector<std::byte>(4, std::byte{3});

  std::filesystem::path write(std::size_t part, std::size_t of, std::uint32_t no, std::uint32_t count,
                              const std::string& tensor) const {
    const std::vector<gguf_pair> pairs{{"split.no", gguf_value::of(no)},
                                       {"split.count", gguf_value::of(count)},
                                       {"part", gguf_value::of(static_cast<std::uint32_t>(part))}};
    const std::vector<gguf_tensor_to_write> tensors{{tensor, find_gguf_type("f32"), {1}, bytes}};
    const auto path = folder.path() / ("m" + gguf_part_suffix(part, of));
    write_gguf_file(path, pairs, tensors);
    return path;
  }
};

}  // namespace

TEST_CASE("gguf_part_suffix: five digits at least") {
  CHECK(gguf_part_suffix(2, 7) == "-00002-of-00007.gguf");
  CHECK(gguf_part_suffix(12345, 65535) == "-12345-of-65535.gguf");
}

TEST_CASE("sharded_gguf: parts are found by the first one's name and number") {
  const parts p;
  const auto first = p.write(1, 2, 0, 2, "a");
  const auto second = p.write(2, 2, 1, 2, "b");
  const sharded_gguf all(first);
  CHECK(all.files() == 2);
  CHECK(all.tensors().size() == 2);
  CHECK(all.at("b").file.find("00002-of-00002") != std::string::npos);
  CHECK(all.at("b").bytes.read().at(0) == std::byte{3});
  CHECK(all.find("part")->whole() == 1U);  // the metadata is the first part's
  CHECK_FALSE(all.contains("c"));
  REQUIRE(all.paths().size() == 2);
  CHECK(all.paths()[1] == second);
  const auto too_many = p.write(1, 3, 0, 65536, "a");
  check_refused([&] { sharded_gguf{too_many}; }, {"claims to be one of 65536 parts"});
  check_refused([&] { all.at("c"); }, {"\"c\"", "00001-of-00002"});
  check_refused([&] { sharded_gguf{second}; }, {"00002-of-00002", "expected the first one"});
}

TEST_CASE("sharded_gguf: a part that is missing, another, or has a tensor again is refused") {
  const parts p;
  const auto first = p.write(1, 2, 0, 2, "a");
  check_refused([&] { sharded_gguf{first}; }, {"00002-of-00002"});
  p.write(2, 2, 0, 2, "b");
  check_refused([&] { sharded_gguf{first}; }, {"00002-of-00002", "not the part"});
  p.write(2, 2, 1, 3, "b");
  check_refused([&] { sharded_gguf{first}; }, {"00002-of-00002", "not the part"});
  p.write(2, 2, 1, 2, "a");
  check_refused([&] { sharded_gguf{first}; }, {"\"a\"", "00002-of-00002", "earlier part"});
  const auto renamed = p.folder.path() / "other.gguf";
  std::filesystem::copy(first, renamed);
  check_refused([&] { sharded_gguf{renamed}; }, {"other.gguf", "-00001-of-00002.gguf"});
}

TEST_CASE("sharded_gguf: no number of parts makes it look for files without end") {
  const parts p;
  check_refused([&] { sharded_gguf{p.write(1, 2, 0, 0xffffffffU, "a")}; }, {"4294967295 parts"});
  CHECK(sharded_gguf(p.write(1, 1, 0, 1, "a")).files() == 1);
}

}  // namespace io_sharded_gguf_test
