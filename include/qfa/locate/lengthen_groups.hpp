// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_LENGTHEN_GROUPS_HPP
#define QFA_LOCATE_LENGTHEN_GROUPS_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/group_lengthening.hpp"
#include "qfa/audit/layout.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/row_cosines.hpp"
#include "qfa/audit/team_share.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/locate/bench_parts.hpp"
#include "qfa/locate/branches.hpp"
#include "qfa/locate/unit_bench.hpp"
#include "qfa/locate/units.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/compare_models.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/sae/codes.hpp"

namespace qfa {

/// What each row has of a compressed model against the reference: the series that tell how long rows depend on each
/// other.
struct row_series {
  row_cosines cosines{};                 ///< of codes; without tokens where the model does not differ before the hook
  std::vector<comparison_sum> losses{};  ///< (rows); empty where the bench has none

  row_series& operator+=(const row_series& other) {
    cosines += other.cosines;
    add_each(losses, other.losses);
    return *this;
  }

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.cosines, self.losses);
  }
};

/// Those of one model, on the bench's rows: a pass of the reference and one of the model from where the two differ.
inline row_series measure_rows(const unit_bench& bench, const runnable_model& compressed) {
  const bool scored = bench.options().losses;
  const any_decoder* const reference = &bench.model().reference();
  const branch model{.model = &compressed.decoder,
                     .trunk = 0,
                     .layer = first_difference(compressed.model, bench.model().processed()),
                     .hook = true,
                     .end = scored};
  const token_layout& layout = bench.layout();
  row_series out{.cosines = row_cosines(layout.rows)};
  if (scored) out.losses.resize(layout.rows);
  sparse_codes codes;
  activations final_hidden;
  run_branches(
      std::span(&reference, 1), std::span(&model, 1), bench.tokens(), layout, bench.model().hook(), scored,
      "how long rows depend on each other", bench.told(),
      [&](std::size_t, matrix_view<const std::uint32_t>, std::size_t, const block_states& states) {
        codes = bench.reference().encode()(kept_activations(states.at_hook, layout).view());
        if (scored) copy_rows(states.final_hidden, final_hidden);
      },
      [&](std::size_t block, matrix_view<const std::uint32_t> rows, std::size_t, const block_states& states) {
        const std::size_t first = layout.first_row(block);
        if (!states.at_hook.empty())
          out.cosines(codes, bench.reference().encode()(kept_activations(states.at_hook, layout).view()), first,
                      rows.rows());
        if (!scored) return;
        const std::size_t per_row = bench.tokens().context - 1;
        std::vector<token_comparison> scores(rows.rows() * per_row);
        compare_tokens(*reference, std::as_const(final_hidden).view(), compressed.decoder, states.final_hidden, rows,
                       scores);
        for (std::size_t i = 0; i < scores.size(); ++i)
          out.losses[first + i / per_row](scores[i]);
      });
  merge_for_all(bench.options().ranks, out, "series of rows");
  return out;
}

/// Joins the groups of a bench as a compressed form of its model asks for, all units of it compressed; `name` is what
/// it is called, by default the option's name.
inline group_halving lengthen_groups(unit_bench& bench, const unit_option& option,
                                     std::span<const compression_unit> units, const std::string& name = {}) {
  const std::vector<std::size_t> all(units.size(), 0);
  const row_series rows = measure_rows(bench, bench.ready(bench.assembled({&option, 1}, units, all)));
  group_lengthening lengthening(bench.groups().gathered());
  lengthening(rows.losses, rows.cosines, name.empty() ? option.name : name);
  bench.join_groups(lengthening.found().block_length);
  return lengthening.found();
}

}  // namespace qfa

#endif
