// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_ARGUMENT_WORDS_HPP
#define QFA_EXAMPLES_QFA_ARGUMENT_WORDS_HPP

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/law/evidence.hpp"

// What single words of the command line mean.  They stand apart so that they can be fuzzed.

namespace qfa_program {

/// Bytes as people write them: 4096, 64K, 512M, 2G, 1T, in powers of 1024.
inline std::size_t size_of(const std::string& option, const std::string& word) {
  constexpr std::string_view units = "KMGT";
  std::size_t number = 0;
  const auto [rest, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
  const std::string_view unit(rest, static_cast<std::size_t>(word.data() + word.size() - rest));
  const std::size_t power = unit.empty() ? 0 : units.find(unit) + 1;  // npos + 1 is 0
  if (problem != std::errc{} || unit.size() > 1 || (power == 0 && !unit.empty()) ||
      number > (std::numeric_limits<std::size_t>::max)() >> (10 * power))
    qfa::fail(option + " takes a number of bytes, such as 512M or 2G, not \"" + word + "\"");
  return number << (10 * power);
}

/// "int6=q6.npy" names a condition and its file; a bare path names itself, also one that holds a '='.
struct named_path {
  std::string name, path;
};
inline named_path name_and_path(const std::string& argument) {
  const auto equals = argument.find('=');
  if (equals == std::string::npos || qfa::path_exists(argument)) return {argument, argument};
  return {argument.substr(0, equals), argument.substr(equals + 1)};
}

/// "N=8e9,D=15e12,bits=4", in any order.
inline qfa::law_place parse_place(const std::string& text) {
  const auto refuse = [&] {
    qfa::fail("--predict " + qfa::in_quotes(text) + " is not of the form N=8e9,D=15e12,bits=4, numbers above 0");
  };
  qfa::law_place place;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) refuse();
    const std::string_view name = part.substr(0, equals), value = part.substr(equals + 1);
    double* const field = name == "N"      ? &place.parameters
                          : name == "D"    ? &place.tokens
                          : name == "bits" ? &place.bits
                                           : nullptr;
    if (field == nullptr || *field != 0.0) refuse();
    const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), *field);
    if (wrong != std::errc() || end != value.data() + value.size() || !(*field > 0.0 && *field < 1e300)) refuse();
  }
  if (place.parameters == 0.0 || place.tokens == 0.0 || place.bits == 0.0) refuse();
  return place;
}

}  // namespace qfa_program

#endif
