// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/control_passes.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "scratch.hpp"

namespace controls_control_passes_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("control_passes: records come in order, an edit reaches the hook, and losses only where they are asked for") {
  control_passes passes(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(),
                        {.paired = true, .token_damage = true, .meaning = true}, {});
  CHECK(passes.counted() == counted_features(passes.reference().table, honest));
  CHECK(passes.counted().size() > 100);
  std::vector<std::string> names;
  pass_record plain, edited;
  const auto note = [&](const pass_record& record) { names.push_back(record.name); };
  std::vector<std::size_t> watched;
  const auto watch = [&](std::size_t block, matrix_view<const float> x) {
    watched.insert(watched.end(), {block, x.rows(), x.columns()});
  };
  passes.run(
      "again", [&] { return passes.model().uncompressed(); }, [&](const pass_record& r) { note(r), plain = r; },
      {.watch = watch});
  const activation_edit shift{{1, hook_kind::resid_post}, [](std::size_t, matrix_view<float> x) {
                                for (std::size_t t = 0; t < x.rows(); ++t)
                                  x(t, 0) = 0.0f;
                              }};
  passes.run(
      "edited", [&] { return passes.model().uncompressed(); }, [&](const pass_record& r) { note(r), edited = r; },
      {.losses = false, .edits = {shift}});
  passes.settle();
  CHECK(names == std::vector<std::string>{"again", "edited"});
  CHECK(plain.table == passes.reference().table);
  CHECK(!plain.losses.empty());
  CHECK(watched == std::vector<std::size_t>{0, 480, 64});
  CHECK(!plain.shift.has_value());
  // Nor what else of the audit nobody asks for here.
  CHECK(!plain.tokens.has_value());
  CHECK(!plain.meaning.has_value());
  CHECK(edited.losses.empty());
  // Features 0 and 64 of the lossless SAE are the two signs of channel 0.
  CHECK(edited.table.total(0).fired.compressed_firings() == 0);
  CHECK(edited.table.total(1).fired.flip_energy + edited.table.total(1).fired.on_energy == 0.0);
  const activation_edit behind{{2, hook_kind::resid_pre}, [](std::size_t, matrix_view<float>) {}};
  CHECK_THROWS_AS(
      passes.run("behind", [&] { return passes.model().uncompressed(); }, note, {.losses = false, .edits = {behind}}),
      error);
}

TEST_CASE("control_passes: where processes take turns, each pass's record goes to whoever asked for that pass") {
  const rtn coarse{.bits = 3}, fine{.bits = 8};
  std::vector<std::string> seen;
  // Runs both passes, and notes for each whose record was shown.
  const auto run = [&](const audit_share& share, std::vector<pass_record>* shown) {
    control_passes passes(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(), {.share = share},
                          {});
    seen.clear();
    const auto note = [&](const std::string& asked) {
      return [&, asked](const pass_record& record) {
        seen.push_back(asked + " sees " + record.name);
        if (shown != nullptr) shown->push_back(record);
      };
    };
    passes.run(
        "coarse", [&] { return passes.model().compress_by(coarse, {}); }, note("first"));
    const std::size_t at_once = seen.size();
    passes.run(
        "fine", [&] { return passes.model().compress_by(fine, {}); }, note("second"));
    passes.settle();
    CHECK(at_once == (share.parts == 1 ? 1 : 0));
    return passes.counted().empty();
  };
  std::vector<pass_record> alone;
  CHECK_FALSE(run({}, &alone));
  const std::vector<std::string> in_order{"first sees coarse", "second sees fine"};
  CHECK(seen == in_order);
  const auto complete = [&](pass_record& record) { record = alone[record.name == "fine" ? 1 : 0]; };
  CHECK_FALSE(run({0, 2, complete, audit_split::policies, true}, nullptr));
  CHECK(seen == in_order);
  CHECK(run({1, 2, complete, audit_split::policies, false}, nullptr));  // nobody asks there which features count
  CHECK(seen == in_order);
}

TEST_CASE("control_passes: a pass that a checkpoint holds is shown and not run again, and only under its name") {
  const scratch here;
  audit_options options;
  options.checkpoint = {.directory = here.path() / "resume", .seconds = 0.0, .resume = true, .made_of = {}};
  std::size_t compressed = 0, shown = 0;
  feature_table first, again;
  const auto run = [&](const std::string& name, feature_table& into) {
    control_passes passes(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(), options, {});
    passes.run(
        name, [&] { return ++compressed, passes.model().compress_by(rtn{.bits = 3}, {}); },
        [&](const pass_record& record) { ++shown, into = record.table; });
    passes.settle();
  };
  run("coarse", first);
  run("coarse", again);
  CHECK(compressed == 1);
  CHECK(shown == 2);
  CHECK(again == first);
  check_refused([&] { run("fine", again); }, {"goes on with \"coarse\"", "expected \"fine\""});
  CHECK(shown == 2);
}

}  // namespace controls_control_passes_test
