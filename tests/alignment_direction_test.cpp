// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/direction.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "alignment_oracle.hpp"
#include "laws.hpp"
#include "scratch.hpp"

namespace alignment_direction_test {

using qfa_test::close;
using view = qfa::matrix_view<const float>;

TEST_CASE("find_direction: another program's direction, separation, midpoint and split-half cosine") {
  const qfa_test::alignment_vectors vectors;
  const auto harmful = vectors.floats("directions.train.harmful"),
             harmless = vectors.floats("directions.train.harmless");
  const qfa::contrast_direction found = qfa::find_direction(harmful, harmless);
  const std::vector<double> expected = vectors.doubles("directions.r");
  REQUIRE(found.unit.size() == expected.size());
  for (std::size_t c = 0; c < expected.size(); ++c)
    CHECK(close(found.unit[c], expected[c]));
  const qfa::json& known = qfa_test::alignment_numbers().at("reference");
  CHECK(close(found.separation, known.at("separation_train").get<double>()));
  CHECK(close(found.midpoint, known.at("middle").get<double>()));
  CHECK(close(qfa::split_half_cosine(harmful, harmless), known.at("split_half_cosine").get<double>()));
}

TEST_CASE("find_direction: from the harmless mean to the harmful one, of length one") {
  const std::array<float, 4> harmful{4.0f, 5.0f, 2.0f, 7.0f};
  const std::array<float, 6> harmless{0.0f, 1.0f, 0.0f, 2.0f, 0.0f, 3.0f};
  const qfa::contrast_direction found =
      qfa::find_direction(view(harmful.data(), 2, 2), view(harmless.data(), 3, 2));  // (3, 6) and (0, 2)
  CHECK(close(found.unit[0], 0.6));
  CHECK(close(found.unit[1], 0.8));
  CHECK(close(found.separation, 5.0));
  CHECK(close(found.midpoint, (6.6 + 1.6) / 2.0));
  const std::vector<double> along = qfa::projections(view(harmful.data(), 2, 2), found.unit);
  CHECK(close(along[0], 6.4));
  CHECK(close(along[1], 6.8));
}

TEST_CASE("find_direction: rows may be strided") {
  const std::array<float, 9> padded{4.0f, 5.0f, 99.0f, 2.0f, 7.0f, 99.0f, 0.0f, 2.0f, 99.0f};
  const qfa::contrast_direction found =
      qfa::find_direction(view(padded.data(), 2, 2, 3), view(padded.data() + 6, 1, 2));
  CHECK(close(found.unit[0], 0.6));
}

TEST_CASE("cosine: of parallel, opposite and orthogonal vectors, and of none") {
  const std::vector<double> x{1.0, 2.0, 2.0}, y{-2.0, -4.0, -4.0}, z{2.0, -1.0, 0.0}, zero(3, 0.0);
  CHECK(close(qfa::cosine(x, x), 1.0));
  CHECK(close(qfa::cosine(x, y), -1.0));
  CHECK(qfa::cosine(x, z) == 0.0);
  CHECK(std::isnan(qfa::cosine(x, zero)));
  qfa_test::check_refused([&] { qfa::cosine(x, std::vector<double>{1.0}); }, {"one length"});
}

TEST_CASE("split_half_cosine: even prompts against odd ones") {
  // Even prompts differ along the first channel, odd ones along the second.
  const std::array<float, 8> harmful{1.0f, 0.0f, 0.0f, 1.0f, 1.0f, 0.0f, 0.0f, 1.0f};
  const std::array<float, 4> harmless{0.0f, 0.0f, 0.0f, 0.0f};
  CHECK(qfa::split_half_cosine(view(harmful.data(), 4, 2), view(harmless.data(), 2, 2)) == 0.0);
  qfa_test::check_refused([&] { qfa::split_half_cosine(view(harmful.data(), 4, 2), view(harmless.data(), 1, 2)); },
                          {"two prompts of each set"});
}

TEST_CASE("find_direction: what has no direction is refused") {
  const std::array<float, 4> some{1.0f, 2.0f, 3.0f, 4.0f};
  const std::array<float, 2> bad{1.0f, std::numeric_limits<float>::infinity()};
  qfa_test::check_refused([&] { qfa::find_direction(view(some.data(), 2, 2), view(some.data(), 1, 4)); }, {"one hook"});
  qfa_test::check_refused([&] { qfa::find_direction(view(some.data(), 0, 2), view(some.data(), 2, 2)); },
                          {"at least one prompt"});
  qfa_test::check_refused([&] { qfa::find_direction(view(some.data(), 2, 2), view(some.data(), 2, 2)); },
                          {"means differ"});
  qfa_test::check_refused([&] { qfa::find_direction(view(some.data(), 2, 2), view(bad.data(), 1, 2)); }, {"finite"});
}

}  // namespace alignment_direction_test
