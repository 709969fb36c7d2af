// expect: named_policy
#include "qfa/compress/any_policy.hpp"

// What a report should call a policy must be said: by the policy, or beside it.
struct ternary {
  void operator()(qfa::matrix_view<float>) const {}
};

qfa::any_policy make() {
#ifdef MISUSE
  return qfa::any_policy(ternary{});
#else
  return qfa::any_policy(ternary{}, "ternary");
#endif
}
