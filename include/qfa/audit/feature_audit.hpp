// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_FEATURE_AUDIT_HPP
#define QFA_AUDIT_FEATURE_AUDIT_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/block_store.hpp"
#include "qfa/audit/layout.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/side_record.hpp"
#include "qfa/core/error.hpp"
#include "qfa/sae/encode.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// What one side's activations came to: the table of its codes against the reference's, and the rest.
struct feature_findings {
  feature_table table;
  sae_fit fit;
  first_position first;
  std::optional<activation_shift> shift;
};

/// What is needed of the reference to compare a block of a compressed model's activations with it.
struct reference_block {
  kept_activations kept;
  sparse_codes codes;
};

/// The reference's side of an audit, wherever activations come from: encoded once, kept as sparse codes.
///
///   feature_audit audit(dictionary, layout);
///   for each block of rows      audit.add_reference(x);      // every position of every row
///   audit.end_reference();
///   for each compressed model   compressed_side side(audit); for each block  side.add(x); side.findings();
///
/// Where all sides are at hand at once, nothing is kept:
///
///   for each block of rows      const reference_block seen = audit.pass_reference(x);
///                               for each compressed side   side.add(y, seen);
///   audit.end_reference();      for each compressed side   side.findings();
class feature_audit {
 public:
  /// `bytes_in_memory` bounds the codes, and once more the dense activations of a paired audit; what is beyond goes to
  /// temporary files.
  feature_audit(sae dictionary, const token_layout& layout, bool paired = false,
                std::size_t bytes_in_memory = std::size_t{1} << 30)
      : dictionary_(std::make_shared<const sae>(std::move(dictionary))),
        encode_(*dictionary_),
        layout_(layout),
        groups_(layout.rows),
        side_(*dictionary_, layout),
        table_(dictionary_->d_sae, groups_.groups()),
        codes_(dictionary_->d_sae, bytes_in_memory) {
    if (paired) dense_.emplace(bytes_in_memory);
  }

  const sae& dictionary() const noexcept { return *dictionary_; }
  const encoder<>& encode() const noexcept { return encode_; }
  const token_layout& layout() const noexcept { return layout_; }
  const row_groups& groups() const noexcept { return groups_; }
  const code_store& codes() const noexcept { return codes_; }
  const std::optional<row_store>& dense() const noexcept { return dense_; }
  const side_record& side() const noexcept { return side_; }

  /// The reference's activations on the next block's rows, all positions: (rows x row_tokens, d_in).
  void add_reference(matrix_view<const float> x) {
    const reference_block seen = pass_reference(x);
    codes_.append(seen.codes);
    if (dense_) dense_->append(seen.kept.view());
  }

  /// The same, for sides that are given the block at once: it is counted and not kept.
  reference_block pass_reference(matrix_view<const float> x) {
    check_block(blocks_, x);
    kept_activations kept(x, layout_);
    sparse_codes codes = encode_(kept.view());
    side_(kept.view(), codes);
    table_(codes, codes, groups_of(blocks_));
    ++blocks_;
    return {std::move(kept), std::move(codes)};
  }

  /// Ends the reference's pass.  An SAE that explains less than the mean of the activations does (FVU > 1) belongs to
  /// another model, layer or processing, and nothing that is computed through it means anything: throws, unless
  /// `allow_bad_sae`.
  feature_findings end_reference(bool allow_bad_sae = false) const {
    require(blocks_ == layout_.blocks(), "the reference's activations end before the last block of rows");
    const sae_fit fit = side_.fit();
    if (!allow_bad_sae && !(fit.fvu <= 1.0))
      fail("the SAE does not fit the reference's activations: FVU " + std::to_string(fit.fvu) +
           ", expected at most 1; is this its model, its hook and its processing (--allow-bad-sae goes on)?");
    return {table_, fit, side_.first(), std::nullopt};
  }

  /// The group of each kept token of a block.
  std::vector<std::uint32_t> groups_of(std::size_t block) const {
    const std::size_t first = layout_.first_row(block);
    return groups_.of_tokens(first, layout_.last_row(block) - first, layout_.kept_per_row());
  }

  void check_block(std::size_t block, matrix_view<const float> x) const {
    require(block < layout_.blocks(), "there are more blocks of activations than rows were announced");
    const std::size_t tokens = (layout_.last_row(block) - layout_.first_row(block)) * layout_.row_tokens;
    if (x.rows() != tokens || x.columns() != dictionary_->d_in)
      fail("block " + std::to_string(block) + " of activations is " + std::to_string(x.rows()) + " x " +
           std::to_string(x.columns()) + ", expected " + std::to_string(tokens) + " x " +
           std::to_string(dictionary_->d_in));
  }

 private:
  std::shared_ptr<const sae> dictionary_;  // side_ points to it
  encoder<> encode_;
  token_layout layout_;
  row_groups groups_;
  side_record side_;
  feature_table table_;
  std::size_t blocks_ = 0;  // of the reference, so far
  code_store codes_;
  std::optional<row_store> dense_;
};

/// One compressed model's side, against a reference that has been seen to its end, or is seen block by block with it.
class compressed_side {
 public:
  explicit compressed_side(const feature_audit& audit)
      : audit_(&audit),
        side_(audit.dictionary(), audit.layout()),
        table_(audit.dictionary().d_sae, audit.groups().groups()),
        mean_shift_(audit.dictionary().d_in, 0.0) {}

  /// Its activations on the next block's rows, all positions.
  void add(matrix_view<const float> x) {
    audit_->check_block(block_, x);
    if (!audit_->dense()) return add(x, audit_->codes()[block_], {});
    const activations reference = (*audit_->dense())[block_];
    add(x, audit_->codes()[block_], reference.view());
  }
  /// The same beside the reference's block, of which an audit that goes over all sides at once keeps nothing.
  void add(matrix_view<const float> x, const reference_block& reference) {
    audit_->check_block(block_, x);
    add(x, reference.codes, reference.kept.view());
  }

  feature_findings findings() && {
    require(block_ == audit_->layout().blocks(),
            "the compressed model's activations end before the last block of rows");
    first_position first = side_.first();
    first.flip_share = ratio(first_flips_, flips_);
    std::optional<activation_shift> shift;
    if (audit_->dense()) {
      const auto n = static_cast<double>(audit_->layout().kept_tokens());
      double mean_square = 0.0;
      for (const double sum : mean_shift_)
        mean_square += (sum / n) * (sum / n);
      first.shift_share = ratio(first_shift_, shift_);
      shift = activation_shift{.energy = shift_ / n,
                               .relative = ratio(shift_, audit_->side().energy()),
                               .mean_shift_share = ratio(mean_square, shift_ / n)};
    }
    return {std::move(table_), side_.fit(), first, shift};
  }

 private:
  void add(matrix_view<const float> x, const sparse_codes& reference, matrix_view<const float> dense) {
    const kept_activations kept(x, audit_->layout());
    const sparse_codes codes = audit_->encode()(kept.view());
    side_(kept.view(), codes);
    table_(reference, codes, audit_->groups_of(block_));
    count_flips(reference, codes);
    if (audit_->dense()) measure_shift(dense, kept.view());
    ++block_;
  }

  /// Firings that came or went: features in one of a token's two lists but not in both.
  void count_flips(const sparse_codes& reference, const sparse_codes& codes) {
    const std::size_t step = audit_->layout().kept_per_row();
    for (std::size_t t = 0; t < codes.tokens(); ++t) {
      const auto a = reference[t].features;
      const auto b = codes[t].features;
      std::size_t common = 0;
      for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
        common += a[i] == b[j];
        const bool step_a = a[i] <= b[j], step_b = b[j] <= a[i];
        i += step_a;
        j += step_b;
      }
      const auto flips = static_cast<double>(a.size() + b.size() - 2 * common);
      flips_ += flips;
      if (t % step == 0) first_flips_ += flips;
    }
  }

  void measure_shift(matrix_view<const float> reference, matrix_view<const float> compressed) {
    const std::size_t step = audit_->layout().kept_per_row();
    for (std::size_t t = 0; t < compressed.rows(); ++t) {
      double squares = 0.0;
      for (std::size_t i = 0; i < compressed.columns(); ++i) {
        const double d = static_cast<double>(compressed(t, i)) - static_cast<double>(reference(t, i));
        squares += d * d;
        mean_shift_[i] += d;
      }
      shift_ += squares;
      if (t % step == 0) first_shift_ += squares;
    }
  }

  const feature_audit* audit_;
  side_record side_;
  feature_table table_;
  std::size_t block_ = 0;
  double flips_ = 0.0, first_flips_ = 0.0;
  double shift_ = 0.0, first_shift_ = 0.0;  // sums of |D|^2
  std::vector<double> mean_shift_;          // (d_in): sums of D
};

}  // namespace qfa

#endif
