// expect: weight_policy
#include "qfa/compress/policy.hpp"

// A policy is called from several threads at once: its call operator is const.
struct counter {
  mutable int calls = 0;
#ifdef MISUSE
  void operator()(qfa::matrix_view<float>) { ++calls; }
#else
  void operator()(qfa::matrix_view<float>) const {}
#endif
};

void use(qfa::matrix_view<float> w) { qfa::apply_policy(counter{}, w, {}); }
