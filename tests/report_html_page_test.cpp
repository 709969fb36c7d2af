// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_page.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <string_view>

#include "html_laws.hpp"

namespace report_html_page_test {

using namespace qfa;

namespace {

std::string page_of(const std::string& title, const report_json& data) {
  std::ostringstream out;
  constexpr std::array<std::string_view, 2> script{"const a = 1;\n", "show(a);\n"};
  write_html_page(title, data, script, out);
  return out.str();
}

}  // namespace

TEST_CASE("html_page: hostile text is text, in the title and in the data, and reads back as it was") {
  const std::string hostile = "</script><img src=x onerror=\"alert('1')\"><!-- & \xe2\x80\xa8 \\ \n";
  const std::string page = page_of(hostile, {{"policy", hostile}});
  CHECK(qfa_test::count_of(page, "<img") == 0);
  CHECK(qfa_test::count_of(page, "</script>") == 2);
  CHECK(qfa_test::count_of(page, "<!--") == 0);
  CHECK(qfa_test::count_of(page, "&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;") == 1);
  const std::size_t from = page.find("id=\"data\">") + 10;
  const std::string data = page.substr(from, page.find("</script>", from) - from);
  CHECK(report_json::parse(data)["policy"] == hostile);
  CHECK(std::ranges::all_of(data, [](char c) { return c >= ' ' && c <= '~'; }));
}

TEST_CASE("html_page: bytes that are no UTF-8 are replaced, not passed on") {
  const std::string page = page_of("t", {{"path",
                                          "a\xff"
                                          "b"}});
  CHECK(qfa_test::count_of(page, R"("a\ufffdb")") == 1);
}

TEST_CASE("html_page: well-formed as a whole, fetching nothing, the parts in their order and the same bytes twice") {
  const std::string page = page_of("t", {{"x", 1}});
  CHECK(page == page_of("t", {{"x", 1}}));
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  CHECK(page.ends_with("</html>\n"));
  for (const char* element : {"html", "head", "body", "main", "nav", "header", "style", "title", "svg", "noscript"}) {
    CAPTURE(element);
    const std::string name(element);
    CHECK(qfa_test::count_of(page, "<" + name + ">") + qfa_test::count_of(page, "<" + name + " ") == 1);
    CHECK(qfa_test::count_of(page, "</" + name + ">") == 1);
  }
  CHECK(qfa_test::count_of(page, "default-src 'none'") == 1);
  CHECK(qfa_test::count_of(page, "://") == 0);
  CHECK(qfa_test::count_of(page, "src=") == 0);
  CHECK(qfa_test::count_of(page, "const a = 1;\nshow(a);\n") == 1);
}

}  // namespace report_html_page_test
