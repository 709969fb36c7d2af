// expect: takes_writable_weights
#include "qfa/compress/policy.hpp"

// A policy that may only read its weights compresses nothing.
struct rounder {
#ifdef MISUSE
  void operator()(qfa::matrix_view<const float>) const {}
#else
  void operator()(qfa::matrix_view<float>) const {}
#endif
};

void use(qfa::matrix_view<float> w) { qfa::apply_policy(rounder{}, w, {}); }
