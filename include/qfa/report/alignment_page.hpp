// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_ALIGNMENT_PAGE_HPP
#define QFA_REPORT_ALIGNMENT_PAGE_HPP

#include <array>
#include <ostream>
#include <string_view>

#include "qfa/report/html_alignment.hpp"
#include "qfa/report/html_basics.hpp"
#include "qfa/report/html_charts.hpp"
#include "qfa/report/html_page.hpp"

namespace qfa {

/// Writes alignment.html: one file that shows alignment.json, and fetches nothing.  From the same JSON the same bytes
/// come.
inline void write_alignment_page(const report_json& report, std::ostream& to) {
  constexpr std::array<std::string_view, 4> script{html_basics, html_charts, html_alignment, "showAlignment();\n"};
  write_html_page("qfa align", {{"kind", "alignment"}, {"report", report}}, script, to);
}

}  // namespace qfa

#endif
