// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_CHAIN_HPP
#define QFA_COMPRESS_CHAIN_HPP

#include <cstddef>
#include <optional>
#include <span>
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

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const { apply(weights, info, nullptr); }
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    apply(weights, info, &known);
  }
  void activations(matrix_view<float> x, const linear_input& input, const calibration& known) const {
    each([&](const auto& policy) { apply_to_activations(policy, x, input, &known); });
  }

  bool changes_activations() const {
    bool any = false;
    each([&](const auto& policy) { any = any || qfa::changes_activations(policy); });
    return any;
  }
  calibration_needs needs() const {
    calibration_needs all;
    each([&](const auto& policy) { all = all | needs_of(policy); });
    return all;
  }
  bool keeps_codes() const {
    bool all = true;
    each([&](const auto& policy) { all = all && qfa::keeps_codes(policy); });
    return all;
  }
  /// "first+second", by what each makes of this matrix; empty where none of them treats matrices unlike.
  std::string name_for(const tensor_info& info) const
    requires(named_policy<First> && (named_policy<Rest> && ...))
  {
    std::string joined;
    bool unlike = false;
    each([&](const auto& policy) {
      const std::string own = qfa::name_for(policy, info);
      unlike = unlike || !own.empty();
      joined += (joined.empty() ? "" : "+") + (own.empty() ? describe(policy) : own);
    });
    return unlike ? joined : std::string();
  }
  void check_tensors(std::span<const tensor_info> chosen) const {
    each([&](const auto& policy) { qfa::check_tensors(policy, chosen); });
  }
  /// What the last one says that does not keep the codes of those before it, unknown included: weights are stored as
  /// they are in the end, and noise after a quantizer leaves none on its grid.
  std::optional<double> stored_bits(std::size_t rows, std::size_t columns, const tensor_info& info) const {
    std::optional<double> bits;
    each([&](const auto& policy) {
      const auto said = stored_bits_of(policy, rows, columns, info);
      if (said || !qfa::keeps_codes(policy)) bits = said;
    });
    return bits;
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
  template <class Body>
  void each(Body body) const {
    std::apply([&](const auto&... policies) { (body(policies), ...); }, policies_);
  }
  void apply(matrix_view<float> weights, const tensor_info& info, const calibration* known) const {
    each([&](const auto& policy) { apply_policy(policy, weights, info, known); });
  }

  std::tuple<First, Rest...> policies_;
};

}  // namespace qfa

#endif
