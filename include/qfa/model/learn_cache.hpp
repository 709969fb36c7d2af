// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_LEARN_CACHE_HPP
#define QFA_MODEL_LEARN_CACHE_HPP

#include <algorithm>
#include <cstddef>
#include <vector>

#include "qfa/cache/plan.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/model/kv_cache.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa {

/// A plan whose policies have seen the keys and values of calibration rows, in passes of the model with nothing
/// quantized in its caches: layer by layer, so that memory holds one layer's.  A plan that learns nothing comes back as
/// it was.  Throws where policies would learn and there are no rows.
inline cache_plan learn_cache(cache_plan plan, any_decoder model, const token_rows& rows, const progress& told = {}) {
  check_layers(plan, model.config().layers);
  if (!plan.learns()) return plan;
  if (rows.rows() == 0) fail("the cache " + plan.name() + " needs calibration tokens, and none were given");
  model.use_cache({});
  constexpr std::size_t tokens_at_once = 4096;
  const std::size_t at_once = (std::max<std::size_t>)(1, tokens_at_once / rows.context);
  forward_scratch scratch;
  for (std::size_t l = 0; l < plan.layers(); ++l) {
    report_progress(told, "cache", l, plan.layers());
    if (!plan[l].learns()) continue;
    const hook_kind keys_at = plan[l].point() == cache_point::before_rope ? hook_kind::k : hook_kind::rot_k;
    std::vector<float> keys, values;
    for (std::size_t r = 0; r < rows.rows(); r += at_once)
      model.forward(
          rows.view().rows_between(r, (std::min)(rows.rows(), r + at_once)),
          {.hooks = {{l, keys_at}, {l, hook_kind::v}}},
          [&](std::size_t i, matrix_view<float> x) {
            std::vector<float>& to = i == 0 ? keys : values;
            to.insert(to.end(), x.data(), x.data() + x.size());
          },
          scratch);
    cache_info info = cache_shape(model.config());
    info.layer = l;
    const std::size_t tokens = keys.size() / info.width();
    plan[l].learn(matrix_view<const float>(keys.data(), tokens, info.width()),
                  matrix_view<const float>(values.data(), tokens, info.width()), info);
  }
  report_progress(told, "cache", plan.layers(), plan.layers());
  return plan;
}

}  // namespace qfa

#endif
