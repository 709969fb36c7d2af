// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/spec_text.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace compress_spec_text_test {

using qfa::split_outside_parentheses;
using qfa::split_spec;
using qfa_test::check_refused;

TEST_CASE("split_outside_parentheses: separators within parentheses cut nothing, blanks are trimmed") {
  using pieces = std::vector<std::string_view>;
  CHECK(split_outside_parentheses("a+b", '+') == pieces{"a", "b"});
  CHECK(split_outside_parentheses("a(+)+(b+(c+d))+", '+') == pieces{"a(+)", "(b+(c+d))", ""});
  CHECK(split_outside_parentheses("", '+') == pieces{""});
  CHECK(split_outside_parentheses("  a b +  ", '+') == pieces{"a b", ""});
}

TEST_CASE("split_spec: policies, their options and nested policies") {
  const auto calls = split_spec("prune:sparsity=0.5 + noise : match=(rtn:bits=6,per=row+cast), seed=1+none");
  REQUIRE(calls.size() == 3);
  CHECK(calls[0].name == "prune");
  REQUIRE(calls[0].options.size() == 1);
  CHECK(calls[0].options[0].key == "sparsity");
  CHECK(calls[0].options[0].value == "0.5");
  CHECK(calls[1].name == "noise");
  REQUIRE(calls[1].options.size() == 2);
  CHECK(calls[1].options[0].key == "match");
  CHECK(calls[1].options[0].value == "(rtn:bits=6,per=row+cast)");
  CHECK(calls[1].options[1].key == "seed");
  CHECK(calls[1].options[1].value == "1");
  CHECK(calls[2].name == "none");
  CHECK(calls[2].options.empty());
}

TEST_CASE("split_spec: the first option may lack its key, a later one may not") {
  CHECK(split_spec("cast:bf16").front().options.front().key.empty());
  CHECK(split_spec("cast:bf16").front().options.front().value == "bf16");
  CHECK(split_spec("negate:(a:b=c)").front().options.front().value == "(a:b=c)");
  CHECK(split_spec("a:b,c=d").front().options.back().key == "c");
  check_refused([] { split_spec("a:b,c"); }, {"\"c\"", "key=value"});
}

TEST_CASE("split_spec: what is no spec is refused, quoted and printable") {
  for (const std::string_view bad : {"", " ", "+", "a+", "+a", "a++b", ":b=c"})
    check_refused([&] { split_spec(bad); }, {"lacks the name of a policy"});
  for (const std::string_view bad : {"a:", "a:b=", "a:=b", "a:b=c,", "a:,b=c", "a:b=c=d", "a: ,"})
    check_refused([&] { split_spec(bad); }, {"key=value"});
  for (const std::string_view bad : {"a:b=(c", "(", "a+(b", "a:b=((c)"})
    check_refused([&] { split_spec(bad); }, {"never closes a parenthesis"});
  for (const std::string_view bad : {"a)", "a:b=c)", "a:b=(c))+(d"})
    check_refused([&] { split_spec(bad); }, {"never opened"});
  check_refused([] { split_spec("a\n\x1b:"); }, {"a\\x0a\\x1b"});
  check_refused([] { split_spec("a:b=" + std::string(100000, '(')); }, {"16 deep"});
}

TEST_CASE("split_spec: 64 policies are a chain, 65 and 25,000 are refused by the limit") {
  std::string chain = "a";
  for (int i = 1; i < 64; ++i)
    chain += "+a";
  CHECK(split_spec(chain).size() == 64);
  CHECK(split_spec("a:b=(" + chain + ")+a").size() == 2);
  for (int i = 64; i < 25000; ++i) {
    chain += "+a";
    if (i == 64 || i == 24999) check_refused([&] { split_spec(chain); }, {"chains more than 64 policies"});
  }
}

}  // namespace compress_spec_text_test
