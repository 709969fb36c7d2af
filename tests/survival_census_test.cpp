// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/census.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "laws.hpp"

namespace survival_census_test {

using qfa::outcome;

namespace {

qfa::census of(std::size_t survived, std::size_t blurred, std::size_t destroyed, std::size_t unmeasured = 0) {
  qfa::census c;
  for (std::size_t i = 0; i < survived; ++i)
    c(outcome::survived);
  for (std::size_t i = 0; i < blurred; ++i)
    c(outcome::blurred);
  for (std::size_t i = 0; i < destroyed; ++i)
    c(outcome::destroyed);
  for (std::size_t i = 0; i < unmeasured; ++i)
    c(outcome::unmeasured);
  return c;
}

/// As the tables print it: five digits behind the point.
std::string five_digits(double percent) {
  const long long scaled = std::llround(percent * 1e5);
  std::string digits = std::to_string(scaled % 100000);
  return std::to_string(scaled / 100000) + "." + std::string(5 - digits.size(), '0') + digits;
}

}  // namespace

TEST_CASE("census: merge laws over every cut") {
  qfa_test::check_merge_laws<qfa::census>(std::vector<outcome>{outcome::survived, outcome::destroyed, outcome::survived,
                                                               outcome::unmeasured, outcome::blurred,
                                                               outcome::destroyed, outcome::blurred, outcome::blurred});
  qfa_test::check_merge_laws<qfa::census>(std::vector<outcome>{});
}

TEST_CASE("census: the published tables, counts to percentages") {
  // arXiv 2606.03002, tables of Pythia-70M (5688 features) and Gemma-2-2B (7144): survived, blurred, destroyed.
  struct row {
    std::string condition;
    std::size_t survived, blurred, destroyed;
    std::string survived_percent, blurred_percent, destroyed_percent;
  };
  const std::vector<row> pythia{{"reference", 5688, 0, 0, "100.00000", "0.00000", "0.00000"},
                                {"INT8", 5592, 96, 0, "98.31224", "1.68776", "0.00000"},
                                {"INT7", 4910, 778, 0, "86.32208", "13.67792", "0.00000"},
                                {"INT6", 3549, 2081, 58, "62.39451", "36.58579", "1.01969"},
                                {"INT5", 2159, 2813, 716, "37.95710", "49.45499", "12.58790"},
                                {"INT4", 825, 2718, 2145, "14.50422", "47.78481", "37.71097"},
                                {"prune 0.175", 3468, 2203, 17, "60.97046", "38.73066", "0.29887"}};
  const std::vector<row> gemma{{"reference", 7144, 0, 0, "100.00000", "0.00000", "0.00000"},
                               {"INT8", 7079, 65, 0, "99.09015", "0.90985", "0.00000"},
                               {"INT7", 5805, 1339, 0, "81.25700", "18.74300", "0.00000"},
                               {"INT6", 3665, 3479, 0, "51.30179", "48.69821", "0.00000"},
                               {"INT5", 1980, 4741, 423, "27.71557", "66.36338", "5.92105"},
                               {"INT4", 886, 2350, 3908, "12.40202", "32.89474", "54.70325"},
                               {"prune 0.1625", 2756, 4371, 17, "38.57783", "61.18421", "0.23796"}};
  for (const std::vector<row>& table : {pythia, gemma}) {
    const std::size_t features = table.front().survived;
    CHECK((features == 5688 || features == 7144));
    for (const row& r : table) {
      CAPTURE(features);
      CAPTURE(r.condition);
      const qfa::census c = of(r.survived, r.blurred, r.destroyed);
      CHECK(c.counted() == features);
      CHECK(c.not_survived() == features - r.survived);
      CHECK(five_digits(qfa::percent(c.share(outcome::survived))) == r.survived_percent);
      CHECK(five_digits(qfa::percent(c.share(outcome::blurred))) == r.blurred_percent);
      CHECK(five_digits(qfa::percent(c.share(outcome::destroyed))) == r.destroyed_percent);
    }
  }
}

TEST_CASE("census: the unmeasured are counted and are in no other share") {
  const qfa::census c = of(6, 3, 1, 10);
  CHECK(c[outcome::unmeasured] == 10);
  CHECK(c.counted() == 10);
  CHECK(c.not_survived() == 4);
  CHECK(c.share(outcome::survived) == 0.6);
  CHECK(c.share(outcome::unmeasured) == 0.5);
}

TEST_CASE("census: of no features there is no share") {
  CHECK(std::isnan(qfa::census{}.share(outcome::survived)));
  CHECK(std::isnan(of(0, 0, 0, 3).share(outcome::survived)));
  CHECK(of(0, 0, 0, 3).share(outcome::unmeasured) == 1.0);
}

}  // namespace survival_census_test
