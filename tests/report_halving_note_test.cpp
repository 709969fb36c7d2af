// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/halving_note.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

namespace report_halving_note_test {

using namespace qfa;

TEST_CASE("halving_note: groups that were joined, why, and that what half of the rows chooses has shorter ones") {
  std::optional<group_halving> h;
  CHECK(halving_note(h).empty());
  h = group_halving{
      .from = 64, .to = 16, .block_length = 9.25, .policy = "a", .series = "excess loss", .for_halves = 16};
  const std::string joined =
      "note: intervals leave out each of 16 groups of rows, not 64, as rows depend on each other in excess loss of a "
      "over 9.2 rows";
  CHECK(halving_note(h) == joined + "\n");
  h->to = 8;
  const std::string note = halving_note(h);
  CHECK(note.starts_with("note: intervals leave out each of 8 groups of rows, not 64"));
  CHECK(note.ends_with(
      "over 9.2 rows; what one half of the rows chooses and the other half judges has 16 groups, since half of 8 is "
      "too "
      "few for an interval: they are shorter than that asks for, and its intervals may be too narrow\n"));
  h->to = h->from = 64;
  CHECK(halving_note(h).empty());
}

TEST_CASE("short_groups_warning: groups that no joining makes long enough, and on how many rows they would be") {
  std::optional<group_halving> h;
  CHECK(short_groups_warning(h, 100).empty());
  h = group_halving{
      .from = 25, .to = 12, .block_length = 9.0, .policy = "a", .series = "the codes' cosine", .for_halves = 25};
  CHECK(short_groups_warning(h, 100).empty());  // long enough, as it was told
  h->long_enough = false;
  // 16 x 9 = 144 rows at b* = 9 of 100 rows, and b* grows with the cube root: 144 sqrt(1.44) = 172.8.
  CHECK(short_groups_warning(h, 100) ==
        "warning: intervals are too narrow, and what rests on them is not sure, as rows depend on each other in the "
        "codes' cosine of a over 9.0 rows, and a group has 8.3: 8 groups would be long enough on 173 rows\n");
  h->to = 7;
  CHECK(short_groups_warning(h, 100).empty());  // no interval, and that is said
}

}  // namespace report_halving_note_test
