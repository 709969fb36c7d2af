// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/presets.hpp"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "cache_matrices.hpp"
#include "qfa/cache/spec.hpp"
#include "scratch.hpp"

namespace cache_presets_test {

TEST_CASE("cache_presets: the published conditions are numpy's bits") {
  for (const std::string bits : {"8", "4", "3", "2"}) {
    qfa_test::check_cache_oracle(qfa::parse_cache("section4:bits=" + bits), "published.asym" + bits + ".per_token");
    qfa_test::check_cache_oracle(qfa::parse_cache("section5:" + bits), "published.sym" + bits + ".per_tensor");
    qfa_test::check_cache_oracle(qfa::parse_cache("group64:" + bits), "published.sym" + bits + ".per_group64");
  }
  for (const std::string bits : {"4", "2"})
    qfa_test::check_cache_over_time(qfa::parse_cache("paper_kivi:" + bits), "published_kivi." + bits, 70);
}

TEST_CASE("cache_presets: they act on keys before RoPE, and attention reads what they leave") {
  for (const std::string name : {"section4", "section5", "group64", "paper_kivi"}) {
    const qfa::any_cache_policy p = qfa::parse_cache(name + ":bits=4");
    CHECK(p.point() == qfa::cache_point::before_rope);
    CHECK(p.reads() == qfa::attention_reads::stored);
    qfa_test::check_refused([&] { qfa::parse_cache(name); }, {"needs the option bits"});
    qfa_test::check_call_laws(p);
  }
}

TEST_CASE("cache_presets: sixteen bits are no quantization") {
  const qfa_test::cached_text text = qfa_test::made_text(5);
  for (const std::string name : {"section4", "section5", "group64", "paper_kivi"})
    CHECK(qfa_test::held_at_once(qfa::parse_cache(name + ":16"), text) == text);
}

TEST_CASE("cache_presets: names and origins are distinct") {
  std::set<std::string> names, origins;
  for (const qfa::preset& p : qfa::cache_presets) {
    names.insert(std::string(p.name));
    origins.insert(std::string(p.origin));
  }
  CHECK(names.size() == qfa::cache_presets.size());
  CHECK(origins.size() == qfa::cache_presets.size());
}

}  // namespace cache_presets_test
