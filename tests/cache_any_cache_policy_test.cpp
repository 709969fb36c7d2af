// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/any_cache_policy.hpp"

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "scratch.hpp"

namespace cache_any_cache_policy_test {

using qfa::any_cache_policy;
using qfa_test::cached_text;
using qfa_test::check_refused;

namespace {

// Sets what is new to the number of calls so far.
struct call_counter {
  float calls = 0.0f;
  qfa::cache_point point = qfa::cache_point::before_rope;
  static constexpr qfa::attention_reads reads = qfa::attention_reads::arrived;

  void operator()(qfa::matrix_view<float> k, qfa::matrix_view<float> v, const qfa::cache_update& update) {
    ++calls;
    for (const auto& x : {k, v})
      for (std::size_t t = update.first_new; t < x.rows(); ++t)
        for (float& value : x.row(t))
          value = calls;
  }
  void learn(qfa::matrix_view<const float> k, qfa::matrix_view<const float>, const qfa::cache_info&) {
    calls = k(0, 0);
  }
  qfa::cache_bits stored_bits(std::size_t tokens, const qfa::cache_info&) const {
    return {static_cast<double>(tokens), 2.0};
  }
  std::string name() const { return "counter"; }
};

struct silent {
  void operator()(qfa::matrix_view<float>, qfa::matrix_view<float>, const qfa::cache_update&) const {}
};

float next(any_cache_policy& p) {
  cached_text held{.info = qfa_test::small_cache()};
  qfa_test::extend(p, held, qfa_test::made_text(1), 1);
  return held.values.back();
}

}  // namespace

TEST_CASE("any_cache_policy: without a policy it is none, and changes nothing") {
  any_cache_policy none;
  CHECK(none.is_none());
  CHECK(none.name() == "none");
  CHECK(qfa_test::held_at_once(none, qfa_test::made_text(3)) == qfa_test::made_text(3));
  CHECK_FALSE(none.learns());
  CHECK_FALSE(none.stored_bits(1, {}));
  CHECK_FALSE(none.side_bits(1, {}));
  CHECK(none.point() == qfa::cache_point::after_rope);
  CHECK(none.reads() == qfa::attention_reads::stored);
  none.learn({}, {}, {});
}

TEST_CASE("any_cache_policy: it is the policy within") {
  any_cache_policy p = call_counter{};
  CHECK_FALSE(p.is_none());
  CHECK(p.name() == "counter");
  CHECK(p.point() == qfa::cache_point::before_rope);
  CHECK(p.reads() == qfa::attention_reads::arrived);
  CHECK(p.learns());
  CHECK(*p.stored_bits(5, {}) == 7.0);
  CHECK(*p.side_bits(5, {}) == qfa::cache_bits{5.0, 2.0});
  CHECK(next(p) == 1.0f);
  CHECK(next(p) == 2.0f);
  const std::vector<float> sample{40.0f};
  p.learn({sample.data(), 1, 1}, {sample.data(), 1, 1}, {});
  CHECK(next(p) == 41.0f);
  CHECK_FALSE(any_cache_policy(silent{}, "silent").learns());
  CHECK_FALSE(any_cache_policy(silent{}, "silent").stored_bits(1, {}));
  CHECK(qfa::point_of(p) == qfa::cache_point::before_rope);
}

TEST_CASE("any_cache_policy: a copy goes on by itself, from where it was copied") {
  any_cache_policy p = call_counter{};
  next(p);
  any_cache_policy q = p;
  next(q);
  next(q);
  CHECK(next(p) == 2.0f);
  CHECK(next(q) == 4.0f);
  p = q;
  CHECK(next(p) == 5.0f);
  CHECK(next(q) == 5.0f);
  any_cache_policy& same = p;
  p = same;
  CHECK(next(p) == 6.0f);
  any_cache_policy moved = std::move(p);
  CHECK(next(moved) == 7.0f);
  moved = any_cache_policy{};
  CHECK(moved.is_none());
}

TEST_CASE("any_cache_policy: a name that no spec could quote is refused") {
  check_refused([] { any_cache_policy(silent{}, ""); }, {"needs a name"});
  for (const char* bad : {"a(", "a)", "a)(b"})
    check_refused([&] { any_cache_policy(silent{}, bad); }, {"close every parenthesis"});
  CHECK(any_cache_policy(silent{}, "a(b)").name() == "a(b)");
}

TEST_CASE("any_cache_policy: one can be held under another name") {
  const any_cache_policy renamed(any_cache_policy(call_counter{}), "renamed");
  CHECK(renamed.name() == "renamed");
  CHECK(renamed.learns());
  CHECK(renamed.point() == qfa::cache_point::before_rope);
  CHECK(*renamed.side_bits(5, {}) == qfa::cache_bits{5.0, 2.0});
  any_cache_policy one = renamed, other = renamed;
  next(one);
  CHECK(next(one) == 2.0f);
  CHECK(next(other) == 1.0f);
  CHECK_FALSE(any_cache_policy(any_cache_policy(silent{}, "silent"), "renamed").learns());
}

TEST_CASE("any_cache_policy: as a policy it obeys the laws of policies") {
  qfa_test::check_any_cut(any_cache_policy(silent{}, "silent"));
}

}  // namespace cache_any_cache_policy_test
