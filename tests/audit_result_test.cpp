// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/result.hpp"

#include <doctest/doctest.h>

namespace audit_result_test {

using namespace qfa;

TEST_CASE("condition_result: the survey of the protocol that is asked for") {
  condition_result c;
  c.by_published.rules = published;
  c.by_honest.rules = honest;
  CHECK(&c.by(published) == &c.by_published);
  CHECK(&c.by(honest) == &c.by_honest);
}

}  // namespace audit_result_test
