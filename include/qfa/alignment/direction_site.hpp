// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_DIRECTION_SITE_HPP
#define QFA_ALIGNMENT_DIRECTION_SITE_HPP

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// Which error a site shows: what the layer's own cache makes of the keys or values of a model that nothing is
/// quantized in; or what passes there in the compressed model, errors of earlier layers and tokens included.
enum class error_source : std::uint8_t { in_cache, passed_on };
inline constexpr std::array<std::string_view, 2> error_source_names{"in_cache", "passed_on"};
constexpr const auto& names_of(error_source) noexcept { return error_source_names; }

/// Where a direction is looked for, and the error that it is held against.
struct direction_site {
  hook_point hook{};
  std::optional<std::size_t>
      head{};  ///< the channels of this key and value head alone; all channels where there is none
  error_source error = error_source::passed_on;

  auto operator<=>(const direction_site&) const = default;
};

/// As "blocks.3.attn.hook_k head 1 in_cache".
inline std::string name_of(const direction_site& site) {
  return name_of(site.hook) + (site.head ? " head " + std::to_string(*site.head) : "") + " " +
         std::string(error_source_names[static_cast<std::size_t>(site.error)]);
}

/// The channels of one head, of activations with heads side by side.  Throws where there is no such head.
inline matrix_view<const float> channels_of_head(matrix_view<const float> activations, std::size_t head,
                                                 std::size_t head_dim) {
  require(head_dim > 0 && (head + 1) * head_dim <= activations.columns(), "activations need channels of every head");
  return {activations.data() + head * head_dim, activations.rows(), head_dim, activations.row_stride()};
}

}  // namespace qfa

#endif
