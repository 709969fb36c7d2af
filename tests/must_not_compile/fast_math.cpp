// expect: qfa needs IEEE arithmetic .*: compile it without -ffast-math
// What -ffast-math defines; the flag itself would have to reach every file of this folder.
#ifdef MISUSE
#define __FAST_MATH__ 1
#endif

#include "qfa/compress/rounding.hpp"

float use(float x) { return qfa::half_even(x); }
