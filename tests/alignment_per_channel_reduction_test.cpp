// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/per_channel_reduction.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "alignment_oracle.hpp"
#include "laws.hpp"

namespace alignment_per_channel_reduction_test {

using qfa_test::close;
using qfa_test::json_count;
using qfa_test::json_number;

namespace {

void check_estimate(const qfa::reduction_counts& counts, const qfa::json& known) {
  const qfa::reduction_estimate found = qfa::estimate_reduction(counts);
  CHECK(close(found.value, json_number(known.at("pcr"))));
  CHECK(close(found.interval.lower, json_number(known.at("low"))));
  CHECK(close(found.interval.upper, json_number(known.at("high"))));
  CHECK(found.half_added == known.at("half_added").get<bool>());
  CHECK(close(qfa::flip_reduction(counts.coarse().value(), counts.fine().value()), json_number(known.at("pcr"))));
  CHECK(close(qfa::published_flip_reduction(counts.coarse().value(), counts.fine().value()),
              json_number(known.at("pcr_published"))));
}

}  // namespace

TEST_CASE("estimate_reduction: another program's reductions and intervals") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("pcr")) {
    CAPTURE(known.dump());
    check_estimate(
        {json_count(known.at("a")), json_count(known.at("b")), json_count(known.at("c")), json_count(known.at("rest"))},
        known);
  }
}

TEST_CASE("estimate_reduction: counted from paired verdicts") {
  const qfa_test::alignment_vectors vectors;
  const auto reference = vectors.integers("verdicts.harmful.reference"),
             coarse = vectors.integers("verdicts.harmful.per_tensor"),
             fine = vectors.integers("verdicts.harmful.per_channel");
  qfa::reduction_counts counts;
  for (std::size_t i = 0; i < reference.size(); ++i)
    if (reference[i] == 0) counts(coarse[i] == 1, fine[i] == 1);
  const qfa::json& known = qfa_test::alignment_numbers().at("pcr_from_verdicts");
  CHECK(counts == qfa::reduction_counts{json_count(known.at("a")), json_count(known.at("b")), json_count(known.at("c")),
                                        json_count(known.at("rest"))});
  check_estimate(counts, known);
}

TEST_CASE("flip_reduction: another program's G64 reductions, PCR_dir and flip recoveries") {
  for (const std::string entry : {"g64_reduction", "pcr_dir", "recovery_1"})
    for (const qfa::json& known : qfa_test::alignment_numbers().at(entry)) {
      CAPTURE(entry);
      const double refused = json_number(known.at("refused"));
      CHECK(close(
          qfa::flip_reduction(json_number(known.at("before")) / refused, json_number(known.at("after")) / refused),
          json_number(known.at("reduction"))));
    }
}

TEST_CASE("flip_reduction: never clipped, and undefined where nothing flips") {
  CHECK(qfa::flip_reduction(0.1, 0.4) == doctest::Approx(-3.0));
  CHECK(qfa::flip_reduction(0.4, 0.0) == 1.0);
  CHECK(std::isnan(qfa::flip_reduction(0.0, 0.0)));
  CHECK(std::isnan(qfa::flip_reduction(0.0, 0.4)));
  CHECK(std::isnan(qfa::flip_reduction(std::nan(""), 0.4)));
  CHECK(qfa::published_flip_reduction(0.0, 0.0) == 0.0);
}

TEST_CASE("estimate_reduction: twenty prompts do not tell much") {
  // 12 of 15 flipped per tensor and 4 of them per channel: .67, but anything from .26 to .85.
  const qfa::reduction_estimate found =
      qfa::estimate_reduction({.both = 4, .coarse_only = 8, .fine_only = 0, .neither = 3});
  CHECK(close(found.value, 2.0 / 3.0));
  CHECK(std::round(100.0 * found.interval.lower) == 26.0);
  CHECK(std::round(100.0 * found.interval.upper) == 85.0);
  CHECK(!found.half_added);
}

TEST_CASE("estimate_reduction: no prompts, and no flips") {
  const qfa::reduction_estimate none = qfa::estimate_reduction({});
  CHECK(std::isnan(none.value));
  CHECK(std::isnan(none.interval.lower));
  const qfa::reduction_estimate quiet = qfa::estimate_reduction({.neither = 15});
  CHECK(std::isnan(quiet.value));
  CHECK(quiet.half_added);
  CHECK(close(quiet.interval.lower, 1.0 - std::exp(1.96)));
  CHECK(close(quiet.interval.upper, 1.0 - std::exp(-1.96)));
  // All saved: the value is 1 and the interval, from the halves, is not.
  const qfa::reduction_estimate saved = qfa::estimate_reduction({.coarse_only = 12, .neither = 3});
  CHECK(saved.value == 1.0);
  CHECK(saved.interval.upper < 1.0);
}

TEST_CASE("reduction_counts: rates share their prompts, and the laws of merging hold") {
  qfa::reduction_counts counts;
  counts(true, true);
  counts(true, false);
  counts(true, false);
  counts(false, true);
  CHECK(counts == qfa::reduction_counts{1, 2, 1, 0});
  CHECK(counts.coarse() == qfa::proportion{3, 4});
  CHECK(counts.fine() == qfa::proportion{2, 4});
  const std::vector<std::tuple<bool, bool>> stream{
      {true, true}, {true, false}, {false, false}, {false, true}, {true, false}};
  qfa_test::check_merge_laws<qfa::reduction_counts>(stream);
}

}  // namespace alignment_per_channel_reduction_test
