// expect: rule.group, limit.
#include "qfa/compress/quantizer.hpp"

// A rule is told the weights of the group and the limit of the grid.
struct quarter {
#ifdef MISUSE
  float operator()(float limit) const noexcept { return 0.25f / limit; }
#else
  float operator()(std::span<const float>, float limit) const noexcept { return 0.25f / limit; }
#endif
};

void use(qfa::matrix_view<float> w) { qfa::quantizer<qfa::int_grid<4>, qfa::per_row, quarter>{}(w); }
