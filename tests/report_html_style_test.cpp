// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_style.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "html_laws.hpp"

namespace report_html_style_test {

namespace {

/// Relative luminance of a color #rrggbb (WCAG 2.1).
double luminance(std::string_view color) {
  std::array<double, 3> parts{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double x = std::stoi(std::string(color.substr(1 + 2 * i, 2)), nullptr, 16) / 255.0;
    parts[i] = x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
  }
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}

double contrast(std::string_view a, std::string_view b) {
  const auto [less, more] = std::minmax({luminance(a), luminance(b)});  // by value: of two temporaries it would dangle
  return (more + 0.05) / (less + 0.05);
}

/// The value of a variable in one of the two lists of colors.
std::string_view color(std::string_view name, bool dark) {
  const std::string_view list =
      qfa::html_style.substr(qfa::html_style.find(dark ? "[data-theme=\"dark\"] {" : ":root {"));
  const std::size_t at = list.find("--" + std::string(name) + ": ");
  REQUIRE(at != std::string_view::npos);
  return list.substr(list.find('#', at), 7);
}

}  // namespace

TEST_CASE("page style: letters stand out by 4.5 to 1, and lines, marks and focus by 3 to 1, light and dark") {
  for (const bool dark : {false, true}) {
    CAPTURE(dark);
    for (const char* letters : {"text", "quiet", "link"})
      for (const char* ground : {"ground", "panel"}) {
        CAPTURE(letters);
        CHECK(contrast(color(letters, dark), color(ground, dark)) >= 4.5);
      }
    for (const char* on : {"survived", "blurred", "destroyed"}) {
      CAPTURE(on);
      CHECK(contrast(color("on-" + std::string(on), dark), color(on, dark)) >= 4.5);
    }
    for (const char* line : {"focus", "survived", "destroyed", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"}) {
      CAPTURE(line);
      CHECK(contrast(color(line, dark), color("ground", dark)) >= 3.0);
    }
  }
}

TEST_CASE("page style: fetches nothing, and the frame has a place for all that the script draws") {
  for (const char* banned : {"url(http", "@import", "@font-face", "://"}) {
    CAPTURE(banned);
    CHECK(qfa_test::count_of(qfa::html_style, banned) + qfa_test::count_of(qfa::html_frame, banned) == 0);
  }
  for (const char* id : {"page", "sections", "tools", "name", "said", "hatches"}) {
    CAPTURE(id);
    CHECK(qfa_test::count_of(qfa::html_frame, "id=\"" + std::string(id) + "\"") == 1);
  }
  for (const char* rule : {"@media print", "@media (max-width", ":focus-visible", "[aria-sort=descending]"}) {
    CAPTURE(rule);
    CHECK(qfa_test::count_of(qfa::html_style, rule) >= 1);
  }
}

}  // namespace report_html_style_test
