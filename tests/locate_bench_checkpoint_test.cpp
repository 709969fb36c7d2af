// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/bench_checkpoint.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/locate/locate_damage.hpp"
#include "qfa/report/locate_json.hpp"
#include "scratch.hpp"

namespace locate_bench_checkpoint_test {

using namespace qfa;
using namespace qfa_test;

namespace {

struct killed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A report of a bench's progress.
struct told_block {
  std::string stage;
  std::size_t done = 0, total = 0;
  bool operator==(const told_block&) const = default;
};

constexpr std::size_t never = (std::numeric_limits<std::size_t>::max)();

checkpoint_options at(const std::filesystem::path& directory, bool resume, double seconds = 0.0) {
  return {.directory = directory, .seconds = seconds, .resume = resume, .made_of = {{"the policy", "rtn:bits=4"}}};
}

/// Locates damage, a unit a call and 4 blocks each, until the reports of calls (not of the reference's pass) are so
/// many.  What was found, as its report has it, and in `reports` what was told of calls.
std::string locate(const checkpoint_options& kept_in, std::vector<told_block>& reports, std::size_t dies_at = never,
                   bench_options options = {.memory = 0, .tokens_per_block = 120}) {
  bench_checkpoint kept(kept_in);
  options.checkpoint = &kept;
  const progress told = [&](std::string_view stage, std::size_t done, std::size_t total) {
    if (stage != "each unit alone" && stage != "all units but one" && stage != "patch by depth") return;
    if (reports.size() == dies_at) throw killed("here");
    reports.push_back({std::string(stage), done, total});
  };
  const unit_bench bench(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(published), options,
                         told);
  return to_json(locate_damage(bench, rtn{.bits = 4}, {.kind = unit_kind::layers}), audit_protocol{}).dump();
}

feature_noise noise(double x) {
  return {.groups = 2,
          .all = {x, 2.0},
          .half = {std::vector<double>{x, 3.0}, {x, 4.0}},
          .without = {1.0, 2.0, x, 4.0},
          .half_without = {5.0, 6.0, 7.0, x}};
}

/// A call's effects: a model that reaches the hook, one that does not, and their trunk.
std::vector<unit_effect> effects(double x) {
  comparison_sum loss;
  loss(token_comparison{.reference_nll = 1.0, .compressed_nll = x, .kl = 0.5});
  return {{.noise = noise(x), .losses = {loss, {}}, .fvu = 0.25},
          {.noise = noise(x + 1.0), .losses = {{}, loss}, .reaches_hook = false, .fvu = 0.5},
          {.noise = noise(x + 1.0), .fvu = 0.5}};
}
bool same(const std::vector<unit_effect>& a, const std::vector<unit_effect>& b) {
  return std::ranges::equal(a, b, [](const unit_effect& x, const unit_effect& y) {
    return x.noise == y.noise && x.losses == y.losses && x.reaches_hook == y.reaches_hook && x.fvu == y.fvu;
  });
}

branch_record record(double kl) {
  branch_record out;
  out.add_losses(row_groups(4), 0, std::vector<token_comparison>{{.kl = kl}}, 1);
  return out;
}

}  // namespace

TEST_CASE("bench_checkpoint: killed in any call and between them, a run goes on there and ends with the same bits") {
  const scratch here;
  std::vector<told_block> whole;
  const std::string expected = locate({}, whole);
  REQUIRE(whole.size() == 5 * (3 + 3 + 1));  // 4 blocks of each call, and its end
  CHECK(whole.back().stage == "patch by depth");
  // In the first call and at its end, between two calls, in those of a trunk of their own, and in depth patching.
  for (const std::size_t n : {0U, 2U, 4U, 5U, 18U, 30U, 33U, 34U}) {
    CAPTURE(n);
    std::vector<told_block> before, after;
    CHECK_THROWS_AS(locate(at(here.path(), false), before, n), killed);
    CHECK((locate(at(here.path(), true), after) == expected));
    // What was saved is not done again; behind a call's last block its effects are saved with its end.
    const std::size_t from = whole[n].done == whole[n].total ? n - 1 : n;
    CHECK(std::ranges::equal(after, std::vector(whole.begin() + static_cast<std::ptrdiff_t>(from), whole.end())));
  }
  std::vector<told_block> again;  // killed when all is done, too
  CHECK((locate(at(here.path(), true), again) == expected));
  CHECK(again.empty());
}

TEST_CASE("bench_checkpoint: killed again and again, several models a call, with fits and without losses") {
  const scratch here;
  for (const bench_options& options : {bench_options{.fits = true, .memory = 600'000, .tokens_per_block = 36},
                                       bench_options{.losses = false, .memory = 600'000, .tokens_per_block = 36}}) {
    std::vector<told_block> whole;
    const std::string expected = locate({}, whole, never, options);
    std::string found;
    std::size_t processes = 0;
    for (; found.empty() && processes < whole.size(); ++processes) {
      std::vector<told_block> reports;
      try {
        found = locate(at(here.path(), processes > 0), reports, 5, options);
      } catch (const killed&) {
      }
    }
    CHECK((found == expected));
    CHECK(processes > 8);
  }
}

TEST_CASE("bench_checkpoint: short runs write nothing, and what waits is saved when it is time") {
  const scratch here;
  const std::filesystem::path directory = here.path() / "resume";
  std::vector<told_block> reports;
  locate(at(directory, false, 3600.0), reports);
  CHECK_FALSE(path_exists(directory));

  const std::vector<branch_record> records{record(1.0), record(2.0)};
  {
    bench_checkpoint kept(at(directory, false, 1.0));
    kept.enter({{"the hook", "blocks.1"}});
    CHECK_FALSE(kept.finished("first").has_value());
    kept.finish("first", effects(1.0));
    CHECK_FALSE(kept.finished("second").has_value());
    kept.finish("second", effects(2.0));
    CHECK_FALSE(kept.finished("third").has_value());
    kept.offer("third", records, 3);
    CHECK_FALSE(path_exists(directory));
    std::this_thread::sleep_for(std::chrono::milliseconds(1010));
    kept.offer("third", records, 5);
  }
  bench_checkpoint again(at(directory, true));
  again.enter({{"the hook", "blocks.1"}});
  const auto first = again.finished("first"), second = again.finished("second");
  REQUIRE(first);
  REQUIRE(second);
  CHECK(same(*first, effects(1.0)));
  CHECK(same(*second, effects(2.0)));
  CHECK_FALSE(again.finished("third").has_value());
  std::vector<branch_record> restored(2);
  CHECK(again.restore("third", restored) == 5);
  CHECK(restored == records);
  again.finish("third", effects(3.0));
  again.files().remove();
  CHECK_FALSE(path_exists(directory));

  bench_checkpoint hasty(at(directory, false, 3600.0));  // more than 64 MiB are too many to wait in memory
  hasty.finish("small", effects(1.0));
  CHECK_FALSE(path_exists(directory));
  constexpr std::size_t groups = std::size_t{1} << 23U;  // of 8 bytes each
  const std::vector<double> one{1.0};
  const feature_noise large{
      .groups = groups, .all = one, .half = {one, one}, .without = std::vector<double>(groups), .half_without = {}};
  hasty.finish("large", {{.noise = large}});
  CHECK(hasty.files().holds_state());
  hasty.finish("small", effects(2.0));  // waits again
  bench_checkpoint found(at(directory, true));
  CHECK(found.finished("small").has_value());
  CHECK(found.finished("large").has_value());
  CHECK_FALSE(found.finished("small").has_value());
  found.files().remove();
  CHECK_FALSE(path_exists(directory));
}

TEST_CASE("bench_checkpoint: one of another run is refused, and the sentence says which part differs") {
  const scratch here;
  std::vector<told_block> reports;
  CHECK_THROWS_AS(locate(at(here.path(), false), reports, 22), killed);
  const auto go_on = [&](bench_options options = {.memory = 0, .tokens_per_block = 120}) {
    locate(at(here.path(), true), reports, never, options);
  };
  const auto with_policy = [&](const std::string& policy) {
    checkpoint_options options = at(here.path(), true);
    options.made_of[0].second = policy;
    bench_checkpoint kept(options);
  };
  with_policy("rtn:bits=4");
  check_refused([&] { with_policy("rtn:bits=3"); },
                {here.path().string(), "is of another run", "the policy is rtn:bits=4 there, and rtn:bits=3 here"});
  check_refused([&] { go_on({.memory = 1, .tokens_per_block = 120}); },
                {"the memory for models at a time is 0 there, and 1 here"});
  check_refused([&] { go_on({.memory = 0}); }, {"the length of blocks is 120 there, and 4096 here"});
  check_refused([&] { go_on({.losses = false, .memory = 0, .tokens_per_block = 120}); }, {"losses is on there"});
  check_refused([&] { go_on({.fits = true, .memory = 0, .tokens_per_block = 120}); }, {"fit of each model"});
  bench_checkpoint kept(at(here.path(), true));
  check_refused([&] { kept.finished("another call"); }, {"call 1 of its benches is each unit alone", "another call"});
  bench_options shared;
  shared.checkpoint = &kept;
  shared.ranks.size = 2;
  check_refused(
      [&] { unit_bench(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(published), shared); },
      {"shared among ranks"});
  CHECK(kept.files().holds_state());  // refusing it does not remove it
  reports.clear();
  go_on();
  CHECK(reports.size() == 5 * 7 - 22);
  bench_checkpoint anew(at(here.path(), false));  // without being asked to go on
  CHECK_FALSE(path_exists(here.path()));
}

TEST_CASE("bench_checkpoint: damage to any of its files is refused") {
  const scratch here;
  const auto write = [&] {
    bench_checkpoint kept(at(here.path(), false));
    kept.finish("first", effects(1.0));
    kept.finish("second", effects(2.0));
    kept.offer("third", std::vector{record(1.0)}, 1);
  };
  const auto open = [&] {
    bench_checkpoint again(at(here.path(), true));
    again.finished("first");
    again.finished("second");
    std::vector<branch_record> restored(1);
    again.restore("third", restored);
  };
  write();
  open();
  here.write("qfa-bench-call-0", slurp(here.path() / "qfa-bench-call-1"));  // whole, and of another call
  check_refused(open, {"qfa-bench-call-0", "another checksum"});
  for (const std::string name : {"qfa-bench-state", "qfa-bench-call-0", "qfa-bench-call-1"}) {
    CAPTURE(name);
    write();
    const std::string bytes = slurp(here.path() / name);
    for (std::size_t i = 0; i < bytes.size(); i += 1 + bytes.size() / 25) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ 4);
      here.write(name, damaged);
      check_refused(open, {name});
      here.write(name, bytes.substr(0, i));
      check_refused(open, {name});
    }
    if (name == "qfa-bench-state") continue;
    std::filesystem::remove(here.path() / name);
    check_refused(open, {name});
  }
}

TEST_CASE("bench_checkpoint: effects whose numbers do not belong together are refused") {
  const auto refused = [](const feature_noise& torn) {
    archive_writer out("effects of a bench", 1);
    out(std::string("call"), std::vector<std::uint8_t>{1}, std::vector<comparison_sum>{}, 0.5, torn);
    const std::vector<std::byte> bytes = std::move(out).finish();
    CHECK_THROWS_WITH(bench_checkpoint::effects_from(bytes, "a file"),
                      doctest::Contains("a number for each feature, half and group"));
  };
  feature_noise torn = noise(1.0);
  torn.without.pop_back();
  refused(torn);
  torn = noise(1.0);
  torn.groups = 3;
  refused(torn);
  torn = noise(1.0);
  torn.half[1].pop_back();
  refused(torn);
}

}  // namespace locate_bench_checkpoint_test
