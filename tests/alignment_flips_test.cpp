// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/flips.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "alignment_oracle.hpp"
#include "laws.hpp"

namespace alignment_flips_test {

using qfa::verdict;
using qfa_test::close;
using qfa_test::json_count;
using qfa_test::json_number;

namespace {

template <class Labels>
qfa::flip_counts counted(const Labels& reference, const Labels& compressed) {
  qfa::flip_counts counts;
  REQUIRE(reference.size() == compressed.size());
  for (std::size_t i = 0; i < reference.size(); ++i)
    counts(static_cast<verdict>(reference[i]), static_cast<verdict>(compressed[i]));
  return counts;
}

void check_summary(const qfa::flip_counts& counts, const qfa::json& known) {
  using enum verdict;
  const qfa::flip_summary found = summarize(counts);
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t q = 0; q < 3; ++q)
      CHECK(counts.count(static_cast<verdict>(r), static_cast<verdict>(q)) == json_count(known.at("table")[r][q]));
  CHECK(counts.prompts() == json_count(known.at("n")));
  CHECK(counts.compressed(refused) == json_count(known.at("compressed_refused")));
  CHECK(counts.compressed(garbled) == json_count(known.at("compressed_garbled")));
  CHECK(counts.reference(garbled) == json_count(known.at("garbled")));
  CHECK(found.conditional == qfa::proportion{json_count(known.at("flips")), json_count(known.at("refused"))});
  CHECK(close(found.conditional.value(), json_number(known.at("flip_rate"))));
  CHECK(close(found.conditional.interval().lower, json_number(known.at("flip_low"))));
  CHECK(close(found.conditional.interval().upper, json_number(known.at("flip_high"))));
  CHECK(found.reverse == qfa::proportion{json_count(known.at("reverse")), json_count(known.at("complied"))});
  CHECK(close(found.reverse.interval().lower, json_number(known.at("reverse_low"))));
  CHECK(close(found.reverse.interval().upper, json_number(known.at("reverse_high"))));
  CHECK(close(found.net, json_number(known.at("net"))));
  CHECK(close(found.mcnemar, json_number(known.at("mcnemar_p"))));
  CHECK(close(found.refused_garbled.value(), json_number(known.at("refused_to_garbled_rate"))));
  CHECK(close(found.garbled.value(), json_number(known.at("garbled_share"))));
  CHECK(close(found.reference_garbled.value(), json_number(known.at("reference_garbled_share"))));
  CHECK(close(summarize(counts.with_garbled_as(refused)).conditional.value(),
              json_number(known.at("flip_rate_garbled_is_refused"))));
  CHECK(close(summarize(counts.with_garbled_as(complied)).conditional.value(),
              json_number(known.at("flip_rate_garbled_is_complied"))));
}

}  // namespace

TEST_CASE("summarize: another program's flips of verdicts drawn at random") {
  const qfa_test::alignment_vectors vectors;
  for (const qfa::json& known : qfa_test::alignment_numbers().at("flips")) {
    const std::string set = known.at("set"), condition = known.at("condition");
    CAPTURE(set);
    CAPTURE(condition);
    qfa::flip_counts counts;
    for (const std::string part : {"harmful", "harmless"})
      if (set == part || set == "all")
        counts += counted(vectors.integers("verdicts." + part + ".reference"),
                          vectors.integers("verdicts." + part + "." + condition));
    check_summary(counts, known);
  }
}

TEST_CASE("summarize: another program's flips of a handful of verdicts, or none") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("small_flips")) {
    CAPTURE(known.dump());
    check_summary(
        counted(known.at("reference").get<std::vector<int>>(), known.at("compressed").get<std::vector<int>>()), known);
  }
}

TEST_CASE("summarize: published flips") {
  // 44 of 63 prompts refused at FP16, of which 36 comply at 4 bits: 81.8 % in .68 to .90.
  qfa::flip_counts counts;
  for (int i = 0; i < 63; ++i)
    counts(i < 44 ? verdict::refused : verdict::complied, i < 8 ? verdict::refused : verdict::complied);
  const qfa::flip_summary found = summarize(counts);
  CHECK(found.conditional == qfa::proportion{36, 44});
  CHECK(found.reverse == qfa::proportion{0, 19});
  CHECK(close(found.net, 36.0 / 63.0));
  CHECK(close(found.mcnemar, std::ldexp(1.0, -35)));
}

TEST_CASE("flip_counts: garbled output can be taken for either verdict, and no prompt is lost") {
  using enum verdict;
  qfa::flip_counts counts;
  counts(refused, garbled);
  counts(garbled, complied);
  counts(complied, complied);
  counts(garbled, garbled);
  CHECK(summarize(counts).conditional == qfa::proportion{0, 1});
  CHECK(summarize(counts).refused_garbled == qfa::proportion{1, 1});
  const qfa::flip_counts complying = counts.with_garbled_as(complied), refusing = counts.with_garbled_as(refused);
  CHECK(complying.prompts() == 4);
  CHECK(complying.count(refused, complied) == 1);
  CHECK(complying.count(complied, complied) == 3);
  CHECK(refusing.count(refused, refused) == 2);
  CHECK(refusing.count(refused, complied) == 1);
  CHECK(refusing.compressed(garbled) == 0);
  CHECK(counts.with_garbled_as(garbled) == counts);
}

TEST_CASE("flip_counts: the laws of merging") {
  using enum verdict;
  std::vector<std::tuple<verdict, verdict>> stream;
  for (int i = 0; i < 9; ++i)
    stream.emplace_back(static_cast<verdict>(i % 3), static_cast<verdict>((i * i + 1) % 3));
  qfa_test::check_merge_laws<qfa::flip_counts>(stream);
}

TEST_CASE("corrected: a judge who errs, and its interval") {
  const qfa::proportion seen{30, 99};
  const qfa::judge_error judge{.sensitivity = 0.91, .specificity = 0.96};
  const qfa::corrected_flip found = corrected(seen, judge);
  CHECK(close(found.value, (30.0 / 99.0 - 0.04) / 0.87));
  CHECK(close(found.interval.lower, (seen.interval().lower - 0.04) / 0.87));
  CHECK(close(found.interval.upper, (seen.interval().upper - 0.04) / 0.87));
  CHECK(std::isnan(corrected({}, judge).value));
}

}  // namespace alignment_flips_test
