// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_POLICY_HPP
#define QFA_COMPRESS_POLICY_HPP

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "qfa/compress/calibration.hpp"
#include "qfa/compress/linear_input.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// What the view-taking call operator of P calls its first parameter; void where that cannot be told (a template, an
/// overload set).
template <class Call>
struct first_parameter {
  using type = void;
};
template <class R, class P, class W, class... Rest, bool N>
struct first_parameter<R (P::*)(W, Rest...) const noexcept(N)> {
  using type = std::remove_cvref_t<W>;
};
template <class R, class W, class... Rest, bool N>
struct first_parameter<R (*)(W, Rest...) noexcept(N)> {
  using type = std::remove_cvref_t<W>;
};
template <class P>
struct policy_parameter : first_parameter<P> {};
template <class P>
  requires requires { &P::operator(); }
struct policy_parameter<P> : first_parameter<decltype(&P::operator())> {};

/// Called with the weights alone.
template <class P>
concept plain_policy = requires(const P& policy, matrix_view<float> weights) { policy(weights); };

/// Called with the weights and with what they are.
template <class P>
concept informed_policy = requires(const P& policy, matrix_view<float> weights, const tensor_info& info) {
  policy(weights, info);
};

/// Called with what is known of the inputs as well: GPTQ, AWQ, Wanda.
template <class P>
concept calibrated_policy =
    requires(const P& policy, matrix_view<float> weights, const tensor_info& info, const calibration& known) {
      policy(weights, info, known);
    };

/// A policy that takes `matrix_view<const float>` would be callable, and could change nothing.
template <class P>
concept takes_writable_weights = !std::same_as<typename policy_parameter<P>::type, matrix_view<const float>>;

/// A change of weights, made in place: a quantizer, a pruner, a chain of them.  Rows are output channels.
///
/// The compiler sees the shape.  The laws:
///
///   value        calling a policy changes the weights and nothing else: it may be called again, copied, and called
///                from several threads at once on different weights
///   determined   the result depends on the policy's members, the weights and the info; never on the thread count, and
///                on random numbers only through a seed among the members and the tensor's name
///   in place     only elements of the view change; a view in strides or blocks gives what a contiguous copy gives
///   refusal      weights or info it cannot work on raise qfa::error with one sentence that names the tensor
///
/// It may take the weights alone, with the tensor's info, or with info and calibration.  Besides, each of these members
/// may be there, and means what it says:
///
///   std::string name() const                     best of all the spec string that makes it
///   calibration_needs needs() const              what calibration must hold; all of it where there is no such member
///   stored_bits(rows, columns, info)             the bits that a deployed matrix takes, scales included: a number, or
///                                                an optional one.  Nothing: as many as before.  NaN: not to be told
///   static constexpr bool keeps_codes = true     it leaves each weight alone or makes it 0, so that what an earlier
///                                                policy stored still holds; a function where run time tells
///   std::string name_for(const tensor_info&) const
///                                                where it treats matrices unlike: the name of what that one gets
///   void check_tensors(std::span<const tensor_info>) const
///                                                throws where it means matrices that are none of these, all that it
///                                                is going to be given
///   activations(matrix_view<float>, const linear_input&)
///                                                changes one text's inputs of linear layers, a row a token; a third
///                                                parameter const calibration& is given what needs() asks for, but
///                                                for the Gram matrix, which could not be kept for all layers
///
/// (Whether P can be moved is asked last: any_policy converts from policies, and the question would come back to here.)
template <class P>
concept weight_policy =
    takes_writable_weights<P> && (plain_policy<P> || informed_policy<P> || calibrated_policy<P>) &&
    std::move_constructible<P>;

/// A policy that can say what it is.
template <class P>
concept named_policy = weight_policy<P> && requires(const P& policy) {
  { policy.name() } -> std::convertible_to<std::string>;
};

/// Changes activations, whatever they were.
template <class P>
concept plain_activation_policy = requires(const P& policy, matrix_view<float> x, const linear_input& input) {
  policy.activations(x, input);
};
/// The same by what is known of them.
template <class P>
concept calibrated_activation_policy =
    requires(const P& policy, matrix_view<float> x, const linear_input& input, const calibration& known) {
      policy.activations(x, input, known);
    };
template <class P>
concept activation_policy = plain_activation_policy<P> || calibrated_activation_policy<P>;

/// What a policy must be told of the inputs.
template <weight_policy P>
calibration_needs needs_of(const P& policy) {
  if constexpr (requires { { policy.needs() } -> std::convertible_to<calibration_needs>; })
    return policy.needs();
  else if constexpr (calibrated_policy<P> || calibrated_activation_policy<P>)
    return {.channels = true, .gram = true};
  else
    return {};
}

/// Compresses `weights` in place, telling the policy as much as it wants to know.  Throws where it wants calibration
/// and `known` is null.
template <weight_policy P>
void apply_policy(const P& policy, matrix_view<float> weights, const tensor_info& info,
                  const calibration* known = nullptr) {
  if constexpr (calibrated_policy<P>) {
    if (known == nullptr && needs_of(policy).any())
      fail("compressing " + quoted(info) + " needs calibration tokens, and none were given");
    static const calibration nothing{};
    policy(weights, info, known == nullptr ? nothing : *known);
  } else if constexpr (informed_policy<P>) {
    policy(weights, info);
  } else {
    policy(weights);
  }
}

/// Whether activations are to be changed at all: what a policy held at run time only says by `changes_activations()`.
template <weight_policy P>
bool changes_activations(const P& policy) {
  if constexpr (requires { { policy.changes_activations() } -> std::convertible_to<bool>; })
    return policy.changes_activations();
  else
    return activation_policy<P>;
}

/// Changes one text's inputs of linear layers in place, where the policy has anything to do with them.  Throws where
/// the policy needs calibration and `known` is null.
template <weight_policy P>
void apply_to_activations(const P& policy, matrix_view<float> x, const linear_input& input,
                          const calibration* known = nullptr) {
  if constexpr (calibrated_activation_policy<P>) {
    if (known == nullptr && needs_of(policy).any())
      fail("changing " + name_of(input) + " needs calibration tokens, and none were given");
    static const calibration nothing{};
    policy.activations(x, input, known == nullptr ? nothing : *known);
  } else if constexpr (plain_activation_policy<P>) {
    policy.activations(x, input);
  }
}

/// Bits that the matrix takes as deployed, scales included; nothing where the policy does not say.
template <weight_policy P>
std::optional<double> stored_bits_of(const P& policy, std::size_t rows, std::size_t columns, const tensor_info& info) {
  if constexpr (requires { policy.stored_bits(rows, columns, info); })
    return policy.stored_bits(rows, columns, info);
  else
    return std::nullopt;
}

/// What this matrix gets of a policy that treats matrices unlike; empty where it treats them alike.
template <weight_policy P>
std::string name_for(const P& policy, const tensor_info& info) {
  if constexpr (requires { { policy.name_for(info) } -> std::convertible_to<std::string>; })
    return policy.name_for(info);
  else
    return {};
}

/// Throws where the policy means matrices that are none of these.
template <weight_policy P>
void check_tensors(const P& policy, std::span<const tensor_info> chosen) {
  if constexpr (requires { policy.check_tensors(chosen); }) policy.check_tensors(chosen);
}

/// Whether the policy leaves each weight alone or makes it 0, so that the codes of a quantizer before it still stand.
/// False where the policy does not say.
template <weight_policy P>
bool keeps_codes(const P& policy) {
  if constexpr (requires { { policy.keeps_codes() } -> std::convertible_to<bool>; })
    return policy.keeps_codes();
  else if constexpr (requires { { P::keeps_codes } -> std::convertible_to<bool>; })
    return P::keeps_codes;
  else
    return false;
}

/// What the policy calls itself: for those that spec strings can make, the canonical spec string.
template <named_policy P>
std::string describe(const P& policy) {
  return policy.name();
}

}  // namespace qfa

#endif
