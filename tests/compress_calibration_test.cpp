// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/calibration.hpp"

#include <doctest/doctest.h>

namespace compress_calibration_test {

using namespace qfa;

static_assert(!calibration_needs{}.any() && calibration_needs{.gram = true}.any());
static_assert((calibration_needs{.channels = true} | calibration_needs{.gram = true}) ==
              calibration_needs{.channels = true, .gram = true});

TEST_CASE("calibration_needs: what two policies need is what either needs") {
  CHECK((calibration_needs{} | calibration_needs{}) == calibration_needs{});
  CHECK((calibration_needs{.channels = true} | calibration_needs{}).channels);
}

}  // namespace compress_calibration_test
