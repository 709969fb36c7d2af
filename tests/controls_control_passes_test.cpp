// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/control_passes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace controls_control_passes_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("control_passes: records come in order, an edit reaches the hook, and losses only where they are asked for") {
  control_passes passes(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(), {.paired = true}, {});
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
  CHECK(edited.losses.empty());
  // Features 0 and 64 of the lossless SAE are the two signs of channel 0.
  CHECK(edited.table.total(0).fired.compressed_firings() == 0);
  CHECK(edited.table.total(1).fired.flip_energy + edited.table.total(1).fired.on_energy == 0.0);
  const activation_edit behind{{2, hook_kind::resid_pre}, [](std::size_t, matrix_view<float>) {}};
  CHECK_THROWS_AS(
      passes.run("behind", [&] { return passes.model().uncompressed(); }, note, {.losses = false, .edits = {behind}}),
      error);
}

}  // namespace controls_control_passes_test
