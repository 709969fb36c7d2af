// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/model_passes.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "scratch.hpp"

namespace audit_model_passes_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr std::size_t rows = 690, context = 12;  // three blocks of 341 rows, the last one of 8

model_passes made_up(const audit_options& options, progress told = {}, unsigned seed = 3) {
  return {tiny_model(),    lossless_sae(64), random_rows(rows, context, 97, seed),
          tiny_settings(), options,          std::move(told)};
}

pass_record compressed(model_passes& passes, double bits) {
  const std::string name = "rtn of " + std::to_string(bits) + " bits";
  if (std::optional<pass_record> record = passes.finished()) return *std::move(record);
  const bool over = passes.run([&] { return passes.model().compress_by(rtn{.bits = static_cast<int>(bits)}, {}); },
                               passes.features().begin(name));
  CHECK(over);  // one process has every turn
  pass_record out;
  passes.settle([&](const pass_record& record) { out = record; });
  return out;
}

/// The reference, then two conditions; `told` may throw.
std::vector<std::vector<std::byte>> all_of(const audit_options& options, const progress& told = {}) {
  model_passes passes = made_up(options, told);
  std::vector<std::vector<std::byte>> out{to_bytes(passes.run_reference())};
  for (const double bits : {4.0, 3.0})
    out.push_back(to_bytes(compressed(passes, bits)));
  return out;
}

struct killed {};

}  // namespace

TEST_CASE("model_passes: interrupted at any block of any pass, and any number of times, the bits are the same") {
  const scratch here;
  audit_options options{.paired = true, .token_damage = true, .meaning = true, .spill_budget = 100000};
  const auto whole = all_of(options);
  // Each process begins with one block fewer than the last had reached, and dies after `most` steps.
  for (const std::size_t most : {2U, 4U}) {
    options.checkpoint = {.directory = here.path() / "resume", .seconds = 0.0, .resume = false, .made_of = {}};
    std::vector<std::pair<std::string, std::size_t>> seen;
    std::size_t processes = 0;
    for (bool done = false; !done; ++processes) {
      REQUIRE(processes < 40);
      std::size_t steps = 0;
      try {
        const auto again = all_of(options, [&](std::string_view stage, std::size_t block, std::size_t total) {
          if (total != 3 || block == total) return;
          if (++steps == most) throw killed{};
          seen.emplace_back(stage, block);
        });
        CHECK(again == whole);
        done = true;
      } catch (const killed&) {
      }
      options.checkpoint.resume = true;
    }
    CHECK(processes > 2);
    CHECK(seen.size() == 9);  // three blocks of three passes, none twice
    remove_checkpoint(options.checkpoint.directory);
  }
}

TEST_CASE("model_passes: a checkpoint of other tokens, or that goes on with another condition, is refused") {
  const scratch here;
  audit_options options;
  options.checkpoint = {.directory = here.path() / "resume", .seconds = 0.0, .resume = true, .made_of = {}};
  try {
    all_of(options, [](std::string_view stage, std::size_t block, std::size_t) {
      if (stage.starts_with("rtn") && block == 2) throw killed{};
    });
  } catch (const killed&) {
  }
  check_refused([&] { made_up(options, {}, 4); }, {"another audit", "the tokens' checksum"});
  options.fused = true;
  check_refused([&] { made_up(options); }, {"fusing is off there, and on here"});
  options.fused = false;
  model_passes passes = made_up(options);
  passes.run_reference();
  REQUIRE(passes.begun() != nullptr);
  CHECK(passes.begun()->name == "rtn of 4.000000 bits");
  check_refused([&] { compressed(passes, 3.0); },
                {"goes on with \"rtn of 4.000000 bits\"", "\"rtn of 3.000000 bits\""});
}

}  // namespace audit_model_passes_test
