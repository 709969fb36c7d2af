// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_TOKEN_WEIGHTS_HPP
#define QFA_MEANING_TOKEN_WEIGHTS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/stats/positive_sum.hpp"

namespace qfa {

/// What a feature fires on: the sum of its activations over every token id on which it fires.  Normalized, a
/// distribution over ids.
///
/// The sums are exact, so that parts merge in any order.  Memory: 20 bytes for each distinct id.
class token_weights {
 public:
  struct firing {
    std::uint32_t id = 0;
    float value = 0.0f;
  };

  /// Adds firings; their order does not matter, and is lost.  Throws for an activation of 2^40 or more.
  void operator()(std::vector<firing>& firings) {
    std::ranges::sort(firings, {}, &firing::id);
    token_weights more;
    for (const auto& [id, value] : firings) {
      require(value < positive_sum::limit, "activations below 2^40 are expected where tokens are weighed by them");
      if (more.ids_.empty() || more.ids_.back() != id) {
        more.ids_.push_back(id);
        more.sums_.emplace_back();
      }
      more.sums_.back()(value);
    }
    *this += more;
  }

  token_weights& operator+=(const token_weights& other) {
    std::size_t fresh = 0;
    auto at = ids_.begin();
    for (std::size_t i = 0; i < other.ids_.size(); ++i) {
      at = std::lower_bound(at, ids_.end(), other.ids_[i]);
      if (at != ids_.end() && *at == other.ids_[i])
        sums_[static_cast<std::size_t>(at - ids_.begin())] += other.sums_[i];
      else
        ++fresh;
    }
    if (fresh == 0) return *this;
    // From the end: what is there moves up, and what is new falls between.
    std::size_t from = ids_.size(), to = from + fresh, i = other.ids_.size();
    ids_.resize(to);
    sums_.resize(to);
    while (fresh > 0) {
      const std::uint32_t theirs = other.ids_[i - 1];
      if (from > 0 && ids_[from - 1] >= theirs) {
        if (ids_[from - 1] == theirs) --i;
        --from, --to;
        ids_[to] = ids_[from];
        sums_[to] = sums_[from];
      } else {
        --i, --to, --fresh;
        ids_[to] = theirs;
        sums_[to] = other.sums_[i];
      }
    }
    return *this;
  }

  std::size_t size() const noexcept { return ids_.size(); }
  std::uint32_t id(std::size_t i) const noexcept { return ids_[i]; }  ///< increasing
  double weight(std::size_t i) const noexcept { return sums_[i].value(); }
  double total() const noexcept {
    positive_sum all;
    for (const positive_sum& sum : sums_)
      all += sum;
    return all.value();
  }

  bool operator==(const token_weights&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.ids_, self.sums_);
  }

 private:
  std::vector<std::uint32_t> ids_;  // increasing
  std::vector<positive_sum> sums_;
};

static_assert(mergeable<token_weights, std::vector<token_weights::firing>&>);

/// The Jensen-Shannon divergence of two distributions over ids, in bits: 0 where they are the same, 1 where they share
/// no id.  With m = (p + q) / 2 it is half of sum p log2(p / m) + q log2(q / m).  NaN where one has no mass.
inline double divergence(const token_weights& a, const token_weights& b) {
  const double mass_a = a.total(), mass_b = b.total();
  if (!(mass_a > 0.0 && mass_b > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  const auto part = [](double p, double q) { return p > 0.0 ? p * std::log2(2.0 * p / (p + q)) : 0.0; };
  double sum = 0.0;
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const bool in_a = i < a.size() && (j == b.size() || a.id(i) <= b.id(j));
    const bool in_b = j < b.size() && (i == a.size() || b.id(j) <= a.id(i));
    const double p = in_a ? a.weight(i) / mass_a : 0.0;
    const double q = in_b ? b.weight(j) / mass_b : 0.0;
    sum += part(p, q) + part(q, p);
    i += in_a;
    j += in_b;
  }
  return std::clamp(0.5 * sum, 0.0, 1.0);
}

/// An id and its share of a feature's mass.
struct token_share {
  std::uint32_t id = 0;
  double share = 0.0;

  bool operator==(const token_share&) const = default;
};

/// The ids with the largest shares, equal ones by id.
inline std::vector<token_share> top_tokens(const token_weights& weights, std::size_t most) {
  const double mass = weights.total();
  std::vector<token_share> out;
  for (std::size_t i = 0; i < weights.size(); ++i)
    out.push_back({weights.id(i), weights.weight(i) / mass});
  std::ranges::stable_sort(out, std::ranges::greater{}, &token_share::share);
  out.resize((std::min)(out.size(), most));
  return out;
}

}  // namespace qfa

#endif
