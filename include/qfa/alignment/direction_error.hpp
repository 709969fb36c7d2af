// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_DIRECTION_ERROR_HPP
#define QFA_ALIGNMENT_DIRECTION_ERROR_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "qfa/alignment/proxy_reduction.hpp"
#include "qfa/alignment/subspace.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/cached_pass.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/prompt_batches.hpp"

namespace qfa {

/// A direction, or several, that activations at a hook must keep.
struct watched_subspace {
  hook_point hook{};
  subspace axes{};      ///< subspace(contrast_direction) for one direction r
  double weight = 1.0;  ///< what its error counts: 4 / separation^2 gives errors over margins
};

/// E (r^T D)^2, D what a plan's caches do to an activation at the last token of a prompt, E the mean over prompts;
/// summed over what is watched, each times its weight.  0 where nothing is quantized.
///
/// A hook sees what the caches of its own layer and of those before it do: what is watched must reach behind the last
/// layer's attention, or caches of the layers behind it would seem to cost nothing.
class direction_error {
 public:
  /// Runs the prompts through the model without caches, whose activations are the reference.  Prompts must be others
  /// than those that directions were fitted on.  Throws where there are no prompts, or one is empty; where nothing is
  /// watched, or nothing behind the last attention; where axes do not fit their hook, or a weight is negative.
  direction_error(any_decoder model, std::vector<std::vector<std::uint32_t>> prompts,
                  std::vector<watched_subspace> watched, const cache_schedule& schedule = {})
      : model_(std::move(model)), prompts_(std::move(prompts)), watched_(std::move(watched)), schedule_(schedule) {
    require(!prompts_.empty(), "the error along a direction needs at least one prompt");
    for (std::size_t p = 0; p < prompts_.size(); ++p)
      if (prompts_[p].empty()) fail("prompt " + std::to_string(p) + " has no token whose activation could be watched");
    const model_config& config = model_.config();
    bool sees_all = false;
    for (const watched_subspace& w : watched_) {
      if (!exists(config, w.hook)) fail("this model has no hook " + name_of(w.hook));
      if (w.axes.dimension() == 0 || w.axes.channels() != hook_width(config, w.hook))
        fail("what is watched at " + name_of(w.hook) + " must have " + std::to_string(hook_width(config, w.hook)) +
             " channels, not " + std::to_string(w.axes.channels()));
      if (!(w.weight >= 0.0) || !std::isfinite(w.weight))
        fail("the weight of what is watched at " + name_of(w.hook) + " must be a number of at least 0");
      sees_all = sees_all || (w.weight > 0.0 && w.hook >= hook_point{config.layers - 1, hook_kind::z});
    }
    require(sees_all,
            "a direction behind the last layer's attention must be watched, or that layer's cache would "
            "seem to cost nothing");
    model_.use_cache({});
    reference_ = last_activations(model_);
  }

  double operator()(const cache_plan& plan) const {
    if (plan.is_none()) return 0.0;
    any_decoder model = model_;  // shares the packed weights
    model.use_cache(plan, schedule_);
    const std::vector<std::vector<float>> found = last_activations(model);
    double sum = 0.0;
    for (std::size_t i = 0; i < watched_.size(); ++i)
      sum += watched_[i].weight * error_inside(watched_[i].axes, rows_of(reference_[i]), rows_of(found[i]));
    return sum;
  }

 private:
  matrix_view<const float> rows_of(const std::vector<float>& x) const noexcept {
    return {x.data(), prompts_.size(), x.size() / prompts_.size()};
  }

  /// For each thing watched (prompts, channels): the activation at each prompt's last token.
  std::vector<std::vector<float>> last_activations(const any_decoder& model) const {
    forward_options options;
    std::vector<std::vector<float>> out;
    for (const watched_subspace& w : watched_) {
      options.hooks.push_back(w.hook);
      out.emplace_back(prompts_.size() * w.axes.channels());
    }
    forward_scratch scratch;
    for_each_prompt_batch(prompts_, {}, [&](const prompt_batch& batch) {
      model.forward(
          batch.tokens, options,
          [&](std::size_t hook, matrix_view<float> x) {
            for (std::size_t r = 0; r < batch.prompts.size(); ++r)
              std::ranges::copy(x.row((r + 1) * batch.prompt_tokens - 1),
                                out[hook].begin() + static_cast<std::ptrdiff_t>(batch.prompts[r] * x.columns()));
          },
          scratch);
    });
    return out;
  }

  any_decoder model_;
  std::vector<std::vector<std::uint32_t>> prompts_;
  std::vector<watched_subspace> watched_;
  cache_schedule schedule_;
  std::vector<std::vector<float>> reference_;
};

}  // namespace qfa

#endif
