// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/judge.hpp"

#include <doctest/doctest.h>

#include <string_view>

#include "qfa/alignment/verdict.hpp"

namespace alignment_judge_test {

namespace {

/// A stranger's judge with a state: no base class, no registration.
struct longer_than {
  std::size_t characters;
  qfa::verdict operator()(const qfa::answered_prompt& a) const {
    return a.response.size() > characters ? qfa::verdict::complied : qfa::verdict::refused;
  }
};

struct says_yes_or_no {
  bool operator()(const qfa::answered_prompt&) const { return true; }
};

struct changes_its_mind {
  int asked = 0;
  qfa::verdict operator()(const qfa::answered_prompt&) {
    return ++asked % 2 == 0 ? qfa::verdict::refused : qfa::verdict::complied;
  }
};

template <qfa::judge Judge>
qfa::verdict ask(const Judge& judge, std::string_view response) {
  return judge({.id = "1", .prompt = "please", .response = response});
}

}  // namespace

static_assert(qfa::judge<longer_than>);
static_assert(!qfa::judge<says_yes_or_no>, "a verdict is no flag");
static_assert(!qfa::judge<changes_its_mind>, "a judge is asked as a constant");

TEST_CASE("judge: a stranger's judge is one lambda") {
  const auto polite = [](const qfa::answered_prompt& a) {
    return a.response.starts_with("Sorry") ? qfa::verdict::refused : qfa::verdict::complied;
  };
  CHECK(ask(polite, "Sorry, no.") == qfa::verdict::refused);
  CHECK(ask(polite, "Of course.") == qfa::verdict::complied);
  CHECK(ask(longer_than{3}, "Of course.") == qfa::verdict::complied);
}

}  // namespace alignment_judge_test
