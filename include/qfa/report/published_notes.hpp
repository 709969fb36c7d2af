// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_PUBLISHED_NOTES_HPP
#define QFA_REPORT_PUBLISHED_NOTES_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/report/report_json.hpp"

namespace qfa {

/// What numbers under the published protocol are marked with, wherever they stand.
inline constexpr std::string_view published_tag = "protocol: arXiv 2606.03002";

namespace detail {

inline std::string with_commas(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// Whether a condition's weights are rounded in the published layout; by the names of its policies, the condition's or
/// those that a plan gives to matrices.
inline bool shares_head_scales(const condition_result& c) {
  const auto named = [](const std::string& policy) { return policy.find("per=shared_heads") != std::string::npos; };
  return named(c.policy) || std::ranges::any_of(c.tensors, named, &compressed_tensor::policy);
}

inline std::string bos_warning(const audit_protocol& made) {
  if (made.prepend_bos) return "the paper adds no BOS; here BOS begins every row";
  return made.source == "activations"
             ? "the paper adds no BOS; whether one begins the rows here is not known of dumped activations"
             : "the paper adds no BOS, and here none is added";
}

inline std::string head_scales_warning(const audit_result& a) {
  std::vector<std::string> sharing, unknown;
  std::size_t all = 0;
  for (const condition_result& c : a.conditions) {
    if (c.reference || c.ladder_only) continue;
    ++all;
    const bool elsewhere =
        std::ranges::find(a.made.checkpoints, c.policy, &audited_checkpoint::condition) != a.made.checkpoints.end();
    if (a.made.source == "activations" || elsewhere)
      unknown.push_back(c.policy);
    else if (shares_head_scales(c))
      sharing.push_back(c.policy);
  }
  const std::string paper = "the paper shares scales of q, k and v between heads; here ";
  if (all > 0 && unknown.size() == all) return paper + "that is not known of models compressed elsewhere";
  return paper +
         (sharing.empty()         ? "no policy does"
          : sharing.size() == all ? "every policy does"
                                  : "of the policies only these do: " + with_commas(sharing)) +
         (unknown.empty() ? "" : "; not known of " + with_commas(unknown) + ", compressed elsewhere");
}

inline std::string ceiling_warning(const audit_result& a) {
  const auto at_ceiling = [](const damage_overlap& o) {
    const set_sizes& s = o.not_survived.sizes;
    return s.both > 0 && s.both == (std::min)(s.a, s.b);
  };
  const std::string paper = "the paper's Jaccard index stands at the ceiling of its sets' sizes; here ";
  const std::size_t pairs = a.published_overlaps.size();
  if (pairs == 0) return paper + "no two policies are compared";
  return paper + "it does so for " + std::to_string(std::ranges::count_if(a.published_overlaps, at_ceiling)) + " of " +
         std::to_string(pairs) + (pairs == 1 ? " pair" : " pairs") + ", and two empty sets count as 1, there and here";
}

}  // namespace detail

/// What the protocol of arXiv 2606.03002 does that its numbers hang on, and beside it what this audit did: a sentence
/// each, without its full stop.  Of numbers under that protocol they stand wherever the numbers do, since a reader who
/// meets those alone would take them for more than they are.
inline std::vector<std::string> published_warnings(const audit_result& a) {
  return {
      detail::bos_warning(a.made),
      detail::head_scales_warning(a),
      "predictors are of rank 3, and come from the tokens on which they are judged, there and here: AUC of one alone "
      "is in sample",
      detail::ceiling_warning(a),
      "the paper takes tokens as independent; here intervals leave out whole groups of rows",
      "the paper sets no noise floor beside its numbers; here one stands there only where controls were run",
      "a ladder over bits hangs on the SAE's gate, and the paper's models have different ones; here all numbers come "
      "through one " +
          (a.made.gate.empty() ? std::string(activation_names[static_cast<std::size_t>(a.activation)]) : a.made.gate) +
          " SAE"};
}

/// The same for report.json and the head of features.csv: {"tag": ..., "warnings": [...]}.
inline report_json published_notes_json(const audit_result& a) {
  return {{"tag", published_tag}, {"warnings", published_warnings(a)}};
}

/// The same below the heading of a text.
inline std::string published_notes_text(const std::vector<std::string>& warnings) {
  std::string out = std::string(published_tag) + ", whose numbers hang on what the paper does\n";
  for (const std::string& warning : warnings)
    out += "warning: " + warning + "\n";
  return out;
}

/// What stands below a table of honest and published predictions, whatever its headline is.
inline std::string published_auc_note() {
  return "AUC published and fold sd: " + std::string(published_tag) +
         "; predictors of rank 3, from the tokens on which they are judged\n";
}

}  // namespace qfa

#endif
