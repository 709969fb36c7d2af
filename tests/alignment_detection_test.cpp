// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/detection.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "alignment_oracle.hpp"
#include "laws.hpp"
#include "scratch.hpp"

namespace alignment_detection_test {

using qfa_test::close;
using qfa_test::json_number;
using view = qfa::matrix_view<const float>;

TEST_CASE("compare_detection and stability_of: another program's losses, sign flips, correlations and cosines") {
  const qfa_test::alignment_vectors vectors;
  for (const qfa::json& known : qfa_test::alignment_numbers().at("compressed")) {
    const std::string condition = known.at("condition");
    CAPTURE(condition);
    const qfa_test::alignment_pairs train(vectors, "train", condition), heldout(vectors, "heldout", condition);
    const qfa::detection_loss found =
        compare_detection(qfa::find_direction(train.harmful, train.harmless), heldout.view());
    const qfa::json& reference = qfa_test::alignment_numbers().at("reference");
    CHECK(close(found.d_reference, json_number(reference.at("d_prime"))));
    CHECK(close(found.d_compressed, json_number(known.at("d_prime"))));
    CHECK(close(found.loss(), json_number(known.at("d_prime_loss"))));
    CHECK(close(found.correlation, json_number(known.at("projection_correlation"))));
    CHECK(found.sign_flips.hits == qfa_test::json_count(known.at("sign_flips")));
    CHECK(close(found.sign_flips.value(), json_number(known.at("sign_flip_share"))));
    const qfa::direction_stability kept = stability_of(train.view());
    CHECK(close(kept.cosine, json_number(known.at("cosine"))));
    CHECK(close(kept.split_half, json_number(reference.at("split_half_cosine"))));
  }
}

TEST_CASE("discriminability: means over the spread within the classes, both weighing as their sizes") {
  const std::vector<double> harmful{6.0, 4.0}, harmless{1.0, 1.0, 0.0, 2.0, 1.0, 1.0};
  CHECK(close(qfa::discriminability(harmful, harmless), 4.0 / std::sqrt(4.0 / 8.0)));
  CHECK(close(qfa::discriminability(harmless, harmful), -4.0 / std::sqrt(4.0 / 8.0)));
  CHECK(std::isnan(qfa::discriminability(std::vector<double>{1.0, 1.0}, std::vector<double>{0.0})));
  qfa_test::check_refused([&] { qfa::discriminability(harmful, {}); }, {"both classes"});
}

TEST_CASE("compare_detection: a prompt flips where it changes sides, and not on the midpoint") {
  const qfa::contrast_direction along{.unit = {1.0}, .separation = 2.0, .midpoint = 1.0};
  const std::array<float, 4> harmful{2.0f, 2.0f, 2.0f, 1.0f}, after{1.5f, 0.5f, 1.0f, 0.0f};
  const std::array<float, 2> harmless{0.0f, 0.5f}, harmless_after{3.0f, 0.0f};
  const qfa::detection_loss found =
      qfa::compare_detection(along, {view(harmful.data(), 4, 1), view(harmless.data(), 2, 1), view(after.data(), 4, 1),
                                     view(harmless_after.data(), 2, 1)});
  CHECK(found.sign_flips == qfa::proportion{2, 6});
}

}  // namespace alignment_detection_test
