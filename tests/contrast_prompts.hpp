// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_CONTRAST_PROMPTS_HPP
#define QFA_TESTS_CONTRAST_PROMPTS_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "qfa/cache/policy.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa_test {

using token_lists = std::vector<std::vector<std::uint32_t>>;

/// Random prompts of 3 to 9 tokens, the two last of which are from [first, last) of the vocabulary: what a class is
/// known by.
inline token_lists draw_prompts(std::size_t count, unsigned seed, std::uint32_t vocabulary, std::uint32_t first,
                                std::uint32_t last) {
  std::mt19937 random(seed);
  token_lists out(count);
  for (auto& prompt : out) {
    prompt.resize(3 + random() % 7);
    for (auto& token : prompt)
      token = static_cast<std::uint32_t>(random() % vocabulary);
    for (std::size_t i = 1; i <= 2; ++i)
      prompt[prompt.size() - i] = static_cast<std::uint32_t>(first + random() % (last - first));
  }
  return out;
}

/// Adds an error along one vector for each layer, to keys and to values: of 0.5 to 1.5 times `size`, as the token's
/// first value has it.
struct planted_cache {
  qfa::cache_point point = qfa::cache_point::before_rope;
  std::vector<std::vector<double>> keys_along{}, values_along{};  // for each layer, or none
  double size = 0.5;
  void operator()(qfa::matrix_view<float> keys, qfa::matrix_view<float> values, const qfa::cache_update& u) const {
    for (std::size_t t = u.first_new; t < keys.rows(); ++t) {
      const double by = size * (1.0 + 0.5 * std::tanh(static_cast<double>(values(t, 0))));
      const auto add = [&](qfa::matrix_view<float> x, const std::vector<std::vector<double>>& along) {
        for (std::size_t c = 0; c < x.columns() && !along.empty(); ++c)
          x(t, c) = static_cast<float>(static_cast<double>(x(t, c)) + by * along[u.info.layer][c]);
      };
      add(keys, keys_along);
      add(values, values_along);
    }
  }
  std::string name() const { return "planted"; }
};

}  // namespace qfa_test

#endif
