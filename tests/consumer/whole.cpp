// SPDX-License-Identifier: Apache-2.0
// An encoder that chooses its kernels when it runs, and the headers of every optional part.
#include <qfa/core/error.hpp>
#include <qfa/core/matrix_view.hpp>
#include <qfa/sae/any_encoder.hpp>
#include <qfa/sae/sae.hpp>
#include <qfa/version.hpp>

#include <cstdio>
#include <vector>

#include "parts.hpp"

int main() {
  std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  const qfa::matrix_view<float> m(numbers.data(), 2, 3);
  std::printf("qfa %s\n", qfa::version);
  print_parts();

  qfa::sae s;  // one feature, which fires where the last input does
  s.d_in = 3;
  s.d_sae = 1;
  s.w_enc = {0, 0, 1};
  s.w_dec = s.w_enc;
  s.b_enc = {0};
  s.b_dec = {0, 0, 0};
  try {
    const qfa::any_encoder encode(s);
    std::printf("encodes on %s\n", encode.runs_on().name.data());
    return encode(m)[1].values[0] == m(1, 2) ? 0 : 1;
  } catch (const qfa::error& e) {
    std::printf("%s\n", e.what());
    return 2;
  }
}
