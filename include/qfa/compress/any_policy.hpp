// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_ANY_POLICY_HPP
#define QFA_COMPRESS_ANY_POLICY_HPP

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
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
    faces_->apply(policy_.get(), weights, info, nullptr);
  }
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    faces_->apply(policy_.get(), weights, info, &known);
  }
  void activations(matrix_view<float> x, const linear_input& input, const calibration& known) const {
    faces_->activations(policy_.get(), x, input, &known);
  }

  bool changes_activations() const { return faces_->changes_activations(policy_.get()); }
  calibration_needs needs() const { return faces_->needs(policy_.get()); }
  std::optional<double> stored_bits(std::size_t rows, std::size_t columns, const tensor_info& info) const {
    return faces_->stored_bits(policy_.get(), rows, columns, info);
  }
  bool keeps_codes() const { return faces_->keeps_codes(policy_.get()); }
  std::string name_for(const tensor_info& info) const { return faces_->name_for(policy_.get(), info); }
  void check_tensors(std::span<const tensor_info> chosen) const { faces_->check_tensors(policy_.get(), chosen); }
  const std::string& name() const noexcept { return name_; }

 private:
  template <class P>
  void hold(std::shared_ptr<const P> policy, std::string name) {
    require(!name.empty(), "a policy needs a name of at least one character");
    int open = 0;  // parentheses; below 0 one was closed that nobody opened
    for (const char c : name)
      if (open >= 0) open += c == '(' ? 1 : c == ')' ? -1 : 0;
    require(open == 0, "a policy's name must close every parenthesis that it opens, since a spec may quote it in some");
    policy_ = std::move(policy);
    name_ = std::move(name);
    faces_ = &faces_of<P>;
  }

  /// What can be asked of the policy within, whose type is known here only.
  struct faces {
    void (*apply)(const void*, matrix_view<float>, const tensor_info&, const calibration*);
    void (*activations)(const void*, matrix_view<float>, const linear_input&, const calibration*);
    bool (*changes_activations)(const void*);
    calibration_needs (*needs)(const void*);
    std::optional<double> (*stored_bits)(const void*, std::size_t, std::size_t, const tensor_info&);
    bool (*keeps_codes)(const void*);
    std::string (*name_for)(const void*, const tensor_info&);
    void (*check_tensors)(const void*, std::span<const tensor_info>);
  };
  struct nothing {
    static constexpr bool keeps_codes = true;
    void operator()(matrix_view<float>) const noexcept {}
  };
  template <class P>
  static constexpr faces faces_of{
      [](const void* p, matrix_view<float> weights, const tensor_info& info, const calibration* known) {
        apply_policy(*static_cast<const P*>(p), weights, info, known);
      },
      [](const void* p, matrix_view<float> x, const linear_input& input, const calibration* known) {
        apply_to_activations(*static_cast<const P*>(p), x, input, known);
      },
      [](const void* p) { return qfa::changes_activations(*static_cast<const P*>(p)); },
      [](const void* p) { return needs_of(*static_cast<const P*>(p)); },
      [](const void* p, std::size_t rows, std::size_t columns, const tensor_info& info) {
        return stored_bits_of(*static_cast<const P*>(p), rows, columns, info);
      },
      [](const void* p) { return qfa::keeps_codes(*static_cast<const P*>(p)); },
      [](const void* p, const tensor_info& info) { return qfa::name_for(*static_cast<const P*>(p), info); },
      [](const void* p, std::span<const tensor_info> chosen) {
        qfa::check_tensors(*static_cast<const P*>(p), chosen);
      }};

  std::shared_ptr<const void> policy_ = std::make_shared<const nothing>();
  std::string name_ = "none";
  const faces* faces_ = &faces_of<nothing>;
};

static_assert(weight_policy<any_policy> && named_policy<any_policy>);

}  // namespace qfa

#endif
