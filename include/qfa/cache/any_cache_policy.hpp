// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_ANY_CACHE_POLICY_HPP
#define QFA_CACHE_ANY_CACHE_POLICY_HPP

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "qfa/cache/policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Some cache policy, known at run time only.  A copy has a memory of its own.
class any_cache_policy {
 public:
  /// The cache that holds what arrives, named "none".
  any_cache_policy() = default;

  /// From a policy that carries `name()`.
  template <class P>
    requires(!std::same_as<P, any_cache_policy> && named_cache_policy<P>)
  any_cache_policy(P policy)  // NOLINT(google-explicit-constructor): every named policy is one of its values
      : name_(policy.name()), within_(std::make_unique<holder<P>>(std::in_place, std::move(policy))) {
    check_name();
  }

  /// From any policy, under a name: what reports call it.
  template <cache_policy P>
  any_cache_policy(P policy, std::string name)
      : name_(std::move(name)), within_(std::make_unique<holder<P>>(std::in_place, std::move(policy))) {
    check_name();
  }

  any_cache_policy(const any_cache_policy& other)
      : name_(other.name_), within_(other.within_ ? other.within_->copy() : nullptr) {}
  any_cache_policy& operator=(const any_cache_policy& other) {
    if (this != &other) *this = any_cache_policy(other);
    return *this;
  }
  any_cache_policy(any_cache_policy&&) noexcept = default;
  any_cache_policy& operator=(any_cache_policy&&) noexcept = default;
  ~any_cache_policy() = default;

  /// Whether it is the cache that holds what arrives.
  bool is_none() const noexcept { return within_ == nullptr; }
  const std::string& name() const noexcept { return name_; }

  void operator()(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) {
    if (within_) within_->apply(keys, values, update);
  }
  cache_point point() const { return within_ ? within_->point() : cache_point::after_rope; }
  attention_reads reads() const { return within_ ? within_->reads() : attention_reads::stored; }
  std::optional<double> stored_bits(std::size_t tokens, const cache_info& info) const {
    return within_ ? within_->stored_bits(tokens, info) : std::nullopt;
  }
  /// stored_bits, keys and values apart; nothing where the policy does not tell them apart.
  std::optional<cache_bits> side_bits(std::size_t tokens, const cache_info& info) const {
    return within_ ? within_->side_bits(tokens, info) : std::nullopt;
  }
  bool learns() const { return within_ && within_->learns(); }
  void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) {
    if (within_) within_->learn(keys, values, info);
  }

 private:
  class face {
   public:
    face() = default;
    face& operator=(const face&) = delete;
    virtual ~face() = default;
    virtual std::unique_ptr<face> copy() const = 0;
    virtual void apply(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) = 0;
    virtual cache_point point() const = 0;
    virtual attention_reads reads() const = 0;
    virtual std::optional<double> stored_bits(std::size_t tokens, const cache_info& info) const = 0;
    virtual std::optional<cache_bits> side_bits(std::size_t tokens, const cache_info& info) const = 0;
    virtual bool learns() const = 0;
    virtual void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) = 0;

   protected:
    face(const face&) = default;
  };

  template <class P>
  class holder final : public face {
   public:
    // Tagged, so that no holder can be taken for a policy to hold where P is any_cache_policy.
    holder(std::in_place_t, P policy) : policy_(std::move(policy)) {}
    std::unique_ptr<face> copy() const override { return std::make_unique<holder>(*this); }
    void apply(matrix_view<float> keys, matrix_view<float> values, const cache_update& update) override {
      policy_(keys, values, update);
    }
    cache_point point() const override { return point_of(policy_); }
    attention_reads reads() const override { return reads_of(policy_); }
    std::optional<double> stored_bits(std::size_t tokens, const cache_info& info) const override {
      return cache_bits_of(policy_, tokens, info);
    }
    std::optional<cache_bits> side_bits(std::size_t tokens, const cache_info& info) const override {
      return side_bits_of(policy_, tokens, info);
    }
    bool learns() const override { return qfa::learns(policy_); }
    void learn(matrix_view<const float> keys, matrix_view<const float> values, const cache_info& info) override {
      if constexpr (learning_cache_policy<P>) policy_.learn(keys, values, info);
    }

   private:
    P policy_;
  };

  void check_name() const {
    require(!name_.empty(), "a cache policy needs a name of at least one character");
    int open = 0;  // parentheses; below 0 one was closed that nobody opened
    for (const char c : name_)
      if (open >= 0) open += c == '(' ? 1 : c == ')' ? -1 : 0;
    require(open == 0, "a policy's name must close every parenthesis that it opens, since a spec may quote it in some");
  }

  std::string name_ = "none";
  std::unique_ptr<face> within_;
};

template <>
inline constexpr bool is_policy_value<any_cache_policy> = true;

static_assert(named_cache_policy<any_cache_policy> && learning_cache_policy<any_cache_policy>);

}  // namespace qfa

#endif
