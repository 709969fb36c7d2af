// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_NEEDED_STATISTICS_HPP
#define QFA_COMPRESS_NEEDED_STATISTICS_HPP

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

#include "qfa/compress/calibration.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Throws, with a sentence that names the policy and `where` ("tensor \"w\""), unless calibration saw tokens of
/// `columns` channels, and finite ones.
inline void require_channels(const calibration& known, std::size_t columns, std::string_view policy,
                             const std::string& where) {
  if (known.inputs.channels() == 0 || known.inputs.tokens() == 0)
    fail(std::string(policy) + " learns from calibration tokens, and none were seen for " + where);
  if (known.inputs.channels() != columns)
    fail(where + " has " + std::to_string(columns) + " columns, but calibration saw inputs of " +
         std::to_string(known.inputs.channels()) + " channels");
  for (std::size_t j = 0; j < columns; ++j)  // a NaN or an infinity among the inputs is one among these sums
    if (!std::isfinite(known.inputs.sum_abs()[j]) || !std::isfinite(known.inputs.sum_square()[j]))
      fail(std::string(policy) + " learns from finite inputs, but calibration saw one that is not, in channel " +
           std::to_string(j) + " of " + where);
}

/// As `require_channels`; the Gram matrix must be there, too.  Throws where it is not.
inline void require_gram(const calibration& known, std::size_t columns, std::string_view policy,
                         const tensor_info& info) {
  require_channels(known, columns, policy, quoted(info));
  if (!known.inputs.has_gram())
    fail(std::string(policy) + " needs the Gram matrix of the inputs of " + quoted(info) +
         ", and calibration kept sums and peaks only");
}

/// As `require_channels`; the peaks of the weights that share these inputs must be there, too.  Throws where they are
/// not.
inline void require_column_peaks(const calibration& known, std::size_t columns, std::string_view policy,
                                 const std::string& where) {
  require_channels(known, columns, policy, where);
  if (known.column_peaks.size() != columns)
    fail(std::string(policy) + " needs the largest weight of each of the " + std::to_string(columns) +
         " input channels of " + where + ", and calibration holds " + std::to_string(known.column_peaks.size()));
}

}  // namespace qfa

#endif
