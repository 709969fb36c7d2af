// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/damage_class.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string_view>

#include "statistics_oracle.hpp"

namespace survival_damage_class_test {

using qfa::damage_class;

namespace {

qfa::feature_summary feature(double r, double gain, double recall = 1.0, double precision = 1.0, bool dead = false) {
  qfa::feature_summary s;
  s.r = r;
  s.gain = gain;
  s.recall = recall;
  s.precision = precision;
  s.dead = dead;
  return s;
}

}  // namespace

TEST_CASE("classify: every class from its own cause, limits strict") {
  CHECK(qfa::classify(feature(0.95, 1.0)) == damage_class::intact);
  CHECK(qfa::classify(feature(0.9, 1.0)) == damage_class::blurred);
  CHECK(qfa::classify(feature(0.95, 0.79)) == damage_class::attenuated);
  CHECK(qfa::classify(feature(0.95, 0.8)) == damage_class::intact);
  CHECK(qfa::classify(feature(0.9, 0.79)) == damage_class::blurred);
  CHECK(qfa::classify(feature(0.95, 1.26)) == damage_class::amplified);
  CHECK(qfa::classify(feature(0.5, 1.26)) == damage_class::amplified);
  CHECK(qfa::classify(feature(0.95, 1.25)) == damage_class::intact);
  CHECK(qfa::classify(feature(0.95, 1.0, 0.49)) == damage_class::gated_off);
  CHECK(qfa::classify(feature(0.95, 1.0, 0.5)) == damage_class::intact);
  CHECK(qfa::classify(feature(0.95, 1.0, 1.0, 0.49)) == damage_class::ghosting);
  CHECK(qfa::classify(feature(0.95, 1.0, 1.0, 0.5)) == damage_class::intact);
}

TEST_CASE("classify: a broken gate comes before the gain, and death before all") {
  CHECK(qfa::classify(feature(0.95, 0.5, 0.4, 0.4)) == damage_class::gated_off);
  CHECK(qfa::classify(feature(0.95, 0.5, 0.6, 0.4)) == damage_class::ghosting);
  CHECK(qfa::classify(feature(0.0, 0.0, 0.0, 1.0, true)) == damage_class::dead);
}

TEST_CASE("classify: the oracle's planted features") {
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_table table = oracle.table("a");
  const auto of = [&](std::size_t f) { return qfa::classify(qfa::summarize(table, f)); };
  CHECK(of(0) == damage_class::intact);
  CHECK(of(1) == damage_class::attenuated);
  CHECK(of(3) == damage_class::dead);
  CHECK(of(12) == damage_class::amplified);
  CHECK(of(13) == damage_class::gated_off);  // never on the same token
}

TEST_CASE("damage_class: every one has a name of its own") {
  const std::set<std::string_view> names(qfa::damage_class_names.begin(), qfa::damage_class_names.end());
  CHECK(names.size() == 7);
  CHECK(qfa::name(damage_class::dead) == "dead");
  CHECK(qfa::name(damage_class::intact) == "intact");
  CHECK(qfa::name(damage_class::gated_off) == "gated_off");
}

}  // namespace survival_damage_class_test
