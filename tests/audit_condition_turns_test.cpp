// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/condition_turns.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace audit_condition_turns_test {

using qfa::audit_split;

qfa::pass_record named(const std::string& name) {
  qfa::pass_record record;
  record.name = name;
  return record;
}

TEST_CASE("condition_turns: where tokens are shared, all run every condition over their rows and complete it at once") {
  std::vector<std::string> completed;
  qfa::condition_turns turns(
      {.part = 1, .parts = 2, .complete = [&](qfa::pass_record& record) { completed.push_back(record.name); }});
  const qfa::token_layout mine = turns.rows_of({.rows = 40, .row_tokens = 4});
  CHECK(mine.first == 20);
  CHECK(mine.run_rows() == 20);
  qfa::pass_record reference = named("reference");
  turns.complete_reference(reference);
  CHECK(completed == std::vector<std::string>{"reference"});
  for (const std::string name : {"a", "b"}) {
    CHECK(turns.mine());
    CHECK(turns.take(named(name)));
    std::vector<std::string> shown;
    turns.settle([&](const qfa::pass_record& record) { shown.push_back(record.name); });
    CHECK(shown == std::vector<std::string>{name});
    CHECK(completed.back() == name);
  }
  CHECK(completed.size() == 3);
}

TEST_CASE("condition_turns: where conditions are shared, each has its turn on all rows, completed in order by rounds") {
  std::vector<std::string> completed, shown;
  qfa::condition_turns turns({.part = 1,
                              .parts = 3,
                              .complete =
                                  [&](qfa::pass_record& record) {
                                    completed.push_back(record.name);
                                    record.name += "!";
                                  },
                              .by = audit_split::policies});
  CHECK(turns.rows_of({.rows = 40, .row_tokens = 4}).run_rows() == 40);
  qfa::pass_record reference = named("reference");
  turns.complete_reference(reference);
  CHECK(completed.empty());  // each has the whole
  const auto show = [&](const qfa::pass_record& record) { shown.push_back(record.name); };
  const std::vector<std::string> names{"a", "b", "c", "d", "e"};
  std::vector<bool> mine, over;
  for (const std::string& name : names) {
    mine.push_back(turns.mine());
    over.push_back(turns.take(named(name)));
    if (over.back()) turns.settle(show);
  }
  CHECK(mine == std::vector<bool>{false, true, false, false, true});
  CHECK(over == std::vector<bool>{false, false, true, false, false});
  CHECK(shown == std::vector<std::string>{"a!", "b!", "c!"});
  turns.settle(show);
  CHECK(completed == names);
  CHECK(shown == std::vector<std::string>{"a!", "b!", "c!", "d!", "e!"});
  // A round that was broken off changes nobody's turn.
  CHECK_FALSE(turns.mine());  // the sixth condition is the third process's
  CHECK(turns.mine(7));
  turns.settle([](const qfa::pass_record&) { FAIL("nothing waits"); });
}

TEST_CASE("condition_turns: one process by itself runs and completes everything, with nothing to call") {
  qfa::condition_turns turns(qfa::audit_share{});
  CHECK(turns.rows_of({.rows = 40, .row_tokens = 4}).run_rows() == 40);
  CHECK(turns.mine());
  CHECK(turns.take(named("a")));
  std::size_t shown = 0;
  turns.settle([&](const qfa::pass_record&) { ++shown; });
  CHECK(shown == 1);
}

}  // namespace audit_condition_turns_test
