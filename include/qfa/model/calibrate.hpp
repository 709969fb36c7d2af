// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_CALIBRATE_HPP
#define QFA_MODEL_CALIBRATE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compress/calibration.hpp"
#include "qfa/compress/linear_input.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/input_visitor.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/logical_tensors.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa {

/// Bytes of statistics that a calibrator holds at a time.
inline constexpr std::size_t default_calibration_budget = std::size_t{2} << 30;

/// The largest |w| of each input channel, over all matrices of the model that read `input`, whatever a policy is
/// applied to.
inline std::vector<float> column_peaks(const language_model& model, const linear_input& input) {
  std::vector<float> peaks(input_width(model.config, input.kind), 0.0f);
  for (const logical_tensor& tensor : logical_tensors(model.config)) {
    if (tensor.input != input) continue;
    const matrix_view<const float> w = tensor.of(model.at(tensor.slice.weight).data());
    for (std::size_t r = 0; r < w.rows(); ++r) {
      const auto row = w.row(r);
      for (std::size_t c = 0; c < row.size(); ++c)
        peaks[c] = (std::max)(peaks[c], std::abs(row[c]));
    }
  }
  return peaks;
}

/// What calibrated policies are told of a model's inputs, from passes of the model as it is over calibration rows.
///
/// Gram matrices of all layers would not fit into memory: each pass gathers the next inputs, as many as fit into the
/// budget and at least one, and forgets those before.  Inputs may be asked for in any order; in ascending order each is
/// gathered once.  Nothing depends on the budget, on the threads, or on how rows are cut into passes: sums run over the
/// tokens in their order.
class calibrator {
 public:
  /// `wanted` lists the inputs that will be asked for.  `like` may share its packed weights with the passes.  Throws
  /// where there are no rows.
  calibrator(const language_model& model, token_rows rows, calibration_needs needs, std::vector<linear_input> wanted,
             std::size_t budget = default_calibration_budget, const any_decoder* like = nullptr, progress told = {})
      : model_(model),
        decoder_(like == nullptr ? any_decoder(model) : any_decoder(model, *like)),
        rows_(std::move(rows)),
        needs_(needs),
        wanted_(std::move(wanted)),
        budget_(budget),
        told_(std::move(told)) {
    require(rows_.rows() > 0, "calibration needs at least one row of tokens");
    std::ranges::sort(wanted_);
    wanted_.erase(std::unique(wanted_.begin(), wanted_.end()), wanted_.end());
    for (const linear_input& input : wanted_)
      if (input.layer >= model.config.layers)
        fail(name_of(input) + " cannot be calibrated: the model has " + std::to_string(model.config.layers) +
             " layers");
  }

  /// What is known of `input`, good until the next is asked for.  Throws where it was not among those wanted.
  const calibration& operator()(const linear_input& input) {
    const auto place = std::ranges::lower_bound(wanted_, input);
    if (place == wanted_.end() || *place != input) fail("calibration was not prepared for " + name_of(input));
    if (!gathered_.contains(input)) gather(static_cast<std::size_t>(place - wanted_.begin()));
    return gathered_.at(input);
  }

  /// How many times the rows have passed through the model so far.
  std::size_t passes() const noexcept { return passes_; }

 private:
  std::size_t bytes_of(const linear_input& input) const noexcept {
    const std::size_t width = input_width(model_.config, input.kind);
    return width * (2 * sizeof(double) + 2 * sizeof(float)) + (needs_.gram ? width * width * sizeof(double) : 0);
  }

  /// Gathers wanted_[first] and what fits behind it.
  void gather(std::size_t first) {
    gathered_.clear();
    std::map<linear_input, calibration> next;
    std::size_t bytes = 0;
    std::size_t last = first;
    do {
      const linear_input& input = wanted_[last];
      bytes += bytes_of(input);
      next.emplace(input, calibration{input_statistics(input_width(model_.config, input.kind), needs_.gram),
                                      column_peaks(model_, input)});
    } while (++last < wanted_.size() && bytes + bytes_of(wanted_[last]) <= budget_);

    any_decoder watched = decoder_;  // shares the packed weights
    watched.visit_inputs([&](const linear_input& input, matrix_view<float> x, std::size_t) {
      if (const auto found = next.find(input); found != next.end()) found->second.inputs(x);
    });
    const hook_point end{wanted_[last - 1].layer, first_reader(wanted_[last - 1].kind)};
    constexpr std::size_t tokens_at_once = 4096;  // as audits have it: enough for the matrix products, little memory
    const std::size_t at_once = (std::max<std::size_t>)(1, tokens_at_once / rows_.context);
    forward_scratch scratch;
    for (std::size_t r = 0; r < rows_.rows(); r += at_once) {
      report_progress(told_, "calibrate", r, rows_.rows());
      watched.forward(rows_.view().rows_between(r, (std::min)(rows_.rows(), r + at_once)), {.hooks = {end}},
                      no_visitor{}, scratch);
    }
    report_progress(told_, "calibrate", rows_.rows(), rows_.rows());
    gathered_ = std::move(next);
    ++passes_;
  }

  language_model model_;
  any_decoder decoder_;
  token_rows rows_;
  calibration_needs needs_;
  std::vector<linear_input> wanted_;
  std::size_t budget_;
  progress told_;
  std::map<linear_input, calibration> gathered_;
  std::size_t passes_ = 0;
};

}  // namespace qfa

#endif
