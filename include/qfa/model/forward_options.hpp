// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_FORWARD_OPTIONS_HPP
#define QFA_MODEL_FORWARD_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/hooks.hpp"

namespace qfa {

/// Where a pass goes on from what an earlier one showed.
struct pass_start {
  /// The first layer to run; the number of layers leaves the last norm alone to be run.
  std::size_t layer = 0;
  /// (tokens, hidden), token t of row r at r context + t: what hook resid_pre of `layer` showed, which is what
  /// resid_post of the layer before it did.  In memory of its own: neither the pass's scratch nor what a hook shows.
  matrix_view<const float> residual{};
};

/// What a forward pass is to give.
struct forward_options {
  std::vector<hook_point> hooks{};  ///< what the visitor is to see
  bool final_hidden = false;        ///< run to the end and return what the unembedding reads
  /// Nothing: from the embedding on.  Else from that layer on, with the bits of the pass that the residual came from,
  /// as far as this model's layers are the same; layers before it cost nothing and show nothing.
  std::optional<pass_start> from{};
};

/// What a hook asks for when nothing is to be looked at.
struct no_visitor {
  void operator()(std::size_t, matrix_view<float>) const noexcept {}
};

/// Refuses a pass that a model of this configuration cannot make: a token beyond its vocabulary, a hook that it has not
/// or that lies before the pass's start, a start beyond its layers or with a residual of another shape.
inline void check_pass(const model_config& config, matrix_view<const std::uint32_t> tokens,
                       const forward_options& options) {
  for (const hook_point& hook : options.hooks)
    if (!exists(config, hook)) fail("this model has no hook " + name_of(hook));
  for (std::size_t r = 0; r < tokens.rows(); ++r)
    for (const std::uint32_t id : tokens.row(r))
      if (id >= config.vocabulary)
        fail("token " + std::to_string(id) + " is beyond the model's vocabulary of " +
             std::to_string(config.vocabulary));
  if (!options.from) return;
  const auto& [layer, residual] = *options.from;
  if (layer > config.layers)
    fail("a pass cannot go on at layer " + std::to_string(layer) + " of a model of " + std::to_string(config.layers) +
         " layers");
  if (residual.rows() != tokens.size() || residual.columns() != config.hidden)
    fail("a pass goes on from one residual for each token: it is " + std::to_string(residual.rows()) + " x " +
         std::to_string(residual.columns()) + ", expected " + std::to_string(tokens.size()) + " x " +
         std::to_string(config.hidden));
  for (const hook_point& hook : options.hooks)
    if (hook.layer < layer)
      fail("hook " + name_of(hook) + " lies before layer " + std::to_string(layer) + ", where the pass goes on");
}

}  // namespace qfa

#endif
