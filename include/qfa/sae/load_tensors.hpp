// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_LOAD_TENSORS_HPP
#define QFA_SAE_LOAD_TENSORS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/npy.hpp"
#include "qfa/io/safetensors.hpp"

namespace qfa {

/// How a file declares a matrix, against the way it is asked for.
enum class stored_as : std::uint8_t { rows_columns, columns_rows };

/// The tensors of an SAE's file, whatever its container, asked for by name and shape.
class sae_tensors {
 public:
  explicit sae_tensors(const safetensors& file) : where_(file.where()) {
    for (const stored_tensor& tensor : file.tensors())
      entries_.emplace(tensor.name, tensor);
  }
  /// The arrays of a .npz file.
  sae_tensors(std::map<std::string, npy_array> arrays, std::string where) : where_(std::move(where)) {
    for (auto& [name, array] : arrays)
      entries_.emplace(name, std::move(array));
  }

  bool contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }
  const std::string& where() const noexcept { return where_; }
  /// Number of dimensions and their lengths.  Throws where there is no such tensor.
  std::span<const std::size_t> shape(std::string_view name) const { return shape_of(at(name)); }

  /// A vector of n numbers.
  std::vector<float> vector(std::string_view name, std::size_t n) const {
    const entry& found = at(name);
    const std::size_t wanted[] = {n};
    if (!std::ranges::equal(shape_of(found), wanted)) wrong_shape(name, shape_of(found), wanted);
    return floats(name, found);
  }

  /// One number.
  double scalar(std::string_view name) const {
    const entry& found = at(name);
    if (element_count(shape_of(found)) != 1) wrong_shape(name, shape_of(found), {});
    readable(name, found);
    if (const auto* const stored = std::get_if<stored_tensor>(&found)) return read_doubles(*stored).front();
    return as_doubles(std::get<npy_array>(found)).front();
  }

  /// A matrix in the order (rows, columns).  The file declares how it is stored; where rows and columns differ its
  /// shape must agree or be the other way round, which the lengths then prove.  A square matrix is taken as declared.
  std::vector<float> matrix(std::string_view name, std::size_t rows, std::size_t columns, stored_as declared) const {
    const entry& found = at(name);
    const std::size_t straight[] = {rows, columns};
    const std::size_t turned[] = {columns, rows};
    const bool is_straight = std::ranges::equal(shape_of(found), straight);
    const bool is_turned = std::ranges::equal(shape_of(found), turned);
    if (!is_straight && !is_turned)
      wrong_shape(name, shape_of(found),
                  declared == stored_as::rows_columns ? std::span<const std::size_t>(straight) : std::span(turned));
    const bool turn = rows == columns ? declared == stored_as::columns_rows : is_turned;
    std::vector<float> values = floats(name, found);
    if (!turn) return values;
    std::vector<float> out(values.size());
    // In tiles, so that both sides stay in the cache: whole columns of a wide SAE do not.
    constexpr std::size_t tile = 32;
    for (std::size_t r0 = 0; r0 < rows; r0 += tile)
      for (std::size_t c0 = 0; c0 < columns; c0 += tile)
        for (std::size_t r = r0; r < (std::min)(r0 + tile, rows); ++r)
          for (std::size_t c = c0; c < (std::min)(c0 + tile, columns); ++c)
            out[r * columns + c] = values[c * rows + r];
    return out;
  }

  /// Throws where the file holds a tensor that is not among these: what it means is not known.
  void expect_only(std::initializer_list<std::string_view> known) const {
    for (const auto& [name, unused] : entries_)
      if (std::find(known.begin(), known.end(), name) == known.end())
        fail("tensor " + in_quotes(name) + " in " + where_ + " has no place in an SAE of this kind");
  }

 private:
  using entry = std::variant<stored_tensor, npy_array>;

  static dtype type_of(const entry& e) {
    return std::visit([](const auto& tensor) { return tensor.type; }, e);
  }
  static std::span<const std::size_t> shape_of(const entry& e) {
    return std::visit([](const auto& tensor) { return std::span<const std::size_t>(tensor.shape); }, e);
  }

  const entry& at(std::string_view name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) fail("there is no tensor " + in_quotes(name) + " in " + where_);
    return found->second;
  }
  void readable(std::string_view name, const entry& found) const {
    if (const dtype type = type_of(found); !is_readable_float(type) && !is_integer(type))
      fail("tensor " + in_quotes(name) + " in " + where_ + " is of type " + std::string(qfa::name(type)) +
           ", but F32, F16, BF16 or F64 is needed");
  }
  std::vector<float> floats(std::string_view name, const entry& found) const {
    readable(name, found);
    if (const auto* const stored = std::get_if<stored_tensor>(&found)) return read_floats(*stored);
    return as_floats(std::get<npy_array>(found));
  }
  [[noreturn]] void wrong_shape(std::string_view name, std::span<const std::size_t> found,
                                std::span<const std::size_t> wanted) const {
    fail("tensor " + in_quotes(name) + " in " + where_ + " has the shape " + shape_text(found) + ", but " +
         shape_text(wanted) + " is expected");
  }

  std::string where_;
  std::map<std::string, entry, std::less<>> entries_;
};

}  // namespace qfa

#endif
