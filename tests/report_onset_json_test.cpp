// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/onset_json.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace report_onset_json_test {

using namespace qfa;

TEST_CASE("onset json: what is never reached, open ends and missing curves are null") {
  const report_json found = detail::onset_json(onset_bits{5.0, 3.0, {}});
  CHECK(found["onset"] == 5.0);
  CHECK(found["collapse"] == 3.0);
  CHECK(found["complete"].is_null());

  fitted_onset f{.reason = "no prompt flips"};
  report_json j = detail::fitted_onset_json(f);
  CHECK(j["reason"] == "no prompt flips");
  CHECK(j["bits"].is_null());
  CHECK(j["slope"].is_null());
  CHECK(j["interval"][0].is_null());
  CHECK(j["interval"][1].is_null());
  f = {.slope = -2.0, .bits = 4.5, .interval = {-std::numeric_limits<double>::infinity(), 5.25}, .extrapolated = true};
  j = detail::fitted_onset_json(f);
  CHECK(j["reason"].is_null());
  CHECK(j["bits"] == 4.5);
  CHECK(j["slope"] == -2.0);
  CHECK(j["interval"][0].is_null());
  CHECK(j["interval"][1] == 5.25);
  CHECK(j["extrapolated"] == true);
}

}  // namespace report_onset_json_test
