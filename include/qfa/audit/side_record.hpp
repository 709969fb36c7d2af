// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_SIDE_RECORD_HPP
#define QFA_AUDIT_SIDE_RECORD_HPP

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "qfa/audit/layout.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/sae/any_encoder.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/health.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/stats/feature_statistics.hpp"

namespace qfa {

/// How well the SAE describes one model's activations, gathered block by block, with the first analyzed position of
/// the rows apart.
class side_record {
 public:
  /// `encode` is of `dictionary`.
  side_record(const sae& dictionary, any_encoder encode, const token_layout& layout)
      : dictionary_(&dictionary), encode_(std::move(encode)), layout_(layout) {}

  /// Whole rows of kept tokens, `layout.kept_per_row()` to a row, and their codes.
  void operator()(matrix_view<const float> kept, const sparse_codes& codes) {
    const auto frames = frames_of(*dictionary_, kept);
    reconstruction_.resize(kept.rows(), kept.columns());
    encode_.decode(*dictionary_, codes, frames, reconstruction_.view());
    const matrix_view<const float> decoded = reconstruction_.view();
    all_(kept, codes, decoded);

    const std::size_t step = layout_.kept_per_row();
    const auto firsts = [&](matrix_view<const float> m) {
      return matrix_view<const float>(m.data(), m.rows() / step, m.columns(), step * m.columns());
    };
    sparse_codes first_codes(codes.width());
    for (std::size_t t = 0; t < codes.tokens(); ++t) {
      if (t % step == 0) first_codes.append_token(codes[t].features, codes[t].values);
      double squares = 0.0;
      for (const float v : kept.row(t))
        squares += static_cast<double>(v) * static_cast<double>(v);
      (t % step == 0 ? first_norms_ : other_norms_) += std::sqrt(squares);
      ++(t % step == 0 ? first_tokens_ : other_tokens_);
      energy_ += squares;
    }
    first_(firsts(kept), first_codes, firsts(decoded));
  }

  sae_fit fit() const {
    return {all_.fvu(), all_.l0(), all_.dead_share(), all_.explained_variance(), all_.explained_variance_legacy()};
  }

  /// Flips and shift need the other side, and stay NaN.
  first_position first() const {
    first_position out;
    out.position = layout_.skip_positions;
    out.norm = ratio(first_norms_, first_tokens_);
    out.norm_elsewhere = ratio(other_norms_, other_tokens_);
    out.fvu = first_.fvu();
    return out;
  }

  /// Sum of |h|^2 over the analyzed tokens.
  double energy() const noexcept { return energy_; }

 private:
  const sae* dictionary_;
  any_encoder encode_;
  token_layout layout_;
  sae_health all_, first_;
  activations reconstruction_;
  double first_norms_ = 0.0, other_norms_ = 0.0;  // sums of |h|
  double first_tokens_ = 0.0, other_tokens_ = 0.0;
  double energy_ = 0.0;
};

}  // namespace qfa

#endif
