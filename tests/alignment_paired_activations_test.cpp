// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/paired_activations.hpp"

#include <doctest/doctest.h>

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "scratch.hpp"

namespace alignment_paired_activations_test {

using view = qfa::matrix_view<const float>;

TEST_CASE("paired_activations: harmful prompts first, each row beside its own") {
  const std::array<float, 6> x{1.0f, 1.0f, 2.0f, 2.0f, 3.0f, 3.0f}, y{4.0f, 4.0f, 5.0f, 5.0f, 6.0f, 6.0f};
  const qfa::paired_activations prompts{view(x.data(), 2, 2), view(x.data() + 4, 1, 2), view(y.data(), 2, 2),
                                        view(y.data() + 4, 1, 2)};
  prompts.validate();
  CHECK(prompts.prompts() == 3);
  CHECK(prompts.channels() == 2);
  std::vector<std::pair<float, float>> seen;
  prompts.for_each_prompt([&](std::span<const float> reference, std::span<const float> compressed) {
    seen.emplace_back(reference[1], compressed[0]);
  });
  CHECK(seen == std::vector<std::pair<float, float>>{{1.0f, 4.0f}, {2.0f, 5.0f}, {3.0f, 6.0f}});
}

TEST_CASE("paired_activations: what does not pair is refused") {
  const std::array<float, 8> x{};
  const view two(x.data(), 2, 2), one(x.data(), 1, 2), none(x.data(), 0, 2), wide(x.data(), 2, 3);
  qfa_test::check_refused([&] { qfa::paired_activations{none, two, none, two}.validate(); }, {"both classes"});
  qfa_test::check_refused([&] { qfa::paired_activations{two, none, two, none}.validate(); }, {"both classes"});
  qfa_test::check_refused([&] { qfa::paired_activations{two, wide, two, wide}.validate(); }, {"as many channels"});
  qfa_test::check_refused([&] { qfa::paired_activations{two, two, wide, two}.validate(); }, {"as many channels"});
  qfa_test::check_refused([&] { qfa::paired_activations{two, one, one, one}.validate(); }, {"same prompts"});
  qfa_test::check_refused([&] { qfa::paired_activations{two, one, two, two}.validate(); }, {"same prompts"});
}

}  // namespace alignment_paired_activations_test
