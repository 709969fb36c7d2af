// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/dispatch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "qfa/simd/batch.hpp"
#include "scratch.hpp"

namespace simd_dispatch_test {

using namespace qfa::simd;

TEST_CASE("dispatch: every machine runs the first level, and none without those before it") {
  CHECK(runs(static_cast<level>(0)));
  for (std::size_t i = 1; i < levels; ++i)
    if (runs(static_cast<level>(i))) CHECK(runs(static_cast<level>(i - 1)));
}

#if defined(__x86_64__)
TEST_CASE("dispatch: what this test was compiled for and runs on is seen") {
#ifdef __AVX2__
  CHECK(runs(level::avx2));
#endif
#if defined(__AVX512F__) && defined(__AVX512CD__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && \
    defined(__AVX512VL__)
  CHECK(runs(level::avx512));
#endif
#ifdef __AVX512VNNI__
  CHECK(runs(level::avx512vnni));
#endif
}
#endif

TEST_CASE("dispatch: the widest level is chosen unless another is named") {
  const level widest = widest_level();
  CHECK(runs(widest));
  for (std::size_t i = static_cast<std::size_t>(widest) + 1; i < levels; ++i)
    CHECK_FALSE(runs(static_cast<level>(i)));
  CHECK(level_called(nullptr) == widest);
  CHECK(level_called("") == widest);
  for (std::size_t i = 0; i < levels; ++i)
    if (runs(static_cast<level>(i))) CHECK(level_called(std::string(level_names[i]).c_str()) == static_cast<level>(i));
}

TEST_CASE("dispatch: an unknown level is refused by a sentence that lists what the machine has") {
  std::string all;
  for (std::size_t i = 0; i < levels; ++i)
    if (runs(static_cast<level>(i))) all += (i == 0 ? "" : ", ") + std::string(level_names[i]);
  CHECK_THROWS_WITH_AS(level_called("avx"),
                       ("QFA_ARCH is \"avx\", expected an instruction set that this machine has: " + all).c_str(),
                       qfa::error);
  for (std::size_t i = 0; i < levels; ++i)
    if (!runs(static_cast<level>(i)))
      qfa_test::check_refused([&] { level_called(std::string(level_names[i]).c_str()); },
                              {std::string(level_names[i]), "this machine has: " + all});
}

}  // namespace simd_dispatch_test
