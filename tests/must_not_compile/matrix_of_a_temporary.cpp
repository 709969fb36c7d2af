// expect: rvalue|temporary|no matching function
#include "qfa/core/xtensor.hpp"

xt::xtensor<float, 2> make();

float first();

float first() {
  auto kept = make();
#ifdef MISUSE
  return qfa::as_matrix(make())(0, 0);  // the tensor is gone when the view is read
#else
  return qfa::as_matrix(kept)(0, 0);
#endif
}
