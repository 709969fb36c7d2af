// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_COFIRINGS_HPP
#define QFA_SAE_COFIRINGS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/codes.hpp"

namespace qfa {

/// Two features of one model, and the tokens on which both fire.
struct cofiring_pair {
  std::uint32_t a = 0;  ///< the lesser
  std::uint32_t b = 0;
  std::uint64_t tokens = 0;

  bool operator==(const cofiring_pair&) const = default;
};

/// J_fire = n_ab / (n_a + n_b - n_ab); NaN where neither fires.
inline double cofiring_jaccard(std::uint64_t both, std::uint64_t a, std::uint64_t b) noexcept {
  return static_cast<double>(both) / static_cast<double>(a + b - both);
}

/// Every pair of features that fire together on more than `above` of the tokens on which either does, by a, then b.
///
/// `blocks` blocks of codes, `block_at(i)` one of them, all of them `width` features wide; `firings` is the tokens of
/// each feature over those blocks.  The blocks are walked once for each strip of features, which has a dense counter
/// for every partner: 32 MiB a thread, whatever the width, and never width^2.  Throws where `firings` or a block is of
/// another width.
template <class BlockAt>
std::vector<cofiring_pair> cofiring_features(std::size_t blocks, BlockAt block_at, std::size_t width,
                                             std::span<const std::uint64_t> firings, double above) {
  require(firings.size() == width, "cofirings need the firings of each feature");
  constexpr std::size_t counters = std::size_t{1} << 23U;
  const std::size_t strip = (std::max<std::size_t>)(1, counters / (std::max<std::size_t>)(width, 1));
  const std::size_t at_once = thread_count();
  std::vector<cofiring_pair> pairs;
  for (std::size_t first_of_wave = 0; first_of_wave < width; first_of_wave += at_once * strip) {
    const std::size_t strips = (std::min)(at_once, (width - first_of_wave + strip - 1) / strip);
    std::vector<std::vector<std::uint32_t>> counts(strips);  // (strip, width)
    std::vector<std::vector<cofiring_pair>> found(strips);
    for (std::size_t b = 0; b < blocks; ++b) {
      const sparse_codes codes = block_at(b);
      require(codes.width() == width, "cofirings are counted of one dictionary at a time");
      parallel_for(strips, [&](std::size_t s) {
        const std::size_t first = first_of_wave + s * strip, last = (std::min)(width, first + strip);
        counts[s].resize((last - first) * width, 0);
        for (std::size_t t = 0; t < codes.tokens(); ++t) {
          const auto fired = codes[t].features;
          for (auto i = std::ranges::lower_bound(fired, static_cast<std::uint32_t>(first));
               i != fired.end() && *i < last; ++i)
            for (auto j = i + 1; j != fired.end(); ++j)
              ++counts[s][(*i - first) * width + *j];
        }
      });
    }
    parallel_for(strips, [&](std::size_t s) {
      const std::size_t first = first_of_wave + s * strip;
      for (std::size_t k = 0; k < counts[s].size(); ++k) {
        if (counts[s][k] == 0) continue;
        const std::size_t a = first + k / width, b = k % width;
        if (cofiring_jaccard(counts[s][k], firings[a], firings[b]) > above)
          found[s].push_back({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b), counts[s][k]});
      }
    });
    for (const auto& of_strip : found)
      pairs.insert(pairs.end(), of_strip.begin(), of_strip.end());
  }
  return pairs;
}

/// The tokens of a block on which both features of each pair fire, added to its count.  `pairs` by a, then b.
inline void count_cofirings(const sparse_codes& codes, std::span<cofiring_pair> pairs) {
  std::vector<std::size_t> first_of(codes.width() + 1, 0);
  for (const cofiring_pair& p : pairs)
    ++first_of[p.a + 1];
  for (std::size_t j = 0; j < codes.width(); ++j)
    first_of[j + 1] += first_of[j];
  for (std::size_t t = 0; t < codes.tokens(); ++t) {
    const auto fired = codes[t].features;
    for (const std::uint32_t a : fired)
      for (std::size_t p = first_of[a]; p < first_of[a + 1]; ++p)
        if (std::ranges::binary_search(fired, pairs[p].b)) ++pairs[p].tokens;
  }
}

/// Counts of parts of the tokens, added up pair by pair; a pair that one part does not have counts nothing there.
inline std::vector<cofiring_pair> merge_cofirings(std::span<const cofiring_pair> x, std::span<const cofiring_pair> y) {
  const auto before = [](const cofiring_pair& p, const cofiring_pair& q) {
    return std::pair(p.a, p.b) < std::pair(q.a, q.b);
  };
  std::vector<cofiring_pair> out(x.size() + y.size());
  std::merge(x.begin(), x.end(), y.begin(), y.end(), out.begin(), before);
  std::size_t kept = 0;
  for (const cofiring_pair& p : out) {
    if (kept > 0 && out[kept - 1].a == p.a && out[kept - 1].b == p.b)
      out[kept - 1].tokens += p.tokens;
    else
      out[kept++] = p;
  }
  out.resize(kept);
  return out;
}

}  // namespace qfa

#endif
