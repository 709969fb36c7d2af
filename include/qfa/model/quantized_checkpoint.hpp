// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_QUANTIZED_CHECKPOINT_HPP
#define QFA_MODEL_QUANTIZED_CHECKPOINT_HPP

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/io/sharded_safetensors.hpp"
#include "qfa/model/checkpoint_awq.hpp"
#include "qfa/model/checkpoint_compressed_tensors.hpp"
#include "qfa/model/checkpoint_gptq.hpp"
#include "qfa/model/checkpoint_parts.hpp"

namespace qfa {

namespace detail {

/// The module of a weight's name; nothing for a bias.
inline std::optional<std::string> module_of(std::string_view weight) {
  constexpr std::string_view suffix = ".weight";
  if (!weight.ends_with(suffix)) return std::nullopt;
  return std::string(weight.substr(0, weight.size() - suffix.size()));
}

}  // namespace detail

/// A checkpoint that another tool compressed: which layout its configuration asks for, and its weights as floats.
///
/// What the tools would compute with these weights may round further: their kernels multiply in the scales' own type.
/// Here a weight is the product in float32, rounded once.
class quantized_checkpoint {
 public:
  /// Takes config.json's quantization_config; `where` names it in messages.  Throws for other tools than
  /// compressed-tensors, gptq and awq.
  quantized_checkpoint(const json& quantization_config, const std::string& where)
      : layout_(parse(json_fields(quantization_config, where))) {}

  /// Whether a tensor of this name and shape is a weight that is stored in parts.  Any other tensor is stored as it is,
  /// which is how the tools leave out layers (`ignore`, `modules_to_not_convert`, `dynamic`).
  bool stores(const sharded_safetensors& files, std::string_view weight, std::span<const std::size_t> shape) const {
    const auto module = detail::module_of(weight);
    if (!module || shape.size() != 2 || shape[0] == 0 || shape[1] == 0) return false;
    const checkpoint_parts parts(files, *module, shape[0], shape[1]);
    return std::visit([&](const auto& layout) { return qfa::stores(layout, parts); }, layout_);
  }

  /// A weight that is stored in parts, [out, in].  Throws one sentence for a part that is missing or has another shape
  /// or type than it should, for a group that does not exist, and for scales or weights that are not finite.
  dequantized_weight read(const sharded_safetensors& files, std::string_view weight,
                          std::span<const std::size_t> shape) const {
    require(stores(files, weight, shape), "only a weight that is stored in parts can be put together");
    const checkpoint_parts parts(files, *detail::module_of(weight), shape[0], shape[1]);
    for (const char* packed : {"weight_packed", "qweight"})
      if (parts.contains("weight") && parts.contains(packed))
        fail(parts.named("weight") + " is stored a second time as " + packed + ", expected one of the two");
    dequantized_weight out = std::visit([&](const auto& layout) { return dequantize(layout, parts); }, layout_);
    check_finite(out.values, "tensor " + in_quotes(weight) + " put together from " + files.where(), "weights");
    return out;
  }

  /// What the checkpoint asks for that is no weight, and that is therefore not done: "quantized activations", "a
  /// quantized cache", both, or nothing.
  std::string beyond_weights() const {
    const auto* const layout = std::get_if<compressed_tensors_layout>(&layout_);
    if (layout == nullptr) return {};
    const bool inputs = std::ranges::any_of(layout->schemes, &compressed_tensors_scheme::quantizes_activations);
    return std::string(inputs ? "quantized activations" : "") + (inputs && layout->quantizes_cache ? " and " : "") +
           (layout->quantizes_cache ? "a quantized cache" : "");
  }

 private:
  using any_layout = std::variant<compressed_tensors_layout, gptq_layout, awq_layout>;

  static any_layout parse(const json_fields& fields) {
    const std::string method = fields.needed_text("quant_method");
    if (method == "compressed-tensors") return parse_compressed_tensors(fields);
    if (method == "gptq") return parse_gptq(fields);
    if (method == "awq") return parse_awq(fields);
    fail("quant_method " + in_quotes(method) + " in " + fields.where() +
         " is not supported, expected compressed-tensors, gptq or awq");
  }

  any_layout layout_;
};

/// What a model directory says of its compression: quantization_config within its config.json, else what older tools
/// wrote beside it, quantize_config.json of GPTQ and quant_config.json of AWQ; nothing where the weights are floats.
/// What lies beside config.json is looked at only where a tensor of `files` ends in .qweight: it may have stayed when
/// the weights were written as floats again.
inline std::optional<quantized_checkpoint> find_quantization(const std::filesystem::path& directory, const json& config,
                                                             const sharded_safetensors& files) {
  if (config.contains("quantization_config") && !config.at("quantization_config").is_null())
    return quantized_checkpoint(config.at("quantization_config"),
                                "quantization_config of " + in_quotes(directory / "config.json"));
  const std::vector<std::string> names = files.names();
  if (std::ranges::none_of(names, [](const std::string& name) { return name.ends_with(".qweight"); }))
    return std::nullopt;
  constexpr std::pair<const char*, const char*> older[] = {{"quantize_config.json", "gptq"},
                                                           {"quant_config.json", "awq"}};
  for (const auto& [file, method] : older) {
    if (!path_exists(directory / file)) continue;
    json read = read_json(directory / file);
    if (read.is_object() && !read.contains("quant_method")) read["quant_method"] = method;
    return quantized_checkpoint(read, in_quotes(directory / file));
  }
  return std::nullopt;
}

/// The bits that a weight takes in its files: codes, scales, zero points and the order of its groups, or, of one that
/// is stored as it is, its numbers.  0 for one that is not there.
inline double stored_bits(const sharded_safetensors& files, std::string_view weight) {
  const auto module = detail::module_of(weight);
  if (!module) return files.contains(weight) ? 8.0 * static_cast<double>(files.at(weight).bytes.size()) : 0.0;
  double bytes = 0.0;
  for (const char* suffix : {"weight", "weight_packed", "weight_scale", "weight_global_scale", "weight_zero_point",
                             "weight_g_idx", "qweight", "qzeros", "scales", "g_idx"}) {
    const std::string part = *module + "." + suffix;
    if (files.contains(part)) bytes += static_cast<double>(files.at(part).bytes.size());
  }
  return 8.0 * bytes;
}

}  // namespace qfa

#endif
