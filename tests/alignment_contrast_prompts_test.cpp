// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/contrast_prompts.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace alignment_contrast_prompts_test {

using namespace qfa;

using tokens = std::vector<std::vector<std::uint32_t>>;

TEST_CASE("contrast_of: the prompts of one split, each with its class, in their order") {
  prompt_set all;
  std::uint32_t token = 0;
  for (const prompt_split split : {prompt_split::fit, prompt_split::test, prompt_split::calibration, prompt_split::fit})
    for (const prompt_label label : {prompt_label::harmful, prompt_label::harmless})
      all.prompts.push_back({.label = label, .split = split, .tokens = {token++}});
  const contrast_prompts fit = contrast_of(all, prompt_split::fit), test = contrast_of(all, prompt_split::test);
  CHECK(fit.harmful == tokens{{0}, {6}});
  CHECK(fit.harmless == tokens{{1}, {7}});
  CHECK(test.harmful == tokens{{2}});
  CHECK(test.harmless == tokens{{3}});
}

TEST_CASE("check_apart: a prompt in both sets is refused, in whichever class") {
  const contrast_prompts fitted{{{1, 2}, {3}}, {{4}, {5, 6}}};
  check_apart(fitted, {{{1}, {2, 1}}, {{6, 5}, {5}}});
  check_apart(fitted, {{{7}, {7}}, {}});  // the same twice in one set
  CHECK_THROWS_WITH(check_apart(fitted, {{{7}, {3}}, {}}),
                    "held-out prompt 1 of the harmful ones is among those that directions are fitted on");
  CHECK_THROWS_WITH(check_apart(fitted, {{}, {{1, 2}}}),
                    "held-out prompt 0 of the harmless ones is among those that directions are fitted on");
  CHECK_THROWS_AS(check_apart(fitted, {{{5, 6}}, {}}), error);
}

}  // namespace alignment_contrast_prompts_test
