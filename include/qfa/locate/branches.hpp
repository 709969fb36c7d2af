// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_BRANCHES_HPP
#define QFA_LOCATE_BRANCHES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/layout.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/forward_options.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa {

/// A pass that leaves another one's: the pass of `model` that goes on at `layer` from the residual that the pass of
/// trunk number `trunk` had there.
struct branch {
  const any_decoder* model = nullptr;
  std::size_t trunk = 0;
  /// As first_difference tells it: nothing is a pass from the embedding on, and beyond the number of layers there is
  /// none, the trunk's own numbers being the branch's.
  std::optional<std::size_t> layer{};
  bool hook = true;  ///< what passes at the hook is asked for
  bool end = false;  ///< so are the final hidden states
};

/// Whether a branch passes the hook with the trunk's own numbers, since it leaves the trunk behind it.
inline bool leaves_behind(const branch& b, const hook_point& hook) noexcept {
  if (!b.layer) return false;
  return hook.kind == hook_kind::resid_pre ? *b.layer >= hook.layer : *b.layer > hook.layer;
}

/// What a pass gave for a block of rows: (tokens, width) each, good until the call returns.  Empty where it was not
/// asked for; at_hook is empty, too, of a branch that leaves its trunk behind the hook.
struct block_states {
  matrix_view<const float> at_hook{};
  matrix_view<const float> final_hidden{};
};

/// Runs trunks over a layout's rows, block by block, and from each block's residuals all of their branches, so that
/// what passes have in common is computed once.  Shows on_trunk(block, tokens, trunk, states) for every trunk of a
/// block, in order, then on_branch(block, tokens, branch, states) for every branch, and after_block(block).  Trunks are
/// run to their end where `to_the_end`, or where a branch needs it.  A run that was interrupted goes on at
/// `first_block`.
///
/// The bits are those of whole passes (model/forward_options.hpp).  Memory: one block's residual for every layer at
/// which branches leave, of every trunk.  Throws without trunks, for a branch of one that is not there, and where the
/// layout is not of `tokens`.
template <class OnTrunk, class OnBranch, class AfterBlock = void (*)(std::size_t)>
void run_branches(
    std::span<const any_decoder* const> trunks, std::span<const branch> branches, const token_rows& tokens,
    const token_layout& layout, const hook_point& hook, bool to_the_end, std::string_view stage, const progress& told,
    OnTrunk on_trunk, OnBranch on_branch, std::size_t first_block = 0, AfterBlock after_block = [](std::size_t) {}) {
  require(!trunks.empty() && layout.rows == tokens.rows() && layout.row_tokens == tokens.context,
          "branches need a trunk, and rows as their layout has them");
  const std::size_t layers = trunks.front()->config().layers;
  // Where branches leave each trunk, in order: resid_pre of a layer is what the layer gets.
  std::vector<std::vector<std::size_t>> leaves(trunks.size());
  std::vector<bool> ends(trunks.size(), to_the_end);
  for (const branch& b : branches) {
    require(b.trunk < trunks.size(), "a branch leaves a trunk that there is not");
    ends[b.trunk] = ends[b.trunk] || (b.end && b.layer && *b.layer > layers);
    const bool runs = !b.layer || (*b.layer <= layers && (b.end || (b.hook && !leaves_behind(b, hook))));
    if (runs && b.layer) leaves[b.trunk].push_back(*b.layer);
  }
  for (auto& list : leaves) {
    std::ranges::sort(list);
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }

  forward_scratch scratch;
  std::vector<std::vector<activations>> residuals(trunks.size());
  std::vector<activations> finals(trunks.size());
  activations at_hook;
  for (std::size_t b = first_block; b < layout.blocks(); ++b) {
    report_progress(told, stage, b, layout.blocks());
    const auto rows = tokens.view().rows_between(layout.first_row(b), layout.last_row(b));
    for (std::size_t t = 0; t < trunks.size(); ++t) {
      forward_options asked{.hooks = {hook}, .final_hidden = ends[t]};
      for (const std::size_t layer : leaves[t])
        asked.hooks.push_back(layer < layers ? hook_point{layer, hook_kind::resid_pre}
                                             : hook_point{layers - 1, hook_kind::resid_post});
      residuals[t].resize(leaves[t].size());
      finals[t] = trunks[t]->forward(
          rows, asked,
          [&](std::size_t i, matrix_view<float> x) { copy_rows(x, i == 0 ? at_hook : residuals[t][i - 1]); }, scratch);
      on_trunk(b, rows, t, block_states{std::as_const(at_hook).view(), std::as_const(finals[t]).view()});
    }
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const branch& branch = branches[i];
      const bool seen = branch.hook && !leaves_behind(branch, hook);
      if (branch.layer && *branch.layer > layers) {
        on_branch(
            b, rows, i,
            block_states{{}, branch.end ? std::as_const(finals[branch.trunk]).view() : matrix_view<const float>{}});
        continue;
      }
      activations hidden;
      if (seen || branch.end) {
        forward_options asked{.hooks = {}, .final_hidden = branch.end};
        if (seen) asked.hooks.push_back(hook);
        if (branch.layer) {
          const auto& list = leaves[branch.trunk];
          const auto place = static_cast<std::size_t>(std::ranges::lower_bound(list, *branch.layer) - list.begin());
          asked.from = pass_start{*branch.layer, std::as_const(residuals[branch.trunk][place]).view()};
        }
        hidden = branch.model->forward(
            rows, asked, [&](std::size_t, matrix_view<float> x) { copy_rows(x, at_hook); }, scratch);
      }
      on_branch(b, rows, i,
                block_states{seen ? std::as_const(at_hook).view() : matrix_view<const float>{},
                             std::as_const(hidden).view()});
    }
    after_block(b);
  }
  report_progress(told, stage, layout.blocks(), layout.blocks());
}

}  // namespace qfa

#endif
