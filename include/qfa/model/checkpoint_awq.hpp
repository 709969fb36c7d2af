// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_CHECKPOINT_AWQ_HPP
#define QFA_MODEL_CHECKPOINT_AWQ_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "qfa/compress/packed_integers.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/model/checkpoint_parts.hpp"

namespace qfa {

/// AutoAWQ's layout for its GEMM kernel.  For a linear [out, in] of 4-bit codes:
///
///   qweight  I32 [in, out / 8]      unsigned codes q, along the rows of [in, out] in the order `awq_order`
///   qzeros   I32 [groups, out / 8]  unsigned zero points, likewise
///   scales   F16 [groups, out]
///
///   weight[o, i] = scales[g, o] (q[i, o] - z[g, o]),  g = i / group_size
struct awq_layout {
  std::size_t group_size = 0;  ///< columns; 0: all of a row
};

/// Reads quantization_config, or the quant_config.json of older tools.  Throws for other widths than 4 bits, layouts
/// of other kernels, and models without zero points.
inline awq_layout parse_awq(const json_fields& fields) {
  const bool older = !fields.contains("bits") && fields.contains("w_bit");
  const std::size_t bits = fields.needed_size(older ? "w_bit" : "bits");
  if (bits != 4) fail(fields.where() + " asks for " + std::to_string(bits) + " bits, expected 4 of awq");
  const std::string kernel = fields.text("version").value_or(fields.text("format").value_or("gemm"));
  if (kernel != "gemm" && kernel != "GEMM")
    fail(fields.where() + " asks for the awq version " + in_quotes(kernel) + ", expected gemm");
  if (!fields.flag("zero_point").value_or(true))
    fail(fields.where() + " asks for awq without zero_point, expected zero points");
  return {read_group_size(fields, fields.contains("group_size") ? "group_size" : "q_group_size")};
}

/// Whether this weight is stored in parts; one that is not is stored as it is.
inline bool stores(const awq_layout&, const checkpoint_parts& parts) {
  return parts.contains("qweight") || parts.contains("qzeros") || parts.contains("scales");
}

/// Throws for parts that are missing or contradict the configuration, and for what is not finite.
inline dequantized_weight dequantize(const awq_layout& layout, const checkpoint_parts& parts) {
  const std::size_t out = parts.out();
  const std::size_t in = parts.in();
  const column_groups groups = groups_of(layout.group_size, parts);
  if (out % 8 != 0)
    fail("the shape " + shape_text(std::vector{out, in}) + " of " + parts.named("qweight") +
         " has a number of rows that is no multiple of the 8 codes in a word");
  const std::vector<expected_part> expected{{"qweight", {dtype::i32}, {{in, out / 8}}},
                                            {"qzeros", {dtype::i32}, {{groups.count, out / 8}}},
                                            {"scales", scale_types(), {{groups.count, out}}}};
  if (const auto problem = parts.problem(expected)) fail(problem->sentence);

  const std::vector<std::uint8_t> codes = unpack_awq(parts.words("qweight"), in, out);
  const std::vector<std::uint8_t> zeros = unpack_awq(parts.words("qzeros"), groups.count, out);
  const std::vector<float> scales = parts.scales("scales");
  const std::vector<std::size_t> group = groups_in_order(in, groups.columns);
  return {fill_weight(out, in,
                      [&](std::size_t o, std::size_t i) {
                        const std::size_t g = group[i] * out + o;
                        return scales[g] * static_cast<float>(codes[i * out + o] - zeros[g]);
                      }),
          "awq gemm, 4 bits, " + groups_text(layout.group_size)};
}

}  // namespace qfa

#endif
