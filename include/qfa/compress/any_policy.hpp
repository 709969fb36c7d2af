// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_ANY_POLICY_HPP
#define QFA_COMPRESS_ANY_POLICY_HPP

#include <concepts>
#include <memory>
#include <string>
#include <utility>

#include "qfa/compress/policy.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Some weight policy, known at run time only: what a command line, a report and a sweep hold.
///
/// Copies share the policy within, which nobody can change any more.
class any_policy {
 public:
  /// The policy that changes nothing, named "none".
  any_policy() = default;

  /// From a policy that carries `name()`.
  template <class P>
    requires(!std::same_as<P, any_policy> && named_policy<P>)
  any_policy(P policy)  // NOLINT(google-explicit-constructor): every named policy is one of any_policy's values
  {
    const auto held = std::make_shared<const P>(std::move(policy));
    hold(held, held->name());
  }

  /// From any policy, under a name: what reports call it.
  template <weight_policy P>
  any_policy(P policy, std::string name) {
    hold(std::make_shared<const P>(std::move(policy)), std::move(name));
  }

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    apply_(policy_.get(), weights, info);
  }

  const std::string& name() const noexcept { return name_; }

 private:
  template <class P>
  void hold(std::shared_ptr<const P> policy, std::string name) {
    require(!name.empty(), "a policy needs a name of at least one character");
    policy_ = std::move(policy);
    name_ = std::move(name);
    apply_ = [](const void* p, matrix_view<float> weights, const tensor_info& info) {
      apply_policy(*static_cast<const P*>(p), weights, info);
    };
  }

  std::shared_ptr<const void> policy_;
  std::string name_ = "none";
  void (*apply_)(const void*, matrix_view<float>, const tensor_info&) = [](const void*, matrix_view<float>,
                                                                           const tensor_info&) {};
};

static_assert(weight_policy<any_policy> && named_policy<any_policy>);

}  // namespace qfa

#endif
