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
#include "qfa/simd/packed_rows.hpp"

namespace qfa {

/// A linear layer, its matrix w (outputs, inputs) packed for the product: y = x w^T + b, with b (outputs) or none.
template <class Arch = simd::best_arch>
class linear {
 public:
  linear() = default;
  /// Packs what `slice` covers of the model's tensors.  Where `like` was packed from the very same tensor, its panels
  /// are shared instead.  Throws where the model lacks the weight.
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

  /// out (tokens, outputs) = x (tokens, inputs) w^T + b on all threads.  Throws as simd::multiply.
  void operator()(matrix_view<const float> x, matrix_view<float> out) const { simd::multiply(x, *packed_, out, bias_); }

  /// The same, to the bit, on the calling thread and register by register instead of stored, for rows that were packed
  /// before, (tokens, inputs): epilogue(row, first_output, floats<Arch> y, valid), where y holds `valid` outputs of one
  /// token from first_output on.  `part` may leave outputs out.
  template <class Epilogue>
  void operator()(const simd::packed_rows<Arch>& x, Epilogue epilogue, const simd::product_part& part = {}) const {
    simd::multiply_rows(
        x, *packed_,
        [&](std::size_t row, std::size_t column, const simd::floats<Arch>& z, std::size_t valid) {
          epilogue(row, column, biased(z, column, valid), valid);
        },
        part);
  }

  /// Two layers of one shape at once, on the same rows: epilogue(row, first_output, y of `a`, y of `b`, valid).
  template <class Epilogue>
  static void both(const linear& a, const linear& b, const simd::packed_rows<Arch>& x, Epilogue epilogue) {
    using batch = simd::floats<Arch>;
    simd::multiply_rows_by_both(
        x, *a.packed_, *b.packed_,
        [&](std::size_t row, std::size_t column, const batch& of_a, const batch& of_b, std::size_t valid) {
          epilogue(row, column, a.biased(of_a, column, valid), b.biased(of_b, column, valid), valid);
        });
  }

  /// Whether both read the same panels.
  bool shares_with(const linear& other) const noexcept { return packed_ == other.packed_; }

 private:
  simd::floats<Arch> biased(const simd::floats<Arch>& z, std::size_t column, std::size_t valid) const noexcept {
    return bias_.empty() ? z : z + simd::load_valid<Arch>(bias_.data() + column, valid);
  }

  std::shared_ptr<const simd::packed_matrix<Arch>> packed_;
  std::weak_ptr<const std::vector<float>> source_;  // not kept alive: the panels are all that is needed from it
  std::vector<float> bias_;
};

}  // namespace qfa

#endif
