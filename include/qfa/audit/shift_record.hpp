// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_SHIFT_RECORD_HPP
#define QFA_AUDIT_SHIFT_RECORD_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/sae/reconstruction_sums.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/stats/group_cells.hpp"
#include "qfa/stats/group_sums.hpp"

namespace qfa {

/// One model's activations (tokens, d) and their codes.
struct coded_activations {
  matrix_view<const float> x;
  const sparse_codes* codes;
};

/// Sums over tokens of what became of D = h~ - h, cut into P, the difference of what the SAE decodes, and Q, that of
/// what it misses: |D|^2 = |P|^2 + |Q|^2 + 2 P.Q (shift accounting).  Each is summed as it stands, since a difference
/// would cancel.
struct shift_parts {
  double shift = 0.0;      ///< sum of |D|^2
  double decoded = 0.0;    ///< sum of |P|^2
  double missed = 0.0;     ///< sum of |Q|^2
  double cross = 0.0;      ///< sum of 2 P.Q
  double explained = 0.0;  ///< sum of D.P
  double frame = 0.0;      ///< that of D with the part of P which no code makes: the input norm's mean and scale

  shift_parts& operator+=(const shift_parts& other) noexcept {
    shift += other.shift;
    decoded += other.decoded;
    missed += other.missed;
    cross += other.cross;
    explained += other.explained;
    frame += other.frame;
    return *this;
  }
  bool operator==(const shift_parts&) const = default;
};

/// What a feature's change of code, Delta, has to do with D over some tokens.
struct feature_shift {
  double along = 0.0;    ///< sum of D.(Delta w)
  double squares = 0.0;  ///< sum of Delta^2

  feature_shift& operator+=(const feature_shift& other) noexcept {
    along += other.along;
    squares += other.squares;
    return *this;
  }
  bool operator==(const feature_shift&) const = default;
};

/// The sums of one group of rows.
struct group_shift {
  std::uint64_t rows = 0;
  std::vector<shift_parts> by_position{};  ///< of each row; empty before the first row
  std::vector<double> by{};                ///< (d): sum of D; empty before the first row

  std::uint64_t tokens() const noexcept { return rows * by_position.size(); }
  shift_parts total() const noexcept {
    shift_parts out;
    for (const shift_parts& position : by_position)
      out += position;
    return out;
  }
  /// Throws for rows of another length or width.
  group_shift& operator+=(const group_shift& other) {
    if (other.rows == 0) return *this;
    if (rows == 0) return *this = other;
    require(by_position.size() == other.by_position.size() && by.size() == other.by.size(),
            "shifts of rows of other lengths or widths cannot be merged");
    rows += other.rows;
    for (std::size_t p = 0; p < by_position.size(); ++p)
      by_position[p] += other.by_position[p];
    for (std::size_t i = 0; i < by.size(); ++i)
      by[i] += other.by[i];
    return *this;
  }
  bool operator==(const group_shift&) const = default;

  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.rows, self.by_position, self.by);
  }
};

/// How far activations moved between two models on the same tokens, and what of it an SAE's features account for,
/// gathered block by block by groups of rows, positions and features.
///
/// P is the sum over features of Delta_j w_j, so D.P falls apart into the features' D.(Delta_j w_j) without a rest;
/// only features whose code differs on a token are looked at.  (Where the SAE normalizes its input, codes are
/// multiplied with the token's scale, and means and scales make a part of their own.)  Whatever is added up is added
/// token by token, in the order of tokens: the bits depend neither on where blocks are cut nor on threads, and records
/// of different groups merge without rounding.
class shift_record {
 public:
  /// The empty one: merging into it adopts the other's shape.
  shift_record() = default;
  shift_record(std::size_t width, std::size_t groups) : groups_(groups), features_(width, groups) {}

  std::size_t groups() const noexcept { return groups_.groups(); }
  std::size_t width() const noexcept { return features_.width(); }  ///< features
  const group_sums<group_shift>& sums() const noexcept { return groups_; }
  /// What the feature did in the group: nothing where its code never differed.
  feature_shift feature(std::size_t feature, std::size_t group) const noexcept {
    const feature_shift* const found = features_.find(feature, group);
    return found == nullptr ? feature_shift{} : *found;
  }

  /// Both sides of whole rows, coded by `s`, and the group of each row.  Throws where tokens, codes, rows or widths of
  /// the two sides and of `s` do not fit, and where rows of one group differ in length.
  void operator()(const sae& s, const coded_activations& reference, const coded_activations& compressed,
                  std::span<const std::uint32_t> group_of_row) {
    const std::size_t tokens = compressed.x.rows(), d = compressed.x.columns();
    require(!group_of_row.empty() && reference.x.rows() == tokens && reference.x.columns() == d &&
                tokens % group_of_row.size() == 0,
            "two sides are compared on whole rows of the same tokens");
    require(reference.codes->tokens() == tokens && compressed.codes->tokens() == tokens && s.d_in == d &&
                s.d_sae == width(),
            "a shift is accounted for by the codes of each token, of the SAE that the record was made for");
    const std::size_t step = tokens / group_of_row.size();
    for (const std::uint32_t g : group_of_row) {
      group_shift& sums = groups_[g];
      if (sums.rows == 0) sums = {0, std::vector<shift_parts>(step), std::vector<double>(d, 0.0)};
      require(sums.by_position.size() == step, "rows of one group are equally long");
      ++sums.rows;
    }
    // A slice at a time: what is at hand of each token and differing feature must not grow with blocks.
    for (std::size_t first = 0; first < tokens; first += slice)
      add_slice(s, reference, compressed, group_of_row, first, (std::min)(tokens, first + slice));
  }

  shift_record& operator+=(const shift_record& other) {
    groups_ += other.groups_;
    features_ += other.features_;
    return *this;
  }

  /// The same over fewer groups (stats/group_sums.hpp).
  shift_record joined(std::span<const std::uint32_t> places) const {
    shift_record out;
    out.groups_ = groups_.joined(places);
    out.features_ = features_.joined(places);
    return out;
  }

  bool operator==(const shift_record&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.groups_, self.features_);
  }

 private:
  static constexpr std::size_t slice = 512;  // tokens

  struct differing_feature {
    std::uint32_t feature;
    feature_shift change;
  };
  struct seen_token {
    shift_parts parts;
    std::vector<differing_feature> features;  // increasing
  };

  void add_slice(const sae& s, const coded_activations& reference, const coded_activations& compressed,
                 std::span<const std::uint32_t> group_of_row, std::size_t first, std::size_t last) {
    const std::size_t step = compressed.x.rows() / group_of_row.size();
    std::vector<seen_token> seen(last - first);
    constexpr std::size_t some = 32;  // tokens that share their buffers
    parallel_for((seen.size() + some - 1) / some, [&](std::size_t b) {
      std::vector<double> moved(compressed.x.columns()), decoded(moved.size());
      for (std::size_t i = b * some; i < (std::min)(seen.size(), (b + 1) * some); ++i)
        seen[i] = look_at(s, reference, compressed, first + i, moved, decoded);
    });
    for (std::size_t t = first; t < last; ++t) {
      group_shift& sums = groups_[group_of_row[t / step]];
      sums.by_position[t % step] += seen[t - first].parts;
      const auto x = reference.x.row(t), y = compressed.x.row(t);
      for (std::size_t i = 0; i < y.size(); ++i)
        sums.by[i] += static_cast<double>(y[i]) - static_cast<double>(x[i]);
    }
    // Threads share the features, never a cell.
    const std::size_t ranges = (std::min)(features_.blocks(), 2 * thread_count());
    parallel_for(ranges, [&](std::size_t r) {
      const std::size_t from = features_.blocks() * r / ranges * features_.block_width;
      const std::size_t to = features_.blocks() * (r + 1) / ranges * features_.block_width;
      for (std::size_t t = first; t < last; ++t) {
        const std::vector<differing_feature>& all = seen[t - first].features;
        for (auto at = std::ranges::lower_bound(all, from, {}, &differing_feature::feature);
             at != all.end() && at->feature < to; ++at)
          features_.at(at->feature, group_of_row[t / step]) += at->change;
      }
    });
  }

  /// One token; `moved` and `decoded` are room for D and P.
  static seen_token look_at(const sae& s, const coded_activations& reference, const coded_activations& compressed,
                            std::size_t t, std::span<double> moved, std::span<double> decoded) {
    const auto x = reference.x.row(t), y = compressed.x.row(t);
    const std::size_t d = moved.size();
    for (std::size_t i = 0; i < d; ++i)
      moved[i] = static_cast<double>(y[i]) - static_cast<double>(x[i]);
    seen_token out;
    const input_frame from = frame_of(s.norm, x, t), to = frame_of(s.norm, y, t);
    const double scale_before = from.scale, scale_after = to.scale;
    for (std::size_t i = 0; i < d; ++i)
      decoded[i] = (static_cast<double>(to.center) - static_cast<double>(from.center)) +
                   (scale_after - scale_before) * static_cast<double>(s.b_dec[i]);
    if (from != to) out.parts.frame = detail::sum_of(d, [&](std::size_t i) { return moved[i] * decoded[i]; });

    constexpr std::size_t none = (std::numeric_limits<std::size_t>::max)();
    const sparse_codes::token a = (*reference.codes)[t], b = (*compressed.codes)[t];
    for (std::size_t i = 0, j = 0; i < a.features.size() || j < b.features.size();) {
      const std::size_t before = i < a.features.size() ? a.features[i] : none;
      const std::size_t after = j < b.features.size() ? b.features[j] : none;
      const std::size_t feature = (std::min)(before, after);
      const double value_before = before == feature ? scale_before * static_cast<double>(a.values[i]) : 0.0;
      const double value_after = after == feature ? scale_after * static_cast<double>(b.values[j]) : 0.0;
      i += before == feature;
      j += after == feature;
      const double delta = value_after - value_before;
      if (delta == 0.0) continue;
      const std::span<const float> w = std::span(s.w_dec).subspan(feature * d, d);
      for (std::size_t k = 0; k < d; ++k)
        decoded[k] += delta * static_cast<double>(w[k]);
      const double along = detail::sum_of(d, [&](std::size_t k) { return moved[k] * static_cast<double>(w[k]); });
      out.features.push_back({static_cast<std::uint32_t>(feature), {delta * along, delta * delta}});
    }
    const auto sum_over = [&](auto term) {
      return detail::sum_of(d, [&](std::size_t k) { return term(moved[k], decoded[k]); });
    };
    out.parts.shift = sum_over([](double all, double) { return all * all; });
    out.parts.decoded = sum_over([](double, double p) { return p * p; });
    out.parts.missed = sum_over([](double all, double p) { return (all - p) * (all - p); });
    out.parts.cross = sum_over([](double all, double p) { return 2.0 * p * (all - p); });
    out.parts.explained = sum_over([](double all, double p) { return all * p; });
    return out;
  }

  group_sums<group_shift> groups_;
  group_cells<feature_shift> features_;
};

static_assert(mergeable<shift_record, sae, coded_activations, coded_activations, std::span<const std::uint32_t>>);

}  // namespace qfa

#endif
