// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/outlier_channels.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "alignment_oracle.hpp"
#include "laws.hpp"
#include "scratch.hpp"

namespace alignment_outlier_channels_test {

using channels = std::vector<std::size_t>;

TEST_CASE("outlier_channels: another program's peaks, outliers and lower half") {
  const qfa_test::alignment_vectors vectors;
  const qfa::json& known = qfa_test::alignment_numbers().at("outlier_channels");
  qfa::channel_peaks peaks;
  peaks(vectors.floats("outlier_channels.k"));
  const std::vector<double> expected = vectors.doubles("outlier_channels.peak");
  CHECK(std::ranges::equal(peaks.values(), expected));
  CHECK(qfa::outlier_channels(peaks.values()) == known.at("outliers").get<channels>());
  CHECK(qfa::low_magnitude_channels(peaks.values()) == known.at("low_half").get<channels>());
}

TEST_CASE("outlier_channels: a channel on the threshold is an outlier") {
  const std::vector<double> peaks{1.0, 5.0, 2.0, 5.0, 3.0};
  CHECK(qfa::outlier_channels(peaks, 75.0) == channels{1, 3});  // the threshold is 5
  CHECK(qfa::outlier_channels(peaks, 0.0) == channels{0, 1, 2, 3, 4});
  CHECK(qfa::outlier_channels({}).empty());
}

TEST_CASE("low_magnitude_channels: rounded down, and the earlier of equals first") {
  const std::vector<double> peaks{4.0, 1.0, 1.0, 0.5, 1.0};
  CHECK(qfa::low_magnitude_channels(peaks) == channels{1, 3});
  CHECK(qfa::low_magnitude_channels(peaks, 0.6) == channels{1, 2, 3});
  CHECK(qfa::low_magnitude_channels(peaks, 0.0).empty());
  CHECK(qfa::low_magnitude_channels(peaks, 1.0) == channels{0, 1, 2, 3, 4});
  qfa_test::check_refused([&] { qfa::low_magnitude_channels(peaks, 1.5); }, {"share from 0 to 1"});
}

TEST_CASE("channel_peaks: the laws of merging, and what is refused") {
  static constexpr std::array<float, 12> values{1.0f, -5.0f, 2.0f,  0.0f, -3.0f, 4.0f,
                                                1.0f, 1.0f,  -1.0f, 2.0f, 2.0f,  2.0f};
  std::vector<qfa::matrix_view<const float>> stream;
  for (std::size_t i = 0; i < 4; ++i)
    stream.emplace_back(values.data() + 3 * i, 1, 3);
  qfa_test::check_merge_laws<qfa::channel_peaks>(stream);
  qfa::channel_peaks peaks;
  peaks({values.data(), 4, 3});
  CHECK(std::ranges::equal(peaks.values(), std::vector<double>{2.0, 5.0, 4.0}));
  qfa_test::check_refused([&] { peaks({values.data(), 3, 4}); }, {"as many channels"});
  const std::array<float, 3> bad{0.0f, std::numeric_limits<float>::quiet_NaN(), 0.0f};
  qfa_test::check_refused([&] { peaks({bad.data(), 1, 3}); }, {"finite"});
}

TEST_CASE("random_channels: so many different ones, by seed, without the excluded") {
  const channels drawn = qfa::random_channels(40, 7, 42);
  CHECK(drawn.size() == 7);
  CHECK(std::ranges::is_sorted(drawn));
  CHECK(std::ranges::adjacent_find(drawn) == drawn.end());
  CHECK(drawn.back() < 40);
  CHECK(drawn == qfa::random_channels(40, 7, 42));
  CHECK(drawn != qfa::random_channels(40, 7, 43));
  const channels outliers{0, 2, 4};
  CHECK(qfa::random_channels(6, 3, 1, outliers) == channels{1, 3, 5});
  CHECK(qfa::random_channels(6, 6, 1) == channels{0, 1, 2, 3, 4, 5});
  CHECK(qfa::random_channels(6, 0, 1).empty());
  qfa_test::check_refused([&] { qfa::random_channels(6, 4, 1, outliers); }, {"at least as many"});
}

TEST_CASE("random_channels: each channel is as likely") {
  std::array<int, 5> drawn{};
  constexpr int draws = 4000;
  for (std::uint64_t seed = 0; seed < draws; ++seed)
    for (const std::size_t c : qfa::random_channels(5, 2, seed))
      ++drawn[c];
  for (const int times : drawn)  // within four standard errors of two in five
    CHECK(std::abs(times - draws * 2 / 5) < 4.0 * std::sqrt(draws * 0.4 * 0.6));
}

TEST_CASE("causal_ratio: another program's, undefined where random channels flip nothing") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("causal_ratio")) {
    const double refused = known.at("refused").get<double>();
    CHECK(qfa_test::close(
        qfa::causal_ratio(known.at("outliers").get<double>() / refused, known.at("random").get<double>() / refused),
        qfa_test::json_number(known.at("ratio"))));
  }
}

}  // namespace alignment_outlier_channels_test
