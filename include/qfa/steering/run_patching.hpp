// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_RUN_PATCHING_HPP
#define QFA_STEERING_RUN_PATCHING_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/layout.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/progress.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/edited_pass.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/sae/any_encoder.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/steering/compression_recipe.hpp"
#include "qfa/steering/feature_sets.hpp"
#include "qfa/steering/recovery.hpp"
#include "qfa/steering/restore_features.hpp"
#include "qfa/steering/steering_sample.hpp"
#include "qfa/survival/bands.hpp"

namespace qfa {

/// An audit's rows for patching: features are told apart on even groups, and restored on odd ones.
struct patched_rows {
  sampled_rows choosing, measured;
};

/// Whole rows, spread evenly over each half of the groups, as many tokens as `how` says.  An odd group that has no row
/// among them gets its middle one, so that long rows do not leave too few groups for an interval.  `of_audit`: the
/// audit's groups for what one half chooses and the other judges, the rows' own where none are given.  Throws where a
/// half is empty.
inline patched_rows choose_patched_rows(const token_rows& rows, const patching_options& how,
                                        const std::optional<row_groups>& of_audit = {}) {
  const row_groups groups = of_audit ? *of_audit : row_groups(rows.rows());
  const auto of_half = [&](std::uint32_t half, std::size_t tokens) {
    std::vector<std::size_t> all, some;
    for (std::size_t r = 0; r < rows.rows(); ++r)
      if (groups.group_of(r) % 2 == half) all.push_back(r);
    require(!all.empty(),
            "patching needs two groups of rows: features are chosen on one half, and restored on the other");
    for (const std::size_t place : spread_evenly(all.size(), (std::max<std::size_t>)(1, tokens / rows.context)))
      some.push_back(all[place]);
    for (std::size_t g = 1; half == 1 && g < groups.groups(); g += 2)
      if (std::ranges::none_of(some, [&](std::size_t row) { return groups.group_of(row) == g; }))
        some.push_back((groups.first_row_of(g) + groups.first_row_of(g + 1)) / 2);
    std::ranges::sort(some);
    return take_rows(rows, some, rows.context, groups);
  };
  return {of_half(0, how.choosing_tokens), of_half(1, how.tokens)};
}

namespace detail {

/// Both models on one block of rows, coded.
class patched_block {
 public:
  patched_block(const finished_models& of, const any_encoder& encode, const any_decoder& compressed,
                matrix_view<const std::uint32_t> rows)
      : reference_(of.model.reference(), rows, of.model.hook()), compressed_(compressed, rows, of.model.hook()) {
    const token_layout layout{rows.rows(), rows.columns(), of.settings.skip_positions};
    const kept_activations x(reference_.at_hook(), layout), y(compressed_.at_hook(), layout);
    codes_ = {encode(x.view()), encode(y.view()), frames_of(of.dictionary, x.view()),
              frames_of(of.dictionary, y.view())};
  }
  const coded_pair& codes() const noexcept { return codes_; }
  matrix_view<const float> reference_hidden() const noexcept { return reference_.final_hidden(); }
  /// What passed at the hook in the reference.
  matrix_view<const float> reference_at_hook() const noexcept { return reference_.at_hook(); }
  edited_pass& compressed() noexcept { return compressed_; }

 private:
  edited_pass reference_, compressed_;
  coded_pair codes_;
};

/// use(block, first row, rows) for blocks of whole rows.
template <class Use>
void for_each_patched_block(const finished_models& of, const any_encoder& encode, const any_decoder& compressed,
                            const sampled_rows& where, Use use) {
  const token_layout layout{where.tokens.rows(), where.tokens.context, of.settings.skip_positions};
  for (std::size_t b = 0; b < layout.blocks(); ++b) {
    const auto rows = where.tokens.view().rows_between(layout.first_row(b), layout.last_row(b));
    patched_block block(of, encode, compressed, rows);
    use(block, layout.first_row(b), rows);
  }
}

}  // namespace detail

/// r and energy of every feature, by number; r is NaN where it has none, and 0 where the compressed model never fires
/// what the reference does.
struct measured_features {
  std::vector<double> r, energy;
};

/// Codes both models on rows, and measures every feature there.
inline measured_features measure_features(const finished_models& of, const any_encoder& encode,
                                          const any_decoder& compressed, const sampled_rows& where) {
  feature_table table(of.dictionary.d_sae, 1);
  detail::for_each_patched_block(
      of, encode, compressed, where, [&](detail::patched_block& block, std::size_t, matrix_view<const std::uint32_t>) {
        const coded_pair& codes = block.codes();
        table(codes.reference, codes.compressed, std::vector<std::uint32_t>(codes.reference.tokens(), 0));
      });
  const std::vector<float> norms = decoder_norms(of.dictionary);
  measured_features out;
  for (std::size_t f = 0; f < table.width(); ++f) {
    const feature_totals total = table.total(f);
    const double r = pearson(total.all);
    const bool fires = total.fired.reference_firings > 0 && total.all.xx > 0.0;
    out.r.push_back(std::isnan(r) && fires ? 0.0 : r);
    const double norm = static_cast<double>(norms[f]);
    out.energy.push_back(error_energy(total) * (norm * norm));
  }
  return out;
}

/// Sums by group, against the reference: of the compressed model; of it with the reference's whole activations at the
/// hook, at the positions that are not skipped; and of it with each set of features restored, flags by feature.
inline std::vector<group_comparisons> patch_features(const finished_models& of, const any_encoder& encode,
                                                     const any_decoder& compressed, const sampled_rows& where,
                                                     std::span<const std::vector<std::uint8_t>> sets,
                                                     std::string_view stage = "patch") {
  std::vector<group_comparisons> out(sets.size() + 2, group_comparisons(where.groups));
  const std::size_t scored = where.tokens.context - 1;
  std::size_t done = 0;
  const std::size_t passes = where.tokens.rows() * sets.size();
  detail::for_each_patched_block(
      of, encode, compressed, where,
      [&](detail::patched_block& block, std::size_t first_row, matrix_view<const std::uint32_t> rows) {
        const auto compare = [&](matrix_view<const float> hidden, group_comparisons& to) {
          std::vector<token_comparison> scores(rows.rows() * scored);
          compare_tokens(of.model.reference(), block.reference_hidden(), compressed, hidden, rows, scores);
          for (std::size_t i = 0; i < scores.size(); ++i)
            to[where.group_of_row[first_row + i / scored]](scores[i]);
        };
        compare(block.compressed().final_hidden(), out[0]);
        const activations whole = block.compressed()([&](matrix_view<float> h) {
          for (std::size_t t = 0; t < h.rows(); ++t)
            if (t % where.tokens.context >= of.settings.skip_positions)
              std::ranges::copy(block.reference_at_hook().row(t), h.row(t).begin());
        });
        compare(whole.view(), out[1]);
        for (std::size_t s = 0; s < sets.size(); ++s) {
          report_progress(of.told, stage, done, passes);
          const activations hidden = block.compressed()(restore_features{
              of.dictionary, block.codes(), sets[s], where.tokens.context, of.settings.skip_positions});
          compare(hidden.view(), out[s + 2]);
          done += rows.rows();
        }
      });
  report_progress(of.told, stage, passes, passes);
  // Groups without a row, the even ones among them, are no groups of a jackknife.
  const group_comparisons counts = out.front();
  for (group_comparisons& sums : out) {
    std::size_t g = 0;
    std::erase_if(sums, [&](const comparison_sum&) { return counts[g++].tokens() == 0; });
  }
  return out;
}

/// One condition's curve: sets of growing size, and the features with r of 0.9 or less, and those that are destroyed,
/// on the rows where they were chosen.
inline patched_condition patch_condition(const finished_models& of, const any_encoder& encode,
                                         const compression_recipe& recipe, const patched_rows& rows,
                                         const patching_options& how) {
  const std::vector<std::uint32_t>& counted = of.counted();
  const any_decoder compressed = of.model.ready(recipe.make());
  const measured_features measured = measure_features(of, encode, compressed, rows.choosing);
  const std::vector<std::uint32_t> worst = by_correlation(counted, measured.r);
  const std::vector<std::uint32_t> loudest = by_energy(worst, measured.energy);
  const correlation_bands& bands = of.audit.conditions.front().by_honest.rules.bands;

  patched_condition out;
  out.policy = recipe.condition;
  out.ordered = worst.size();
  for (const std::uint32_t f : worst)
    ++out.bands[static_cast<std::size_t>(bands(measured.r[f]))];
  const std::size_t destroyed = out.bands[static_cast<std::size_t>(outcome::destroyed)];
  const std::size_t blurred = out.bands[static_cast<std::size_t>(outcome::blurred)];
  const auto add_point = [&](std::string what, std::size_t features) {
    if (features == 0 || features >= worst.size()) return;
    restored_point& point = out.points.emplace_back();
    point.what = std::move(what);
    point.features = features;
  };
  for (const double share : how.shares)
    add_point(std::to_string(std::lround(100.0 * share)) + " %",
              (std::max<std::size_t>)(1, static_cast<std::size_t>(share * static_cast<double>(worst.size()) + 0.5)));
  add_point("destroyed", destroyed);
  add_point("blurred or destroyed", destroyed + blurred);
  std::ranges::stable_sort(out.points, {}, &restored_point::features);

  double energy_of_all = 0.0;
  for (const std::uint32_t f : worst)
    energy_of_all += measured.energy[f];
  std::vector<std::vector<std::uint32_t>> shuffled;
  for (std::uint64_t seed = 1; seed <= how.seeds; ++seed)
    shuffled.push_back(at_random(worst, seed));
  std::vector<std::vector<std::uint8_t>> sets;
  const auto add = [&](const std::vector<std::uint32_t>& order, std::size_t count, bool all_but = false) {
    sets.push_back(flags_of(order, count, of.dictionary.d_sae, all_but));
  };
  add({}, 0, true);
  for (restored_point& point : out.points) {
    double energy = 0.0;
    for (std::size_t i = 0; i < point.features; ++i)
      energy += measured.energy[worst[i]];
    point.energy_share = ratio(energy, energy_of_all);
    add(worst, point.features);
    add(worst, point.features, true);
    add(loudest, point.features);
    add(loudest, point.features, true);
    for (const auto& order : shuffled)
      add(order, point.features);
    for (const auto& order : shuffled) {
      const std::size_t count = as_much_energy(order, worst, point.features, measured.energy);
      point.random_features += static_cast<double>(count) / static_cast<double>(how.seeds);
      add(order, count);
    }
  }

  const std::vector<group_comparisons> sums =
      patch_features(of, encode, compressed, rows.measured, sets, "patch " + recipe.condition);
  const group_comparisons& unpatched = sums.front();
  const std::size_t groups = unpatched.size();
  const auto kl = [&](std::size_t g) { return sum_without(unpatched, g).mean_kl(); };
  out.kl = jackknife(kl(groups), groups, kl, {.scale = interval_scale::log});
  const auto recovered = [&](const group_comparisons& patched) {
    const auto share = [&](std::size_t g) { return recovered_share(unpatched, patched, g); };
    return jackknife(share(groups), groups, share);
  };
  out.activations = recovered(sums[1]);
  out.everything = recovered(sums[2]);
  std::size_t next = 3;
  for (restored_point& point : out.points) {
    restored_passes p;
    p.worst = sums[next++];
    p.all_but_worst = sums[next++];
    p.loudest = sums[next++];
    p.all_but_loudest = sums[next++];
    for (std::size_t s = 0; s < how.seeds; ++s)
      p.random.push_back(sums[next++]);
    for (std::size_t s = 0; s < how.seeds; ++s)
      p.random_energy.push_back(sums[next++]);
    conclude_point(point, unpatched, p);
  }
  return out;
}

/// Oracle patching of an audit's conditions: gives sets of features the codes that they have in the reference, leaves
/// the rest of the compressed model as it is, and says how much of the predictions comes back. Throws where there are
/// too few rows, and as edited_pass does; where no feature is measured, a note says so.
inline patching_findings run_patching(const finished_models& of, const patching_options& how = {}) {
  require(how.seeds > 0, "sets at random need a seed");
  const any_encoder encode(of.dictionary);
  const patched_rows rows = choose_patched_rows(of.rows, how, of.audit.halves ? of.audit.halves : of.audit.groups);
  const std::size_t kept = of.rows.context - of.settings.skip_positions;
  patching_findings out{.options = how,
                        .hook = name_of(of.model.hook()),
                        .gate = of.dictionary.activation,
                        .counted = of.counted().size(),
                        .rows = rows.measured.tokens.rows(),
                        .tokens = rows.measured.tokens.rows() * kept,
                        .groups = rows.measured.filled_groups(),
                        .choosing_tokens = rows.choosing.tokens.rows() * kept,
                        .conditions = {},
                        .notes = {}};
  if (out.counted == 0) {
    out.notes.emplace_back("no feature is measured, so there is none to restore");
    return out;
  }
  if (of.audit.halves && of.audit.groups && *of.audit.halves != *of.audit.groups)
    out.notes.push_back("halves are of " + std::to_string(of.audit.halves->groups()) +
                        " groups of rows, since half of the audit's " + std::to_string(of.audit.groups->groups()) +
                        " is too few for an interval: they are shorter than what rows have to do with each other asks "
                        "for, and intervals may be too narrow");
  for (const compression_recipe& recipe : of.recipes)
    out.conditions.push_back(patch_condition(of, encode, recipe, rows, how));
  return out;
}

}  // namespace qfa

#endif
