// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_HEALTH_HPP
#define QFA_SAE_HEALTH_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/firing_counts.hpp"
#include "qfa/sae/reconstruction_sums.hpp"

namespace qfa {

/// How well an SAE describes activations: x (tokens, d), their codes, and what decoding the codes gives (tokens, d).
class sae_health {
 public:
  /// Adds a batch of tokens.  Throws where the three differ in tokens, and for another width than before.
  void operator()(matrix_view<const float> x, const sparse_codes& codes, matrix_view<const float> reconstruction) {
    require(x.rows() == codes.tokens(), "the health of an SAE needs codes for each token");
    sums_(x, reconstruction);
    if (x.rows() > 0) fired_(codes);
  }

  sae_health& operator+=(const sae_health& other) {
    sums_ += other.sums_;
    fired_ += other.fired_;
    return *this;
  }

  std::uint64_t tokens() const noexcept { return sums_.tokens(); }
  /// Tokens on which each feature fired.
  std::span<const std::uint64_t> firings() const noexcept { return fired_.of_features(); }

  // As reconstruction_sums and firing_counts define them.
  double fvu() const noexcept { return sums_.fvu(); }
  double explained_variance() const noexcept { return sums_.explained_variance(); }
  double explained_variance_legacy() const noexcept { return sums_.explained_variance_legacy(); }
  double l2_ratio() const noexcept { return sums_.l2_ratio(); }
  double relative_reconstruction_bias() const noexcept { return sums_.relative_reconstruction_bias(); }
  double l0() const noexcept { return fired_.l0(); }
  double dead_share() const noexcept { return fired_.dead_share(); }

  bool operator==(const sae_health&) const = default;

 private:
  reconstruction_sums sums_;
  firing_counts fired_;
};

static_assert(mergeable<sae_health, matrix_view<const float>, sparse_codes, matrix_view<const float>>);

}  // namespace qfa

#endif
