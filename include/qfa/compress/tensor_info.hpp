// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_TENSOR_INFO_HPP
#define QFA_COMPRESS_TENSOR_INFO_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// What a weight matrix does in its layer.  The input projections of an MLP without a gate are `up`.
enum class tensor_role : std::uint8_t { query, key, value, attention_out, gate, up, down, other };
inline constexpr std::array<std::string_view, 8> tensor_role_names{"q", "k", "v", "o", "gate", "up", "down", "other"};

/// The names of an enumeration, found by its type: this is how spec strings read and write one.
constexpr const auto& names_of(tensor_role) noexcept { return tensor_role_names; }
constexpr std::string_view name_of(tensor_role role) noexcept {
  return tensor_role_names[static_cast<std::size_t>(role)];
}

/// Which matrix of the model a policy has before it.  Rows are output channels, columns are inputs.
struct tensor_info {
  /// The name in the file, or for a part of a fused tensor "<name in the file>#q", "#k", "#v", "#gate", "#up".
  std::string name{};
  std::size_t layer = 0;
  tensor_role role = tensor_role::other;
  std::size_t heads = 0;     ///< heads of this very tensor (key and value heads for k and v); 0 where it has none
  std::size_t head_dim = 0;  ///< rows of one head in q, k and v, columns of one head in o; 0 where it has none
  std::size_t layers = 0;    ///< layers of the model; 0: not said
};

/// The name in the file: what stands before the '#' of a part.
constexpr std::string_view stored_name(std::string_view logical_name) noexcept {
  return logical_name.substr(0, logical_name.find('#'));
}

/// How an error sentence calls this matrix.
inline std::string quoted(const tensor_info& info) {
  return info.name.empty() ? "the matrix" : "tensor " + in_quotes(info.name);
}

}  // namespace qfa

#endif
