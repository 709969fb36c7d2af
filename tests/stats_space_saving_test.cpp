// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/space_saving.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "laws.hpp"

namespace stats_space_saving_test {

/// Keys of which some come much more often than others, in no order.
std::vector<std::uint32_t> skewed_keys(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint32_t> keys;
  for (std::size_t i = 0; i < count; ++i)
    keys.push_back(static_cast<std::uint32_t>((random() % 40) * (random() % 40) / 40));
  return keys;
}

template <std::size_t Capacity>
void check_promises(const qfa::space_saving<Capacity>& counted, const std::vector<std::uint32_t>& keys) {
  std::map<std::uint32_t, std::uint32_t> exact;
  for (const std::uint32_t key : keys)
    ++exact[key];
  std::map<std::uint32_t, qfa::bounded_count> found;
  for (const qfa::bounded_count& c : counted.top(Capacity))
    found[c.key] = c;
  CHECK(found.size() == Capacity);
  for (const auto& each : exact) {
    const std::uint32_t key = each.first, count = each.second;
    CAPTURE(key);
    if (!found.contains(key)) {
      CHECK(count <= counted.most_unseen());
      CHECK(count * Capacity <= keys.size());
      continue;
    }
    CHECK(count <= found[key].count);
    CHECK(found[key].count - found[key].error <= count);
    CHECK(found[key].error * Capacity <= keys.size());
  }
}

TEST_CASE("space_saving: counts are within their bounds, and no frequent key is missed, also of merged streams") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::vector<std::uint32_t> keys = skewed_keys(700, seed);
    qfa::space_saving<8> all, merged;
    for (const std::uint32_t key : keys)
      all(key);
    check_promises(all, keys);
    for (std::size_t part = 0; part < 4; ++part) {
      qfa::space_saving<8> some;
      for (std::size_t i = part * 175; i < (part + 1) * 175; ++i)
        some(keys[i]);
      merged += some;
    }
    check_promises(merged, keys);
  }
}

TEST_CASE("space_saving: exact while the keys have room, in any cut of the stream") {
  const std::vector<std::uint32_t> keys{5, 1, 5, 2, 5, 1, 9};
  const auto same = [](const qfa::space_saving<4>& a, const qfa::space_saving<4>& b) { return a.top(4) == b.top(4); };
  qfa_test::check_merge_laws<qfa::space_saving<4>>(keys, {}, same);
  qfa::space_saving<4> counted;
  for (const std::uint32_t key : keys)
    counted(key);
  CHECK(counted.top(3) == std::vector<qfa::bounded_count>{{5, 3, 0}, {1, 2, 0}, {2, 1, 0}});  // 2 before 9
  counted(7);
  CHECK(counted.top(4) == std::vector<qfa::bounded_count>{{5, 3, 0}, {1, 2, 0}, {7, 2, 1}, {2, 1, 0}});
}

}  // namespace stats_space_saving_test
