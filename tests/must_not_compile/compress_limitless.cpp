// expect: grid.limit..
#include "qfa/compress/quantizer.hpp"

// The scale is chosen by the largest number of the format: one that does not tell it cannot be scaled.
struct ternary {
  static float round(float x) noexcept { return x > 0.5f ? 1.0f : x < -0.5f ? -1.0f : 0.0f; }
#ifndef MISUSE
  static float limit() noexcept { return 1.0f; }
#endif
};

void use(qfa::matrix_view<float> w) { qfa::quantizer<ternary>{}(w); }
