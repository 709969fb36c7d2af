// SPDX-License-Identifier: Apache-2.0
// Real differences of means, Arditi and others' (2024) for gemma-2b-it, and real hidden states of gemma-3-1b-it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "oracle.hpp"
#include "qfa/alignment/direction.hpp"
#include "qfa/alignment/outlier_channels.hpp"
#include "qfa/alignment/subspace.hpp"
#include "qfa/alignment/vulnerability.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors.hpp"

namespace alignment_refusal_direction_test {

using qfa_test::oracle_data;
using view = qfa::matrix_view<const float>;

namespace {

/// One model's differences of means, (positions, layers, channels), and the direction that was selected of them.
struct stored_directions {
  explicit stored_directions(const std::string& model) {
    const auto folder = oracle_data() / "refusal_direction";
    const qfa::safetensors file(folder / (model + "_refusal.safetensors"));
    direction = qfa::read_doubles(file.at("direction"));
    differences = qfa::read_floats(file.at("mean_diffs"));
    positions = file.at("mean_diffs").shape.at(0);
    layers = file.at("mean_diffs").shape.at(1);
    channels = file.at("mean_diffs").shape.at(2);
    const qfa::json chosen = qfa::read_json(folder / (model + "_direction_metadata.json"));
    const auto back = static_cast<std::size_t>(-chosen.at("pos").get<int>());
    row = (positions - back) * layers + chosen.at("layer").get<std::size_t>();
  }
  view difference(std::size_t r) const { return {differences.data() + r * channels, 1, channels}; }
  view all() const { return {differences.data(), positions * layers, channels}; }

  std::vector<double> direction;
  std::vector<float> differences;
  std::size_t positions, layers, channels, row;
};

}  // namespace

TEST_CASE("find_direction: the stored direction is the difference of means at its layer and position") {
  const stored_directions stored("gemma-2b-it");
  const std::vector<float> zero(stored.channels, 0.0f);
  const view origin(zero.data(), 1, stored.channels);
  const qfa::contrast_direction found = qfa::find_direction(stored.difference(stored.row), origin);
  REQUIRE(found.unit.size() == stored.direction.size());
  // The stored direction may have any length.  Differences are read as floats: 6e-8 of each entry.
  CHECK(qfa::cosine(found.unit, stored.direction) > 1.0 - 1e-12);
  const double length = std::sqrt(
      qfa::inner_product(std::span<const double>(stored.direction), std::span<const double>(stored.direction)));
  for (std::size_t c = 0; c < found.unit.size(); ++c)
    CHECK(std::fabs(found.unit[c] - stored.direction[c] / length) < 1e-6 * (std::fabs(found.unit[c]) + 1e-3));

  // No other layer or position has it.
  double closest = -1.0;
  for (std::size_t r = 0; r < stored.positions * stored.layers; ++r) {
    const view difference = stored.difference(r);
    const bool zeros = std::ranges::all_of(difference.row(0), [](float x) { return x == 0.0f; });
    if (r == stored.row || zeros) continue;
    closest = (std::max)(closest, qfa::cosine(qfa::find_direction(difference, origin).unit, stored.direction));
  }
  MESSAGE("the closest other difference has cosine " << closest);
  CHECK(closest > 0.5);
  CHECK(closest < 0.999);
}

TEST_CASE("find_subspace: real differences of means span orthonormal axes that hold the stored direction") {
  const stored_directions stored("gemma-2b-it");
  const std::vector<float> zero(stored.channels, 0.0f);
  const view origin(zero.data(), 1, stored.channels);
  double inside_before = 0.0;
  for (const std::size_t k : {1U, 4U, 16U, 64U}) {
    CAPTURE(k);
    const qfa::subspace axes = qfa::find_subspace(stored.all(), origin, k);
    double inside = 0.0;
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j <= i; ++j)
        CHECK(std::fabs(qfa::inner_product(axes.axis(i), axes.axis(j)) - (i == j ? 1.0 : 0.0)) < 1e-12);
      inside += std::pow(qfa::inner_product(axes.axis(i), std::span<const double>(stored.direction)), 2.0);
    }
    inside /= std::pow(qfa::cosine(stored.direction, stored.direction), 2.0);
    const double length =
        qfa::inner_product(std::span<const double>(stored.direction), std::span<const double>(stored.direction));
    inside /= length;
    MESSAGE(k << " axes hold " << inside << " of the direction");
    CHECK(inside > inside_before);
    CHECK(inside < 1.0 + 1e-9);
    inside_before = inside;
  }
  CHECK(inside_before > 0.95);
}

TEST_CASE("outlier_channels: hidden states of gemma-3-1b-it have few massive channels") {
  const qfa::safetensors file(oracle_data() / "gemma3_1b_activations" / "all_activations.safetensors");
  const auto& tensor = file.at("activations");
  const std::vector<float> values = qfa::read_floats(tensor);
  const std::size_t tokens = tensor.shape.at(0), channels = tensor.shape.at(1);
  qfa::channel_peaks peaks;
  peaks({values.data(), tokens, channels});
  const std::vector<std::size_t> outliers = qfa::outlier_channels(peaks.values());
  CHECK(outliers.size() == 58);  // 5 % of 1152, rounded up
  const std::vector<std::size_t> low = qfa::low_magnitude_channels(peaks.values());
  CHECK(low.size() == 576);
  double least_outlier = 1e30, largest_low = 0.0;
  for (const std::size_t c : outliers)
    least_outlier = (std::min)(least_outlier, peaks.values()[c]);
  for (const std::size_t c : low)
    largest_low = (std::max)(largest_low, peaks.values()[c]);
  CHECK(least_outlier > largest_low);
  const double massive = *std::ranges::max_element(peaks.values());
  MESSAGE("largest peak " << massive << ", 95th percentile " << least_outlier << ", median " << largest_low);
  CHECK(massive > 20.0 * largest_low);
}

TEST_CASE("vulnerability_meter: int8 with one scale a token, stretched by the massive channel") {
  // Even and odd tokens are the two classes: there is no direction of refusal in these, but there is a massive channel,
  // which gets nearly all of each token's scale and little of its error.
  const qfa::safetensors file(oracle_data() / "gemma3_1b_activations" / "all_activations.safetensors");
  const auto& tensor = file.at("activations");
  const std::vector<float> values = qfa::read_floats(tensor);
  const std::size_t tokens = tensor.shape.at(0) / 2, channels = tensor.shape.at(1);
  std::vector<float> rounded(values.size());
  for (std::size_t t = 0; t < values.size() / channels; ++t) {
    const std::span<const float> row = std::span(values).subspan(t * channels, channels);
    float peak = 0.0f;
    for (const float x : row)
      peak = (std::max)(peak, std::fabs(x));
    const float scale = peak / 127.0f;
    for (std::size_t c = 0; c < channels; ++c)
      rounded[t * channels + c] = std::nearbyint(row[c] / scale) * scale;
  }
  const auto every_other = [&](const std::vector<float>& all, std::size_t first) {
    return view(all.data() + first * channels, tokens, channels, 2 * channels);
  };
  const qfa::vulnerability_meter meter(
      {every_other(values, 0), every_other(values, 1), every_other(rounded, 0), every_other(rounded, 1)});
  qfa::channel_peaks peaks;
  peaks({values.data(), tensor.shape.at(0), channels});
  const auto massive = static_cast<std::size_t>(std::ranges::max_element(peaks.values()) - peaks.values().begin());
  const auto quietest = static_cast<std::size_t>(std::ranges::min_element(peaks.values()) - peaks.values().begin());
  const auto along = [&](std::size_t channel) {
    std::vector<double> axis(channels, 0.0);
    axis[channel] = 1.0;
    return meter(qfa::subspace(axis, channels));
  };
  const qfa::vulnerability there = along(massive);
  const qfa::vulnerability elsewhere = along(quietest);
  MESSAGE("relative noise in the massive channel " << there.all.relative << ", in a quiet one "
                                                   << elsewhere.all.relative);
  CHECK(there.all.relative < 1e-3);  // the peak itself is rounded to itself
  CHECK(elsewhere.all.relative > 1.0);
}

}  // namespace alignment_refusal_direction_test
