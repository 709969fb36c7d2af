// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_CATALOGUE_HPP
#define QFA_COMPRESS_CATALOGUE_HPP

#include <algorithm>
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

/// One name that spec strings may begin with.
struct policy_entry {
  std::string name;
  std::string summary;
  std::vector<option_help> options;
  std::function<any_policy(std::span<const spec_option>, const nested_parser&)> make;
};

/// The policies that spec strings can name.  A value: copy qfa's own and add to it.
///
///   auto mine = qfa::default_catalogue();
///   mine.add<my_quantizer>();                               // describes its own fields
///   mine.add({signs{}, "signs"}, "keep the signs");         // has none
///   mine.add_preset("int4_g64", "rtn:bits=4,per=group,group=64", "what we ship");
///   const qfa::any_policy p = qfa::parse_policy("prune:sparsity=0.5+signs", mine);
class policy_catalogue {
 public:
  /// A policy that describes its own fields.
  template <described_policy P>
  policy_catalogue& add() {
    policy_entry entry{std::string(P::spec_name), std::string(P::summary), {}, {}};
    const P defaults{};
    for_each_field<P>([&](const auto& f, std::size_t) {
      using value_type = std::remove_cvref_t<decltype(defaults.*f.member)>;
      entry.options.push_back({std::string(f.key), f.required ? std::string() : value_to_text(defaults.*f.member),
                               value_kind<value_type>(), std::string(f.help), f.required});
    });
    entry.make = [](std::span<const spec_option> options, const nested_parser& nested) {
      const P policy = policy_from<P>(options, nested);
      if constexpr (named_policy<P>)
        return any_policy(policy);  // its own name may be shorter, where one option implies another
      else
        return any_policy(policy, spec_of(policy));
    };
    return add(std::move(entry));
  }

  /// A policy without options, under its own name.
  policy_catalogue& add(const any_policy& policy, std::string summary) {
    const auto make = [policy](std::span<const spec_option> options, const nested_parser&) {
      if (!options.empty()) fail(policy.name() + " has no options");
      return policy;
    };
    return add(policy_entry{policy.name(), std::move(summary), {}, make});
  }

  /// A policy of this catalogue with defaults of its own: `base` is the spec string that it stands for.  The options of
  /// the policy named there may be given again, and win.  It describes itself as the policy it stands for.
  policy_catalogue& add_preset(std::string name, std::string base, std::string summary) {
    const auto calls = split_spec(base);
    if (calls.size() != 1) fail("preset " + in_quotes(name) + " must stand for one policy, not for " + in_quotes(base));
    const policy_entry& of = at(calls.front().name);
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
                          std::span<const spec_option> own, const nested_parser& nested) {
      std::vector<spec_option> all(own.begin(), own.end());
      for (const auto& [key, value] : given) {
        bool overridden = false;
        for (const spec_option& o : own) overridden |= o.key == key || (o.key.empty() && key == leading);
        if (!overridden) all.push_back({key, value});
      }
      return make_base(all, nested);
    };
    return add(policy_entry{std::move(name), std::move(summary), std::move(options), make});
  }

  const std::vector<policy_entry>& entries() const noexcept { return entries_; }

  /// Throws, listing what is known, where there is no policy of that name.
  const policy_entry& at(std::string_view name) const {
    std::string known;
    for (const policy_entry& entry : entries_) {
      if (entry.name == name) return entry;
      (known += known.empty() ? "" : ", ") += entry.name;
    }
    fail("there is no policy " + in_quotes(name) + "; known are " + known);
  }

 private:
  policy_catalogue& add(policy_entry entry) {
    const auto letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    if (entry.name.find_first_not_of(letters) != std::string::npos)
      fail("policy name " + in_quotes(entry.name) + " must consist of letters, digits, '_', '-' and '.'");
    for (const policy_entry& other : entries_)
      if (other.name == entry.name) fail("there is a policy " + in_quotes(entry.name) + " already");
    entries_.push_back(std::move(entry));
    return *this;
  }

  std::vector<policy_entry> entries_;
};

}  // namespace qfa

#endif
