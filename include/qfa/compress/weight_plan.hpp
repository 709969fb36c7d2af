// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_WEIGHT_PLAN_HPP
#define QFA_COMPRESS_WEIGHT_PLAN_HPP

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/compress/spec_text.hpp"
#include "qfa/compress/targets.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// The policy of the matrices whose names a pattern matches (`names_tensor`).
struct weight_plan_part {
  std::string tensors{};
  any_policy policy{};
};

/// What a plan makes of single matrices, as spec strings write it:
///
///   (*.down_proj.weight=rtn:bits=6;model.layers.0.*=prune:sparsity=0.1+rtn:bits=5)
///
/// so that a pattern holds no ';', '=' or parenthesis, and no blank at its ends.
class weight_plan_parts {
 public:
  weight_plan_parts() = default;
  /// Throws where a pattern is empty, stands twice, or could not be written.
  weight_plan_parts(std::vector<weight_plan_part> parts)  // NOLINT(google-explicit-constructor): it is such a list
      : parts_(std::move(parts)) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::string& pattern = parts_[i].tensors;
      if (pattern.empty() || pattern.find_first_of(";=()") != std::string::npos || pattern.front() == ' ' ||
          pattern.back() == ' ')
        fail("a plan names tensors by " + in_quotes(pattern) +
             ", expected a name or pattern without ';', '=', parentheses and blanks at its ends");
      for (std::size_t j = 0; j < i; ++j)
        if (parts_[j].tensors == pattern) fail("a plan names the tensors " + in_quotes(pattern) + " twice");
    }
  }

  const std::vector<weight_plan_part>& parts() const noexcept { return parts_; }

  static constexpr std::string_view text_kind = "PATTERN=POLICY, separated by ';', in parentheses";
  std::string text() const {
    std::string text = "(";
    for (const weight_plan_part& part : parts_)
      (text += text.size() == 1 ? "" : ";") += part.tensors + "=" + part.policy.name();
    return text + ")";
  }
  static std::optional<weight_plan_parts> from_text(std::string_view text, const nested_parser& nested) {
    if (text.size() < 2 || text.front() != '(' || text.back() != ')') return std::nullopt;
    text = text.substr(1, text.size() - 2);
    std::vector<weight_plan_part> parts;
    if (text.find_first_not_of(' ') == std::string_view::npos) return weight_plan_parts(std::move(parts));
    for (const std::string_view piece : split_outside_parentheses(text, ';')) {
      const std::size_t equals = piece.find('=');
      if (equals == std::string_view::npos) return std::nullopt;
      const auto trimmed = [](std::string_view side) { return split_outside_parentheses(side, ';').front(); };
      parts.push_back({std::string(trimmed(piece.substr(0, equals))),
                       *text_to_value<any_policy>(trimmed(piece.substr(equals + 1)), nested)});
    }
    return weight_plan_parts(std::move(parts));
  }

 private:
  std::vector<weight_plan_part> parts_;
};

/// Mixed precision: each matrix has the policy of the first pattern that matches its name, and where none does that of
/// the rest.  Names are those that reports show; a part of a fused tensor is matched by its name in the file as well.
///
///   weight_plan{.tensors = {{{"*.down_proj.weight", rtn{.bits = 6}}}}, .rest = rtn{.bits = 4}}
///
/// What a matrix takes is what its own policy says, and calibration holds what any of them needs.
struct weight_plan {
  weight_plan_parts tensors{};
  any_policy rest{};

  const any_policy& policy_of(const tensor_info& info) const noexcept {
    for (const weight_plan_part& part : tensors.parts())
      if (names_tensor(part.tensors, info)) return part.policy;
    return rest;
  }

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const { policy_of(info)(weights, info); }
  void operator()(matrix_view<float> weights, const tensor_info& info, const calibration& known) const {
    policy_of(info)(weights, info, known);
  }
  std::optional<double> stored_bits(std::size_t rows, std::size_t columns, const tensor_info& info) const {
    return policy_of(info).stored_bits(rows, columns, info);
  }
  std::string name_for(const tensor_info& info) const { return policy_of(info).name(); }
  calibration_needs needs() const {
    calibration_needs all = rest.needs();
    for (const weight_plan_part& part : tensors.parts())
      all = all | part.policy.needs();
    return all;
  }
  bool keeps_codes() const {
    return rest.keeps_codes() &&
           std::ranges::all_of(tensors.parts(), [](const weight_plan_part& p) { return p.policy.keeps_codes(); });
  }
  /// Throws where a pattern is the first to match none of `chosen`: the plan is of another model, or misspelled.
  void check_tensors(std::span<const tensor_info> chosen) const {
    for (const weight_plan_part& part : tensors.parts())
      if (std::ranges::none_of(chosen, [&](const tensor_info& info) { return names_tensor(part.tensors, info); }))
        fail("the plan names " + in_quotes(part.tensors) + ", which is none of the matrices to be compressed" +
             (chosen.empty() ? std::string() : ", such as " + in_quotes(chosen.front().name)));
  }

  static constexpr std::string_view spec_name = "plan";
  static constexpr std::string_view summary = "mixed precision: a policy for each matrix, by its name";
  static constexpr auto fields() {
    return std::tuple{field{"tensors", &weight_plan::tensors, "policies by names or patterns, the first match counts"},
                      field{"rest", &weight_plan::rest, "the policy of all others"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where a policy changes activations: several matrices read the same ones.
  void validate() const {
    const auto check = [](const any_policy& policy) {
      if (policy.changes_activations())
        fail("a plan cannot hold " + policy.name() +
             ", which changes activations: matrices with other policies read the same ones");
    };
    check(rest);
    for (const weight_plan_part& part : tensors.parts())
      check(part.policy);
  }
};

static_assert(written_with_policies<weight_plan_parts>);
static_assert(described_policy<weight_plan> && named_policy<weight_plan>);

}  // namespace qfa

#endif
