// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_CATALOGUE_HPP
#define QFA_COMPRESS_CATALOGUE_HPP

#include <algorithm>
#include <concepts>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/spec_text.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// One option of a listed policy.
struct option_help {
  std::string key;
  std::string default_value;  ///< empty where the option is required
  std::string takes;          ///< the kind of value: "a whole number", "one of tensor, row"
  std::string help;
  bool required = false;
};

/// One name that spec strings may begin with, where Any is what policies of its kind are held in.
template <class Any>
struct basic_policy_entry {
  std::string name;
  std::string summary;
  std::vector<option_help> options;
  std::function<Any(std::span<const spec_option>, const basic_nested_parser<Any>&)> make;
};
using policy_entry = basic_policy_entry<any_policy>;

/// A policy that describes its own fields, and that an Any can hold.
template <class P, class Any>
concept listable_policy = described<P> && std::constructible_from<Any, P, std::string>;

/// The policies that spec strings can name: weight policies where Any is any_policy (`policy_catalogue`), cache
/// policies where it is any_cache_policy.  A value: copy qfa's own and add to it.
///
///   auto mine = qfa::default_catalogue();
///   mine.add<my_quantizer>();                               // describes its own fields
///   mine.add({signs{}, "signs"}, "keep the signs");         // has none
///   mine.add_preset("int4_g64", "rtn:bits=4,per=group,group=64", "what we ship");
///   const qfa::any_policy p = qfa::parse_policy("prune:sparsity=0.5+signs", mine);
template <class Any>
class basic_policy_catalogue {
 public:
  using entry_type = basic_policy_entry<Any>;
  using nested_parser_type = basic_nested_parser<Any>;

  /// A policy that describes its own fields.
  template <listable_policy<Any> P>
  basic_policy_catalogue& add() {
    return add_described<P>([](std::span<const spec_option> options, const nested_parser_type& nested) {
      return policy_from<P>(options, nested);
    });
  }

  /// The same of a policy whose fields hold policies of another kind, which `within(spec)` makes.
  template <listable_policy<Any> P, class Within>
  basic_policy_catalogue& add(Within within) {
    return add_described<P>([within](std::span<const spec_option> options, const nested_parser_type&) {
      return policy_from<P>(options, within);
    });
  }

  /// A policy without options, under its own name.  Making it throws where options are given.
  basic_policy_catalogue& add(const Any& policy, std::string summary) {
    const auto make = [policy](std::span<const spec_option> options, const nested_parser_type&) {
      if (!options.empty()) fail(policy.name() + " has no options");
      return policy;
    };
    return add(entry_type{policy.name(), std::move(summary), {}, make});
  }

  /// A policy of this catalogue with defaults of its own: `base` is the spec string that it stands for.  The options of
  /// the policy named there may be given again, and win.  It describes itself as the policy it stands for.  Throws
  /// where `base` is no single policy of the catalogue, or sets an option that the policy lacks.
  basic_policy_catalogue& add_preset(std::string name, std::string base, std::string summary) {
    const auto calls = split_spec(base);
    if (calls.size() != 1) fail("preset " + in_quotes(name) + " must stand for one policy, not for " + in_quotes(base));
    const entry_type& of = at(calls.front().name);
    std::vector<option_help> options = of.options;
    std::vector<std::pair<std::string, std::string>> given;
    for (const spec_option& o : calls.front().options) {
      given.emplace_back(o.key.empty() && !options.empty() ? options.front().key : std::string(o.key), o.value);
      const auto help = std::ranges::find(options, given.back().first, &option_help::key);
      if (help == options.end())
        fail("preset " + in_quotes(name) + " sets " + in_quotes(given.back().first) + ", which " + of.name + " lacks");
      help->default_value = given.back().second;
      help->required = false;
    }
    const auto make = [make_base = of.make, given, leading = options.empty() ? "" : options.front().key](
                          std::span<const spec_option> own, const nested_parser_type& nested) {
      std::vector<spec_option> all(own.begin(), own.end());
      for (const auto& [key, value] : given) {
        bool overridden = false;
        for (const spec_option& o : own)
          overridden |= o.key == key || (o.key.empty() && key == leading);
        if (!overridden) all.push_back({key, value});
      }
      return make_base(all, nested);
    };
    return add(entry_type{std::move(name), std::move(summary), std::move(options), make});
  }

  const std::vector<entry_type>& entries() const noexcept { return entries_; }

  /// Throws, listing what is known, where there is no policy of that name.
  const entry_type& at(std::string_view name) const {
    std::string known;
    for (const entry_type& entry : entries_) {
      if (entry.name == name) return entry;
      (known += known.empty() ? "" : ", ") += entry.name;
    }
    fail("there is no policy " + in_quotes(name) + "; known are " + known);
  }

 private:
  template <class P, class Make>
  basic_policy_catalogue& add_described(Make make) {
    entry_type entry{std::string(P::spec_name), std::string(P::summary), {}, {}};
    const P defaults{};
    for_each_field<P>([&](const auto& f, std::size_t) {
      using value_type = std::remove_cvref_t<decltype(defaults.*f.member)>;
      entry.options.push_back({std::string(f.key), f.required ? std::string() : value_to_text(defaults.*f.member),
                               value_kind<value_type>(), std::string(f.help), f.required});
    });
    entry.make = [make](std::span<const spec_option> options, const nested_parser_type& nested) {
      const P policy = make(options, nested);
      if constexpr (std::constructible_from<Any, P>)
        return Any(policy);  // its own name may be shorter, where one option implies another
      else
        return Any(policy, spec_of(policy));
    };
    return add(std::move(entry));
  }

  basic_policy_catalogue& add(entry_type entry) {
    const auto letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    if (entry.name.find_first_not_of(letters) != std::string::npos)
      fail("policy name " + in_quotes(entry.name) + " must consist of letters, digits, '_', '-' and '.'");
    for (const entry_type& other : entries_)
      if (other.name == entry.name) fail("there is a policy " + in_quotes(entry.name) + " already");
    entries_.push_back(std::move(entry));
    return *this;
  }

  std::vector<entry_type> entries_;
};

using policy_catalogue = basic_policy_catalogue<any_policy>;

/// The catalogue of these policies, and of no others.
template <class Any, listable_policy<Any>... Policies>
basic_policy_catalogue<Any> basic_catalogue_of() {
  basic_policy_catalogue<Any> all;
  (all.template add<Policies>(), ...);
  return all;
}

}  // namespace qfa

#endif
