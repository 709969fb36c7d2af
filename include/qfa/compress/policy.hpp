// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_POLICY_HPP
#define QFA_COMPRESS_POLICY_HPP

#include <concepts>
#include <string>
#include <type_traits>

#include "qfa/compress/tensor_info.hpp"
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
/// It may also carry `name()`, best of all the spec string that makes it.  A policy that needs more than the weights of
/// one tensor (calibration statistics, say) refines this concept by one more parameter: p(w, info, statistics).
///
/// (Whether P can be moved is asked last: any_policy converts from policies, and the question would come back to here.)
template <class P>
concept weight_policy =
    takes_writable_weights<P> && (plain_policy<P> || informed_policy<P>) && std::move_constructible<P>;

/// A policy that can say what it is.
template <class P>
concept named_policy = weight_policy<P> && requires(const P& policy) {
  { policy.name() } -> std::convertible_to<std::string>;
};

/// Compresses `weights` in place, telling the policy as much as it wants to know.
template <weight_policy P>
void apply_policy(const P& policy, matrix_view<float> weights, const tensor_info& info) {
  if constexpr (informed_policy<P>)
    policy(weights, info);
  else
    policy(weights);
}

/// What the policy calls itself: for those that spec strings can make, the canonical spec string.
template <named_policy P>
std::string describe(const P& policy) {
  return policy.name();
}

}  // namespace qfa

#endif
