// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/recovery.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "alignment_oracle.hpp"
#include "laws.hpp"
#include "scratch.hpp"

namespace alignment_recovery_test {

using qfa_test::close;
using qfa_test::json_number;

TEST_CASE("recovery: another program's of both kinds") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("recovery_1")) {
    const double n = json_number(known.at("refused"));
    CHECK(close(qfa::flip_recovery(json_number(known.at("before")) / n, json_number(known.at("after")) / n),
                json_number(known.at("reduction"))));
  }
  for (const qfa::json& known : qfa_test::alignment_numbers().at("recovery_2")) {
    const double n = json_number(known.at("n"));
    CHECK(close(
        qfa::refusal_recovery(json_number(known.at("refused_fp16")) / n, json_number(known.at("refused_uniform")) / n,
                              json_number(known.at("refused_mixed")) / n),
        json_number(known.at("recovery"))));
  }
  CHECK(std::round(1000.0 * qfa::flip_recovery(36.0 / 44.0, 1.0 / 44.0)) == 972.0);  // the published best
}

TEST_CASE("overhead: bytes, and not the share of layers") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("overheads")) {
    CAPTURE(known.dump());
    const std::size_t kept = known.at("protected").get<std::size_t>(), layers = known.at("layers").get<std::size_t>();
    const double bits = json_number(known.at("effective_bits")), more = json_number(known.at("protected_bits"));
    CHECK(close(qfa::protection_overhead(kept, layers, bits, more), json_number(known.at("overhead"))));
    const double values = 2.0 * json_number(known.at("tokens")) * json_number(known.at("channels"));
    std::vector<double> before(layers, bits * values), after = before;
    for (std::size_t l = 0; l < kept; ++l)
      after[l] = more * values;
    const qfa::memory_overhead found = qfa::overhead_of(before, after);
    CHECK(close(found.relative, json_number(known.at("overhead"))));
    CHECK(close(found.bytes, json_number(known.at("mixed_bytes")) - json_number(known.at("uniform_bytes"))));
  }
  // One layer of 28 at FP16 beside 4 bits.
  CHECK(std::round(1000.0 * qfa::protection_overhead(1, 28, 4.0)) == 107.0);
}

TEST_CASE("overhead: fewer bits are a negative one, and what cannot be is refused") {
  const std::vector<double> before{400.0, 400.0}, after{300.0, 400.0};
  CHECK(qfa::overhead_of(before, after).bytes == -12.5);
  CHECK(qfa::overhead_of(before, after).relative == -0.125);
  qfa_test::check_refused([&] { qfa::overhead_of(before, std::vector<double>{1.0}); }, {"each layer"});
  qfa_test::check_refused([] { qfa::overhead_of({}, {}); }, {"takes memory"});
  qfa_test::check_refused([] { qfa::protection_overhead(2, 1, 4.0); }, {"no more layers"});
  qfa_test::check_refused([] { qfa::protection_overhead(0, 0, 4.0); }, {"no more layers"});
  qfa_test::check_refused([] { qfa::protection_overhead(1, 2, 0.0); }, {"takes memory"});
}

TEST_CASE("recovery: undefined where nothing was lost") {
  CHECK(std::isnan(qfa::flip_recovery(0.0, 0.2)));
  CHECK(std::isnan(qfa::refusal_recovery(0.7, 0.7, 0.6)));
  CHECK(qfa::flip_recovery(0.2, 0.4) == -1.0);
}

}  // namespace alignment_recovery_test
