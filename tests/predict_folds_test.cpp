// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/folds.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "made_up.hpp"

namespace predict_folds_test {

using qfa_test::draw_labels;

using folds = std::vector<std::uint32_t>;
using labels = std::vector<std::uint8_t>;

namespace {

/// members[fold][label]
std::vector<std::vector<int>> count_members(const folds& fold_of, const labels& positive, std::size_t count) {
  std::vector<std::vector<int>> members(count, std::vector<int>(2));
  for (std::size_t r = 0; r < fold_of.size(); ++r)
    ++members.at(fold_of[r]).at(positive[r] != 0 ? 1 : 0);
  return members;
}

int spread(const std::vector<int>& counts) {
  const auto [low, high] = std::minmax_element(counts.begin(), counts.end());
  return *high - *low;
}

}  // namespace

TEST_CASE("stratified_folds: classes and totals differ by one at most between folds") {
  for (std::uint32_t n = 10; n < 60; ++n)
    for (const std::uint32_t k : {2U, 3U, 5U}) {
      labels positive = draw_labels(n, n, 0.3);
      std::fill(positive.begin(), positive.begin() + 5, std::uint8_t{1});
      std::fill(positive.begin() + 5, positive.begin() + 10, std::uint8_t{0});
      const auto members = count_members(qfa::stratified_folds(positive, k, n), positive, k);
      std::vector<int> negative_counts;
      std::vector<int> positive_counts;
      std::vector<int> totals;
      for (const auto& m : members) {
        negative_counts.push_back(m[0]);
        positive_counts.push_back(m[1]);
        totals.push_back(m[0] + m[1]);
      }
      CHECK(spread(negative_counts) <= 1);
      CHECK(spread(positive_counts) <= 1);
      CHECK(spread(totals) <= 1);
    }
}

TEST_CASE("stratified_folds: the same seed gives the same folds on every machine, another seed others") {
  const labels positive{1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0};
  // Worked out in Python's integers.
  CHECK(qfa::stratified_folds(positive, 3, 42) == folds{2, 2, 2, 0, 1, 0, 1, 2, 1, 1, 0, 0});
  CHECK(qfa::stratified_folds(positive, 3, 43) != qfa::stratified_folds(positive, 3, 42));
}

TEST_CASE("stratified_folds: any label but 0 is positive") {
  CHECK(qfa::stratified_folds(labels{1, 0, 1, 0}, 2, 1) == qfa::stratified_folds(labels{7, 0, 255, 0}, 2, 1));
}

TEST_CASE("stratified_folds: rows are spread at random, not by their order") {
  // 1000 rows of one class, then of the other: over many seeds each row visits each fold about equally often.
  labels positive(100, 0);
  std::fill(positive.begin() + 50, positive.end(), std::uint8_t{1});
  std::vector<std::vector<int>> visits(100, std::vector<int>(5));
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const folds fold_of = qfa::stratified_folds(positive, 5, seed);
    for (std::size_t r = 0; r < 100; ++r)
      ++visits[r][fold_of[r]];
  }
  for (const auto& v : visits)
    for (const int count : v)
      CHECK((count > 130 && count < 270));  // 200 expected, sd 12.6
}

TEST_CASE("stratified_folds: neighboring rows meet as often as any two") {
  labels positive(100, 0);
  std::fill(positive.begin() + 50, positive.end(), std::uint8_t{1});
  int met = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const folds fold_of = qfa::stratified_folds(positive, 5, seed);
    for (std::size_t r = 0; r + 1 < 50; ++r)
      met += fold_of[r] == fold_of[r + 1];
  }
  CHECK(met / 49000.0 == doctest::Approx(9.0 / 49.0).epsilon(0.05));
}

TEST_CASE("stratified_folds: a label that changes moves few other rows") {
  labels positive = draw_labels(1000, 6, 0.3);
  const folds before = qfa::stratified_folds(positive, 5, 1);
  for (const std::size_t changed : {17U, 500U, 999U}) {
    positive[changed] ^= 1U;
    const folds after = qfa::stratified_folds(positive, 5, 1);
    positive[changed] ^= 1U;
    int moved = 0;
    for (std::size_t r = 0; r < 1000; ++r)
      moved += after[r] != before[r];
    CHECK(moved <= 17);  // itself, and two at each of the four inner ends of either class's runs
  }
}

TEST_CASE("folds: a class smaller than the number of folds is refused") {
  CHECK_THROWS_AS(qfa::stratified_folds(labels{1, 1, 0, 0, 0}, 3, 1), qfa::error);
  CHECK_THROWS_AS(qfa::stratified_folds(labels{1, 1, 1, 0, 0}, 3, 1), qfa::error);
  CHECK_NOTHROW(qfa::stratified_folds(labels{1, 1, 0, 0, 0}, 2, 1));
  CHECK_THROWS_AS(qfa::stratified_folds(labels{1, 1, 0, 0}, 1, 1), qfa::error);
  CHECK_THROWS_AS(qfa::grouped_folds(folds{1, 2, 3}, labels{1, 1, 0}, 2, 1), qfa::error);
  CHECK_THROWS_AS(qfa::grouped_folds(folds{1, 2}, labels{1, 1, 0, 0}, 2, 1), qfa::error);
}

TEST_CASE("grouped_folds: a family is held out as a whole") {
  const labels positive = draw_labels(500, 3, 0.4);
  folds family(500);
  std::mt19937 random(8);
  for (auto& f : family)
    f = static_cast<std::uint32_t>(random() % 60) * 1000003U;
  const folds fold_of = qfa::grouped_folds(family, positive, 5, 17);
  std::map<std::uint32_t, std::set<std::uint32_t>> folds_of_family;
  for (std::size_t r = 0; r < 500; ++r)
    folds_of_family[family[r]].insert(fold_of[r]);
  for (const auto& [f, in] : folds_of_family)
    CHECK(in.size() == 1);
  // Families of about eight cannot be dealt exactly, but 100 rows and 40 positives a fold are near.
  for (const auto& m : count_members(fold_of, positive, 5)) {
    CHECK((m[0] + m[1] >= 85 && m[0] + m[1] <= 115));
    CHECK((m[1] >= 32 && m[1] <= 48));
  }
  CHECK(fold_of == qfa::grouped_folds(family, positive, 5, 17));
  CHECK(fold_of != qfa::grouped_folds(family, positive, 5, 18));
}

TEST_CASE("grouped_folds: families of one are as even as rows dealt one by one") {
  const labels positive = draw_labels(203, 5, 0.3);
  folds family(203);
  for (std::uint32_t r = 0; r < 203; ++r)
    family[r] = r;
  const auto members = count_members(qfa::grouped_folds(family, positive, 5, 1), positive, 5);
  std::vector<int> negative_counts;
  std::vector<int> positive_counts;
  for (const auto& m : members) {
    negative_counts.push_back(m[0]);
    positive_counts.push_back(m[1]);
  }
  CHECK(spread(negative_counts) <= 1);
  CHECK(spread(positive_counts) <= 1);
}

TEST_CASE("grouped_folds: one large family fills a fold and the others share the rest") {
  folds family(50, 7);
  labels positive(50, 0);
  for (std::uint32_t r = 20; r < 50; ++r)
    family[r] = 100 + r;
  for (std::size_t r = 0; r < 50; r += 2)
    positive[r] = 1;
  const auto members = count_members(qfa::grouped_folds(family, positive, 3, 1), positive, 3);
  std::vector<int> totals;
  for (const auto& m : members)
    totals.push_back(m[0] + m[1]);
  std::sort(totals.begin(), totals.end());
  CHECK(totals.back() == 20);
  CHECK(totals.front() >= 14);
}

}  // namespace predict_folds_test
