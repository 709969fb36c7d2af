// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_ACTIVATION_FILE_HPP
#define QFA_AUDIT_ACTIVATION_FILE_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/file_rows.hpp"
#include "qfa/io/file_window.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/npy_rows.hpp"
#include "qfa/io/safetensors_header.hpp"

namespace qfa {

/// Activations that some other runtime dumped: one row per token, in an .npy file of two dimensions, or as the only
/// tensor of two dimensions in a safetensors file.  Read a block at a time, through a window (io/file_window.hpp).
class activation_file {
 public:
  /// Throws, naming the file, where it cannot be read, for a name that ends otherwise, where there is no tensor of two
  /// dimensions or more than one, where it is not of F32, F16, BF16 or F64, and as open_npy_rows.
  explicit activation_file(const std::filesystem::path& path) : rows_(open(path)) {}

  std::size_t tokens() const noexcept { return rows_.rows(); }
  std::size_t width() const noexcept { return rows_.columns(); }
  const std::string& where() const noexcept { return rows_.where(); }

  /// Fills `out` with the tokens from `first` on, as many as it has rows.  Throws where they are not in the file, or it
  /// has become shorter.
  void read(std::size_t first, matrix_view<float> out) { rows_.read(first, out); }

 private:
  static file_rows open(const std::filesystem::path& path) {
    const bool is_npy = path.extension() == ".npy";
    if (!is_npy && path.extension() != ".safetensors")
      fail(in_quotes(path) + " is neither .npy nor .safetensors, the forms activations come in");
    file_window file(path);
    if (is_npy) return open_npy_rows(std::move(file));
    const safetensors_header header = read_safetensors_header(file);
    const safetensors_entry* found = nullptr;
    for (const safetensors_entry& tensor : header.tensors) {
      if (tensor.shape.size() != 2) continue;
      if (found != nullptr)
        fail(file.where() + " holds several tensors of two dimensions, expected the activations alone");
      found = &tensor;
    }
    if (found == nullptr) fail(file.where() + " holds no tensor of two dimensions, expected (tokens, width)");
    if (!is_readable_float(found->type))
      fail(file.where() + " holds activations of type " + std::string(name(found->type)) +
           ", expected F32, F16, BF16 or F64");
    return file_rows(std::move(file), found->begin, found->type, found->shape[0], found->shape[1]);
  }

  file_rows rows_;
};

}  // namespace qfa

#endif
