// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_CHECKPOINT_PARTS_HPP
#define QFA_MODEL_CHECKPOINT_PARTS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compress/minifloat.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json_fields.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/io/sharded_safetensors.hpp"

namespace qfa {

/// A weight that was stored in parts, as floats.
struct dequantized_weight {
  std::vector<float> values;  ///< [out, in], row-major
  std::string scheme;         ///< how it was stored, "gptq version 2, 4 bits, groups of 128"
};

/// Throws, naming the element, for a NaN or an infinity; `named` is the tensor and its file.
inline void check_finite(std::span<const float> values, const std::string& named, const char* what) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      fail(named + " holds " + (std::isnan(values[i]) ? "NaN" : "an infinity") + " at element " + std::to_string(i) +
           ", expected finite " + what);
}

/// The element types in which the tools store scales.
inline std::vector<dtype> scale_types() { return {dtype::bf16, dtype::f16, dtype::f32}; }

/// A tensor that a layout stores beside others under the name of a linear's module.
struct expected_part {
  std::string suffix;
  std::vector<dtype> types;                      ///< any of these
  std::vector<std::vector<std::size_t>> shapes;  ///< any of these
  bool needed = true;
};

/// Why stored tensors are not those expected.
struct part_problem {
  std::string sentence;
  std::size_t passed = 0;  ///< how many checks of shape and of type were passed before
};

/// The group of each of `in` columns, `columns_per_group` after another.
inline std::vector<std::size_t> groups_in_order(std::size_t in, std::size_t columns_per_group) {
  std::vector<std::size_t> group(in);
  for (std::size_t i = 0; i < in; ++i)
    group[i] = i / columns_per_group;
  return group;
}

/// The tensors that together make up one linear's weight [out, in], and share the name of its module: q_proj.qweight,
/// q_proj.scales and so on.  Refers to files that somebody else keeps.
class checkpoint_parts {
 public:
  checkpoint_parts(const sharded_safetensors& files, std::string module, std::size_t out, std::size_t in)
      : files_(&files), module_(std::move(module)), out_(out), in_(in) {}

  std::size_t out() const noexcept { return out_; }
  std::size_t in() const noexcept { return in_; }
  const std::string& module() const noexcept { return module_; }

  bool contains(std::string_view suffix) const { return files_->contains(name(suffix)); }
  /// Throws where it is missing.
  const stored_tensor& at(std::string_view suffix) const { return files_->at(name(suffix)); }
  /// A part's name and file for messages.
  std::string named(std::string_view suffix) const {
    return "tensor " + in_quotes(name(suffix)) + " in " + (contains(suffix) ? at(suffix).file : files_->where());
  }

  /// The first thing that is wrong with the stored tensors; nothing where all that is needed is there, and all that is
  /// there is of the shape and type expected.
  std::optional<part_problem> problem(std::span<const expected_part> expected) const {
    std::size_t passed = 0;
    for (const expected_part& part : expected) {
      if (!contains(part.suffix)) {
        if (part.needed)
          return part_problem{"there is no tensor " + in_quotes(name(part.suffix)) + " in " + files_->where() +
                                  ", which its layout needs",
                              passed};
        passed += 2;
        continue;
      }
      const stored_tensor& stored = at(part.suffix);
      if (std::find(part.shapes.begin(), part.shapes.end(), stored.shape) == part.shapes.end())
        return part_problem{named(part.suffix) + " has the shape " + shape_text(stored.shape) + ", but a weight of " +
                                shape_text(std::vector{out_, in_}) + " makes it " + shape_text(part.shapes.front()),
                            passed};
      ++passed;
      if (std::find(part.types.begin(), part.types.end(), stored.type) == part.types.end()) {
        std::string types;
        for (const dtype type : part.types)
          types += (types.empty() ? "" : " or ") + std::string(qfa::name(type));
        return part_problem{
            named(part.suffix) + " is of type " + std::string(qfa::name(stored.type)) + ", expected " + types, passed};
      }
      ++passed;
    }
    return std::nullopt;
  }

  /// Packed words, whatever their sign.
  std::vector<std::uint32_t> words(std::string_view suffix) const {
    const file_piece& stored = at(suffix).bytes;
    std::vector<std::uint32_t> read(stored.size() / sizeof(std::uint32_t));
    stored.read(0, std::as_writable_bytes(std::span(read)));
    return read;
  }
  /// Bytes of I8, U8 and F8 as they are stored.
  std::vector<std::uint8_t> bytes(std::string_view suffix) const {
    const file_piece& stored = at(suffix).bytes;
    std::vector<std::uint8_t> read(stored.size());
    stored.read(0, std::as_writable_bytes(std::span(read)));
    return read;
  }
  /// Scales of any type that holds them, F8_E4M3 too.  Throws for a NaN or an infinity.
  std::vector<float> scales(std::string_view suffix) const {
    std::vector<float> read;
    if (at(suffix).type == dtype::f8_e4m3) {
      for (const std::uint8_t byte : bytes(suffix))
        read.push_back(e4m3::decode(byte));
    } else {
      read = read_floats(at(suffix));
    }
    check_finite(read, named(suffix), "scales");
    return read;
  }
  /// The group of each input column: as the part says, or where there is none, `columns_per_group` after another.
  /// Throws for a group that is not in [0, groups); the part, where there is one, has the shape [in].
  std::vector<std::size_t> group_of_column(std::string_view suffix, std::size_t columns_per_group,
                                           std::size_t groups) const {
    if (!contains(suffix)) return groups_in_order(in_, columns_per_group);
    std::vector<std::size_t> group(in_);
    const std::vector<std::int64_t> stored = read_integers(at(suffix));
    for (std::size_t i = 0; i < in_; ++i) {
      if (stored[i] < 0 || static_cast<std::size_t>(stored[i]) >= groups)
        fail(named(suffix) + " puts column " + std::to_string(i) + " into group " + std::to_string(stored[i]) +
             ", but there are " + std::to_string(groups) + " groups");
      group[i] = static_cast<std::size_t>(stored[i]);
    }
    return group;
  }

 private:
  std::string name(std::string_view suffix) const { return module_ + "." + std::string(suffix); }

  const sharded_safetensors* files_;
  std::string module_;
  std::size_t out_;
  std::size_t in_;
};

/// How many columns share a scale, by a configuration's group_size: absent, null and -1 mean all of a row, which is 0
/// here.  Throws for whatever else is no whole number above 0.
inline std::size_t read_group_size(const json_fields& fields, std::string_view field) {
  const json* const value = fields.find(field);
  if (value == nullptr || *value == -1) return 0;
  const std::optional<std::size_t> size = value->is_number_unsigned() ? fields.size(field) : std::nullopt;
  if (!size || *size == 0) fail(in_quotes(field) + " in " + fields.where() + " should be -1 or above 0");
  return *size;
}

/// Columns in a group and groups in a row of `in` columns, where a group_size of 0 means all of them.
struct column_groups {
  std::size_t columns = 0;
  std::size_t count = 0;
};

/// Throws, naming the weight, for a group size that does not divide its columns.
inline column_groups groups_of(std::size_t group_size, const checkpoint_parts& parts) {
  const std::size_t columns = group_size == 0 ? parts.in() : group_size;
  if (columns == 0 || parts.in() % columns != 0)
    fail("groups of " + std::to_string(group_size) + " columns do not divide the " + std::to_string(parts.in()) +
         " columns of " + parts.named("weight"));
  return {columns, parts.in() / columns};
}

inline std::string groups_text(std::size_t group_size) {
  return group_size == 0 ? "one scale a row" : "groups of " + std::to_string(group_size);
}

/// The matrix [out, in] of value(o, i), in tiles that suit codes stored along either side.
template <class Value>
std::vector<float> fill_weight(std::size_t out, std::size_t in, Value value) {
  constexpr std::size_t tile = 32;
  std::vector<float> values(out * in);
  parallel_for((out + tile - 1) / tile, [&](std::size_t block) {
    const std::size_t last_row = (std::min)(out, (block + 1) * tile);
    for (std::size_t first = 0; first < in; first += tile)
      for (std::size_t o = block * tile; o < last_row; ++o)
        for (std::size_t i = first; i < (std::min)(in, first + tile); ++i)
          values[o * in + i] = value(o, i);
  });
  return values;
}

}  // namespace qfa

#endif
