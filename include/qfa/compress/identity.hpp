// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_IDENTITY_HPP
#define QFA_COMPRESS_IDENTITY_HPP

#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/fields.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Changes nothing.  The reference run against itself: every correlation must be 1 to the last bit.
struct identity {
  void operator()(matrix_view<float>) const noexcept {}

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "none";
  static constexpr std::string_view summary = "the reference itself: nothing is changed";
  static constexpr auto fields() { return std::tuple{}; }
  std::string name() const { return spec_of(*this); }
};

static_assert(described_policy<identity> && named_policy<identity>);

}  // namespace qfa

#endif
