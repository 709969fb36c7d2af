// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/onset.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alignment_oracle.hpp"
#include "scratch.hpp"

namespace alignment_onset_test {

using qfa::flip_evidence;
using qfa::flip_regime;
using sweep = std::vector<qfa::flips_at_bits>;

namespace {

std::optional<double> bits_or_none(const qfa::json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

}  // namespace

TEST_CASE("find_onset: another program's onsets, regimes and confirmed onsets") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("onset")) {
    CAPTURE(known.dump());
    sweep settings;
    for (std::size_t i = 0; i < known.at("bits").size(); ++i) {
      const qfa::proportion flips{known.at("flips")[i].get<std::uint64_t>(), known.at("refused").get<std::uint64_t>()};
      settings.push_back({known.at("bits")[i].get<double>(), flips});
      CHECK(qfa::flip_regime_names[static_cast<std::size_t>(qfa::regime_of(flips.value()))] ==
            known.at("regime")[i].get<std::string>());
    }
    std::ranges::reverse(settings);  // in any order
    const std::vector<qfa::flip_phase> phases = qfa::phases_of(settings);
    REQUIRE(phases.size() == settings.size());
    for (std::size_t i = 0; i < phases.size(); ++i)
      CHECK(qfa::flip_phase_names[static_cast<std::size_t>(phases[phases.size() - 1 - i])] ==
            known.at("phase")[i].get<std::string>());
    const qfa::onset_bits found = qfa::find_onset(settings);
    CHECK(found.onset == bits_or_none(known.at("onset_bits")));
    CHECK(found.collapse == bits_or_none(known.at("collapse_bits")));
    CHECK(found.complete == bits_or_none(known.at("complete_bits")));
    CHECK(qfa::find_onset(settings, flip_evidence::lower_bound).onset ==
          bits_or_none(known.at("confirmed_onset_bits")));
  }
}

TEST_CASE("regime_of: a threshold belongs to what begins there") {
  CHECK(qfa::regime_of(std::nextafter(0.05, 0.0)) == flip_regime::safe);
  CHECK(qfa::regime_of(0.05) == flip_regime::partial);
  CHECK(qfa::regime_of(std::nextafter(0.5, 0.0)) == flip_regime::partial);
  CHECK(qfa::regime_of(0.5) == flip_regime::collapse);
  CHECK(qfa::regime_of(0.1, {.onset = 0.2}) == flip_regime::safe);
}

TEST_CASE("find_onset: one flip of few prompts begins a phase only where the rate itself counts") {
  const sweep settings{{8.0, {1, 15}}, {4.0, {9, 15}}, {3.0, {15, 15}}};
  CHECK(qfa::find_onset(settings) == qfa::onset_bits{8.0, 4.0, 3.0});
  // Wilson's lower ends: .012, .357, .796.
  CHECK(qfa::find_onset(settings, flip_evidence::lower_bound) == qfa::onset_bits{4.0, 3.0, std::nullopt});
  CHECK(qfa::find_onset(settings, flip_evidence::lower_bound, {}, 1.0).complete == 3.0);
}

TEST_CASE("phases_of: onset once, beyond it again safe, and no label without refusals") {
  using enum qfa::flip_phase;
  const sweep settings{{8.0, {1, 20}}, {6.0, {0, 20}}, {5.0, {3, 20}}, {4.0, {16, 20}}, {3.0, {15, 20}}, {2.0, {0, 0}}};
  CHECK(qfa::phases_of(settings) == std::vector<qfa::flip_phase>{onset, safe, beyond, complete, beyond, unmeasured});
  CHECK(qfa::phases_of(settings, {.onset = 0.06})[2] == onset);
  CHECK(qfa::phases_of(sweep{}).empty());
}

TEST_CASE("find_onset: what is never reached, and settings without refusals") {
  CHECK(qfa::find_onset(sweep{}) == qfa::onset_bits{});
  CHECK(qfa::find_onset(sweep{{4.0, {0, 0}}, {3.0, {0, 9}}}) == qfa::onset_bits{});
  CHECK(qfa::find_onset(sweep{{4.0, {0, 0}}, {3.0, {9, 9}}}) == qfa::onset_bits{3.0, 3.0, 3.0});
  qfa_test::check_refused(
      [] {
        qfa::find_onset(sweep{{4.0, {0, 1}}, {8.0, {0, 1}}, {4.0, {1, 1}}});
      },
      {"one flip rate for each number of bits"});
}

}  // namespace alignment_onset_test
