// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/locate_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "report_made_location.hpp"

namespace report_locate_text_test {

using namespace qfa;
using qfa_test::made_estimate;
using qfa_test::made_location;

namespace {

bool says(const damage_location& found, const std::string& what) {
  const std::string text = location_text(found);
  CAPTURE(text);
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("locate text: the finding comes first, with the evidence for it") {
  const damage_location found = made_location();
  CHECK(location_text(found).rfind("layer 1 carries the largest share of what rtn:bits=4 does to the features: "
                                   "48.0 % [44.0, 52.0], measured on the odd groups",
                                   0) == 0);
  CHECK(says(found,
             "Of 3 units (layers) before the hook, 2 carry half of it, chosen on the even groups of rows, and 72.0 % "
             "[60.0, 80.0] on the odd ones; 1 change nothing before the hook."));
  CHECK(says(found, "(weights uniform) is 0.750 [0.500, 1.250]."));
  CHECK(says(found, "3 of 200 features count as noise 99 (|r| of 0.1 or less), 1 of them lost altogether."));
  CHECK(says(found, "5 features are silent on one half"));
  CHECK(says(found, "quartiles 0.80 and 1.20 (unmeasured), undefined for 2."));
  CHECK(says(found, "shares may be added up"));
  CHECK(says(found, "The ranking is stable: even and odd groups of rows rank the 3 units"));
  CHECK(says(found,
             "(KL 0.1250 [0.1000, 0.1500] nats a token) enters in layer 0 25.0 % [23.0, 27.0], layer 1 65.0 % "
             "[63.0, 67.0], the unembedding 10.0 %."));
}

TEST_CASE("locate text: what the evidence does not carry is not claimed") {
  damage_location found = made_location();
  found.adds_up.upper_quartile = 1.6;
  CHECK(says(found, "must NOT be added up"));
  found.ranking = made_estimate(0.5, 0.1, 0.8);
  CHECK(says(found, "partly stable"));
  found.ranking = made_estimate(0.5, -0.1, 0.8);
  CHECK(says(found, "NOT shown to be stable"));
  found.ranking.range = {};
  CHECK(says(found, "NOT shown to be stable"));
  found.ranked = 2;
  CHECK_FALSE(says(found, "ranking"));
  found.lead = made_estimate(0.01, -0.02, 0.04);
  CHECK(says(found,
             "layer 1 carries most of what rtn:bits=4 does to the features on the even groups of rows, 48.0 % "
             "[44.0, 52.0] on the odd ones; it cannot be told from layer 2, which it leads by 1.0 % [-2.0, 4.0]"));
  found.lead = made_estimate(0.03, 0.02, 0.04);
  found.worst_share.range = {};
  found.worst_share.range.reason = "fewer than 8 groups of rows";
  CHECK(says(found, "48.0 % (no interval: fewer than 8 groups of rows)"));
  found.depths.reset();
  CHECK_FALSE(says(found, "By depth"));
  found.whole.all = 0.0;
  CHECK(location_text(found) == "Nothing that rtn:bits=4 does reaches the features at this hook.\n");
}

TEST_CASE("locate text: the table shows the largest units, and how much is left to the others") {
  const std::string all = units_table(made_location());
  CHECK(all.find("layer 1  4.00     50.0") != std::string::npos);
  CHECK(all.find("layer 1") < all.find("layer 0"));
  CHECK(all.find("layer 3") == std::string::npos);
  CHECK(all.find("more, with") == std::string::npos);
  const std::string two = units_table(made_location(), 2);
  CHECK(two.find("layer 2") == std::string::npos);
  CHECK(two.find("and 1 more, with 25.0 % of the sum of what each does alone") != std::string::npos);
}

TEST_CASE("locate text: deep models show where most damage enters") {
  damage_location found = made_location();
  found.depths->depths.clear();
  for (std::size_t d = 0; d <= 10; ++d)
    found.depths->depths.push_back({d, made_estimate(0.1 * static_cast<double>(d), 0.0, 1.0),
                                    made_estimate(d == 9 ? 0.7 : 0.01 * static_cast<double>(d), 0.0, 1.0),
                                    d == 7 ? 0.6 : 0.01 * static_cast<double>(d),
                                    made_estimate(d == 7 ? 0.5 : 0.01 * static_cast<double>(d), 0.0, 1.0)});
  const std::string text = location_text(found);
  CHECK(text.find(
            "enters in these most, chosen on the even groups of rows and measured on the odd ones: layer 6 50.0 %") !=
        std::string::npos);
  CHECK(text.find("70.0 %") == std::string::npos);
  CHECK(text.find("layer 4 5.0 %") != std::string::npos);
  CHECK(text.find("layer 3 4.0 %") == std::string::npos);
}

}  // namespace report_locate_text_test
