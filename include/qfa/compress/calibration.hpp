// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_CALIBRATION_HPP
#define QFA_COMPRESS_CALIBRATION_HPP

#include <cstddef>
#include <vector>

#include "qfa/compress/input_statistics.hpp"

namespace qfa {

/// Which statistics of a linear layer's inputs a policy asks for.
struct calibration_needs {
  bool channels = false;  ///< sums and peaks of each input channel
  bool gram = false;      ///< sum of x x^T: columns^2 doubles a layer, so only where nothing less will do

  constexpr bool any() const noexcept { return channels || gram; }
  constexpr calibration_needs operator|(const calibration_needs& other) const noexcept {
    return {channels || other.channels, gram || other.gram};
  }
  constexpr bool operator==(const calibration_needs&) const = default;
};

/// What is known of the inputs of the matrix that a policy has before it.
struct calibration {
  input_statistics inputs;  ///< of every token of the calibration rows, on the reference model
  /// (columns) the largest |w| of each input channel over all matrices that read these inputs (q, k and v; gate and
  /// up): what must be scaled alike where the scale is folded into the layer before.
  std::vector<float> column_peaks{};
};

}  // namespace qfa

#endif
