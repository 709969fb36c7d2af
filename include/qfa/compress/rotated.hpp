// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_ROTATED_HPP
#define QFA_COMPRESS_ROTATED_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_range.hpp"
#include "qfa/compress/hadamard.hpp"
#include "qfa/compress/linear_input.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/token_peaks.hpp"
#include "qfa/compress/weight_copy.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Another policy in rotated space, simulated: W' = Q(W R) R^T, R a Hadamard rotation of the input columns.  It spreads
/// outliers over a block (Chee and others 2023, QuIP, arXiv 2307.13304; Ashkboos and others 2024, QuaRot, arXiv
/// 2404.00456).  Deployed, Q(W R) is stored, and x R is computed before it is read.
///
/// Where Q changes activations it sees them rotated as well: Q(x R) R^T.
struct rotated {
  any_policy then{};
  std::size_t size = 0;    ///< columns in a block: a power of two from 2 on; 0: the largest that divides the columns
  std::uint64_t seed = 0;  ///< of random signs before the Hadamard matrix; 0: none

  /// Throws where the policy does, where the size does not divide the columns or 0 finds none, and on weights that are
  /// not finite, or would not be, rotated or in the end; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    const hadamard_rotation rotation = rotation_of(weights.columns(), quoted(info));
    finite_row_peaks(weights, info);
    act_rotated(weights, rotation, quoted(info), [&](matrix_view<float> inside) { then(inside, info); });
  }

  void activations(matrix_view<float> x, const linear_input& input) const {
    validate();
    if (!changes_activations()) return;
    finite_token_peaks(x, input);
    act_rotated(x, rotation_of(x.columns(), name_of(input)), name_of(input),
                [&](matrix_view<float> inside) { then.activations(inside, input, calibration{}); });
  }
  bool changes_activations() const { return then.changes_activations(); }
  void check_tensors(std::span<const tensor_info> chosen) const { then.check_tensors(chosen); }

  /// Those of the policy within: the rotation itself is not stored.
  std::optional<double> stored_bits(std::size_t rows, std::size_t columns, const tensor_info& info = {}) const {
    return then.stored_bits(rows, columns, info);
  }

  static constexpr std::string_view spec_name = "rotate";
  static constexpr std::string_view summary = "another policy on columns rotated by Hadamard blocks, and back";
  static constexpr auto fields() {
    return std::tuple{field{"then", &rotated::then, "the policy that acts in between", true},
                      field{"size", &rotated::size, "columns in a block; 0: the largest power of two in the columns"},
                      field{"seed", &rotated::seed, "of random signs before the transform; 0: none"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for a policy that needs calibration, and where size is neither 0 nor a power of two from 2 on.
  void validate() const {
    if (then.needs().any())
      fail("rotate takes a policy that needs no calibration, but " + then.name() +
           " does, and what is known of the inputs is not rotated");
    if (size == 1 || (size != 0 && !std::has_single_bit(size)))
      fail("rotate's size must be 0 or a power of two from 2 on, not " + std::to_string(size));
  }

 private:
  hadamard_rotation rotation_of(std::size_t columns, const std::string& what) const {
    const std::size_t chosen = size == 0 ? largest_power_of_two_in(columns) : size;
    if (chosen < 2 || columns % chosen != 0)
      fail("rotate needs the columns of " + what + " to be a multiple of " + std::to_string(chosen < 2 ? 2 : chosen) +
           ", but it has " + std::to_string(columns));
    return {.size = chosen, .seed = seed};
  }

  /// On a copy, so that nothing is left half done where `body` throws.
  template <class Body>
  static void act_rotated(matrix_view<float> rows, const hadamard_rotation& rotation, const std::string& what,
                          Body body) {
    weight_copy copy(rows);
    fold_rotation(rotation, copy.view());
    require_float_range(copy.view(), spec_name, what);
    body(copy.view());
    unfold_rotation(rotation, copy.view());
    require_float_range(copy.view(), spec_name, what);
    copy.write_to(rows);
  }
};

static_assert(described_policy<rotated> && named_policy<rotated>);

}  // namespace qfa

#endif
