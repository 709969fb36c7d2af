// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/checkpoint.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "scratch.hpp"

namespace audit_checkpoint_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::scratch;
using qfa_test::slurp;

namespace {

const audit_parts parts{{"the hook", "blocks.1"}, {"the tokens' checksum", "12345678"}};

pass_record record(const std::string& name, std::size_t rows = 8) {
  pass_record out(name, {.rows = rows, .row_tokens = 3}, 5);
  out.warnings = {"of " + name};
  return out;
}

std::vector<std::byte> bytes(const std::string& text) {
  const auto all = std::as_bytes(std::span(text));
  return {all.begin(), all.end()};
}

checkpoint_options at(const std::filesystem::path& directory, bool resume, double seconds = 0.0) {
  return {.directory = directory, .seconds = seconds, .resume = resume, .made_of = {{"the policies", "rtn"}}};
}

}  // namespace

TEST_CASE("audit_checkpoint: finished and running passes, and the blocks behind them, outlive the process") {
  const scratch here;
  const auto directory = here.path() / "new" / "resume";
  {
    audit_checkpoint kept(at(directory, true), parts);  // nothing there yet: from the beginning
    CHECK(kept.running() == nullptr);
    CHECK_FALSE(kept.finished(0).has_value());
    CHECK_FALSE(path_exists(directory));
    spill_file codes(4), states(100);
    std::vector<spill_file*> stores{&codes, &states};
    kept.keep(codes, "codes");
    kept.keep(states, "states");
    codes.append(bytes("one"));
    codes.append(bytes("two, which is beyond the budget"));
    states.append(bytes("in memory"));
    kept.offer(record("reference"), 2, stores);
    CHECK(holds_checkpoint(directory));
    kept.finish(record("reference"), stores);
    const pass_record first = record("first"), second = record("second");
    const std::vector<std::reference_wrapper<const pass_record>> both{first, second};
    kept.offer(both, 7, stores);
    codes.append(bytes("written after the last saving"));
  }
  audit_checkpoint again(at(directory, true), parts);
  spill_file codes(100), states(100);
  again.keep(codes, "codes");
  again.keep(states, "states");
  REQUIRE(codes.blocks() == 2);
  CHECK(codes.read(0) == bytes("one"));
  CHECK(codes.read(1) == bytes("two, which is beyond the budget"));
  CHECK(states.read(0) == bytes("in memory"));
  CHECK(codes.append(bytes("goes on")) == 2);
  REQUIRE(again.finished(0).has_value());
  CHECK(to_bytes(*again.finished(0)) == to_bytes(record("reference")));
  CHECK_FALSE(again.finished(1).has_value());
  REQUIRE(again.running() != nullptr);
  CHECK(again.running()->name == "first");
  const auto [running, blocks] = again.take_running();
  CHECK(blocks == 7);
  REQUIRE(running.size() == 2);
  CHECK(to_bytes(running[1]) == to_bytes(record("second")));
  CHECK(again.running() == nullptr);

  remove_checkpoint(directory);
  CHECK_FALSE(path_exists(directory));
}

TEST_CASE("audit_checkpoint: nothing is written before it is time, then all that waited") {
  const scratch here;
  const auto directory = here.path() / "resume";
  audit_checkpoint patient(at(directory, false, 3600.0), parts);
  patient.offer(record("reference"), 1);
  patient.finish(record("reference"));
  patient.offer(record("first"), 1);
  CHECK_FALSE(path_exists(directory));
  CHECK(patient.finished(0)->name == "reference");
  audit_checkpoint nothing;
  nothing.offer(record("reference"), 1);
  nothing.finish(record("reference"));
  CHECK_FALSE(nothing.finished(0).has_value());

  audit_checkpoint quick(at(directory, false), parts);
  quick.finish(record("reference"));
  quick.finish(record("first"));
  audit_checkpoint again(at(directory, true, 3600.0), parts);
  CHECK(again.finished(1)->name == "first");
  CHECK(again.running() == nullptr);
  again.offer(record("second"), 1);  // not yet time
  again.finish(record("second"));    // what has been saved before is kept up to date at the end of each pass
  const auto second = audit_checkpoint(at(directory, true), parts).finished(2);
  REQUIRE(second.has_value());
  CHECK(second->name == "second");
}

TEST_CASE("audit_checkpoint: without being asked to go on, it starts anew, and other files stay") {
  const scratch here;
  audit_checkpoint(at(here.path(), false), parts).finish(record("reference"));
  here.write("mine.txt", "kept");
  here.write("qfa-audit-state.partial-1-2", "left by a process that was killed");
  CHECK(here.files() == 4);
  audit_checkpoint again(at(here.path(), true), parts);
  CHECK(here.files() == 3);  // the partial file is gone
  CHECK(again.finished(0).has_value());
  audit_checkpoint anew(at(here.path(), false), parts);
  CHECK_FALSE(anew.finished(0).has_value());
  CHECK_FALSE(holds_checkpoint(here.path()));
  CHECK(here.files() == 1);
  CHECK(slurp(here.path() / "mine.txt") == "kept");
}

TEST_CASE("audit_checkpoint: one of other parts is refused, and the sentence says which") {
  const scratch here;
  audit_checkpoint(at(here.path(), false), parts).finish(record("reference"));
  const auto open = [&](audit_parts made_of, std::string policies = "rtn") {
    checkpoint_options options = at(here.path(), true);
    options.made_of[0].second = std::move(policies);
    audit_checkpoint(options, std::move(made_of));
  };
  open(parts);
  check_refused(
      [&] {
        open({{"the hook", "blocks.2"}, parts[1]});
      },
      {here.path().string(), "another audit", "the hook is blocks.1 there, and blocks.2 here"});
  check_refused([&] { open(parts, "prune"); }, {"the policies is rtn there, and prune here"});
  check_refused([&] { open({parts[0], {"the model", "x"}}); }, {"its part 2 is the tokens' checksum there"});
  check_refused([&] { open({parts[0]}); }, {"another audit"});
  CHECK(holds_checkpoint(here.path()));  // refusing it does not remove it
}

TEST_CASE("audit_checkpoint: damage to any of its files is refused") {
  const scratch here;
  const auto write = [&] {
    audit_checkpoint kept(at(here.path(), false), parts);
    spill_file codes(0);
    std::vector<spill_file*> stores{&codes};
    kept.keep(codes, "codes");
    codes.append(bytes("some codes"));
    kept.finish(record("reference"), stores);
    kept.offer(record("first"), 1, stores);
  };
  const auto open = [&] {
    audit_checkpoint again(at(here.path(), true), parts);
    spill_file codes(0);
    again.keep(codes, "codes");
    again.finished(0);
  };
  write();
  open();
  const auto other = to_bytes(record("stranger"));
  here.write("qfa-audit-pass-0", std::string_view(reinterpret_cast<const char*>(other.data()), other.size()));
  check_refused(open, {"qfa-audit-pass-0", "another checksum"});  // whole, and of another audit
  for (const std::string name : {"qfa-audit-state", "qfa-audit-pass-0", "qfa-audit-codes"}) {
    CAPTURE(name);
    write();
    const std::string whole = slurp(here.path() / name);
    for (std::size_t at_byte = 0; at_byte < whole.size(); at_byte += 1 + whole.size() / 25) {
      std::string damaged = whole;
      damaged[at_byte] = static_cast<char>(damaged[at_byte] ^ 4);
      here.write(name, damaged);
      check_refused(open, {name});
      here.write(name, whole.substr(0, at_byte));
      check_refused(open, {name});
    }
    if (name != "qfa-audit-state") {
      std::filesystem::remove(here.path() / name);
      check_refused(open, {name});
    }
  }
}

}  // namespace audit_checkpoint_test
