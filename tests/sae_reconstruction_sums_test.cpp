// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/reconstruction_sums.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

#include "laws.hpp"
#include "qfa/io/archive.hpp"
#include "sae_made_up.hpp"

namespace sae_reconstruction_sums_test {

using namespace qfa_test;
using qfa::matrix_view;
using qfa::reconstruction_sums;

namespace {

using batch = std::tuple<matrix_view<const float>, matrix_view<const float>>;

bool same(const reconstruction_sums& a, const reconstruction_sums& b) {
  return a.tokens() == b.tokens() && close(a.norms(), b.norms()) && close(a.squares(), b.squares()) &&
         close(a.fvu(), b.fvu()) && close(a.explained_variance_legacy(), b.explained_variance_legacy()) &&
         close(a.l2_ratio(), b.l2_ratio()) && close(a.relative_reconstruction_bias(), b.relative_reconstruction_bias());
}

}  // namespace

TEST_CASE("reconstruction_sums: merging parts equals one pass, over every cut") {
  const std::vector<float> x = random_floats(24 * 9, 21), y = random_floats(24 * 9, 22);
  std::vector<batch> stream;
  for (std::size_t t = 0; t < 24; t += 3)
    stream.push_back({{x.data() + t * 9, 3, 9}, {y.data() + t * 9, 3, 9}});
  check_merge_laws<reconstruction_sums>(stream, {}, same);
}

TEST_CASE("reconstruction_sums: norms and squares of the activations, and shapes must fit") {
  const std::vector<float> x{3.0f, 4.0f, 0.0f, -2.0f}, y(4, 1.0f);
  reconstruction_sums sums;
  CHECK(std::isnan(sums.fvu()));
  sums(matrix_view<const float>(x.data(), 2, 2), matrix_view<const float>(y.data(), 2, 2));
  CHECK(sums.norms() == 7.0);
  CHECK(sums.squares() == 29.0);
  // |x - y|^2 is 13 and 10; around the mean (1.5, 1) the squares are 11.25 each.
  CHECK(sums.fvu() == doctest::Approx(23.0 / 22.5).epsilon(1e-14));
  CHECK(sums.explained_variance() == 1.0 - sums.fvu());
  CHECK_THROWS_AS(sums(matrix_view<const float>(x.data(), 2, 2), matrix_view<const float>(y.data(), 1, 2)), qfa::error);
  CHECK_THROWS_AS(sums(matrix_view<const float>(x.data(), 2, 2), matrix_view<const float>(y.data(), 2, 1)), qfa::error);
  reconstruction_sums wider;
  wider(matrix_view<const float>(x.data(), 1, 4), matrix_view<const float>(y.data(), 1, 4));
  CHECK_THROWS_AS(sums += wider, qfa::error);
}

TEST_CASE("reconstruction_sums: an archive brings back every sum, and filling goes on to the same bits") {
  const std::vector<float> x = random_floats(40, 23), y = random_floats(40, 24);
  const matrix_view<const float> all_x(x.data(), 8, 5), all_y(y.data(), 8, 5);
  reconstruction_sums sums;
  sums(all_x.rows_between(0, 3), all_y.rows_between(0, 3));
  qfa::archive_writer out("sums", 1);
  out(sums);
  const auto bytes = std::move(out).finish();
  qfa::archive_reader in(bytes, "sums", 1, "these bytes");
  reconstruction_sums back;
  in(back);
  in.finish();
  CHECK(back == sums);
  back(all_x.rows_between(3, 8), all_y.rows_between(3, 8));
  sums(all_x.rows_between(3, 8), all_y.rows_between(3, 8));
  CHECK(back == sums);
}

}  // namespace sae_reconstruction_sums_test
