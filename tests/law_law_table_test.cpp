// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/law_table.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

namespace law_law_table_test {

qfa::law_table parse(const std::string& text) { return qfa::parse_law_table(text, "\"t.csv\""); }

TEST_CASE("parse_law_table: columns in any order, an unknown one passed over, empty cells not measured") {
  const qfa::law_table t = parse(
      "bits,N,note,D,loss,reference_loss,nu\n"
      "3,1e6,x,2e7,2.5,2.25,0.5\n"
      "4,1e6,y,2e7,,2.25,0.25\n"
      "3,1e6,z,4e7,2.25,2.0,\n");
  REQUIRE(t.degradation.size() == 2);
  CHECK(t.degradation[0].value == 0.25);
  CHECK(t.degradation[0].parameters == 1e6);
  CHECK(t.degradation[1].tokens == 4e7);
  CHECK(t.degradation[1].checkpoint == 1);
  REQUIRE(t.feature_noise.size() == 2);
  CHECK(t.feature_noise[1].bits == 4.0);
  CHECK(t.feature_noise[1].checkpoint == 0);
  REQUIRE(t.losses.size() == 2);
  CHECK(t.losses[0].value == 2.25);
  CHECK(t.losses[1].value == 2.0);
  CHECK(t.checkpoints.size() == 2);
  CHECK_FALSE(t.trained_in_few_bits);
}

TEST_CASE("parse_law_table: trained bits tell checkpoints apart, a name does where there is one") {
  const qfa::law_table t = parse("N,D,bits,delta,trained_bits\n1e6,2e7,3,0.1,8\n1e6,2e7,3,0.2,inf\n1e6,2e7,4,0.1,8\n");
  CHECK(t.trained_in_few_bits);
  CHECK(t.checkpoints.size() == 2);
  CHECK(t.degradation[0].trained_bits == 8.0);
  CHECK(std::isinf(t.degradation[1].trained_bits));
  CHECK(t.degradation[2].checkpoint == 0);
  CHECK(parse("N,D,bits,delta,checkpoint\n1e6,2e7,3,0.1,a\n1e6,2e7,3,0.2,b\n").checkpoints.size() == 2);
}

TEST_CASE("parse_law_table: refuses what is no such table, with the line") {
  const auto refused = [](const std::string& text, const char* why) {
    CHECK_THROWS_WITH_AS(parse(text), why, qfa::error);
  };
  refused("", "\"t.csv\" is empty, expected a table with columns N, D and bits");
  refused("N,bits,delta\n", "\"t.csv\" has no column \"D\"");
  refused("N,D,bits,delta,N\n", "\"t.csv\" has two columns \"N\"");
  refused("N,D,bits,loss\n",
          "\"t.csv\" has nothing to fit: expected a column \"delta\", \"loss\" with \"reference_loss\", or \"nu\"");
  refused("N,D,bits,delta\n1,2,3\n", "\"t.csv\", line 2, has 3 cells, expected 4");
  refused("N,D,bits,delta\n1,2,3,4x\n", "\"t.csv\", line 2, has \"4x\" in column \"delta\", expected a number");
  refused("N,D,bits,delta\n1,0,3,4\n", "\"t.csv\", line 2, has no finite number above 0 in column \"D\"");
  refused("N,D,bits,delta\n1,2,,4\n", "\"t.csv\", line 2, has no finite number above 0 in column \"bits\"");
  refused("N,D,bits,delta,reference_loss\n1,2,3,4,2\n1,2,4,4,3\n",
          "\"t.csv\", line 3, has another N, D, trained_bits or reference_loss than the checkpoint "
          "\"1.000000/2.000000/inf\" had before");
}

}  // namespace law_law_table_test
