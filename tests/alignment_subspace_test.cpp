// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/subspace.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "alignment_oracle.hpp"
#include "laws.hpp"
#include "scratch.hpp"

namespace alignment_subspace_test {

using qfa_test::close;
using view = qfa::matrix_view<const float>;

namespace {

void check_orthonormal(const qfa::subspace& s) {
  for (std::size_t i = 0; i < s.dimension(); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      CHECK(std::fabs(qfa::inner_product(s.axis(i), s.axis(j)) - (i == j ? 1.0 : 0.0)) < 1e-13);
}

/// Axis i of a matrix that has axes for columns.
std::vector<double> column(const std::vector<double>& matrix, std::size_t columns, std::size_t i) {
  std::vector<double> out;
  for (std::size_t at = i; at < matrix.size(); at += columns)
    out.push_back(matrix[at]);
  return out;
}

void check_axes(const qfa::subspace& found, const std::vector<double>& expected, std::size_t count) {
  REQUIRE(found.dimension() == count);
  check_orthonormal(found);
  for (std::size_t i = 0; i < count; ++i) {
    CAPTURE(i);
    const std::vector<double> axis = column(expected, count, i);
    for (std::size_t c = 0; c < axis.size(); ++c)
      CHECK(std::fabs(found.axis(i)[c] - axis[c]) < 1e-10);  // neighboring singular values differ by 2 %
  }
}

std::vector<float> random_rows(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> out(rows * columns);
  for (float& x : out)
    x = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
  return out;
}

}  // namespace

TEST_CASE("find_subspace, principal_axes and overlap_of: another program's by a singular value decomposition") {
  const qfa_test::alignment_vectors vectors;
  const auto harmful = vectors.floats("directions.train.harmful"),
             harmless = vectors.floats("directions.train.harmless");
  const qfa::subspace found = qfa::find_subspace(harmful, harmless, 3);
  check_axes(found, vectors.doubles("directions.subspace"), 3);
  check_axes(qfa::principal_axes(harmful, harmless, 10), vectors.doubles("directions.axes"), 10);

  const qfa::json& known = qfa_test::alignment_numbers().at("reference");
  double inside = 0.0;
  const qfa::contrast_direction r = qfa::find_direction(harmful, harmless);
  for (std::size_t i = 0; i < 3; ++i)
    inside += std::pow(qfa::inner_product(found.axis(i), std::span<const double>(r.unit)), 2.0);
  CHECK(close(inside, known.at("direction_in_subspace").get<double>()));
  for (const qfa::json& compressed : qfa_test::alignment_numbers().at("compressed")) {
    const std::string condition = compressed.at("condition"), end = condition == "same" ? "" : "." + condition;
    CAPTURE(condition);
    const qfa::subspace other = qfa::find_subspace(vectors.floats("directions.train.harmful" + end),
                                                   vectors.floats("directions.train.harmless" + end), 3);
    const qfa::subspace_overlap overlap = qfa::overlap_of(found, other);
    CHECK(close(overlap.share, compressed.at("subspace_share").get<double>(), 1e-10));
    CHECK(close(overlap.least_cosine, compressed.at("subspace_least_cosine").get<double>(), 1e-10));
  }
}

TEST_CASE("find_subspace: a planted plane is found, from more prompts than channels or fewer") {
  for (const std::size_t rows : {3U, 40U}) {
    // Harmful prompts lie at (10 +- 2) e0 +- e3, harmless ones at zero.
    std::vector<float> harmful(rows * 8, 0.0f);
    const std::vector<float> harmless(8, 0.0f);
    for (std::size_t r = 0; r < rows; ++r) {
      harmful[8 * r] = r % 2 == 0 ? 12.0f : 8.0f;
      harmful[8 * r + 3] = r % 3 == 0 ? 1.0f : -1.0f;
    }
    const view above(harmful.data(), rows, 8), below(harmless.data(), 1, 8);
    const qfa::subspace plane = qfa::find_subspace(above, below, 2);
    check_orthonormal(plane);
    for (std::size_t i = 0; i < 2; ++i)
      CHECK(close(std::hypot(plane.axis(i)[0], plane.axis(i)[3]), 1.0));
    CHECK(plane.axis(0)[0] > 0.99);
    qfa_test::check_refused([&] { qfa::find_subspace(above, below, 3); }, {"span as many dimensions"});
  }
}

TEST_CASE("find_subspace: the first axes of more dimensions are those of fewer, and each points at harm") {
  const std::vector<float> harmful = random_rows(30, 12, 1), harmless = random_rows(20, 12, 2);
  const view above(harmful.data(), 30, 12), below(harmless.data(), 20, 12);
  const qfa::subspace two = qfa::find_subspace(above, below, 2), five = qfa::find_subspace(above, below, 5);
  check_orthonormal(five);
  const qfa::contrast_direction r = qfa::find_direction(above, below);
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(qfa::inner_product(five.axis(i), std::span<const double>(r.unit)) >= 0.0);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t c = 0; c < 12; ++c)
      CHECK(two.axis(i)[c] == five.axis(i)[c]);
}

TEST_CASE("principal_axes: the widest first, within classes, and no more than prompts span") {
  // Within the classes prompts differ along the second channel by 3 and along the third by 1; between them along the
  // first, which is no axis.
  const std::array<float, 12> harmful{9.0f, 3.0f, 0.0f, 9.0f, -3.0f, 0.0f, 9.0f, 0.0f, 1.0f, 9.0f, 0.0f, -1.0f};
  const std::array<float, 6> harmless{0.0f, 3.0f, 0.0f, 0.0f, -3.0f, 0.0f};
  const qfa::subspace axes = qfa::principal_axes(view(harmful.data(), 4, 3), view(harmless.data(), 2, 3), 10);
  REQUIRE(axes.dimension() == 2);
  CHECK(close(axes.axis(0)[1], 1.0));
  CHECK(close(axes.axis(1)[2], 1.0));
  CHECK(qfa::principal_axes(view(harmful.data(), 4, 3), view(harmless.data(), 2, 3), 1).dimension() == 1);
  CHECK(qfa::principal_axes(view(harmful.data(), 1, 3), view(harmless.data(), 1, 3), 4).dimension() == 0);
  qfa_test::check_refused([&] { qfa::principal_axes(view(harmful.data(), 4, 3), view(harmless.data(), 3, 2), 1); },
                          {"one hook"});
}

TEST_CASE("overlap_of: of lines at an angle, and of unequal dimensions") {
  const qfa::subspace x({1.0, 0.0, 0.0, 0.0, 1.0, 0.0}, 3), y({0.6, 0.8, 0.0, 0.0, 0.0, 1.0}, 3);
  const qfa::subspace_overlap overlap = qfa::overlap_of(x, y);
  CHECK(close(overlap.share, 0.5));               // one shared axis and one orthogonal one
  CHECK(std::fabs(overlap.least_cosine) < 1e-7);  // a root of rounding
  CHECK(close(qfa::overlap_of(qfa::subspace({0.6, 0.8}, 2), qfa::subspace({1.0, 0.0}, 2)).least_cosine, 0.6));
  qfa_test::check_refused([&] { qfa::overlap_of(x, qfa::subspace({1.0, 0.0, 0.0}, 3)); }, {"one dimension"});
  qfa_test::check_refused([] { qfa::overlap_of({}, {}); }, {"one dimension"});
  qfa_test::check_refused([] { qfa::subspace({1.0, 0.0, 0.0}, 2); }, {"as many channels"});
}

}  // namespace alignment_subspace_test
