// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_PERMUTED_ERROR_HPP
#define QFA_COMPRESS_PERMUTED_ERROR_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/compression_error.hpp"
#include "qfa/compress/counter_random.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_range.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_copy.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/compress/weight_scope.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// A policy's own errors at other places, the control for "does it matter where the error falls":
///
///   W + Pi(W_q - W),   Pi a random permutation of the entries of each row, or of the whole tensor
///
/// Within rows each output channel keeps its errors' sizes and signs, and their share of the damage.  Permutations are
/// Fisher's and Yates', from the last entry down, with the numbers of counter_random: a tensor takes one thread.
/// Errors are rounded to float, and so is the result.  No stored bits.
struct permuted_error {
  any_policy of{};
  weight_scope within = weight_scope::row;
  std::uint64_t seed = 0;

  /// Throws where the policy does, on weights that are not finite, and where the result would not be; they are then
  /// unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const { permute(weights, info, nullptr); }
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    permute(weights, info, &known);
  }
  calibration_needs needs() const { return of.needs(); }
  void check_tensors(std::span<const tensor_info> chosen) const { of.check_tensors(chosen); }

  static constexpr std::string_view spec_name = "permute";
  static constexpr std::string_view summary = "control: a policy's errors, each at another weight's place";
  static constexpr auto fields() {
    return std::tuple{field{"of", &permuted_error::of, "the policy whose errors they are", true},
                      field{"within", &permuted_error::within, "how far an error may go"},
                      field{"seed", &permuted_error::seed, "of the permutations", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for a policy that changes activations.
  void validate() const { require_weight_error(spec_name, of); }

 private:
  void permute(matrix_view<float> weights, const tensor_info& info, const calibration* known) const {
    validate();
    weight_copy error = compression_error(of, weights, info, known);
    const counter_random random(seed, info.name, random_use::permutation);
    // Each entry changes places with one that is not behind it, by its own random number.
    const auto shuffle = [&](std::span<float> entries, std::size_t first) {
      for (std::size_t i = entries.size(); i-- > 1;)
        std::swap(entries[i], entries[static_cast<std::size_t>(random.below(i + 1, first + i))]);
    };
    if (within == weight_scope::tensor)
      shuffle(error.values(), 0);
    else
      for_each_row(error.view(), [&](std::size_t r, std::span<float> row) { shuffle(row, r * row.size()); });
    for_each_row(error.view(), [&](std::size_t r, std::span<float> row) {
      const std::span<const float> w = weights.row(r);
      for (std::size_t c = 0; c < row.size(); ++c)
        row[c] = row[c] == 0.0f ? w[c] : w[c] + row[c];  // -0 stays -0 where nothing is added
    });
    require_float_range(error.view(), spec_name, quoted(info));
    error.write_to(weights);
  }
};

static_assert(described_policy<permuted_error> && named_policy<permuted_error>);

}  // namespace qfa

#endif
