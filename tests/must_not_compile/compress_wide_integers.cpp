// expect: (Bits|9) <= 8
#include "qfa/compress/quantizer.hpp"

// Integers of 2 to 8 bits are what weights are stored in.
#ifdef MISUSE
using grid = qfa::int_grid<9>;
#else
using grid = qfa::int_grid<8>;
#endif

void use(qfa::matrix_view<float> w) { qfa::quantizer<grid>{}(w); }
