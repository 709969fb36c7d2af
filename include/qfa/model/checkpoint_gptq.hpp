// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_CHECKPOINT_GPTQ_HPP
#define QFA_MODEL_CHECKPOINT_GPTQ_HPP

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

/// The layout of AutoGPTQ and GPTQModel.  For a linear [out, in] of b-bit codes, n = 32 / b to a word:
///
///   qweight  I32 [in / n, out]      unsigned codes q, down the columns of [in, out]
///   qzeros   I32 [groups, out / n]  unsigned zero points, along the rows of [groups, out]
///   scales   F16 [groups, out]
///   g_idx    I32 [in]               the group of each column; without it, `group_size` columns after another
///
///   weight[o, i] = scales[g, o] (q[i, o] - z[g, o]),  g = g_idx[i]
///
/// Version 1 stores z - 1, modulo 2^b.  Its readers disagree about a stored 2^b - 1 (AutoGPTQ's masks the sum to 0,
/// others add up to 2^b); here it is 0, since writers round z to 0 .. 2^b - 1 and therefore never mean 2^b.
struct gptq_layout {
  int bits = 4;                ///< 2, 4 or 8
  std::size_t group_size = 0;  ///< columns; 0: all of a row
  bool act_order = false;      ///< groups are out of order, and g_idx is needed
  int version = 1;
};

/// Reads quantization_config, or the quantize_config.json of older tools.  Throws for other widths than 2, 4 and 8
/// bits, and for formats that are repacked for one kernel.
inline gptq_layout parse_gptq(const json_fields& fields) {
  gptq_layout out;
  const std::size_t bits = fields.needed_size("bits");
  if (bits != 2 && bits != 4 && bits != 8)
    fail(fields.where() + " asks for " + std::to_string(bits) + " bits, expected 2, 4 or 8 of gptq");
  out.bits = static_cast<int>(bits);
  out.group_size = read_group_size(fields, "group_size");
  out.act_order = fields.flag("desc_act").value_or(false);
  const std::string format = fields.text("checkpoint_format").value_or(fields.text("format").value_or("gptq"));
  if (format != "gptq" && format != "gptq_v2")
    fail(fields.where() + " asks for the gptq checkpoint_format " + in_quotes(format) + ", expected gptq or gptq_v2");
  if (fields.flag("is_marlin_format").value_or(false))
    fail(fields.where() + " says is_marlin_format, expected gptq or gptq_v2");
  out.version = format == "gptq" ? 1 : 2;
  return out;
}

/// Whether this weight is stored in parts; one that is not is stored as it is.
inline bool stores(const gptq_layout&, const checkpoint_parts& parts) {
  return parts.contains("qweight") || parts.contains("qzeros") || parts.contains("scales");
}

/// Throws for parts that are missing or contradict the configuration, and for what is not finite.
inline dequantized_weight dequantize(const gptq_layout& layout, const checkpoint_parts& parts) {
  const std::size_t out = parts.out();
  const std::size_t in = parts.in();
  const std::size_t n = codes_per_word(layout.bits);
  const column_groups groups = groups_of(layout.group_size, parts);
  if (in % n != 0 || out % n != 0)
    fail("the shape " + shape_text(std::vector{out, in}) + " of " + parts.named("qweight") + " is no multiple of the " +
         std::to_string(n) + " codes in a word");
  const std::vector<expected_part> expected{{"qweight", {dtype::i32}, {{in / n, out}}},
                                            {"qzeros", {dtype::i32}, {{groups.count, out / n}}},
                                            {"scales", scale_types(), {{groups.count, out}}},
                                            {"g_idx", {dtype::i32}, {{in}}, layout.act_order}};
  if (const auto problem = parts.problem(expected)) fail(problem->sentence);

  const std::vector<std::uint8_t> codes = unpack_columns(parts.words("qweight"), in, out, layout.bits);
  std::vector<std::uint8_t> zeros = unpack_rows(parts.words("qzeros"), groups.count, out, layout.bits);
  if (layout.version == 1)
    for (std::uint8_t& zero : zeros)
      zero = static_cast<std::uint8_t>((zero + 1) & ((1 << layout.bits) - 1));
  const std::vector<float> scales = parts.scales("scales");
  const std::vector<std::size_t> group = parts.group_of_column("g_idx", groups.columns, groups.count);
  return {fill_weight(out, in,
                      [&](std::size_t o, std::size_t i) {
                        const std::size_t g = group[i] * out + o;
                        return scales[g] * static_cast<float>(codes[i * out + o] - zeros[g]);
                      }),
          "gptq version " + std::to_string(layout.version) + ", " + std::to_string(layout.bits) + " bits, " +
              groups_text(layout.group_size)};
}

}  // namespace qfa

#endif
