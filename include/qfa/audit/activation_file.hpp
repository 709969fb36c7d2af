// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_ACTIVATION_FILE_HPP
#define QFA_AUDIT_ACTIVATION_FILE_HPP

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/npy_rows.hpp"
#include "qfa/io/safetensors.hpp"

namespace qfa {

/// Activations that some other runtime dumped: one row per token, in an .npy file of two dimensions, or as the only
/// tensor of two dimensions in a safetensors file.  Read a block at a time.
class activation_file {
 public:
  explicit activation_file(const std::filesystem::path& path) : where_(in_quotes(path)) {
    if (path.extension() == ".npy") {
      npy_.emplace(path);
      rows_ = npy_->rows();
      columns_ = npy_->columns();
      return;
    }
    if (path.extension() != ".safetensors")
      fail(where_ + " is neither .npy nor .safetensors, the forms activations come in");
    tensors_ = std::make_unique<safetensors>(path);
    for (const stored_tensor& tensor : tensors_->tensors()) {
      if (tensor.shape.size() != 2) continue;
      if (tensor_ != nullptr) fail(where_ + " holds several tensors of two dimensions, expected the activations alone");
      tensor_ = &tensor;
    }
    if (tensor_ == nullptr) fail(where_ + " holds no tensor of two dimensions, expected (tokens, width)");
    if (!is_readable_float(tensor_->type))
      fail(where_ + " holds activations of type " + std::string(name(tensor_->type)) +
           ", expected F32, F16, BF16 or F64");
    rows_ = tensor_->shape[0];
    columns_ = tensor_->shape[1];
  }

  std::size_t tokens() const noexcept { return rows_; }
  std::size_t width() const noexcept { return columns_; }
  const std::string& where() const noexcept { return where_; }

  /// Fills `out` with the tokens from `first` on, as many as it has rows.
  void read(std::size_t first, matrix_view<float> out) const {
    if (npy_) return npy_->read(first, out);
    require(out.columns() == columns_ && first + out.rows() <= rows_, "activations are read within their file");
    const std::size_t row_bytes = columns_ * bits(tensor_->type) / 8;
    for (std::size_t r = 0; r < out.rows(); ++r)
      to_floats(tensor_->type, tensor_->bytes.subspan((first + r) * row_bytes, row_bytes), out.row(r));
  }

 private:
  std::string where_;
  std::optional<npy_rows> npy_;
  std::unique_ptr<safetensors> tensors_;  // behind a pointer: tensor_ must not move with the object
  const stored_tensor* tensor_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
};

}  // namespace qfa

#endif
