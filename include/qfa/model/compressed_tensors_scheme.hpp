// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_COMPRESSED_TENSORS_SCHEME_HPP
#define QFA_MODEL_COMPRESSED_TENSORS_SCHEME_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/model/checkpoint_parts.hpp"

namespace qfa {

/// How compressed-tensors stores some of a model's linears [out, in]: one of its config_groups.
///
///   int-quantized    weight I8 [out, in]                             s (q - z)
///   pack-quantized   weight_packed I32 [out, in / n], q + 2^(b-1)    s (q - z)
///   float-quantized  weight F8_E4M3 [out, in]                        s q
///   naive-quantized  int-quantized or float-quantized, by its type
///   nvfp4-pack-quantized  weight_packed U8 [out, in / 2], E2M1, the even column in the low nibble; weight_scale
///                    F8_E4M3 [out, in / 16]; weight_global_scale F32 [1]: (q s) / global, of which q s is exact
///
/// weight_scale is [1] for a tensor, [out, 1] for rows, [out, groups] for groups and [row blocks, column blocks] for
/// blocks.  weight_zero_point is I8 of the same shape, or packed as z + 2^(b-1) down the columns.  weight_g_idx I32
/// [in] is the group of each column.  weight_shape [2] repeats (out, in).
struct compressed_tensors_scheme {
  std::string format;
  bool floating = false;  ///< codes are F8_E4M3 or E2M1, not integers
  int bits = 8;
  std::size_t rows_per_scale = 1;     ///< 0: all
  std::size_t columns_per_scale = 0;  ///< 0: all of a row
  bool symmetric = true;              ///< else zero points are needed
  bool act_order = false;             ///< groups are out of order, and weight_g_idx is needed
  bool quantizes_activations = false;

  bool packs() const { return format == "pack-quantized"; }
  bool is_nvfp4() const { return format == "nvfp4-pack-quantized"; }
};

/// The layouts of one compressed-tensors checkpoint.  Which of them a weight has, its stored shapes say: targets are
/// patterns for module names and classes, and need not be matched.
struct compressed_tensors_layout {
  std::vector<compressed_tensors_scheme> schemes;
  bool quantizes_cache = false;  ///< it has a kv_cache_scheme, which is left alone
};

namespace detail {

inline void read_strategy(const json_fields& weights, compressed_tensors_scheme& out) {
  const std::size_t group_size = read_group_size(weights, "group_size");
  const std::string strategy = weights.text("strategy")
                                   .value_or(group_size != 0                  ? "group"
                                             : weights.contains("group_size") ? "channel"
                                                                              : "tensor");
  if (strategy == "tensor") {
    out.rows_per_scale = 0;
  } else if (strategy == "group" || strategy == "tensor_group") {
    out.columns_per_scale = group_size;
  } else if (strategy == "block") {
    const json* const block = weights.find("block_structure");
    if (block == nullptr || !block->is_array() || block->size() != 2 || !(*block)[0].is_number_unsigned() ||
        !(*block)[1].is_number_unsigned() || (*block)[0] == 0 || (*block)[1] == 0)
      fail("\"block_structure\" in " + weights.where() + " should be two whole numbers above 0");
    out.rows_per_scale = (*block)[0].get<std::size_t>();
    out.columns_per_scale = (*block)[1].get<std::size_t>();
  } else if (strategy != "channel") {
    fail("the strategy " + in_quotes(strategy) + " in " + weights.where() +
         " is not supported for weights, expected tensor, channel, group, tensor_group or block");
  }
  const json* const order = weights.find("actorder");
  out.act_order = order != nullptr && (*order == true || *order == "group");
}

inline compressed_tensors_scheme read_scheme(const json_fields& group, const json_fields& weights,
                                             const std::string& model_format) {
  compressed_tensors_scheme out;
  out.format = group.text("format").value_or(model_format);
  constexpr std::array<const char*, 5> formats{"int-quantized", "pack-quantized", "float-quantized", "naive-quantized",
                                               "nvfp4-pack-quantized"};
  if (std::find(formats.begin(), formats.end(), out.format) == formats.end())
    fail("the compressed-tensors format " + in_quotes(out.format) + " in " + group.where() +
         " is not supported, expected int-, pack-, float-, naive- or nvfp4-pack-quantized");
  const std::string type = weights.text("type").value_or("int");
  out.floating = type == "float";
  const bool wants_float = out.format == "float-quantized" || out.is_nvfp4();
  if ((type != "int" && !out.floating) || (out.format != "naive-quantized" && out.floating != wants_float))
    fail("weights of type " + in_quotes(type) + " in " + group.where() + " cannot be stored as " + out.format);
  const std::size_t bits = weights.size("num_bits").value_or(8);
  const bool known = out.is_nvfp4() ? bits == 4
                     : out.packs()  ? bits == 2 || bits == 4 || bits == 8
                     : out.floating ? bits == 8
                                    : bits >= 2 && bits <= 8;
  if (!known)
    fail(group.where() + " asks for " + std::to_string(bits) + " bits, expected " +
         (out.is_nvfp4() ? "4"
          : out.packs()  ? "2, 4 or 8"
          : out.floating ? "8"
                         : "2 to 8") +
         " of " + out.format);
  out.bits = static_cast<int>(bits);
  read_strategy(weights, out);
  if (out.is_nvfp4() && (out.rows_per_scale != 1 || out.columns_per_scale != 16))
    fail(group.where() + " asks for scales of another reach, expected groups of 16 of nvfp4-pack-quantized");
  out.symmetric = weights.flag("symmetric").value_or(true);
  if (out.floating && !out.symmetric)
    fail(group.where() + " asks for asymmetric floating-point weights, expected symmetric ones");
  out.quantizes_activations = group.contains("input_activations") || group.contains("output_activations");
  return out;
}

}  // namespace detail

/// Reads quantization_config; what it says of the cache and of activations is left alone.  Throws for sparse formats,
/// for transforms, which change what the model computes, and for whatever else is not one of the layouts above.
inline compressed_tensors_layout parse_compressed_tensors(const json_fields& fields) {
  const std::string format = fields.needed_text("format");
  if (const auto sparsity = fields.object("sparsity_config")) {
    const std::string sparse = sparsity->text("format").value_or("dense");
    if (sparse != "dense") fail(fields.where() + " has the sparse format " + in_quotes(sparse) + ", expected dense");
  }
  const json* const transforms = fields.find("transform_config");
  if (transforms != nullptr && !transforms->empty())
    fail(fields.where() + " has a transform_config, expected weights that are not transformed");
  compressed_tensors_layout out;
  out.quantizes_cache = fields.contains("kv_cache_scheme");
  const auto groups = fields.object("config_groups");
  if (!groups) fail(fields.where() + " should have \"config_groups\", an object");
  for (const auto& [name, value] : fields.find("config_groups")->items()) {
    const json_fields group(value, in_quotes(name) + " in " + fields.where());
    if (!group.contains("weights")) continue;
    out.schemes.push_back(
        detail::read_scheme(group, json_fields(*group.find("weights"), "\"weights\" of " + group.where()), format));
  }
  return out;
}

}  // namespace qfa

#endif
