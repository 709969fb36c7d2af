// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_CHAIN_HPP
#define QFA_COMPRESS_CHAIN_HPP

#include <string>
#include <tuple>
#include <utility>

#include "qfa/compress/policy.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// One policy after another on the same weights, in the order written.
///
///   chain{magnitude_pruner{.sparsity = 0.5}, rtn{.bits = 4}}
///
/// Where one throws, those before it have already changed the weights.
template <weight_policy First, weight_policy... Rest>
class chain {
 public:
  explicit constexpr chain(First first, Rest... rest) : policies_(std::move(first), std::move(rest)...) {}

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    std::apply([&](const auto&... policies) { (apply_policy(policies, weights, info), ...); }, policies_);
  }

  /// "first+second": what parse_policy reads back.
  std::string name() const
    requires(named_policy<First> && (named_policy<Rest> && ...))
  {
    return std::apply(
        [](const auto& first, const auto&... rest) {
          std::string joined = describe(first);
          ((joined += "+" + describe(rest)), ...);
          return joined;
        },
        policies_);
  }

 private:
  std::tuple<First, Rest...> policies_;
};

}  // namespace qfa

#endif
