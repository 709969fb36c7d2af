// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/meaning_record.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "meaning_parts.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/archive.hpp"

namespace meaning_meaning_record_test {

std::vector<std::byte> bytes_of(const qfa::meaning_record& record) {
  qfa::archive_writer out("meanings", 1);
  out(record);
  return std::move(out).finish();
}

TEST_CASE("meaning_record: the same bytes in any cut into blocks and groups, by any number of threads, and back") {
  const qfa_test::meaning_case c;
  const qfa::row_groups groups(16, 5);  // of three rows, and one of four
  const auto family = qfa_test::meaning_numbers()["a11"]["families"][0]["family"].get<std::vector<std::uint32_t>>();
  const qfa::feature_relations relations = qfa_test::relations_of(c, family);
  const qfa::meaning_record whole = qfa_test::record_of(c, relations, groups, 0, 16, 16);
  const std::vector<std::byte> bytes = bytes_of(whole);
  for (const std::size_t threads : {1U, 3U}) {
    qfa::set_thread_count(threads);
    for (const std::size_t step : {1U, 5U})
      CHECK(bytes_of(qfa_test::record_of(c, relations, groups, 0, 16, step)) == bytes);
    for (std::size_t cut = 0; cut <= 5; ++cut) {
      CAPTURE(cut);
      const std::size_t row = groups.first_row_of(cut);
      qfa::meaning_record merged = qfa_test::record_of(c, relations, groups, row, 16);
      merged += qfa_test::record_of(c, relations, groups, 0, row, 4);
      CHECK(bytes_of(merged) == bytes);
    }
  }
  qfa::set_thread_count(1);

  qfa::meaning_record back;
  qfa::archive_reader in(bytes, "meanings", 1, "the test");
  in(back);
  in.finish();
  CHECK(back == whole);
  // A pass that was interrupted in the middle of a group goes on from its record.
  qfa::meaning_record resumed = qfa_test::record_of(c, relations, groups, 0, 5);
  for (std::size_t r = 5; r < 16; ++r) {
    resumed.side(c.rows_of(c.y, r, r + 1), qfa_test::places_of(c, groups.of_rows(r, 1), r, r + 1));
    (*resumed.pair)(c.rows_of(c.x, r, r + 1), c.rows_of(c.y, r, r + 1), relations, groups.of_rows(r, 1));
  }
  CHECK(bytes_of(resumed) == bytes);
  qfa::meaning_record adopted;
  adopted += whole;
  adopted += qfa::meaning_record{};
  CHECK(adopted == whole);
}

}  // namespace meaning_meaning_record_test
