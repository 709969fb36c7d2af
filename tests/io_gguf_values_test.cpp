// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/gguf_values.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "qfa/io/gguf.hpp"
#include "scratch.hpp"

namespace io_gguf_values_test {

using namespace qfa;

TEST_CASE("gguf values: all thirteen kinds are read as what they are") {
  const gguf file(std::filesystem::path(QFA_TEST_DATA) / "gguf" / "mixed_v3.gguf");
  const auto value = [&](const char* key) {
    const gguf_value* const found = file.find(key);
    REQUIRE(found != nullptr);
    return *found;
  };
  CHECK(value("oracle.u8").whole() == 255U);
  CHECK(value("oracle.u8").kind == gguf_kind::u8);
  CHECK(value("oracle.i8").number() == -128.0);
  CHECK_FALSE(value("oracle.i8").whole().has_value());
  CHECK(value("oracle.u16").whole() == 65535U);
  CHECK(value("oracle.i16").number() == -32768.0);
  CHECK(value("oracle.u32").whole() == 4294967295U);
  CHECK(value("oracle.i32").number() == -2147483648.0);
  CHECK(value("oracle.f32").number() == -0.15625);
  CHECK(value("oracle.true").truth() == true);
  CHECK(value("oracle.false").truth() == false);
  CHECK_FALSE(value("oracle.u8").truth().has_value());
  CHECK(*value("oracle.string").text() == "caf\xc3\xa9 \xe2\x80\x93 \xe6\x97\xa5\xe6\x9c\xac");
  CHECK(value("oracle.empty_string").text()->empty());
  CHECK(value("oracle.u64").whole() == 18446744073709551615U);
  CHECK(std::get<std::int64_t>(value("oracle.i64").value) == INT64_MIN);
  CHECK(value("oracle.f64").number() == 0.1);
  CHECK(gguf_numbers(*value("oracle.array_i16").array()) == std::vector<double>{-2, -1, 0, 1});
  CHECK(gguf_numbers(*value("oracle.array_f64").array()) == std::vector<double>{0.5, -0.25});
  CHECK(value("oracle.array_empty").array()->count == 0);
  CHECK(value("oracle.array_bool").array()->kind == gguf_kind::boolean);
  const gguf_value tokens = value("tokenizer.ggml.tokens");
  const auto strings = gguf_strings(*tokens.array());
  REQUIRE(strings.size() == 32);
  CHECK(strings[0] == "<0>");
  CHECK(strings[30] == "<30>");
  CHECK(strings[31].empty());
  qfa_test::check_refused([&] { gguf_numbers(*tokens.array()); }, {"array of numbers"});
  qfa_test::check_refused([&] { gguf_strings(*file.find("oracle.array_i16")->array()); }, {"array of strings"});
  CHECK(file.find("oracle.none") == nullptr);
}

TEST_CASE("gguf values: a bool has one bit") {
  const std::byte two{2}, one{1};
  CHECK_FALSE(gguf_number_at(gguf_kind::boolean, &two).has_value());
  CHECK(gguf_number_at(gguf_kind::boolean, &one)->truth() == true);
  CHECK_FALSE(gguf_number_at(gguf_kind::string, &one).has_value());
}

TEST_CASE("gguf values: the names and sizes of kinds stand in the order of their numbers") {
  CHECK(static_cast<int>(gguf_kind::boolean) == 7);
  CHECK(static_cast<int>(gguf_kind::f64) == 12);
  CHECK(name_of(gguf_kind::boolean) == "bool");
  CHECK(name_of(gguf_kind::u64) == "u64");
  CHECK(bytes_of(gguf_kind::f64) == 8);
  CHECK(bytes_of(gguf_kind::i16) == 2);
  CHECK(bytes_of(gguf_kind::string) == 0);
}

TEST_CASE("gguf values: a value agrees with its kind where it holds that, within its range") {
  const auto whole = [](gguf_kind kind, std::int64_t n) { return agrees_with_kind({kind, n}); };
  const auto natural = [](gguf_kind kind, std::uint64_t n) { return agrees_with_kind({kind, n}); };
  CHECK(whole(gguf_kind::i8, -128));
  CHECK_FALSE(whole(gguf_kind::i8, -129));
  CHECK(whole(gguf_kind::i8, 127));
  CHECK_FALSE(whole(gguf_kind::i8, 128));
  CHECK(whole(gguf_kind::i64, (std::numeric_limits<std::int64_t>::min)()));
  CHECK_FALSE(whole(gguf_kind::u8, 1));
  CHECK(natural(gguf_kind::u16, 65535));
  CHECK_FALSE(natural(gguf_kind::u16, 65536));
  CHECK(natural(gguf_kind::u64, ~std::uint64_t{0}));
  CHECK_FALSE(natural(gguf_kind::i32, 1));
  CHECK_FALSE(natural(gguf_kind::f32, 1));
  CHECK(agrees_with_kind(gguf_value::of(1.5f)));
  CHECK(agrees_with_kind(gguf_value::of(true)));
  CHECK(agrees_with_kind(gguf_value::of("text")));
  CHECK_FALSE(agrees_with_kind({gguf_kind::boolean, std::uint64_t{1}}));
  CHECK_FALSE(agrees_with_kind({gguf_kind::array, gguf_array{.kind = gguf_kind::array}}));
  CHECK(agrees_with_kind({gguf_kind::array, gguf_array{.kind = gguf_kind::string}}));
}

}  // namespace io_gguf_values_test
