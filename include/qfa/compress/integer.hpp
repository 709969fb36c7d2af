// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INTEGER_HPP
#define QFA_COMPRESS_INTEGER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/grouping.hpp"
#include "qfa/compress/integer_codes.hpp"
#include "qfa/compress/integer_scale.hpp"
#include "qfa/compress/integer_search.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Whether a smaller scale is searched for: see shrink_search.
enum class scale_search : std::uint8_t { none, mse };
inline constexpr std::array<std::string_view, 2> scale_search_names{"none", "mse"};
constexpr const auto& names_of(scale_search) noexcept { return scale_search_names; }

/// Rounds weights to integers in groups, by independent choices: what the integer formats of GPTQ, AWQ, torchao,
/// compressed-tensors, quanto, ModelOpt and bitsandbytes do is one value of this policy each (integer_presets.hpp).
///
/// The choices are explained where they are defined: grouping.hpp, integer_scale.hpp, integer_round.hpp,
/// stored_scale.hpp, integer_search.hpp.  By default it is `rtn`.
struct integer {
  int bits = 8;
  bool symmetric = true;
  code_range range = code_range::full;
  symmetric_scale scale = symmetric_scale::absmax_qmax;
  bool zero_in_range = true;
  zero_point zero = zero_point::rounded;
  integer_rounding rounding = integer_rounding::half_even;
  scale_division division = scale_division::divide;
  tiny_group tiny = tiny_group::one;
  stored_scale store = stored_scale::fp32;
  float_format arithmetic = float_format::fp32;
  group_kind per = group_kind::row;
  std::size_t group = 128;
  std::size_t block_rows = 128;
  scale_search search = scale_search::none;
  int grid = 100;
  double maxshrink = 0.2;
  double norm = 2.4;
  int patience = 5;

  /// Throws on weights that are not finite, on those of more than half the range of `arithmetic` (codes may come back
  /// as up to twice the largest weight), and on those whose scale would not be finite as stored; they are then
  /// unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    refuse_large(finite_row_peaks(weights, info, arithmetic), info);
    const integer_scale choices = scales();
    const grouping groups = groups_of_weights();
    const auto rounded = [this](std::span<float> members) {
      if (arithmetic != float_format::fp32) for_each_rounded(arithmetic, members, [](float w) { return w; });
      return members;
    };
    if (search == scale_search::none)
      return for_each_group(weights, groups, [&](std::size_t, std::span<float> members) {
        quantize_with(choices, choices(rounded(members)), members);
      });

    // Whether a step betters a group does not depend on the others; with patience, when the search ends does.
    const shrink_search shrink = search_settings();
    if (patience == 0)
      return for_each_group(weights, groups, [&](std::size_t, std::span<float> members) {
        std::size_t best = 0;
        shrink(choices, rounded(members), [&](std::size_t step) { best = step; });
        quantize_with(choices, choices(members, shrink.factor(best)), members);
      });
    const std::size_t steps = shrink.steps();
    const std::size_t count = group_count(groups, weights.rows(), weights.columns());
    std::vector<std::uint8_t> bettered(count * steps, 0);
    for_each_group(weights, groups, [&](std::size_t number, std::span<float> members) {
      shrink(choices, rounded(members), [&](std::size_t step) { bettered[number * steps + step] = 1; });
    });
    std::vector<bool> any(steps, false);
    for (std::size_t i = 0; i < bettered.size(); ++i)
      if (bettered[i] != 0) any[i % steps] = true;
    const std::size_t taken = shrink.steps_taken(any);
    for_each_group(weights, groups, [&](std::size_t number, std::span<float> members) {
      std::size_t best = 0;
      for (std::size_t step = 0; step < taken; ++step)
        if (bettered[number * steps + step] != 0) best = step;
      quantize_with(choices, choices(members, shrink.factor(best)), members);
    });
  }

  /// The codes, and for each group a scale and, where there is one, a zero point.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    return static_cast<double>(rows * columns) * bits +
           static_cast<double>(group_count(groups_of_weights(), rows, columns)) * scales().stored_bits();
  }

  integer_scale scales() const noexcept {
    return {.bits = bits,
            .symmetric = symmetric,
            .range = range,
            .scale = scale,
            .zero_in_range = zero_in_range,
            .zero = zero,
            .rounding = rounding,
            .division = division,
            .tiny = tiny,
            .store = store,
            .arithmetic = arithmetic};
  }
  grouping groups_of_weights() const noexcept { return {.per = per, .group = group, .block_rows = block_rows}; }
  shrink_search search_settings() const noexcept {
    return {.grid = grid, .maxshrink = maxshrink, .norm = norm, .patience = patience};
  }

  static constexpr std::string_view spec_name = "int";
  static constexpr std::string_view summary = "round to integers by independent choices; gptq_sym, awq, ... are such";
  static constexpr auto fields() {
    return std::tuple{
        field{"bits", &integer::bits, "2 to 8"},
        field{"symmetric", &integer::symmetric, "whether the grid is centered on 0; else it has a zero point"},
        field{"range", &integer::range, "with the lowest integer -2^(bits - 1) or without"},
        field{"scale", &integer::scale, "what the largest |w| is divided by, with symmetric=true"},
        field{"zero_in_range", &integer::zero_in_range, "whether min <= 0 <= max is forced, with symmetric=false"},
        field{"zero", &integer::zero, "how the zero point is found, with symmetric=false"},
        field{"rounding", &integer::rounding, "how quotients become integers"},
        field{"division", &integer::division, "how weights are divided by the scale"},
        field{"tiny", &integer::tiny, "what keeps the scale of a group of tiny weights from vanishing"},
        field{"store", &integer::store, "the type that scales are stored in"},
        field{"arithmetic", &integer::arithmetic, "what each operation is rounded to"},
        field{"per", &integer::per, "which weights share a scale"},
        field{"group", &integer::group, "columns in a group or block, with per=group or per=block"},
        field{"block_rows", &integer::block_rows, "rows in a block, with per=block"},
        field{"search", &integer::search, "whether a smaller scale is searched for"},
        field{"grid", &integer::grid, "steps from the full range to none, with search=mse"},
        field{"maxshrink", &integer::maxshrink, "the share of them that is tried, with search=mse"},
        field{"norm", &integer::norm, "the power of the error, with search=mse"},
        field{"patience", &integer::patience, "steps without any gain that end it, 0 for none, with search=mse"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws on numbers out of range, on choices that exclude each other, and on those that would mean nothing.
  void validate() const;

 private:
  void refuse_large(const std::vector<float>& peaks, const tensor_info& info) const;
};

inline void integer::validate() const {
  const auto demand = [](bool fine, const std::string& sentence) {
    if (!fine) fail("int's " + sentence);
  };
  const integer defaults{};
  demand(bits >= 2 && bits <= 8, "bits must lie between 2 and 8, not be " + std::to_string(bits));
  demand(group >= 1, "group must have at least one column");
  demand(block_rows >= 1, "block_rows must be at least one row");
  demand(group == defaults.group || per == group_kind::group || per == group_kind::block,
         "group=" + std::to_string(group) + " means something with per=group or per=block only");
  demand(block_rows == defaults.block_rows || per == group_kind::block,
         "block_rows=" + std::to_string(block_rows) + " means something with per=block only");
  demand(symmetric || scale == defaults.scale, "scale is a choice of symmetric=true only");
  demand(!symmetric || (zero == defaults.zero && zero_in_range),
         "zero and zero_in_range are choices of symmetric=false only");
  demand(symmetric || range == code_range::full, "range=narrow is a choice of symmetric=true only");
  const bool has_peak = symmetric && scale != symmetric_scale::no_clip && scale != symmetric_scale::gptq;
  const bool by_peak = division == scale_division::inverse || division == scale_division::peak;
  demand(!by_peak || (has_peak && store == stored_scale::fp32 && tiny != tiny_group::scale_eps &&
                      tiny != tiny_group::scale_normal),
         "division=inverse and division=peak have no scale of their own: they go with symmetric=true, a scale that is "
         "absmax over something, store=fp32, and no floor of the scale");
  demand(scale != symmetric_scale::signed_max || (range == code_range::full && store != stored_scale::e8m0_scale &&
                                                  (tiny == tiny_group::one || tiny == tiny_group::zeros)),
         "scale=signed_max may be negative: it goes with range=full, a store with a sign, and tiny=one or tiny=zeros");
  demand(scale != symmetric_scale::gptq || range == code_range::full, "scale=gptq goes with range=full");
  demand(scale != symmetric_scale::no_clip || tiny != tiny_group::width_1e_5,
         "tiny=width_1e-5 bounds a width or an absmax, which scale=no_clip has not");
  demand(symmetric || zero != zero_point::shift ||
             (store != stored_scale::e8m0_scale && store != stored_scale::e4m3_scale),
         "zero=shift is stored as the scale is, so that store=e8m0 and store=e4m3 do not go with it");
  demand(
      symmetric || zero == zero_point::shift || rounding != integer_rounding::trunc_half,
      "rounding=trunc_half counts from the grid's lowest code: it goes with symmetric=true or zero=shift, not with a "
      "zero point that is an integer");
  demand(division != scale_division::inverse || arithmetic != float_format::fp16,
         "division=inverse does not go with arithmetic=fp16, where qmax over an ordinary weight is infinite");
  demand(search == scale_search::mse || (grid == defaults.grid && maxshrink == defaults.maxshrink &&
                                         norm == defaults.norm && patience == defaults.patience),
         "grid, maxshrink, norm and patience mean something with search=mse only");
  demand(grid >= 1 && grid <= 1000, "grid must lie between 1 and 1000, not be " + std::to_string(grid));
  demand(maxshrink > 0.0 && maxshrink < 1.0 && search_settings().steps() >= 1,
         "maxshrink must lie between 0 and 1 and leave at least one step, not be " + value_to_text(maxshrink));
  demand(norm > 0.0 && norm <= 16.0, "norm must be above 0 and at most 16, not " + value_to_text(norm));
  demand(patience >= 0, "patience must not be negative");
}

inline void integer::refuse_large(const std::vector<float>& peaks, const tensor_info& info) const {
  // (w D) / a and (q a) / D pass through numbers up to 2^(bits - 1) a.
  const float room = division == scale_division::peak ? static_cast<float>(1 << (bits - 1)) : 2.0f;
  for (std::size_t r = 0; r < peaks.size(); ++r) {
    const float scale_bound = as_stored(store, peaks[r] / scales().qmax());
    const float zero_bound = zero == zero_point::shift ? as_stored(store, peaks[r]) : 0.0f;
    if (magnitude_bits(round_to(arithmetic, peaks[r] * room)) >= infinity_bits)
      fail("row " + std::to_string(r) + " of " + quoted(info) + " holds a weight too large for int in " +
           std::string(name_of(arithmetic)));
    if (magnitude_bits(scale_bound) >= infinity_bits || magnitude_bits(zero_bound) >= infinity_bits)
      fail("row " + std::to_string(r) + " of " + quoted(info) + " holds a weight too large for a scale stored as " +
           value_to_text(store));
  }
}

static_assert(described_policy<integer> && named_policy<integer>);

}  // namespace qfa

#endif
