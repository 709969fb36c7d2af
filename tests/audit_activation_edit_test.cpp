// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/activation_edit.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace audit_activation_edit_test {

using namespace qfa;

TEST_CASE("activation_edit: is told the first row of the block, and changes what passes") {
  const activation_edit edit{{2, hook_kind::resid_mid}, [](std::size_t first_row, matrix_view<float> x) {
                               x(0, 1) = static_cast<float>(first_row);
                             }};
  std::vector<float> x(4, 1.0f);
  edit.change(7, {x.data(), 2, 2});
  CHECK(x == std::vector<float>{1.0f, 7.0f, 1.0f, 1.0f});
  CHECK(name_of(edit.at) == "blocks.2.hook_resid_mid");
}

}  // namespace audit_activation_edit_test
