// expect: constraints not satisfied|does not satisfy|static assertion failed|static_assert failed
#include "qfa/core/mergeable.hpp"

struct summary {
  void operator()(double x) { total += x; }
  summary& operator+=(const summary& other) {
    total += other.total;
    return *this;
  }
#ifndef MISUSE
  bool operator==(const summary&) const = default;
#endif
  double total = 0.0;
};
static_assert(qfa::mergeable<summary, double>);
