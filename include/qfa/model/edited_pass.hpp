// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_EDITED_PASS_HPP
#define QFA_MODEL_EDITED_PASS_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/forward_options.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// Changes what passes at a hook, in place: (tokens, hook_width), token t of row r at r context + t.  The model goes on
/// with what it leaves.  A lambda will do.
template <class Edit>
concept hook_edit = std::invocable<Edit&, matrix_view<float>>;

/// One model's pass over rows of tokens, and any number of passes that part from it at a hook, where an edit changes
/// what passes: what comes before the hook's layer is computed once.
///
///   edited_pass pass(model, rows, {.layer = 2});                       // behind block 2
///   const activations steered = pass([&](matrix_view<float> h) { for each token  h.row(t) += v; });
///
/// Bits are those of whole passes with the same edit (model/forward_options.hpp).  Keeps a reference to the model and a
/// view of the rows.  Memory: two residuals of all rows beside a pass's own, so pass a few thousand tokens at a time.
class edited_pass {
 public:
  /// Runs the pass to its end.  Throws for a model whose texts come through caches, call by call, and as `check_pass`
  /// does (model/forward_options.hpp).
  edited_pass(const any_decoder& model, matrix_view<const std::uint32_t> rows, const hook_point& at)
      : model_(&model), rows_(rows), at_(at) {
    require(model.cache().plan.is_none(),
            "what passes at a hook can be edited where texts come in one call: expected a model without caches");
    forward_options asked{.hooks = {at_}, .final_hidden = true};
    const hook_point before{at_.layer, hook_kind::resid_pre};
    if (!residual()) asked.hooks.push_back(before);
    final_hidden_ = model.forward(
        rows_, asked, [&](std::size_t i, matrix_view<float> x) { copy_rows(x, i == 0 ? at_hook_ : before_); },
        scratch_);
  }

  const hook_point& at() const noexcept { return at_; }
  /// What passed, (tokens, hook_width), and what the unembedding reads, (tokens, hidden); both without an edit.
  matrix_view<const float> at_hook() const noexcept { return at_hook_.view(); }
  matrix_view<const float> final_hidden() const noexcept { return final_hidden_.view(); }

  /// The final hidden states (tokens, hidden) of a pass in which `edit` has changed what passes at the hook.
  template <hook_edit Edit>
  activations operator()(Edit&& edit) {
    if (!residual())
      return model_->forward(
          rows_, {.hooks = {at_}, .final_hidden = true, .from = pass_start{at_.layer, view_of(before_)}},
          [&](std::size_t, matrix_view<float> x) { edit(x); }, scratch_);
    copy_rows(at_hook(), edited_);
    edit(edited_.view());
    const std::size_t layer = at_.kind == hook_kind::resid_pre ? at_.layer : at_.layer + 1;
    return model_->forward(rows_, {.hooks = {}, .final_hidden = true, .from = pass_start{layer, view_of(edited_)}},
                           no_visitor{}, scratch_);
  }

 private:
  /// Whether what passes at the hook is all that a layer gets: then the edited pass begins there.
  bool residual() const noexcept { return at_.kind == hook_kind::resid_pre || at_.kind == hook_kind::resid_post; }
  static matrix_view<const float> view_of(const activations& x) noexcept { return x.view(); }

  const any_decoder* model_;
  matrix_view<const std::uint32_t> rows_;
  hook_point at_;
  forward_scratch scratch_;
  activations at_hook_, before_, edited_, final_hidden_;
};

}  // namespace qfa

#endif
