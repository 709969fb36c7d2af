// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_SPEC_TEXT_HPP
#define QFA_COMPRESS_SPEC_TEXT_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/trimmed.hpp"

namespace qfa {

/// A policy as written: `name:key=value,key=value`.  The views point into the text that was read.
struct policy_call {
  std::string_view name;
  std::vector<spec_option> options;
};

/// Cuts at every `separator` that stands outside parentheses, and trims spaces around the pieces; no other blank is
/// part of a spec.
///
/// Specs come from command lines and files: the bound on depth is for those who read them recursively.  Throws for
/// parentheses that do not match, and for more than 16 inside each other.
inline std::vector<std::string_view> split_outside_parentheses(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  std::size_t depth = 0, begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(' && ++depth > 16) fail("a policy spec may nest parentheses 16 deep, no deeper");
    if (text[i] == ')') {
      if (depth == 0) fail("policy spec " + in_quotes(text) + " closes a parenthesis that it never opened");
      --depth;
    }
    if (text[i] != separator || depth != 0) continue;
    pieces.push_back(trimmed(text.substr(begin, i - begin), " "));
    begin = i + 1;
  }
  if (depth != 0) fail("policy spec " + in_quotes(text) + " never closes a parenthesis");
  pieces.push_back(trimmed(text.substr(begin), " "));
  return pieces;
}

/// How many policies one spec may chain.  Recipes chain two or three; what is chained is held, named and applied one
/// within another, and a text of 25,000 took the stack that there is.
inline constexpr std::size_t most_chained_policies = 64;

/// The policies that `spec` chains, in order, at most `most_chained_policies` of them:
///
///   spec    =  policy { "+" policy }
///   policy  =  name [ ":" option { "," option } ]
///   option  =  [ key "=" ] value           the key may be left out in the first option only
///   value   =  plain text  |  "(" spec ")"
///
/// Throws as split_outside_parentheses, for more policies than that, and for whatever is not of this form.
inline std::vector<policy_call> split_spec(std::string_view spec) {
  const auto refuse = [&](const std::string& reason) { fail("policy spec " + in_quotes(spec) + " " + reason); };
  std::vector<policy_call> calls;
  for (const std::string_view piece : split_outside_parentheses(spec, '+')) {
    if (calls.size() == most_chained_policies)
      refuse("chains more than " + std::to_string(most_chained_policies) + " policies");
    const auto colon = piece.find(':');
    policy_call call;
    call.name = split_outside_parentheses(piece.substr(0, colon), ':').front();
    if (call.name.empty()) refuse("lacks the name of a policy");
    if (colon != std::string_view::npos) {
      for (const std::string_view option : split_outside_parentheses(piece.substr(colon + 1), ',')) {
        const auto parts = split_outside_parentheses(option, '=');
        if (parts.size() > 2 || parts.back().empty() || parts.front().empty() ||
            (parts.size() == 1 && !call.options.empty()))
          refuse("has " + in_quotes(option) + " where an option key=value was expected");
        call.options.push_back(parts.size() == 2 ? spec_option{parts[0], parts[1]} : spec_option{{}, parts[0]});
      }
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace qfa

#endif
