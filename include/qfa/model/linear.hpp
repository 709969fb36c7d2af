// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LINEAR_HPP
#define QFA_MODEL_LINEAR_HPP

#include <cstddef>
#include <memory>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/layout.hpp"
#include "qfa/simd/gemm.hpp"
#include "qfa/simd/packed_matrix.hpp"

namespace qfa {

/// A linear layer, its matrix packed for the product: y = x w^T + b.
template <class Arch = simd::best_arch>
class linear {
 public:
  linear() = default;
  /// Packs what `slice` covers of the model's tensors.  Where `like` was packed from the very same tensor, its panels
  /// are shared instead.
  linear(const language_model& model, const weight_slice& slice, const linear* like = nullptr) {
    if (slice.rows == 0) return;
    const shared_tensor& stored = model.at(slice.weight);
    source_ = stored.values;
    if (like != nullptr && like->packed_ && like->source_.lock() == stored.values)
      packed_ = like->packed_;
    else
      packed_ = std::make_shared<const simd::packed_matrix<Arch>>(simd::pack_transposed<Arch>(slice.of(stored.data())));
    if (!model.contains(slice.bias)) return;
    const float* const bias = model.at(slice.bias).data();
    bias_.resize(slice.rows);
    for (std::size_t r = 0; r < slice.rows; ++r)
      bias_[r] = bias[slice.bias_index(r)];
  }

  bool exists() const noexcept { return packed_ != nullptr; }
  std::size_t outputs() const noexcept { return packed_->columns(); }

  /// out = x w^T + b on all threads.
  void operator()(matrix_view<const float> x, matrix_view<float> out) const { simd::multiply(x, *packed_, out, bias_); }

  /// The same, to the bit, on the calling thread: for bodies of a parallel_for.
  void on_this_thread(matrix_view<const float> x, matrix_view<float> out) const {
    using batch = simd::floats<Arch>;
    const float* const bias = bias_.empty() ? nullptr : bias_.data();
    float* const to = out.data();
    simd::gemm_block(x, *packed_, packed_->columns(),
                     [&](std::size_t row, std::size_t column, batch z, std::size_t valid) {
                       if (valid == simd::width<Arch>) {
                         if (bias != nullptr) z = z + simd::load<Arch>(bias + column);
                         z.store_unaligned(to + row * out.row_stride() + column);
                       } else {
                         if (bias != nullptr) z = z + simd::load_first<Arch>(bias + column, valid);
                         simd::store_first<Arch>(z, to + row * out.row_stride() + column, valid);
                       }
                     });
  }

  /// Whether both read the same panels.
  bool shares_with(const linear& other) const noexcept { return packed_ == other.packed_; }

 private:
  std::shared_ptr<const simd::packed_matrix<Arch>> packed_;
  std::weak_ptr<const std::vector<float>> source_;  // not kept alive: the panels are all that is needed from it
  std::vector<float> bias_;
};

}  // namespace qfa

#endif
