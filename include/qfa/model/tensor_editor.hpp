// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_TENSOR_EDITOR_HPP
#define QFA_MODEL_TENSOR_EDITOR_HPP

#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/model/language_model.hpp"

namespace qfa::detail {

/// Changes tensors of a model that shares them with others: each is copied when it is first changed, and put back by
/// `finish`.  The bits that a weight takes where it is stored stay what they were: a change here is not one of files.
class tensor_editor {
 public:
  explicit tensor_editor(language_model& model) : model_(model) {}

  bool contains(const std::string& name) const { return changed_.contains(name) || model_.contains(name); }

  std::span<const float> values(const std::string& name) const {
    const auto found = changed_.find(name);
    return found == changed_.end() ? std::span<const float>(*model_.at(name).values)
                                   : std::span<const float>(found->second.values);
  }
  const std::vector<std::size_t>& shape(const std::string& name) const {
    const auto found = changed_.find(name);
    return found == changed_.end() ? model_.at(name).shape : found->second.shape;
  }

  /// The tensor's values, to be written to.  Stays good until `finish`.
  std::span<float> change(const std::string& name) {
    auto found = changed_.find(name);
    if (found == changed_.end()) {
      const shared_tensor& stored = model_.at(name);
      found = changed_.emplace(name, changed_tensor{stored.shape, *stored.values, stored.bits}).first;
    }
    return found->second.values;
  }
  /// Likewise; a vector of `size` zeros where the model has no such tensor.
  std::span<float> change_or_add(const std::string& name, std::size_t size) {
    if (!contains(name)) changed_.emplace(name, changed_tensor{{size}, std::vector<float>(size, 0.0f)});
    return change(name);
  }
  /// A tensor `to` that begins as `from` is now.
  void copy(const std::string& from, const std::string& to) {
    const std::span<const float> now = values(from);
    const auto found = changed_.find(from);
    const double bits = found == changed_.end() ? model_.at(from).bits : found->second.bits;
    changed_.insert_or_assign(to, changed_tensor{shape(from), {now.begin(), now.end()}, bits});
  }

  void finish() {
    for (auto& [name, tensor] : changed_)
      model_.tensors[name] = share(tensor.shape, std::move(tensor.values), tensor.bits);
    changed_.clear();
  }

 private:
  struct changed_tensor {
    std::vector<std::size_t> shape;
    std::vector<float> values;
    double bits = std::numeric_limits<double>::quiet_NaN();
  };

  language_model& model_;
  std::map<std::string, changed_tensor> changed_;
};

}  // namespace qfa::detail

#endif
