// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_SHIFT_ACCOUNT_HPP
#define QFA_AUDIT_SHIFT_ACCOUNT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "qfa/audit/shift_carriers.hpp"
#include "qfa/audit/shift_record.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/reconstruction_sums.hpp"
#include "qfa/stats/concentration.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// How far activations moved, and what accounts for it: D = h~ - h = P + Q, the difference of what the SAE decodes and
/// that of what it misses.  Shares are of E|D|^2 and NaN where nothing moved; intervals are over groups of rows.
struct activation_shift {
  estimate energy;            ///< E|D|^2 over the analyzed tokens; on log
  estimate relative;          ///< E|D|^2 / E|h|^2; on log
  estimate decoded;           ///< share of |P|^2; on log.  The three add up to 1, and each may exceed it
  estimate missed;            ///< share of |Q|^2; on log
  estimate cross;             ///< share of 2 P.Q
  estimate explained;         ///< share of D.P: what undoing the codes' changes would take off, to first order
  estimate mean_shift_share;  ///< |E D|^2 / E|D|^2, what a bias would undo; on logit
  double frame_share = std::numeric_limits<double>::quiet_NaN();  ///< of D.P that no code makes, but the input norm
  shift_parts mean{};                      ///< of the parts a token, in squared units of the activations
  std::vector<shift_parts> by_position{};  ///< the same of each analyzed position of the rows

  /// Feature j's share of |D|^2, phi_j: they add up to `explained` less `frame_share`.  Intervals as wide as the groups
  /// in which the feature changes allow.
  std::vector<double> phi{};
  std::vector<interval> phi_ranges{};
  std::vector<double> energy_share{};  ///< E Delta_j^2 |w_j|^2 over the sum of it; NaN where no code changed
  estimate gini;                       ///< of these energies over all features; on logit, as those below
  estimate gini_firing;                ///< over features that fire on either side
  estimate top_1_percent;              ///< what the most changed hundredth of the features has of the energies
  estimate top_10_percent;
  shift_carriers carriers{};

  /// Of |D|^2 that lies on the rows' first analyzed position; NaN where nothing moved.
  double first_position_share() const noexcept {
    double all = 0.0;
    for (const shift_parts& position : by_position)
      all += position.shift;
    return detail::quotient(by_position.empty() ? 0.0 : by_position.front().shift, all);
  }
};

namespace detail {

/// Sums over some groups.
struct shift_sums {
  shift_parts parts{};
  std::vector<double> by{};
  std::uint64_t tokens = 0;
  double reference = 0.0;  // of |h|^2

  double mean_shift() const noexcept {
    const auto n = static_cast<double>(tokens);
    double squares = 0.0;
    for (const double sum : by)
      squares += (sum / n) * (sum / n);
    return quotient(squares, parts.shift / n);
  }
};

inline shift_parts mean_of(shift_parts sums, std::uint64_t tokens) {
  for (double* sum : {&sums.shift, &sums.decoded, &sums.missed, &sums.cross, &sums.explained, &sums.frame})
    *sum = quotient(*sum, static_cast<double>(tokens));
  return sums;
}

class shift_accountant {
 public:
  shift_accountant(const shift_record& record, const feature_table& table, std::span<const double> reference_energies,
                   matrix_view<const float> decoder)
      : record_(record), groups_(record.groups()), width_(record.width()), along_(width_, 0.0), energy_(width_, 0.0) {
    require(table.width() == width_ && table.groups() == groups_ && reference_energies.size() == groups_ &&
                decoder.rows() == width_,
            "a shift is accounted for with the table, the energies and the decoder of the same pass");
    for (std::size_t g = 0; g < groups_; ++g)
      totals_.push_back(record_.sums()[g].total());
    sums_.resize(groups_ + 1);
    parallel_for(sums_.size(), [&](std::size_t g) { sums_[g] = without(g, reference_energies); });
    norms_.resize(width_);
    fires_.resize(width_);
    for (std::size_t f = 0; f < width_; ++f) {
      const auto w = decoder.row(f);
      norms_[f] =
          sum_of(w.size(), [&](std::size_t i) { return static_cast<double>(w[i]) * static_cast<double>(w[i]); });
      fires_[f] = table.total(f).fired.either.count > 0;
      for (std::size_t g = 0; g < groups_; ++g) {
        const feature_shift change = record_.feature(f, g);
        along_[f] += change.along;
        energy_[f] += norms_[f] * change.squares;
      }
    }
  }

  activation_shift operator()() const {
    activation_shift out;
    const shift_sums& whole = sums_.back();
    const auto estimated = [&](auto statistic, interval_scale scale) {
      return jackknife(statistic(whole), groups_, [&](std::size_t g) { return statistic(sums_[g]); }, {.scale = scale});
    };
    const auto share = [&](double shift_parts::*part, interval_scale scale) {
      return estimated([part](const shift_sums& s) { return quotient(s.parts.*part, s.parts.shift); }, scale);
    };
    out.mean = mean_of(whole.parts, whole.tokens);
    out.energy = estimated([](const shift_sums& s) { return s.parts.shift / static_cast<double>(s.tokens); },
                           interval_scale::log);
    out.relative =
        estimated([](const shift_sums& s) { return quotient(s.parts.shift, s.reference); }, interval_scale::log);
    out.decoded = share(&shift_parts::decoded, interval_scale::log);
    out.missed = share(&shift_parts::missed, interval_scale::log);
    out.cross = share(&shift_parts::cross, interval_scale::identity);
    out.explained = share(&shift_parts::explained, interval_scale::identity);
    out.mean_shift_share = estimated([](const shift_sums& s) { return s.mean_shift(); }, interval_scale::logit);
    out.frame_share = quotient(whole.parts.frame, whole.parts.shift);
    const group_shift all = record_.sums().total();
    for (const shift_parts& position : all.by_position)
      out.by_position.push_back(mean_of(position, all.rows));
    share_among_features(out, whole);
    concentrate(out);
    out.carriers = find_shift_carriers(record_);
    return out;
  }

 private:
  /// All groups but one, in their order; all where there is none of that number.
  shift_sums without(std::size_t left_out, std::span<const double> reference_energies) const {
    shift_sums out;
    for (std::size_t g = 0; g < groups_; ++g) {
      const group_shift& group = record_.sums()[g];
      if (g == left_out || group.rows == 0) continue;
      out.parts += totals_[g];
      out.by.resize(group.by.size(), 0.0);
      for (std::size_t i = 0; i < group.by.size(); ++i)
        out.by[i] += group.by[i];
      out.tokens += group.tokens();
      out.reference += reference_energies[g];
    }
    return out;
  }

  /// What is left of the energies without a group.  (A difference: what rounding leaves of a feature that changed there
  /// alone is a 1e-16th of what it was.)
  std::vector<double> energies_without(std::size_t left_out) const {
    std::vector<double> out = energy_;
    if (left_out < groups_)
      for (std::size_t f = 0; f < width_; ++f)
        out[f] = (std::max)(0.0, out[f] - norms_[f] * record_.feature(f, left_out).squares);
    return out;
  }

  void share_among_features(activation_shift& out, const shift_sums& whole) const {
    const double all_energy = std::accumulate(energy_.begin(), energy_.end(), 0.0);
    out.phi.resize(width_);
    out.phi_ranges.resize(width_);
    out.energy_share.resize(width_);
    constexpr std::size_t some = 64;
    parallel_for((width_ + some - 1) / some, [&](std::size_t b) {
      std::vector<double> rest(groups_);
      for (std::size_t f = b * some; f < (std::min)(width_, (b + 1) * some); ++f) {
        double sum = 0.0, squares = 0.0;
        for (std::size_t g = 0; g < groups_; ++g) {
          const feature_shift change = record_.feature(f, g);
          rest[g] = quotient(along_[f] - change.along, sums_[g].parts.shift);
          sum += change.squares;
          squares += change.squares * change.squares;
        }
        const double effective = squares > 0.0 ? sum * sum / squares : 0.0;
        out.phi[f] = quotient(along_[f], whole.parts.shift);
        out.phi_ranges[f] = jackknife(out.phi[f], rest, {.dof = effective - 1.0, .effective_groups = effective}).range;
        out.energy_share[f] = quotient(energy_[f], all_energy);
      }
    });
  }

  void concentrate(activation_shift& out) const {
    const auto of_firing = [&](const std::vector<double>& energies) {
      std::vector<double> kept;
      for (std::size_t f = 0; f < width_; ++f)
        if (fires_[f]) kept.push_back(energies[f]);
      return kept;
    };
    const auto estimated = [&](auto statistic) {
      return jackknife(statistic(energy_), groups_, [&](std::size_t g) { return statistic(energies_without(g)); },
                       {.scale = interval_scale::logit});
    };
    using amounts = const std::vector<double>&;
    out.gini = estimated([](amounts e) { return gini(e); });
    out.gini_firing = estimated([&](amounts e) { return gini(of_firing(e)); });
    out.top_1_percent = estimated([](amounts e) { return top_share(e, (e.size() + 99) / 100); });
    out.top_10_percent = estimated([](amounts e) { return top_share(e, (e.size() + 9) / 10); });
  }

  const shift_record& record_;
  std::size_t groups_, width_;
  std::vector<shift_parts> totals_;     // (groups)
  std::vector<shift_sums> sums_;        // (groups + 1): without each group, and of all
  std::vector<double> norms_;           // (features): |w|^2
  std::vector<std::uint8_t> fires_;     // (features)
  std::vector<double> along_, energy_;  // (features): of all groups
};

}  // namespace detail

/// Works out the numbers of a whole pass.  `table` is of the same pass, for what fires; `reference_energies` are sums
/// of |h|^2 by group (side_record::energies); `decoder` (features, d).
inline activation_shift account_for_shift(const shift_record& record, const feature_table& table,
                                          std::span<const double> reference_energies,
                                          matrix_view<const float> decoder) {
  return detail::shift_accountant(record, table, reference_energies, decoder)();
}

}  // namespace qfa

#endif
