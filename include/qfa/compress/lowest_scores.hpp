// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_LOWEST_SCORES_HPP
#define QFA_COMPRESS_LOWEST_SCORES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/compress/pruning_rule.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Sets `pruned` to 1 at the `count` lowest scores and to 0 elsewhere; of equal scores the first are lower, as by a
/// stable sort.  No score may be NaN.  Throws where the two differ in length, and for a count beyond it.
inline void mark_lowest(std::span<const double> scores, std::size_t count, std::span<std::uint8_t> pruned) {
  require(scores.size() == pruned.size() && count <= scores.size(), "the lowest scores are marked among as many marks");
  std::vector<std::size_t> at(scores.size());
  std::iota(at.begin(), at.end(), std::size_t{0});
  const auto middle = at.begin() + static_cast<std::ptrdiff_t>(count);
  std::ranges::nth_element(at, middle, [&](std::size_t a, std::size_t b) {
    return scores[a] < scores[b] || (scores[a] == scores[b] && a < b);
  });
  std::ranges::fill(pruned, std::uint8_t{0});
  for (auto i = at.begin(); i != middle; ++i)
    pruned[*i] = 1;
}

/// What a pruner takes away: a share of the weights, or `zeroed` of each `of` neighboring columns.
///
/// n:m counts the zeros here, as Wanda's and SparseGPT's prune_n does: hardware's 2:4 keeps two of four and is the
/// same, its 1:4 keeps one and is zeroed=3,of=4.
struct pruning_pattern {
  double sparsity = 0.5;   ///< 0 to 1; where `zeroed` is 0
  std::size_t zeroed = 0;  ///< below `of`; 0 for no pattern
  std::size_t of = 0;

  bool structured() const noexcept { return zeroed != 0; }

  std::size_t count(std::size_t n) const noexcept { return count_of_share(sparsity, n); }

  /// Throws, naming the policy, for a sparsity outside [0, 1] or beside zeroed, and unless 0 < zeroed < of or both are
  /// 0.
  void validate(std::string_view policy) const {
    const std::string who(policy);
    require_share(sparsity, policy, "sparsity");
    if (structured() && sparsity != pruning_pattern{}.sparsity)
      fail(who + " takes sparsity or zeroed and of, not both: zeroed=" + std::to_string(zeroed) + " says what goes");
    if (structured() ? zeroed >= of : of != 0)
      fail(who + " zeroes some of each few columns where 0 < zeroed < of, not with zeroed=" + std::to_string(zeroed) +
           ",of=" + std::to_string(of));
  }

  /// Throws unless the pattern divides the columns.
  void require_fits(std::size_t columns, std::string_view policy, const tensor_info& info) const {
    if (structured() && columns % of != 0)
      fail(std::string(policy) + " with of=" + std::to_string(of) + " needs a multiple of that many columns, and " +
           quoted(info) + " has " + std::to_string(columns));
  }

  /// The spec string of a policy whose leading option is the sparsity, without it where the pattern implies it.
  std::string named(std::string spec) const {
    if (structured()) spec.erase(spec.find(':') + 1, spec.find(',') - spec.find(':'));
    return spec;
  }
};

}  // namespace qfa

#endif
