// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/activation_audit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/io/npy_writer.hpp"
#include "scratch.hpp"

namespace audit_activation_audit_test {

using namespace qfa;
using namespace qfa_test;

namespace {

std::vector<float> states_at_hook(const language_model& model, const token_rows& tokens) {
  std::vector<float> out;
  const any_decoder ready(model);
  run_over(ready, tokens, parse_hook("blocks.1.hook_resid_post", model.config), "dump", {},
           [&](std::size_t, auto, matrix_view<const float> x, auto) {
             for (std::size_t t = 0; t < x.rows(); ++t)
               out.insert(out.end(), x.row(t).begin(), x.row(t).end());
           });
  return out;
}

}  // namespace

TEST_CASE("audit_activations: dumped activations give the features of the model they came from, bit for bit") {
  const scratch folder;
  const token_rows tokens = random_rows(40, 12, 97);
  const language_model model = tiny_model();
  const auto x = states_at_hook(model, tokens);
  const auto y = states_at_hook(compress(model, rtn{.bits = 4}).model, tokens);
  write_npy(folder.path() / "x.npy", {480, 64}, x);
  write_npy(folder.path() / "y.npy", {480, 64}, y);
  const std::vector<dumped_activations> compressed{{"int4", {folder.path() / "y.npy"}}};
  const audit_result dumped = audit_activations(lossless_sae(64), folder.path() / "x.npy", compressed, tiny_settings());
  model_audit audit = tiny_audit();
  audit.run(rtn{.bits = 4});
  REQUIRE(dumped.conditions.size() == 2);
  CHECK(dumped.conditions[1].policy == "int4");
  CHECK_FALSE(dumped.conditions[1].loss.has_value());
  CHECK(dumped.conditions[1].by_published.correlations.r == audit.conditions()[1].by_published.correlations.r);
  CHECK(dumped.conditions[1].fit.fvu == audit.conditions()[1].fit.fvu);
}

TEST_CASE("audit_activations: side by side, each condition is what two passes over kept codes say, bit for bit") {
  const scratch folder;
  const std::size_t tokens = 2 * token_layout::block_tokens + 60;  // three blocks, the last one short
  const auto x = random_activations(tokens, 3);
  const std::vector<std::vector<float>> moved{shaken(x, 0.1f, 8), shaken(x, 0.5f, 9)};
  write_npy(folder.path() / "x.npy", {tokens, 3}, x);
  write_npy(folder.path() / "a.npy", {tokens, 3}, moved[0]);
  write_npy(folder.path() / "b.npy", {tokens, 3}, moved[1]);
  audit_settings settings = tiny_settings();
  settings.skip_positions = 1;
  const std::vector<dumped_activations> compressed{{"a", {folder.path() / "a.npy"}}, {"b", {folder.path() / "b.npy"}}};
  const audit_result dumped =
      audit_activations(lossless_sae(3), folder.path() / "x.npy", compressed, settings, {.paired = true});

  const token_layout layout{tokens / 12, 12, 1};
  REQUIRE(layout.blocks() == 3);
  feature_audit kept(lossless_sae(3), layout, true);
  const auto each_block = [&](const std::vector<float>& from, auto take) {
    for (std::size_t b = 0; b < layout.blocks(); ++b)
      take(matrix_view<const float>(from.data(), tokens, 3)
               .rows_between(layout.first_row(b) * 12, layout.last_row(b) * 12));
  };
  each_block(x, [&](matrix_view<const float> block) { kept.add_reference(block); });
  const condition_result reference = conclude(kept.end_reference(), kept.reference(), kept.dictionary());
  REQUIRE(dumped.conditions.size() == 3);
  CHECK(dumped.conditions[0].fit.fvu == reference.fit.fvu);
  CHECK(dumped.conditions[0].features[2].mean_activation == reference.features[2].mean_activation);
  for (std::size_t i = 0; i < 2; ++i) {
    CAPTURE(i);
    compressed_side side(kept);
    each_block(moved[i], [&](matrix_view<const float> block) { side.add(block); });
    const condition_result two_passes = conclude(side.record(), kept.reference(), kept.dictionary());
    const condition_result& one_pass = dumped.conditions[i + 1];
    CHECK(one_pass.policy == compressed[i].name);
    CHECK(one_pass.by_honest.correlations.r == two_passes.by_honest.correlations.r);
    CHECK(one_pass.fit.fvu == two_passes.fit.fvu);
    CHECK(one_pass.first.flip_share == two_passes.first.flip_share);
    REQUIRE(one_pass.shift.has_value());
    CHECK(one_pass.shift->energy.value == two_passes.shift->energy.value);
    CHECK(one_pass.shift->relative.value == two_passes.shift->relative.value);
    CHECK(one_pass.shift->mean_shift_share.value == two_passes.shift->mean_shift_share.value);
  }
}

TEST_CASE("audit_activations: processes that share the rows end with the bits of one") {
  const scratch folder;
  const auto x = random_activations(50 * 12, 3);
  write_npy(folder.path() / "x.npy", {50 * 12, 3}, x);
  write_npy(folder.path() / "y.npy", {50 * 12, 3}, shaken(x, 0.3f));
  const std::vector<dumped_activations> compressed{{"moved", {folder.path() / "y.npy"}}};
  const auto run = [&](const audit_share& share) {
    return audit_activations(lossless_sae(3), folder.path() / "x.npy", compressed, tiny_settings(),
                             {.paired = true, .share = share});
  };
  std::vector<pass_record> all;
  const audit_result whole = run({0, 1, [&](pass_record& record) { all.push_back(record); }});
  REQUIRE(all.size() == 2);
  // What the second process leaves behind, then the first, which merges it.
  std::vector<pass_record> second;
  run({1, 2, [&](pass_record& record) {
         second.push_back(record);
         record = all[second.size() - 1];
       }});
  REQUIRE(second.size() == 2);
  CHECK_THROWS_AS(run({1, 2, [](pass_record&) {}}), error);  // rows are missing
  std::size_t passes = 0;
  const audit_result shared = run({0, 2, [&](pass_record& record) { record += second[passes++]; }});
  REQUIRE(shared.conditions.size() == 2);
  CHECK(shared.conditions[1].policy == "moved");
  for (std::size_t c = 0; c < 2; ++c) {
    CHECK(shared.conditions[c].by_honest.correlations.r == whole.conditions[c].by_honest.correlations.r);
    CHECK(shared.conditions[c].fit.fvu == whole.conditions[c].fit.fvu);
    CHECK(shared.conditions[c].fit.explained_variance_legacy == whole.conditions[c].fit.explained_variance_legacy);
  }
  CHECK(shared.conditions[1].shift->relative.value == whole.conditions[1].shift->relative.value);
  CHECK(shared.made.analyzed_tokens == 600);
}

TEST_CASE("audit_activations: interrupted at every block, it goes on to the same bits, and refuses other files") {
  const scratch folder;
  const std::size_t tokens = 4 * token_layout::block_tokens + 60;  // five blocks
  const auto x = random_activations(tokens, 3);
  write_npy(folder.path() / "x.npy", {tokens, 3}, x);
  write_npy(folder.path() / "a.npy", {tokens, 3}, shaken(x, 0.1f, 8));
  write_npy(folder.path() / "b.npy", {tokens, 3}, shaken(x, 0.5f, 9));
  struct killed {};
  audit_options options{.paired = true};
  std::size_t blocks = 0;
  const auto run = [&](const char* second, std::size_t most) {
    const std::vector<dumped_activations> compressed{{"a", {folder.path() / "a.npy"}}, {"b", {folder.path() / second}}};
    std::size_t steps = 0;
    return audit_activations(lossless_sae(3), folder.path() / "x.npy", compressed, tiny_settings(), options, {},
                             [&](std::string_view, std::size_t, std::size_t) {
                               if (++steps > most) throw killed{};
                               ++blocks;
                             });
  };
  const audit_result whole = run("b.npy", 99);
  options.checkpoint = {.directory = folder.path() / "resume", .seconds = 0.0, .resume = true, .made_of = {}};
  blocks = 0;
  for (int i = 0; i < 4; ++i)
    CHECK_THROWS_AS(run("b.npy", 1), killed);
  check_refused([&] { run("a.npy", 99); }, {"another audit", "the checksum of the activations of \"b\""});
  const audit_result again = run("b.npy", 99);
  CHECK(blocks == 5);  // none twice
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(again.conditions[c].by_honest.correlations.r == whole.conditions[c].by_honest.correlations.r);
    CHECK(again.conditions[c].fit.fvu == whole.conditions[c].fit.fvu);
  }
  CHECK(again.conditions[2].shift->energy.value == whole.conditions[2].shift->energy.value);
  CHECK(again.conditions[1].policy == "a");
}

TEST_CASE("parts_of_files: the checksums of all of a side's files, as they are known already or else read") {
  const scratch folder;
  const auto a = folder.write("a", "one"), b = folder.write("b", "another"), c = folder.write("c", "a third");
  const token_layout layout{4, 12, 0};
  const feature_audit audit(lossless_sae(3), layout, false, 0);
  const std::vector<std::filesystem::path> reference{a, b};
  const std::vector<dumped_activations> compressed{{"x", {c, b}}, {"y", {a}}};
  const std::vector<input_file> inputs{{a.string(), 3, "0a0a0a0a"}, {c.string(), 7, "0c0c0c0c"}};
  const audit_parts found = detail::parts_of_files(audit, tiny_settings(), {}, reference, compressed, inputs);
  const auto value_of = [&](const std::string& name) {
    const auto at = std::ranges::find(found, "the checksum of the activations of \"" + name + "\"",
                                      &audit_parts::value_type::first);
    return at == found.end() ? "none" : at->second;
  };
  CHECK(value_of("reference") == "0a0a0a0a " + crc32_of_file(b));
  CHECK(value_of("x") == "0c0c0c0c " + crc32_of_file(b));
  CHECK(value_of("y") == "0a0a0a0a");
}

TEST_CASE("audit_activations: an SAE that does not fit is refused, and by the reference alone where that shows early") {
  const scratch folder;
  const std::size_t block = token_layout::block_tokens;
  // An encoder that fires on nothing below 2 and decodes to 0 has an FVU of 1 and more wherever activations are small.
  sae blind = lossless_sae(1);
  blind.b_enc.assign(2, -2.0f);
  blind.b_dec = {1.0f};
  const std::size_t blocks = detail::trial_blocks + 3;
  const auto made = [&](const char* name, std::size_t small_blocks) {
    std::vector<float> x = random_activations(blocks * block, 1);
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = i < small_blocks * block ? 0.1f * x[i] : x[i] < 0.0f ? -99.0f : 101.0f;
    write_npy(folder.path() / name, {x.size(), 1}, x);
    return folder.path() / name;
  };
  audit_settings settings = tiny_settings();
  settings.context = 64;
  std::vector<std::string> stages;
  const auto run = [&](const std::filesystem::path& x, bool allow_bad_sae = false, std::size_t max_tokens = 0) {
    stages.clear();
    const std::vector<dumped_activations> same{{"c", {x}}};
    return audit_activations(blind, x, same, settings, {.max_tokens = max_tokens, .allow_bad_sae = allow_bad_sae}, {},
                             [&](std::string_view stage, std::size_t, std::size_t) { stages.emplace_back(stage); });
  };
  const auto sides = [&] { return std::ranges::count(stages, "activations"); };
  const auto alone = [&] { return std::ranges::count(stages, "reference"); };
  const auto steps = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };

  const auto never = made("never.npy", blocks);
  check_refused([&] { run(never); }, {"FVU", "--allow-bad-sae"});
  CHECK(sides() == steps(detail::trial_blocks + 1));
  CHECK(alone() == steps(blocks));
  // Too few blocks for a trial: refused at the end.
  check_refused([&] { run(never, false, 2 * block); }, {"FVU", "--allow-bad-sae"});
  CHECK(sides() == 2);
  CHECK(alone() == 0);
  CHECK(run(never, true).conditions[0].fit.fvu > 1.0);
  CHECK(alone() == 0);

  // The first blocks look bad, the whole does not: its verdict counts.
  CHECK(run(made("late.npy", detail::trial_blocks)).conditions[0].fit.fvu < 1.0);
  CHECK(alone() == steps(blocks));
  CHECK(run(made("fits.npy", 0)).conditions[0].fit.fvu < 1.0);
  CHECK(alone() == 0);
}

TEST_CASE("audit_activations: a short last row is dropped and said so, other tokens and widths are refused") {
  const scratch folder;
  write_npy(folder.path() / "x.npy", {100, 3}, random_activations(100, 3));
  write_npy(folder.path() / "short.npy", {99, 3}, random_activations(99, 3));
  write_npy(folder.path() / "long.npy", {112, 3}, random_activations(112, 3));
  write_npy(folder.path() / "wide.npy", {100, 4}, random_activations(100, 4));
  const auto run = [&](const std::string& name, const audit_options& options = {}) {
    const std::vector<dumped_activations> compressed{{"c", {folder.path() / name}}};
    return audit_activations(lossless_sae(3), folder.path() / "x.npy", compressed, tiny_settings(), options);
  };
  CHECK(run("x.npy").made.rows == 8);
  CHECK(run("x.npy").made.dropped_tokens == 4);
  const audit_result some = run("x.npy", {.max_tokens = 50}), all = run("x.npy", {.max_tokens = 1000});
  CHECK(some.made.rows == 4);
  CHECK(some.made.dropped_tokens == 2);  // of those that were asked for
  CHECK(all.made.rows == 8);
  CHECK(all.made.dropped_tokens == 4);
  CHECK_THROWS_AS(run("short.npy"), error);
  check_refused([&] { run("long.npy"); }, {"long.npy", "112 tokens", "100"});
  CHECK_THROWS_AS(run("wide.npy"), error);
  // What only a model that is run over tokens could tell.
  check_refused([&] { run("x.npy", {.token_damage = true}); }, {"damage of tokens", "losses"});
  check_refused([&] { run("x.npy", {.meaning = true}); }, {"what features mean"});
  audit_settings long_rows = tiny_settings();
  long_rows.context = 101;
  CHECK_THROWS_AS(audit_activations(lossless_sae(3), folder.path() / "x.npy", {}, long_rows), error);
}

TEST_CASE("audit_activations: a side in several files is the same as in one, wherever they are cut") {
  const scratch folder;
  const auto path = [&](const char* name) { return folder.path() / name; };
  const auto x = random_activations(480, 3);
  const auto y = shaken(x, 0.3f);
  const auto write_part = [&](const char* name, const std::vector<float>& all, std::size_t first, std::size_t last) {
    const auto at = [&](std::size_t token) { return all.begin() + static_cast<std::ptrdiff_t>(3 * token); };
    write_npy(path(name), {last - first, 3}, std::vector<float>(at(first), at(last)));
  };
  write_part("x.npy", x, 0, 480);
  write_part("y.npy", y, 0, 480);
  write_part("x0.npy", x, 0, 101);  // within a text
  write_part("x1.npy", x, 101, 480);
  write_part("y0.npy", y, 0, 250);
  write_part("y1.npy", y, 250, 480);
  const auto run = [&](std::vector<std::filesystem::path> reference, std::vector<std::filesystem::path> other) {
    const std::vector<dumped_activations> compressed{{"c", std::move(other)}};
    return audit_activations(lossless_sae(3), reference, compressed, tiny_settings());
  };
  const audit_result one = run({path("x.npy")}, {path("y.npy")});
  const audit_result several = run({path("x0.npy"), path("x1.npy")}, {path("y0.npy"), path("y1.npy")});
  CHECK(several.conditions[0].fit.fvu == one.conditions[0].fit.fvu);
  CHECK(several.conditions[1].fit.fvu == one.conditions[1].fit.fvu);
  CHECK(several.conditions[1].by_honest.correlations.r == one.conditions[1].by_honest.correlations.r);
  check_refused(
      [&] {
        run({path("x0.npy"), path("x1.npy")}, {path("y0.npy")});
      },
      {"y0.npy", "250 tokens", "x0.npy\" and the 1 that follow it", "480"});
}

TEST_CASE("audit_activations: a name that is empty or taken is refused before anything is read") {
  const auto refused = [](std::initializer_list<dumped_activations> files, std::string_view part) {
    check_refused([&] { audit_activations(lossless_sae(8), "nothing.npy", files, tiny_settings()); }, {part});
  };
  refused({{"", {"a.npy"}}}, "needs a name");
  refused({{"reference", {"a.npy"}}}, "\"reference\" already");
  refused({{"a", {"a.npy"}}, {"a", {"b.npy"}}}, "\"a\" already");
}

}  // namespace audit_activation_audit_test
