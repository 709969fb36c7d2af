// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_TENSOR_EDITOR_HPP
#define QFA_MODEL_TENSOR_EDITOR_HPP

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/model/language_model.hpp"

namespace qfa::detail {

/// Changes tensors of a model that shares them with others: each is copied when it is first changed, and put back by
/// `finish`.
class tensor_editor {
 public:
  explicit tensor_editor(language_model& model) : model_(model) {}

  bool contains(const std::string& name) const { return changed_.contains(name) || model_.contains(name); }

  std::span<const float> values(const std::string& name) const {
    const auto found = changed_.find(name);
    return found == changed_.end() ? std::span<const float>(*model_.at(name).values)
                                   : std::span<const float>(found->second.second);
  }
  const std::vector<std::size_t>& shape(const std::string& name) const {
    const auto found = changed_.find(name);
    return found == changed_.end() ? model_.at(name).shape : found->second.first;
  }

  /// The tensor's values, to be written to.  Stays good until `finish`.
  std::span<float> change(const std::string& name) {
    auto found = changed_.find(name);
    if (found == changed_.end()) {
      const shared_tensor& stored = model_.at(name);
      found = changed_.emplace(name, std::pair(stored.shape, *stored.values)).first;
    }
    return found->second.second;
  }
  /// Likewise; a vector of `size` zeros where the model has no such tensor.
  std::span<float> change_or_add(const std::string& name, std::size_t size) {
    if (!contains(name))
      changed_.emplace(name, std::pair(std::vector<std::size_t>{size}, std::vector<float>(size, 0.0f)));
    return change(name);
  }
  /// A tensor `to` that begins as `from` is now.
  void copy(const std::string& from, const std::string& to) {
    const std::span<const float> now = values(from);
    changed_.insert_or_assign(to, std::pair(shape(from), std::vector<float>(now.begin(), now.end())));
  }

  void finish() {
    for (auto& [name, tensor] : changed_)
      model_.tensors[name] = share(tensor.first, std::move(tensor.second));
    changed_.clear();
  }

 private:
  language_model& model_;
  std::map<std::string, std::pair<std::vector<std::size_t>, std::vector<float>>> changed_;
};

}  // namespace qfa::detail

#endif
