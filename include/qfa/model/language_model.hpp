// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LANGUAGE_MODEL_HPP
#define QFA_MODEL_LANGUAGE_MODEL_HPP

#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/model/config.hpp"

namespace qfa {

/// A tensor that nobody changes any more, and that any number of models may hold.
struct shared_tensor {
  std::vector<std::size_t> shape;
  std::shared_ptr<const std::vector<float>> values;  ///< row-major
  /// Bits that a weight takes where it is stored, scales included: 16 of bfloat16 files, what a policy says of what it
  /// makes.  NaN where nobody says.
  double bits = std::numeric_limits<double>::quiet_NaN();

  const float* data() const noexcept { return values->data(); }
};

inline shared_tensor share(std::vector<std::size_t> shape, std::vector<float> values,
                           double bits = std::numeric_limits<double>::quiet_NaN()) {
  return {std::move(shape), std::make_shared<const std::vector<float>>(std::move(values)), bits};
}

/// A decoder's choices and its weights as floats, under the names that its files give them.
///
/// Copies share every tensor.  To change one, put another in its place: whoever holds the old one keeps it.
struct language_model {
  model_config config;
  std::map<std::string, shared_tensor, std::less<>> tensors;
  std::string source;          ///< where the weights come from, in quotes, for messages
  std::string quantization;    ///< how files held them that another tool had compressed; empty where they held floats
  std::string beyond_weights;  ///< what its files ask for besides, which nobody does: "quantized activations"; or empty

  bool contains(std::string_view name) const { return tensors.find(name) != tensors.end(); }

  /// Throws where the model has no such tensor.
  const shared_tensor& at(std::string_view name) const {
    const auto found = tensors.find(name);
    if (found == tensors.end()) fail("there is no tensor \"" + std::string(name) + "\" in " + source);
    return found->second;
  }
};

}  // namespace qfa

#endif
