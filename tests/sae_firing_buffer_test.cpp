// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/firing_buffer.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sae_firing_buffer_test {

namespace {

std::vector<std::uint32_t> features_of(const qfa::firing_buffer& b) {
  return {b.features().begin(), b.features().end()};
}
std::vector<float> values_of(const qfa::firing_buffer& b) { return {b.values().begin(), b.values().end()}; }

}  // namespace

TEST_CASE("firing_buffer: keeps what is above the bar, in order, however much comes") {
  qfa::firing_buffer buffer;
  std::vector<std::uint32_t> features;
  std::vector<float> values;
  for (std::size_t first = 0; first < 3000; first += 3) {
    const std::vector<float> run{static_cast<float>(first % 7), 1.0f, 0.0f};
    buffer.append(first, run, 1.0f);
    if (run[0] > 1.0f) {
      features.push_back(static_cast<std::uint32_t>(first));
      values.push_back(run[0]);
    }
  }
  CHECK(features_of(buffer) == features);
  CHECK(values_of(buffer) == values);
  buffer.clear();
  CHECK(buffer.size() == 0);
  buffer.append(5, std::vector<float>{-1.0f, 0.5f});  // the bar is 0 where none is given
  CHECK(features_of(buffer) == std::vector<std::uint32_t>{6});
  CHECK(buffer.size() == 1);
}

TEST_CASE("firing_buffer: keep drops what is below the bar, and what is at it beyond the room") {
  qfa::firing_buffer buffer;
  buffer.append(0, std::vector<float>{2.0f, 1.0f, 3.0f, 2.0f, 2.0f, 0.5f, 4.0f});
  buffer.keep(2.0f, 2);
  CHECK(features_of(buffer) == std::vector<std::uint32_t>{0, 2, 3, 6});
  CHECK(values_of(buffer) == std::vector<float>{2.0f, 3.0f, 2.0f, 4.0f});
}

}  // namespace sae_firing_buffer_test
