// expect: groups.shape.n, n.
#include "qfa/compress/quantizer.hpp"

// Which weights share a scale is said by the size of the rectangle they stand in.
struct per_pair {
#ifndef MISUSE
  qfa::group_shape shape(std::size_t, std::size_t) const noexcept { return {1, 2}; }
#endif
};

void use(qfa::matrix_view<float> w) { qfa::quantizer<qfa::int_grid<4>, per_pair>{}(w); }
