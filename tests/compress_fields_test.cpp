// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/fields.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/compress/rounding.hpp"
#include "qfa/core/error.hpp"
#include "scratch.hpp"

namespace compress_fields_test {

using qfa::any_policy;
using qfa::float_format;
using qfa::spec_option;
using qfa_test::check_refused;

namespace {

// One field of every kind.
struct sampler {
  any_policy of;
  int shift = -3;
  double share = 0.25;
  bool inverted = false;
  float_format format = float_format::bf16;
  std::uint64_t seed = 0;

  void operator()(qfa::matrix_view<float>) const {}
  static constexpr std::string_view spec_name = "sampler";
  static constexpr std::string_view summary = "one field of every kind";
  static constexpr auto fields() {
    using qfa::field;
    return std::tuple{field{"of", &sampler::of, "whose error"},
                      field{"shift", &sampler::shift, "steps"},
                      field{"share", &sampler::share, "0 to 1"},
                      field{"inverted", &sampler::inverted, "or not"},
                      field{"format", &sampler::format, "of the result"},
                      field{"seed", &sampler::seed, "any", true}};
  }
  void validate() const { qfa::require(share <= 1.0, "sampler's share must not exceed 1"); }
};

static_assert(qfa::described_policy<sampler>);

const auto nested = [](std::string_view text) {
  return any_policy([](qfa::matrix_view<float>) {}, "<" + std::string(text) + ">");
};

sampler made(const std::vector<spec_option>& options) { return qfa::policy_from<sampler>(options, nested); }

template <class T>
std::optional<T> read(std::string_view text) {
  return qfa::text_to_value<T>(text, nested);
}

}  // namespace

TEST_CASE("value_to_text: numbers are written in the shortest form that reads back as the same") {
  CHECK(qfa::value_to_text(0.1) == "0.1");
  CHECK(qfa::value_to_text(0.175) == "0.175");
  CHECK(qfa::value_to_text(1.0 / 3.0) == "0.3333333333333333");
  CHECK(qfa::value_to_text(0.0) == "0");
  CHECK(qfa::value_to_text(-5) == "-5");
  CHECK(qfa::value_to_text(true) == "true");
  CHECK(qfa::value_to_text(float_format::bf16) == "bf16");
  CHECK(qfa::value_to_text(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(qfa::value_to_text(1e300) == "1e300");  // a plus would end the policy
  for (const double x : {1e-300, 1e22, 5e-324, 0.1 + 0.2, -2.5, 1.7976931348623157e308})
    CHECK(read<double>(qfa::value_to_text(x)) == x);
}

TEST_CASE("text_to_value: what is not wholly a value is none") {
  CHECK(read<int>("6") == 6);
  CHECK(read<int>("-6") == -6);
  for (const std::string_view bad : {"", "six", "6x", "6.5", " 6", "99999999999", "+6"}) CHECK_FALSE(read<int>(bad));
  CHECK_FALSE(read<std::size_t>("-1"));
  CHECK(read<double>("1e-3") == 0.001);
  for (const std::string_view bad : {"", "half", "0.5.5", "0,5"}) CHECK_FALSE(read<double>(bad));
  CHECK(read<bool>("true") == true);
  CHECK(read<bool>("false") == false);
  CHECK_FALSE(read<bool>("1"));
  CHECK(read<float_format>("fp32") == float_format::fp32);
  CHECK_FALSE(read<float_format>("FP32"));
  CHECK_FALSE(read<float_format>(""));
  CHECK(read<any_policy>("(a:b=(c))")->name() == "<a:b=(c)>");
  CHECK(read<any_policy>("a")->name() == "<a>");
}

TEST_CASE("policy_from: options set their members, in any order, the rest keep their defaults") {
  const sampler s = made({{"seed", "7"}, {"inverted", "true"}, {"shift", "12"}});
  CHECK(s.seed == 7);
  CHECK(s.inverted);
  CHECK(s.shift == 12);
  CHECK(s.share == 0.25);
  CHECK(s.format == float_format::bf16);
  CHECK(s.of.name() == "none");
  CHECK(made({{"", "x"}, {"seed", "1"}}).of.name() == "<x>");
}

TEST_CASE("policy_from: what cannot be is refused with what is known") {
  check_refused([] { made({{"seed", "1"}, {"sed", "2"}}); },
                {"sampler has no option \"sed\"", "of, shift, share, inverted, format, seed"});
  check_refused([] { made({{"shift", "far"}, {"seed", "1"}}); },
                {"sampler's option shift is \"far\"", "a whole number"});
  check_refused([] { made({{"share", "far"}, {"seed", "1"}}); }, {"share", "a number"});
  check_refused([] { made({{"inverted", "yes"}, {"seed", "1"}}); }, {"inverted", "true or false"});
  check_refused([] { made({{"format", "fp8"}, {"seed", "1"}}); }, {"format", "one of fp32, bf16"});
  check_refused([] { made({{"shift", "1"}, {"seed", "1"}, {"shift", "1"}}); }, {"shift twice"});
  check_refused([] { made({{"", "x"}, {"of", "y"}, {"seed", "1"}}); }, {"of twice"});
  check_refused([] { made({{"shift", "1"}}); }, {"sampler needs the option seed"});
  check_refused([] { made({{"share", "2"}, {"seed", "1"}}); }, {"share must not exceed 1"});
}

TEST_CASE("spec_of: the leading and the required field are written, the others where they differ") {
  CHECK(qfa::spec_of(sampler{}) == "sampler:of=(none),seed=0");
  sampler s;
  s.share = 0.5;
  s.seed = 3;
  s.of = nested("b:c=1");
  CHECK(qfa::spec_of(s) == "sampler:of=(<b:c=1>),share=0.5,seed=3");
}

TEST_CASE("field_keys: all keys, in the order of the fields") {
  CHECK(qfa::field_keys<sampler>() == "of, shift, share, inverted, format, seed");
}

}  // namespace compress_fields_test
