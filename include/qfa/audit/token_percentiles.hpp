// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_TOKEN_PERCENTILES_HPP
#define QFA_AUDIT_TOKEN_PERCENTILES_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "qfa/core/mergeable.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/stats/signed_histogram.hpp"

namespace qfa {

/// Of which tokens reports speak, in per cent of all scored tokens: as llama.cpp's perplexity lists them.
inline constexpr std::array<double, 13> listed_percentiles{0.0,  0.1,  1.0,  5.0,  10.0, 25.0, 50.0,
                                                           75.0, 90.0, 95.0, 99.0, 99.9, 100.0};

/// How losses are spread over tokens: a mean hides the few on which a compressed model is far off.
struct token_percentiles {
  std::uint64_t tokens = 0;
  std::array<double, listed_percentiles.size()> excess_loss{};  ///< this model's loss less the reference's, nats
  std::array<double, listed_percentiles.size()> kl{};           ///< KL(reference || this), nats
};

/// The spread as it is gathered token by token, exact in any order.
struct token_losses {
  signed_histogram excess_loss{};
  signed_histogram kl{};

  void operator()(const token_comparison& token) {
    excess_loss(token.compressed_nll - token.reference_nll);
    kl(token.kl);
  }
  token_losses& operator+=(const token_losses& other) {
    excess_loss += other.excess_loss;
    kl += other.kl;
    return *this;
  }
  bool operator==(const token_losses&) const = default;

  token_percentiles percentiles() const noexcept {
    token_percentiles out{.tokens = excess_loss.count()};
    for (std::size_t i = 0; i < listed_percentiles.size(); ++i) {
      out.excess_loss[i] = excess_loss.quantile(listed_percentiles[i] / 100.0);
      out.kl[i] = kl.quantile(listed_percentiles[i] / 100.0);
    }
    return out;
  }

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.excess_loss, self.kl);
  }
};

static_assert(mergeable<token_losses, token_comparison>);

}  // namespace qfa

#endif
