// SPDX-License-Identifier: Apache-2.0
// A policy on a matrix: few of qfa's headers, so that a project of one's own is built in a moment; and the headers of
// each optional part that the project asked for.
#include <qfa/compress/rtn.hpp>
#include <qfa/core/matrix_view.hpp>
#include <qfa/version.hpp>

#include <cstdio>
#include <vector>

#include "parts.hpp"

int main() {
  std::vector<float> numbers{1.0f, -2.0f, 7.0f, 0.4f, 0.5f, 3.0f};
  const qfa::matrix_view<float> m(numbers.data(), 2, 3);
  qfa::rtn{.bits = 4}(m);
  std::printf("qfa %s\n", qfa::version);
  print_parts();
  // Seven steps: the first row's integers stay as they are, and two weights of the second become one.
  return m(0, 1) == -2.0f && m(0, 2) == 7.0f && m(1, 0) == m(1, 1) ? 0 : 1;
}
