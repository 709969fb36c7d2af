// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_ATTENTION_HPP
#define QFA_MODEL_ATTENTION_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/simd/gemm.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"
#include "qfa/simd/packed_matrix.hpp"

namespace qfa {

/// What one layer's attention depends on besides q, k and v.
struct attention_shape {
  std::size_t heads = 1;     ///< query heads
  std::size_t kv_heads = 1;  ///< key and value heads: query head h reads head h / (heads / kv_heads)
  std::size_t head_dim = 1;
  float scale = 1.0f;      ///< what q.k is multiplied by
  float softcap = 0.0f;    ///< c > 0: scores become c tanh(score / c), before the mask
  std::size_t window = 0;  ///< W > 0: token i sees token j only if i - j < W
};

namespace detail {

/// The columns of one head within rows [first, first + count) of a matrix with heads side by side.
template <class T>
matrix_view<T> head_of(matrix_view<T> x, std::size_t first, std::size_t count, std::size_t head, std::size_t head_dim) {
  return {x.row(first).data() + head * head_dim, count, head_dim, x.row_stride()};
}

template <class Arch>
void store(const simd::floats<Arch>& x, float* to, std::size_t valid) noexcept {
  if (valid == simd::width<Arch>)
    x.store_unaligned(to);
  else
    simd::store_first<Arch>(x, to, valid);
}

/// Softmax of the scores that token i may see; zeros elsewhere.  Returns what the weights must be divided by.
template <class Arch>
float weigh(std::span<float> scores, std::size_t i, const attention_shape& shape) noexcept {
  using batch = simd::floats<Arch>;
  const std::size_t first = shape.window > 0 && i + 1 > shape.window ? i + 1 - shape.window : 0;
  const std::span<float> seen = scores.subspan(first, i + 1 - first);
  if (shape.softcap > 0.0f) {
    const batch cap(shape.softcap);
    simd::transform<Arch>(
        seen, [&](batch s) { return cap * simd::tanh<Arch>(s / cap); }, seen.data());
  }
  // The largest exponent is 0: nothing overflows, and the sum is at least 1.
  const batch top(simd::max<Arch>(seen));
  simd::transform<Arch>(
      seen, [&](batch s) { return simd::exp<Arch>(s - top); }, seen.data());
  std::fill_n(scores.begin(), first, 0.0f);
  std::fill(scores.begin() + static_cast<std::ptrdiff_t>(i + 1), scores.end(), 0.0f);
  return simd::sum<Arch>(seen);
}

/// z of the queries [first, last) of one text and one head.  A block of queries makes two small matrix products with
/// the packed keys and values; scores that the mask hides are computed and thrown away within the block only.
template <class Arch>
void attend_block(matrix_view<const float> q, const simd::packed_matrix<Arch>& keys,
                  const simd::packed_matrix<Arch>& values, const attention_shape& shape, std::size_t first,
                  std::vector<float>& scratch, matrix_view<float> z) {
  using batch = simd::floats<Arch>;
  const std::size_t count = q.rows();
  const std::size_t seen = first + count;  // no query of the block looks further
  scratch.resize(count * seen);
  const matrix_view<float> scores(scratch.data(), count, seen);
  const batch scale(shape.scale);
  simd::gemm_block(q, keys, seen, [&](std::size_t row, std::size_t column, const batch& s, std::size_t valid) {
    store<Arch>(s * scale, scratch.data() + row * seen + column, valid);
  });
  std::vector<float> sums(count);
  for (std::size_t r = 0; r < count; ++r)
    sums[r] = weigh<Arch>(scores.row(r), first + r, shape);
  simd::gemm_block(matrix_view<const float>(scores), values, values.columns(),
                   [&](std::size_t row, std::size_t column, const batch& s, std::size_t valid) {
                     store<Arch>(s / batch(sums[row]), z.row(row).data() + column, valid);
                   });
}

}  // namespace detail

/// Causal attention of texts of `context` tokens that follow each other: z (tokens, heads head_dim) from q of the same
/// shape and k, v (tokens, kv_heads head_dim).
///
/// Texts and heads go to threads; every number of z is one chain of operations that depends on its own text alone, so
/// neither the number of threads nor the other texts of a batch change a bit.
template <class Arch = simd::best_arch>
void attend(matrix_view<const float> q, matrix_view<const float> k, matrix_view<const float> v, std::size_t context,
            const attention_shape& shape, matrix_view<float> z) {
  require(context > 0 && q.rows() % context == 0 && shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0 &&
              q.columns() == shape.heads * shape.head_dim && z.columns() == q.columns() && z.rows() == q.rows() &&
              k.columns() == shape.kv_heads * shape.head_dim && v.columns() == k.columns() && k.rows() == q.rows() &&
              v.rows() == q.rows(),
          "attention needs whole texts, and q, k and v of its heads' shapes");
  const std::size_t texts = q.rows() / context;
  const std::size_t shared_by = shape.heads / shape.kv_heads;
  std::vector<std::pair<simd::packed_matrix<Arch>, simd::packed_matrix<Arch>>> packed(texts * shape.kv_heads);
  parallel_for(packed.size(), [&](std::size_t i) {
    const std::size_t first = i / shape.kv_heads * context;
    const std::size_t head = i % shape.kv_heads;
    packed[i].first = simd::pack_transposed<Arch>(detail::head_of(k, first, context, head, shape.head_dim));
    packed[i].second = simd::pack<Arch>(detail::head_of(v, first, context, head, shape.head_dim));
  });
  constexpr std::size_t queries_at_once = 48;  // a multiple of every tile's rows
  parallel_for(texts * shape.heads, [&](std::size_t i) {
    const std::size_t text = i / shape.heads;
    const std::size_t head = i % shape.heads;
    const auto& [keys, values] = packed[text * shape.kv_heads + head / shared_by];
    std::vector<float> scratch;
    for (std::size_t first = 0; first < context; first += queries_at_once) {
      const std::size_t count = (std::min)(queries_at_once, context - first);
      const std::size_t row = text * context + first;
      detail::attend_block<Arch>(detail::head_of(q, row, count, head, shape.head_dim), keys, values, shape, first,
                                 scratch, detail::head_of(z, row, count, head, shape.head_dim));
    }
  });
}

}  // namespace qfa

#endif
