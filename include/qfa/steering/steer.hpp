// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_STEER_HPP
#define QFA_STEERING_STEER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/edited_pass.hpp"
#include "qfa/model/hooks.hpp"
#include "qfa/steering/steering_sample.hpp"
#include "qfa/steering/steering_sums.hpp"
#include "qfa/steering/steering_vectors.hpp"

namespace qfa {

/// Doses of a vector, in units of what its feature adds when it fires.
inline const std::vector<double> steering_doses{0.25, 0.5, 1.0, 2.0, 4.0};

/// Where models are steered: at a hook, on rows of tokens, at all positions but the first of each row.
struct steering_site {
  hook_point hook{};
  std::size_t skip_positions = 0;  ///< of each row, which are neither steered nor measured
};

/// Sums of one condition for every vector, dose and group of rows.
struct steering_record {
  std::size_t vectors = 0, doses = 0, groups = 0;
  std::vector<steering_sums> sums;  // (vectors, doses, groups)

  steering_sums& at(std::size_t vector, std::size_t dose, std::size_t group) {
    return sums[(vector * doses + dose) * groups + group];
  }
  /// Of all groups but one, in their order; of all where there is no group of that number.
  steering_sums without(std::size_t vector, std::size_t dose, std::size_t left_out) const {
    steering_sums out;
    for (std::size_t g = 0; g < groups; ++g)
      if (g != left_out) out += sums[(vector * doses + dose) * groups + g];
    return out;
  }
  /// The same of the even groups (half 0) or of the odd ones.
  steering_sums half_without(std::size_t vector, std::size_t dose, std::size_t half, std::size_t left_out) const {
    steering_sums out;
    for (std::size_t g = half; g < groups; g += 2)
      if (g != left_out) out += sums[(vector * doses + dose) * groups + g];
    return out;
  }
  /// Groups in which the vector was added to a token.  Rows are few, and an audit's groups may have none among them:
  /// such a group moves nothing, and is none of a jackknife's.
  std::vector<std::size_t> filled_groups(std::size_t vector) const {
    std::vector<std::size_t> out;
    for (std::size_t g = 0; doses > 0 && g < groups; ++g)
      if (sums[vector * doses * groups + g].tokens > 0) out.push_back(g);
    return out;
  }
  /// The same over fewer groups: those of group g are added to the one at `places[g]`, in their order.  Throws without
  /// groups, and where there is not one place for each.
  steering_record joined(std::span<const std::uint32_t> places) const {
    require(places.size() == groups && groups > 0,
            "a record of steering is joined with a place for each of its groups");
    steering_record out{vectors, doses, std::size_t{places.back()} + 1, {}};
    out.sums.resize(vectors * doses * out.groups);
    for (std::size_t i = 0; i < vectors * doses; ++i)
      for (std::size_t g = 0; g < groups; ++g)
        out.sums[i * out.groups + places[g]] += sums[i * groups + g];
    return out;
  }
  bool operator==(const steering_record&) const = default;
};

namespace detail {

/// Logits of a block of tokens, of which no more than about four million are held.
inline std::size_t steered_rows_per_block(const model_config& config, std::size_t row_tokens) {
  constexpr std::size_t most_logits = std::size_t{1} << 22, most_tokens = 4096;
  const std::size_t tokens = (std::min)(most_tokens, most_logits / config.vocabulary);
  return (std::max<std::size_t>)(1, tokens / row_tokens);
}

/// One model's pass over a block with its logits, and what edits make of these.
class steered_block {
 public:
  steered_block(const any_decoder& model, matrix_view<const std::uint32_t> rows, const hook_point& hook)
      : model_(&model), pass_(model, rows, hook) {
    base_.resize(rows.size(), model.config().vocabulary);
    model.unembed(pass_.final_hidden(), base_.view());
    moved_.resize(base_.tokens, base_.width);
  }

  /// Logits less those of the pass without an edit, (tokens, vocabulary); good until the next call.
  matrix_view<const float> changes(const add_vector& edit) {
    model_->unembed(pass_(edit).view(), moved_.view());
    for_each_token(moved_.tokens, [&](std::size_t t) {
      const auto base = base_.view().row(t);
      const auto moved = moved_.view().row(t);
      for (std::size_t i = 0; i < moved.size(); ++i)
        moved[i] -= base[i];
    });
    return {moved_.values.data(), moved_.tokens, moved_.width};
  }

 private:
  const any_decoder* model_;
  edited_pass pass_;
  activations base_, moved_;
};

}  // namespace detail

/// Steers both models by every vector at every dose, on the same tokens, and adds up how alike their logits change.
/// Bits depend neither on threads nor on where blocks are cut.  Throws where the vectors are not as wide as what passes
/// at the hook, and as edited_pass does.
inline steering_record steer(const any_decoder& reference, const any_decoder& compressed, const sampled_rows& where,
                             const steering_site& site, std::span<const steering_vector> vectors,
                             std::span<const double> doses, std::string_view stage = "steer",
                             const progress& told = {}) {
  const std::size_t context = where.tokens.context, rows = where.tokens.rows();
  require(where.group_of_row.size() == rows, "steered rows need a group each");
  require(site.skip_positions < context, "rows need a position behind those that are skipped");
  steering_record out{vectors.size(), doses.size(), where.groups, {}};
  out.sums.resize(out.vectors * out.doses * out.groups);
  const std::size_t step = detail::steered_rows_per_block(reference.config(), context);
  const std::size_t passes = (rows + step - 1) / step * out.vectors;
  for (std::size_t first = 0, done = 0; first < rows; first += step) {
    const auto block = where.tokens.view().rows_between(first, (std::min)(rows, first + step));
    detail::steered_block ours(reference, block, site.hook), theirs(compressed, block, site.hook);
    std::vector<steering_sums> seen(block.size());
    for (std::size_t v = 0; v < out.vectors; ++v) {
      report_progress(told, stage, done++, passes);
      for (std::size_t d = 0; d < out.doses; ++d) {
        const add_vector edit{vectors[v].values, doses[d], context, site.skip_positions};
        const matrix_view<const float> a = ours.changes(edit), b = theirs.changes(edit);
        detail::for_each_token(seen.size(), [&](std::size_t t) {
          seen[t] = {};
          if (t % context >= site.skip_positions) seen[t](a.row(t), b.row(t), vectors[v].target);
        });
        for (std::size_t t = 0; t < seen.size(); ++t)
          out.at(v, d, where.group_of_row[first + t / context]) += seen[t];
      }
    }
  }
  report_progress(told, stage, passes, passes);
  return out;
}

/// The tokens whose logits each vector raises most at dose 1, in the reference's mean over the rows; of equals the
/// lowest.  The rows should be others than those on which shifts are measured, and no more than a block of them: a
/// token that is chosen where it is measured looks better there than it is.  Throws without rows.
inline void choose_targets(std::vector<steering_vector>& vectors, const any_decoder& reference, const sampled_rows& on,
                           const steering_site& site, const progress& told = {}) {
  const std::size_t context = on.tokens.context;
  require(on.tokens.rows() > 0, "targets of steering are chosen on at least one row");
  detail::steered_block block(reference, on.tokens.view(), site.hook);
  std::vector<double> raised(reference.config().vocabulary);
  for (std::size_t v = 0; v < vectors.size(); ++v) {
    report_progress(told, "targets", v, vectors.size());
    const matrix_view<const float> moved = block.changes({vectors[v].values, 1.0, context, site.skip_positions});
    constexpr std::size_t some = 256;  // ids, whose sums one thread adds up, token after token
    parallel_for((raised.size() + some - 1) / some, [&](std::size_t b) {
      const std::size_t end = (std::min)(raised.size(), (b + 1) * some);
      for (std::size_t i = b * some; i < end; ++i)
        raised[i] = 0.0;
      for (std::size_t t = 0; t < moved.rows(); ++t) {
        if (t % context < site.skip_positions) continue;
        for (std::size_t i = b * some; i < end; ++i)
          raised[i] += static_cast<double>(moved(t, i));  // its token's mean is the same for all
      }
    });
    vectors[v].target = static_cast<std::size_t>(std::ranges::max_element(raised) - raised.begin());
  }
  report_progress(told, "targets", vectors.size(), vectors.size());
}

}  // namespace qfa

#endif
