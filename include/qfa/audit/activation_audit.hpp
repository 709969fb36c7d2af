// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_ACTIVATION_AUDIT_HPP
#define QFA_AUDIT_ACTIVATION_AUDIT_HPP

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/activation_file.hpp"
#include "qfa/audit/conclude.hpp"
#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/activations.hpp"

namespace qfa {

/// A compressed model's activations on the reference's tokens, as some runtime dumped them.
struct dumped_activations {
  std::string name;
  std::filesystem::path path;
};

/// The same audit on activations that were dumped elsewhere: features without losses.
///
/// Files hold one row per token, the tokens of `settings.context` consecutive rows being one text; a short last text is
/// dropped.  `settings` is what `settle` made.  Throws where files differ in tokens or width, do not fit the SAE, or
/// where a name is empty or taken ("reference" is).
inline audit_result audit_activations(sae dictionary, const std::filesystem::path& reference,
                                      std::span<const dumped_activations> compressed, const audit_settings& settings,
                                      const audit_options& options = {}, audit_protocol made = {},
                                      const progress& told = {}) {
  std::vector<std::string> names{"reference"};
  for (const dumped_activations& one : compressed) {
    check_condition_name(one.name, names);
    names.push_back(one.name);
  }
  const activation_file from(reference);
  const auto check = [&](const activation_file& file) {
    if (file.width() != dictionary.d_in)
      fail(file.where() + " holds activations " + std::to_string(file.width()) + " wide, but the SAE takes " +
           std::to_string(dictionary.d_in));
    if (file.tokens() != from.tokens())
      fail(file.where() + " holds " + std::to_string(file.tokens()) + " tokens, but the reference's " + from.where() +
           " holds " + std::to_string(from.tokens()) + ": they must be the same ones");
  };
  check(from);
  std::vector<activation_file> files;
  for (const dumped_activations& one : compressed)
    check(files.emplace_back(one.path));

  const std::size_t most = options.max_tokens == 0 ? from.tokens() : (std::min)(options.max_tokens, from.tokens());
  const token_layout layout{most / settings.context, settings.context, settings.skip_positions};
  if (layout.rows == 0)
    fail(from.where() + " holds " + std::to_string(from.tokens()) + " tokens, fewer than one context of " +
         std::to_string(settings.context));
  feature_audit audit(std::move(dictionary), layout, options.paired, options.spill_budget);
  activations x;
  const auto each_block = [&](const activation_file& file, const std::string& stage, auto take) {
    for (std::size_t b = 0; b < layout.blocks(); ++b) {
      report_progress(told, stage, b, layout.blocks());
      x.resize((layout.last_row(b) - layout.first_row(b)) * layout.row_tokens, file.width());
      file.read(layout.first_row(b) * layout.row_tokens, x.view());
      take(matrix_view<const float>(x.view()));
    }
  };

  audit_result out;
  each_block(from, "reference", [&](matrix_view<const float> block) { audit.add_reference(block); });
  out.conditions.push_back(conclude("reference", audit.end_reference(options.allow_bad_sae), audit.dictionary(), true));
  for (std::size_t i = 0; i < files.size(); ++i) {
    compressed_side side(audit);
    each_block(files[i], compressed[i].name, [&](matrix_view<const float> block) { side.add(block); });
    out.conditions.push_back(conclude(compressed[i].name, std::move(side).findings(), audit.dictionary(), false));
  }

  made.source = "activations";
  made.dropped_tokens = most - layout.rows * layout.row_tokens;
  describe_audit(out, std::move(made), audit, settings);
  compare_conditions(out);
  return out;
}

}  // namespace qfa

#endif
