// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_FIELDS_HPP
#define QFA_COMPRESS_FIELDS_HPP

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <vector>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// One member of a policy that spec strings may set.
template <class P, class T>
struct field {
  std::string_view key;
  T P::*member;
  std::string_view help;  ///< what it is and what it may be, in a few words
  bool required = false;  ///< no default means anything: a spec string must give it
};
template <class P, class T>
field(std::string_view, T P::*, std::string_view) -> field<P, T>;
template <class P, class T>
field(std::string_view, T P::*, std::string_view, bool) -> field<P, T>;

/// A tuple of fields of P, and of no other policy.
template <class P, class Tuple>
inline constexpr bool is_tuple_of_fields_of = false;
template <class P, class... T>
inline constexpr bool is_tuple_of_fields_of<P, std::tuple<field<P, T>...>> = true;

/// A policy that says in one place what it is called and which members spec strings may set:
///
///   struct rtn {
///     int bits = 8;
///     static constexpr std::string_view spec_name = "rtn";
///     static constexpr std::string_view summary = "round to nearest";
///     static constexpr auto fields() { return std::tuple{field{"bits", &rtn::bits, "2 to 8"}}; }
///     std::string name() const { return spec_of(*this); }
///
/// The first field leads: it is always written, and its key may be left out ("cast:bf16").  `validate()`, where there
/// is one, throws on members that make no sense together.
template <class P>
concept described = std::default_initializable<P> && requires {
  { P::spec_name } -> std::convertible_to<std::string_view>;
  { P::summary } -> std::convertible_to<std::string_view>;
  requires is_tuple_of_fields_of<P, decltype(P::fields())>;
};
template <class P>
concept described_policy = weight_policy<P> && described<P>;

/// `key=value` as written; the key is empty where it was left out.
struct spec_option {
  std::string_view key;
  std::string_view value;
};

/// Makes the policy that stands as a value inside another's spec; Any is what policies of its kind are held in.
template <class Any>
using basic_nested_parser = std::function<Any(std::string_view)>;
using nested_parser = basic_nested_parser<any_policy>;

/// Whether a member is such a policy: those of other kinds say so themselves.
template <class T>
inline constexpr bool is_policy_value = std::same_as<T, any_policy>;

/// An enumeration whose names are found by `names_of`.
template <class T>
concept named_enum = std::is_enum_v<T> && requires(T value) {
  { names_of(value)[0] } -> std::convertible_to<std::string_view>;
};

/// A type that says itself how spec strings write its values: number_set is one.
template <class T>
concept self_written = requires(const T& value, std::string_view text) {
  { value.text() } -> std::convertible_to<std::string>;
  { T::from_text(text) } -> std::same_as<std::optional<T>>;  // nothing where `text` writes none
  { T::text_kind } -> std::convertible_to<std::string_view>;
};

/// The same of a type whose text holds policies' specs, which `nested` reads: weight_plan_parts is one.
template <class T>
concept written_with_policies = requires(const T& value, std::string_view text, const nested_parser& nested) {
  { value.text() } -> std::convertible_to<std::string>;
  { T::from_text(text, nested) } -> std::same_as<std::optional<T>>;
  { T::text_kind } -> std::convertible_to<std::string_view>;
};

/// A member's value as spec strings write it.
template <class T>
std::string value_to_text(const T& value) {
  if constexpr (is_policy_value<T>) {
    return "(" + value.name() + ")";
  } else if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (named_enum<T>) {
    return std::string(names_of(value)[static_cast<std::size_t>(value)]);
  } else if constexpr (self_written<T> || written_with_policies<T>) {
    return value.text();
  } else {
    static_assert(std::integral<T> || std::floating_point<T>,
                  "a field is a number, a bool, a named enum, a policy or of a type that writes itself");
    std::array<char, 32> digits{};  // the shortest form that reads back as the same number
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    std::string text(digits.data(), end);
    std::erase(text, '+');  // 1e+20 without what separates policies
    return text;
  }
}

/// The value that `text` writes; nothing where it writes none.  `nested(text)` gives what a policy can be made of.
template <class T, class Nested>
std::optional<T> text_to_value(std::string_view text, const Nested& nested) {
  if constexpr (is_policy_value<T>) {
    if (text.size() >= 2 && text.front() == '(' && text.back() == ')') text = text.substr(1, text.size() - 2);
    return static_cast<T>(nested(text));
  } else if constexpr (std::same_as<T, bool>) {
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
  } else if constexpr (named_enum<T>) {
    const auto& names = names_of(T{});
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == text) return static_cast<T>(i);
    return std::nullopt;
  } else if constexpr (self_written<T>) {
    return T::from_text(text);
  } else if constexpr (written_with_policies<T>) {
    return T::from_text(text, nested);
  } else {
    T value{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  }
}

/// What a value of this type looks like, for error sentences and listings.
template <class T>
std::string value_kind() {
  if constexpr (is_policy_value<T>) {
    return "a policy in parentheses";
  } else if constexpr (std::same_as<T, bool>) {
    return "true or false";
  } else if constexpr (named_enum<T>) {
    std::string kinds;
    for (const auto name : names_of(T{}))
      (kinds += kinds.empty() ? "one of " : ", ") += name;
    return kinds;
  } else if constexpr (self_written<T> || written_with_policies<T>) {
    return std::string(T::text_kind);
  } else {
    return std::integral<T> ? "a whole number" : "a number";
  }
}

/// Calls `body(field, index)` for each field of P in order.
template <described P, class Body>
constexpr void for_each_field(Body body) {
  std::size_t index = 0;
  std::apply([&](const auto&... fields) { (body(fields, index++), ...); }, P::fields());
}

/// The canonical spec string: the leading field, the required ones, and those that differ from their default.
template <described P>
std::string spec_of(const P& policy) {
  const P defaults{};
  std::string text(P::spec_name);
  bool first = true;
  for_each_field<P>([&](const auto& f, std::size_t index) {
    const std::string value = value_to_text(policy.*f.member);
    if (index != 0 && !f.required && value == value_to_text(defaults.*f.member)) return;
    ((text += first ? ":" : ",") += f.key) += "=" + value;
    first = false;
  });
  return text;
}

/// "bits, per, group": the keys a user may choose from.
template <described P>
std::string field_keys() {
  std::string keys;
  for_each_field<P>([&](const auto& f, std::size_t) { (keys += keys.empty() ? "" : ", ") += f.key; });
  return keys;
}

/// A policy with the members that `options` set.  Throws where a key is unknown, given twice or missing, where a value
/// cannot be read, and where the policy refuses the whole.
template <described P, class Nested = nested_parser>
P policy_from(std::span<const spec_option> options, const Nested& nested) {
  const std::string policy_name(P::spec_name);
  P policy{};
  std::vector<bool> used(options.size(), false);
  for_each_field<P>([&](const auto& f, std::size_t index) {
    bool given = false;
    for (std::size_t i = 0; i < options.size(); ++i) {
      if (options[i].key != f.key && !(index == 0 && options[i].key.empty())) continue;
      if (given) fail(policy_name + " is given the option " + std::string(f.key) + " twice");
      using value_type = std::remove_cvref_t<decltype(policy.*f.member)>;
      const auto value = text_to_value<value_type>(options[i].value, nested);
      if (!value)
        fail(policy_name + "'s option " + std::string(f.key) + " is " + in_quotes(options[i].value) + "; it takes " +
             value_kind<value_type>());
      policy.*f.member = *value;
      given = used[i] = true;
    }
    if (f.required && !given)
      fail(policy_name + " needs the option " + std::string(f.key) + ": " + std::string(f.help));
  });
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (used[i]) continue;
    const std::string keys = field_keys<P>();
    const std::string_view text = options[i].key.empty() ? options[i].value : options[i].key;
    fail(policy_name + " has no option " + in_quotes(text) + "; it has " + (keys.empty() ? "none" : keys));
  }
  if constexpr (requires { policy.validate(); }) policy.validate();
  return policy;
}

}  // namespace qfa

#endif
