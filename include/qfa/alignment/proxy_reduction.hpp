// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_PROXY_REDUCTION_HPP
#define QFA_ALIGNMENT_PROXY_REDUCTION_HPP

#include <cstddef>
#include <span>

#include "qfa/alignment/direction.hpp"
#include "qfa/alignment/per_channel_reduction.hpp"
#include "qfa/alignment/subspace.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The mean square of compression's error within a subspace, E|U(compressed - reference)|^2, over all rows.  Throws
/// unless the two have one shape, of the subspace's channels.
inline double error_inside(const subspace& axes, matrix_view<const float> reference,
                           matrix_view<const float> compressed) {
  require(reference.rows() == compressed.rows() && reference.rows() > 0,
          "an error in a subspace needs the same prompts in both models");
  require(reference.columns() == axes.channels() && compressed.columns() == axes.channels(),
          "an error in a subspace needs activations of its channels");
  double sum = 0.0;
  for (std::size_t r = 0; r < reference.rows(); ++r)
    for (std::size_t i = 0; i < axes.dimension(); ++i) {
      const std::span<const double> u = axes.axis(i);
      double along = 0.0;
      for (std::size_t c = 0; c < u.size(); ++c)
        along += (static_cast<double>(compressed(r, c)) - static_cast<double>(reference(r, c))) * u[c];
      sum += along * along;
    }
  return sum / static_cast<double>(reference.rows());
}

/// PCR's stand-in where nobody judges responses, qfa's own: 1 - error per channel / error per tensor, in the mean
/// square along the direction that refusal depends on.  It needs activations alone and says nothing of how often the
/// model complies.  Like PCR negative where the finer grain is worse; NaN where the coarse one makes no error.
inline double proxy_reduction(const subspace& axes, matrix_view<const float> reference,
                              matrix_view<const float> per_tensor, matrix_view<const float> per_channel) {
  return flip_reduction(error_inside(axes, reference, per_tensor), error_inside(axes, reference, per_channel));
}

}  // namespace qfa

#endif
