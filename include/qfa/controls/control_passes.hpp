// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_CONTROL_PASSES_HPP
#define QFA_CONTROLS_CONTROL_PASSES_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/model_passes.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// Passes over an audit's rows of which nothing is kept but what `seen` makes of their records: compressions, and
/// controls of them, each a condition of its own that goes through checkpoints and processes as an audit's do.
class control_passes {
 public:
  using on_record = std::function<void(const pass_record&)>;

  /// Runs the reference.  `options` are those of the audit that is controlled, with a checkpoint of their own.
  control_passes(language_model model, sae dictionary, token_rows tokens, const audit_settings& settings,
                 const audit_options& options, progress told)
      : passes_(std::move(model), std::move(dictionary), std::move(tokens), settings, of_records(options),
                std::move(told)) {
    const feature_table& table = passes_.run_reference().table;
    if (options.share.concludes) counted_ = counted_features(table, honest);
  }

  audited_model& model() noexcept { return passes_.model(); }
  const audited_model& model() const noexcept { return passes_.model(); }
  const feature_audit& features() const noexcept { return passes_.features(); }
  const token_rows& tokens() const noexcept { return passes_.tokens(); }
  /// counted_features of the reference by the honest protocol; empty in a process that makes no report.
  const std::vector<std::uint32_t>& counted() const noexcept { return counted_; }
  const pass_record& reference() const noexcept { return features().reference(); }

  /// Runs what `compress` makes under a name of its own, and shows its record, once it is whole; but what fired, in the
  /// process that makes the report alone.  Records come in the order of their passes, and some may wait for `settle`.
  template <std::invocable Compress>
  void run(const std::string& name, Compress compress, on_record seen, pass_options how = {.losses = false}) {
    how.shift = false;
    if (const std::optional<pass_record> record = passes_.finished()) {
      passes_.check_expected(*record, name);
      seen(*record);
      return;
    }
    waiting_.push_back(std::move(seen));
    if (passes_.run(std::move(compress), features().begin(name), how)) settle();
  }

  /// Shows the records that still wait.  All processes call it at the same place.
  void settle() {
    passes_.settle([&](const pass_record& record) {
      waiting_.front()(record);
      waiting_.pop_front();
    });
  }

 private:
  /// Nobody asks what features mean here, or which tokens are hurt; nor, in `run`, how far activations moved.
  static audit_options of_records(audit_options options) {
    options.meaning = false;
    options.families = false;  // (found of all rows at the end, by `facts_on`)
    options.token_damage = false;
    return options;
  }

  model_passes passes_;
  std::vector<std::uint32_t> counted_;
  std::deque<on_record> waiting_;
};

}  // namespace qfa

#endif
