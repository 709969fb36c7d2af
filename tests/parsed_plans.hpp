// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_PARSED_PLANS_HPP
#define QFA_TESTS_PARSED_PLANS_HPP

#include <string_view>

#include "qfa/compress/catalogue.hpp"
#include "qfa/compress/identity.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/compress/spec_text.hpp"
#include "qfa/compress/weight_plan.hpp"
#include "qfa/compress/weight_plan_file.hpp"

namespace qfa_test {

/// Single policies alone, of five kinds: what a plan is made of, without the time that compiling them all takes.
inline qfa::any_policy parse_one(std::string_view spec) {
  static const auto few = qfa::basic_catalogue_of<qfa::any_policy, qfa::identity, qfa::rtn, qfa::magnitude_pruner,
                                                  qfa::weight_plan, qfa::weight_plan_file>();
  const qfa::policy_call call = qfa::split_spec(spec).at(0);
  return few.at(call.name).make(call.options, parse_one);
}

}  // namespace qfa_test

#endif
