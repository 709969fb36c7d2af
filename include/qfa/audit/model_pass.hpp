// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_MODEL_PASS_HPP
#define QFA_AUDIT_MODEL_PASS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/activation_edit.hpp"
#include "qfa/audit/layout.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa {

/// How tokens are cut for an audit of this model.  Throws where BOS is to be prepended and the model names none.
inline token_options tokens_for(const audit_settings& settings, const model_config& config, std::size_t max_tokens) {
  token_options out{.context = settings.context, .max_tokens = max_tokens, .vocabulary = config.vocabulary};
  if (settings.prepend_bos) {
    require(config.bos.has_value(),
            "every row should begin with BOS, but the model names none: no bos_token_id in config.json, no "
            "tokenizer.ggml.bos_token_id in GGUF "
            "(--no-prepend-bos leaves rows as they are)");
    out.prepend_bos = config.bos;
  }
  return out;
}

/// Runs a model over a layout's run of rows of tokens, block by block from `first_block` on (audit/layout.hpp), and
/// shows `on_block(block, tokens, at_hook, final_hidden)`: the block's tokens, and both states for every position of
/// its rows.  Not `to_the_end`: passes end with the hook, and there is no final state.  `edits` change what passes, in
/// the order of computation and before the hook is read; none may lie behind the hook of a pass that ends there.
/// Throws where one does, and where the layout is not of `tokens`.
template <class OnBlock>
void run_over(const any_decoder& model, const token_rows& tokens, const token_layout& layout, const hook_point& hook,
              std::string_view stage, const progress& told, OnBlock on_block, std::size_t first_block = 0,
              bool to_the_end = true, std::span<const activation_edit> edits = {}) {
  require(layout.rows == tokens.rows() && layout.row_tokens == tokens.context,
          "a model runs over rows as their layout has them");
  forward_options options{.hooks = {}, .final_hidden = to_the_end};
  for (const activation_edit& edit : edits) {
    require(to_the_end || edit.at <= hook, "an edit behind the hook changes nothing in a pass that ends there");
    options.hooks.push_back(edit.at);
  }
  options.hooks.push_back(hook);
  forward_scratch scratch;
  activations at_hook;
  for (std::size_t b = first_block; b < layout.blocks(); ++b) {
    report_progress(told, stage, b, layout.blocks());
    const auto rows = tokens.view().rows_between(layout.first_row(b), layout.last_row(b));
    const activations hidden = model.forward(
        rows, options,
        [&](std::size_t i, matrix_view<float> x) {
          if (i < edits.size()) return edits[i].change(layout.first_row(b), x);
          copy_rows(x, at_hook);
        },
        scratch);
    on_block(b, rows, matrix_view<const float>(at_hook.view()), hidden.view());
  }
  report_progress(told, stage, layout.blocks(), layout.blocks());
}

/// The same over all rows.
template <class OnBlock>
void run_over(const any_decoder& model, const token_rows& tokens, const hook_point& hook, std::string_view stage,
              const progress& told, OnBlock on_block) {
  run_over(model, tokens, {.rows = tokens.rows(), .row_tokens = tokens.context}, hook, stage, told, on_block);
}

/// Mean next-token loss of a model over rows of tokens, in nats: the sums of its rows, added in their order.  Processes
/// that share an audit share these rows, and all get the mean of all.
inline double mean_loss(const any_decoder& model, const token_rows& tokens, std::string_view stage = "loss",
                        const progress& told = {}, const audit_share& share = {}) {
  const token_layout layout = share_of({.rows = tokens.rows(), .row_tokens = tokens.context}, share);
  pass_record record(std::string(stage), layout, 0);
  for (std::size_t b = 0; b < layout.blocks(); ++b) {
    report_progress(told, stage, b, layout.blocks());
    const auto rows = tokens.view().rows_between(layout.first_row(b), layout.last_row(b));
    std::vector<double> nll(rows.rows() * (tokens.context - 1));
    score_tokens(model, model.final_hidden(rows).view(), rows, nll);
    std::vector<token_comparison> scores;
    for (const double loss : nll)
      scores.push_back({.compressed_nll = loss});
    record.add_losses(layout.first_row(b), scores, tokens.context - 1);
  }
  report_progress(told, stage, layout.blocks(), layout.blocks());
  if (share.complete) share.complete(record);
  loss_sum all;
  for (const comparison_sum& row : record.losses)
    all += row.compressed;
  return all.mean();
}

/// The first `count` rows, or those from `first` on.
inline token_rows rows_of(const token_rows& tokens, std::size_t first, std::size_t count) {
  token_rows out{.context = tokens.context};
  const auto at = tokens.ids.begin() + static_cast<std::ptrdiff_t>(first * tokens.context);
  out.ids.assign(at, at + static_cast<std::ptrdiff_t>(count * tokens.context));
  if (tokens.documents.empty()) return out;
  const auto documents = tokens.documents.begin() + static_cast<std::ptrdiff_t>(first);
  out.documents.assign(documents, documents + static_cast<std::ptrdiff_t>(count));
  return out;
}

/// How many rows of `some` are rows of `others` too, token for token.
inline std::size_t rows_in_common(const token_rows& some, const token_rows& others) {
  std::set<std::vector<std::uint32_t>> known;
  for (std::size_t r = 0; r < some.rows(); ++r)
    known.emplace(some.view().row(r).begin(), some.view().row(r).end());
  std::set<std::vector<std::uint32_t>> common;
  for (std::size_t r = 0; r < others.rows(); ++r) {
    std::vector<std::uint32_t> row(others.view().row(r).begin(), others.view().row(r).end());
    if (known.contains(row)) common.insert(std::move(row));
  }
  std::size_t count = 0;
  for (std::size_t r = 0; r < some.rows(); ++r)
    count += common.contains({some.view().row(r).begin(), some.view().row(r).end()});
  return count;
}

/// What to say where policies learned from rows that are also reported.
inline std::optional<std::string> reported_rows_warning(const token_rows& calibration, const token_rows& reported) {
  const std::size_t both = rows_in_common(calibration, reported);
  if (both == 0) return std::nullopt;
  return std::to_string(both) + " of the " + std::to_string(calibration.rows()) +
         " rows that policies learned from are reported too, where they look better than they are";
}

/// Whether a row lacks the BOS that the model names.  Where none does, nothing is to be said of BOS, whatever the
/// model's tokenizer puts before texts, and it need not be read.
inline bool rows_lack_bos(const token_rows& tokens, const model_config& config) {
  if (!config.bos) return false;
  for (std::size_t r = 0; r < tokens.rows(); ++r)
    if (tokens.view().row(r).front() != *config.bos) return true;
  return false;
}

/// What to say where a model's tokenizer begins every text with BOS and the rows have none: its loss on the first
/// eight rows as they are, and with BOS before each.  A model out of its regime makes perplexity meaningless.
/// Nothing where rows begin with BOS.
inline std::optional<std::string> missing_bos_warning(const any_decoder& model, const token_rows& tokens,
                                                      bool expects_bos) {
  const token_rows as_is = rows_of(tokens, 0, (std::min<std::size_t>)(8, tokens.rows()));
  if (!expects_bos || !rows_lack_bos(as_is, model.config())) return std::nullopt;
  const std::uint32_t bos = *model.config().bos;
  token_rows with_bos{.context = tokens.context};
  for (std::size_t r = 0; r < as_is.rows(); ++r) {
    const auto row = as_is.view().row(r);
    const bool begins = row.front() == bos;
    if (!begins) with_bos.ids.push_back(bos);
    with_bos.ids.insert(with_bos.ids.end(), row.begin(), row.end() - (begins ? 0 : 1));
  }
  return "the model's tokenizer begins texts with BOS and these rows do not: loss " +
         std::to_string(mean_loss(model, as_is)) + " nats on the first rows as they are, " +
         std::to_string(mean_loss(model, with_bos)) + " with BOS (--prepend-bos)";
}

}  // namespace qfa

#endif
