// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_ATTENTION_HPP
#define QFA_MODEL_ATTENTION_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/model/elementwise.hpp"
#include "qfa/simd/gemm.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"
#include "qfa/simd/packed_matrix.hpp"
#include "qfa/simd/packed_rows.hpp"

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

/// Softmax of the scores that token i may see; zeros elsewhere.  Returns what the weights must be divided by.
template <class Arch>
float weigh(std::span<float> scores, std::size_t i, const attention_shape& shape) noexcept {
  using batch = simd::floats<Arch>;
  const std::size_t first = shape.window > 0 && i + 1 > shape.window ? i + 1 - shape.window : 0;
  const std::span<float> seen = scores.subspan(first, i + 1 - first);
  if (shape.softcap > 0.0f) {
    const batch cap(shape.softcap);
    simd::transform<Arch>(
        seen, [&](batch s) { return soft_capped<Arch>(s, cap); }, seen.data());
  }
  // The largest exponent is 0: nothing overflows, and the sum is at least 1.
  const batch top(simd::max<Arch>(seen));
  simd::transform<Arch>(
      seen, [&](batch s) { return simd::exp<Arch>(s - top); }, seen.data());
  std::fill_n(scores.begin(), first, 0.0f);
  std::fill(scores.begin() + static_cast<std::ptrdiff_t>(i + 1), scores.end(), 0.0f);
  return simd::sum<Arch>(seen);
}

/// What a thread keeps from one block of queries to the next.
template <class Arch>
struct attention_scratch {
  simd::packed_rows<Arch> packed{};
  std::vector<float> scores{}, sums{};
};

/// z, one block of rows, of the queries [first, first + q.rows()) of one text and one head.  A block of queries makes
/// two small matrix products with the packed keys and values, as far as one of its queries sees; scores that the mask
/// hides from others of them are computed and thrown away.
template <class Arch>
void attend_block(matrix_view<const float> q, const simd::packed_matrix<Arch>& keys,
                  const simd::packed_matrix<Arch>& values, const attention_shape& shape, std::size_t first,
                  attention_scratch<Arch>& s, matrix_view<float> z) {
  using batch = simd::floats<Arch>;
  constexpr std::size_t panel_width = simd::packed_matrix<Arch>::panel_width;
  const std::size_t count = q.rows();
  const std::size_t begin =
      shape.window > 0 && first + 1 > shape.window ? (first + 1 - shape.window) / panel_width * panel_width : 0;
  const std::size_t seen = first + count;
  // Whole panels, as they come out of the product anyway.
  const std::size_t end = (std::min)((seen + panel_width - 1) / panel_width * panel_width, keys.columns());
  const std::size_t stride = end - begin;
  s.scores.resize(count * stride);
  s.sums.resize(count);
  const batch scale(shape.scale);
  s.packed.pack(q);
  simd::multiply_rows(s.packed, keys,
                      [&](std::size_t row, std::size_t column, const batch& score, std::size_t valid) {
                        simd::store_valid<Arch>(score * scale, s.scores.data() + row * stride + (column - begin),
                                                valid);
                      },
                      {.first_column = begin, .last_column = end});
  const matrix_view<float> scores(s.scores.data(), count, seen - begin, stride);
  for (std::size_t r = 0; r < count; ++r)
    s.sums[r] = weigh<Arch>(scores.row(r), first + r - begin, shape);
  s.packed.pack(scores);
  simd::multiply_rows(s.packed, values,
                      [&](std::size_t row, std::size_t column, const batch& mix, std::size_t valid) {
                        simd::store_valid<Arch>(mix / batch(s.sums[row]), z.data() + row * z.row_stride() + column,
                                                valid);
                      },
                      {.first_depth = begin});
}

}  // namespace detail

/// All the keys and values that a text has, those of the tokens that now attend to it last: (tokens so far, kv_heads
/// head_dim).
struct attended_text {
  matrix_view<const float> keys{}, values{};
};

/// Causal attention: z (tokens, heads head_dim) from q of the same shape, the same number of rows for each text.
///
/// Each thread takes a text's key and value head at a time, packs it once for all query heads that read it, and holds
/// the scores of a few queries: memory grows with the context, not with its square.  Every number of z is one chain of
/// operations that depends on its own text alone, so neither the number of threads, nor the other texts of a batch, nor
/// how many tokens attend at a time change a bit.  Throws where kv_heads does not divide heads, where shapes do not
/// fit, and where a text has fewer keys than queries.
template <class Arch = simd::best_arch>
void attend(matrix_view<const float> q, std::span<const attended_text> texts, const attention_shape& shape,
            matrix_view<float> z) {
  bool fits = shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0 && q.columns() == shape.heads * shape.head_dim &&
              z.columns() == q.columns() && z.rows() == q.rows() &&
              (texts.empty() ? q.empty() : q.rows() % texts.size() == 0);
  const std::size_t attending = texts.empty() ? 0 : q.rows() / texts.size();
  for (const attended_text& text : texts)
    fits = fits && text.keys.columns() == shape.kv_heads * shape.head_dim && text.keys.rows() >= attending &&
           text.values.columns() == text.keys.columns() && text.values.rows() == text.keys.rows();
  require(fits, "attention needs whole texts, and q, k and v of its heads' shapes");
  const std::size_t shared_by = shape.heads / shape.kv_heads;
  const std::size_t groups = texts.size() * shape.kv_heads;
  // Where there are fewer of them than threads, threads share a key and value head, and each packs it for itself.
  const std::size_t parts = groups == 0 ? 0 : std::clamp(2 * thread_count() / groups, std::size_t{1}, shared_by);
  constexpr std::size_t queries_at_once = 12;  // a multiple of every tile's rows
  parallel_for(groups * parts, [&](std::size_t task) {
    const std::size_t row = task / parts / shape.kv_heads;
    const std::size_t kv_head = task / parts % shape.kv_heads;
    const std::size_t seen = texts[row].keys.rows();
    const auto keys = simd::pack_transposed<Arch>(detail::head_of(texts[row].keys, 0, seen, kv_head, shape.head_dim));
    const auto values = simd::pack<Arch>(detail::head_of(texts[row].values, 0, seen, kv_head, shape.head_dim));
    detail::attention_scratch<Arch> scratch;
    const std::size_t part = task % parts;
    for (std::size_t h = part * shared_by / parts; h < (part + 1) * shared_by / parts; ++h) {
      const std::size_t head = kv_head * shared_by + h;
      for (std::size_t i = 0; i < attending; i += queries_at_once) {
        const std::size_t count = (std::min)(queries_at_once, attending - i);
        const std::size_t first = row * attending + i;
        detail::attend_block<Arch>(detail::head_of(q, first, count, head, shape.head_dim), keys, values, shape,
                                   seen - attending + i, scratch,
                                   detail::head_of(z, first, count, head, shape.head_dim));
      }
    }
  });
}

/// The same of whole texts of `context` tokens that follow each other: k, v (tokens, kv_heads head_dim).  Throws where
/// q, k and v are not the same number of whole texts, and as above.
template <class Arch = simd::best_arch>
void attend(matrix_view<const float> q, matrix_view<const float> k, matrix_view<const float> v, std::size_t context,
            const attention_shape& shape, matrix_view<float> z) {
  require(context > 0 && q.rows() % context == 0 && k.rows() == q.rows() && v.rows() == q.rows(),
          "attention needs whole texts, and q, k and v of its heads' shapes");
  std::vector<attended_text> texts;
  for (std::size_t first = 0; first < q.rows(); first += context)
    texts.push_back({k.rows_between(first, first + context), v.rows_between(first, first + context)});
  attend<Arch>(q, texts, shape, z);
}

}  // namespace qfa

#endif
