// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_SPACE_SAVING_HPP
#define QFA_STATS_SPACE_SAVING_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "qfa/core/mergeable.hpp"

namespace qfa {

/// How often a key came: at most `count` times, and at least `count - error` times.
struct bounded_count {
  std::uint32_t key = 0;
  std::uint32_t count = 0;
  std::uint32_t error = 0;

  constexpr bool operator==(const bounded_count&) const = default;
};

/// The most frequent keys of a stream in `Capacity` counters, after Metwally, Agrawal and El Abbadi (2005): a key
/// without a counter takes over the least one, and its count.
///
/// Of N keys seen, no count is too large by more than N / Capacity, and every key that came more often than that has a
/// counter.  While no more than `Capacity` different keys have come, counts are exact.  Merged as Cafaro, Pulimeno and
/// Tempesta (2016) do, which keeps both promises for the sum of the streams; the order of merging may matter
/// (stats/group_tree.hpp).
template <std::size_t Capacity = 64>
class space_saving {
 public:
  void operator()(std::uint32_t key) {
    bounded_count* least = nullptr;
    for (bounded_count& c : counters_) {
      if (c.key == key) {
        ++c.count;
        return;
      }
      if (least == nullptr || before(*least, c)) least = &c;
    }
    if (counters_.size() < Capacity)
      counters_.push_back({key, 1, 0});
    else
      *least = {key, least->count + 1, least->count};
  }

  space_saving& operator+=(const space_saving& other) {
    if (other.counters_.empty()) return *this;
    if (counters_.empty()) return *this = other;
    const std::uint32_t unseen = most_unseen(), unseen_there = other.most_unseen();
    std::vector<bounded_count> all = other.counters_;
    for (bounded_count& c : all) {
      c.count += unseen;
      c.error += unseen;
    }
    for (const bounded_count& mine : counters_) {
      const auto same = std::ranges::find(all, mine.key, &bounded_count::key);
      if (same == all.end()) {
        all.push_back({mine.key, mine.count + unseen_there, mine.error + unseen_there});
        continue;
      }
      same->count += mine.count - unseen;
      same->error = same->error - unseen + mine.error;
    }
    std::ranges::sort(all, before);
    all.resize((std::min)(all.size(), Capacity));
    counters_ = std::move(all);
    return *this;
  }

  /// The largest counts, equal ones by key.
  std::vector<bounded_count> top(std::size_t most) const {
    std::vector<bounded_count> out = counters_;
    std::ranges::sort(out, before);
    out.resize((std::min)(out.size(), most));
    return out;
  }

  /// A key without a counter came no more often than this.
  std::uint32_t most_unseen() const noexcept {
    if (counters_.size() < Capacity) return 0;
    return (std::ranges::min)(counters_, {}, &bounded_count::count).count;
  }

  bool operator==(const space_saving&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.counters_);
  }

 private:
  static bool before(const bounded_count& a, const bounded_count& b) noexcept {
    return a.count != b.count ? a.count > b.count : a.key < b.key;
  }

  std::vector<bounded_count> counters_;
};

static_assert(mergeable<space_saving<>, std::uint32_t>);

}  // namespace qfa

#endif
