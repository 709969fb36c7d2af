// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_NEGATED_ERROR_HPP
#define QFA_COMPRESS_NEGATED_ERROR_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/compression_error.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_range.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_copy.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// A policy's error with its sign turned, W - (W_q - W): damage that is as large as the policy's own is the error's
/// variance, damage that is not is its bias.  The error is rounded to float, and so is the result.  No stored bits.
struct negated_error {
  any_policy of{};

  /// Throws where the policy does, on weights that are not finite, and where the result would not be; they are then
  /// unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const { negate(weights, info, nullptr); }
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    negate(weights, info, &known);
  }
  calibration_needs needs() const { return of.needs(); }
  void check_tensors(std::span<const tensor_info> chosen) const { of.check_tensors(chosen); }

  static constexpr std::string_view spec_name = "negate";
  static constexpr std::string_view summary = "control: a policy's error with its sign turned";
  static constexpr auto fields() {
    return std::tuple{field{"of", &negated_error::of, "the policy whose error it is", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for a policy that changes activations.
  void validate() const { require_weight_error(spec_name, of); }

 private:
  void negate(matrix_view<float> weights, const tensor_info& info, const calibration* known) const {
    validate();
    weight_copy error = compression_error(of, weights, info, known);
    for_each_row(error.view(), [&](std::size_t r, std::span<float> row) {
      const std::span<const float> w = weights.row(r);
      for (std::size_t c = 0; c < row.size(); ++c)
        row[c] = w[c] - row[c];
    });
    require_float_range(error.view(), spec_name, quoted(info));
    error.write_to(weights);
  }
};

static_assert(described_policy<negated_error> && named_policy<negated_error>);

}  // namespace qfa

#endif
