// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_FEATURE_AUDIT_HPP
#define QFA_AUDIT_FEATURE_AUDIT_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/block_store.hpp"
#include "qfa/audit/layout.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/token_damage.hpp"
#include "qfa/core/error.hpp"
#include "qfa/meaning/feature_relations.hpp"
#include "qfa/meaning/placed_tokens.hpp"
#include "qfa/model/activations.hpp"
#include "qfa/sae/any_encoder.hpp"
#include "qfa/sae/input_frame.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

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
///   for each compressed model   compressed_side side(audit); for each block  side.add(x); side.record();
///
/// Where all sides are at hand at once, nothing is kept:
///
///   for each block of rows      const reference_block seen = audit.pass_reference(x);
///                               for each compressed side   side.add(y, seen);
///   audit.end_reference();      for each compressed side   side.record();
///
/// Where processes share the rows, `layout` is one's run of them, and before `end_reference` all get the merged record
/// by `complete_reference`.
class feature_audit {
 public:
  /// `bytes_in_memory` bounds the codes, and once more the dense activations of a paired audit; what is beyond goes to
  /// temporary files.
  feature_audit(sae dictionary, const token_layout& layout, bool paired = false,
                std::size_t bytes_in_memory = std::size_t{1} << 30)
      : dictionary_(std::make_shared<const sae>(std::move(dictionary))),
        encode_(*dictionary_),
        layout_(layout),
        reference_("reference", layout, dictionary_->d_sae),
        codes_(dictionary_->d_sae, bytes_in_memory) {
    if (paired) dense_.emplace(dictionary_->d_in, bytes_in_memory);
  }

  const sae& dictionary() const noexcept { return *dictionary_; }
  const any_encoder& encode() const noexcept { return encode_; }
  const token_layout& layout() const noexcept { return layout_; }
  const row_groups& groups() const noexcept { return reference_.groups; }
  const code_store& codes() const noexcept { return codes_; }
  code_store& codes() noexcept { return codes_; }
  const std::optional<row_store>& dense() const noexcept { return dense_; }
  std::optional<row_store>& dense() noexcept { return dense_; }
  /// What the reference's pass has left behind so far.
  const pass_record& reference() const noexcept { return reference_; }
  pass_record& reference() noexcept { return reference_; }

  /// Gathers from here on what features mean, too: then every block comes with its tokens, and `relate` before the
  /// compressed sides.
  void gather_meanings() { reference_.meaning.emplace().side = side_meanings(dictionary_->d_sae); }
  /// Which features are alike, as the reference has them.
  void relate(feature_relations relations) {
    relations_ = std::make_shared<const feature_relations>(std::move(relations));
  }
  /// Those; nullptr where nobody asks what features mean.
  const feature_relations* relations() const noexcept { return relations_.get(); }
  /// Says which features are near-duplicates, where nothing else of what they mean is asked for.
  void group_families(std::vector<std::uint32_t> family_of) { families_ = std::move(family_of); }
  /// Each feature's family by its least member; empty where nobody asked.
  std::span<const std::uint32_t> families() const noexcept {
    return relations_ ? relations_->families() : std::span<const std::uint32_t>(families_);
  }

  /// The reference's activations on the next block's rows, all positions: (rows x row_tokens, d_in).  `ids`: the
  /// block's tokens, (rows, row_tokens), where meanings are gathered.
  void add_reference(matrix_view<const float> x, matrix_view<const std::uint32_t> ids = {}) {
    const reference_block seen = pass_reference(x, ids);
    codes_.append(seen.codes);
    if (dense_) dense_->append(seen.kept.view());
  }

  /// The same, for sides that are given the block at once: it is counted and not kept.
  reference_block pass_reference(matrix_view<const float> x, matrix_view<const std::uint32_t> ids = {}) {
    check_block(blocks_, x);
    kept_activations kept(x, layout_);
    sparse_codes codes = encode_(kept.view());
    describe(reference_.side, kept.view(), codes, blocks_);
    add_left_out(reference_.side, x, blocks_);
    reference_.table(codes, codes, groups_of(blocks_));
    if (reference_.meaning) add_meanings(reference_.meaning->side, codes, ids, blocks_);
    ++blocks_;
    return {std::move(kept), std::move(codes)};
  }

  /// Goes on from a record that ends behind `blocks` blocks; codes and activations that were kept of them are restored
  /// by themselves.
  void resume_reference(pass_record record, std::size_t blocks) {
    reference_ = std::move(record);
    blocks_ = blocks;
  }

  /// The record of all rows, once those of all processes that share them are merged.
  void complete_reference(pass_record whole) { reference_ = std::move(whole); }

  /// The record of a compressed model's pass that has seen nothing yet.
  pass_record begin(std::string name) const { return {std::move(name), layout_, dictionary_->d_sae}; }

  /// Ends the reference's pass.  An SAE that explains less than the mean of the activations does (FVU > 1) belongs to
  /// another model, layer or processing, and nothing that is computed through it means anything: throws, unless
  /// `allow_bad_sae`.
  const pass_record& end_reference(bool allow_bad_sae = false) const {
    require(reference_.complete(), "the reference's activations end before the last block of rows");
    const double fvu = reference_.side.fit().fvu;
    if (!allow_bad_sae && !(fvu <= 1.0))
      fail("the SAE does not fit the reference's activations: FVU " + std::to_string(fvu) +
           ", expected at most 1; is this its model, its hook and its processing (--allow-bad-sae goes on)?");
    return reference_;
  }

  /// The group of each kept token of a block, and of each row.
  std::vector<std::uint32_t> groups_of(std::size_t block) const {
    const std::size_t first = layout_.first_row(block);
    return groups().of_tokens(first, layout_.last_row(block) - first, layout_.kept_per_row());
  }
  std::vector<std::uint32_t> row_groups_of(std::size_t block) const {
    const std::size_t first = layout_.first_row(block);
    return groups().of_rows(first, layout_.last_row(block) - first);
  }

  /// Adds to a side what the codes of a block's kept activations say of them.
  void describe(side_record& side, matrix_view<const float> kept, const sparse_codes& codes, std::size_t block) const {
    activations decoded;
    decoded.resize(kept.rows(), kept.columns());
    encode_.decode(*dictionary_, codes, frames_of(*dictionary_, kept), decoded.view());
    side(kept, std::as_const(decoded).view(), codes, row_groups_of(block));
  }

  /// Adds to a side what is known of position 0 of a block's rows, all positions of which `x` has, where it is skipped.
  void add_left_out(side_record& side, matrix_view<const float> x, std::size_t block) const {
    if (layout_.skip_positions == 0) return;
    const std::vector<std::uint32_t> groups = row_groups_of(block);
    for (std::size_t r = 0; r < groups.size(); ++r)
      side.left_out(x.rows_between(r * layout_.row_tokens, r * layout_.row_tokens + 1),
                    std::span(groups).subspan(r, 1));
  }

  /// Adds to a side's meanings the codes of a block's kept tokens.  Throws where `ids` are not the block's whole rows.
  void add_meanings(side_meanings& side, const sparse_codes& codes, matrix_view<const std::uint32_t> ids,
                    std::size_t block) const {
    const std::vector<std::uint32_t> groups = row_groups_of(block);
    require(ids.rows() == groups.size() && ids.columns() == layout_.row_tokens,
            "what features mean is gathered from activations together with their tokens");
    side(codes, {ids, layout_.first_row(block), layout_.skip_positions, groups});
  }

  /// Throws where there is no such block, and where x is not (the tokens of its rows, d_in).
  void check_block(std::size_t block, matrix_view<const float> x) const {
    require(block < layout_.blocks(), "there are more blocks of activations than rows were announced");
    const std::size_t tokens = (layout_.last_row(block) - layout_.first_row(block)) * layout_.row_tokens;
    if (x.rows() != tokens || x.columns() != dictionary_->d_in)
      fail("block " + std::to_string(block) + " of activations is " + std::to_string(x.rows()) + " x " +
           std::to_string(x.columns()) + ", expected " + std::to_string(tokens) + " x " +
           std::to_string(dictionary_->d_in));
  }

 private:
  std::shared_ptr<const sae> dictionary_;
  any_encoder encode_;
  token_layout layout_;
  pass_record reference_;
  std::size_t blocks_ = 0;  // of the reference, so far
  code_store codes_;
  std::optional<row_store> dense_;
  std::shared_ptr<const feature_relations> relations_;
  std::vector<std::uint32_t> families_;  // where there are no relations
};

/// One compressed model's side, against a reference that has been seen to its end, or is seen block by block with it.
class compressed_side {
 public:
  explicit compressed_side(const feature_audit& audit, std::string name = {})
      : compressed_side(audit, audit.begin(std::move(name))) {}
  /// Goes on from a record that ends behind `blocks` blocks; behind none, it says what is known of a condition before.
  compressed_side(const feature_audit& audit, pass_record record, std::size_t blocks = 0)
      : audit_(&audit), record_(std::move(record)), block_(blocks) {
    if (blocks > 0) return;
    record_.pair.emplace();
    record_.cosines = row_cosines(audit.layout().rows);
    if (audit.dense()) record_.shift.emplace(audit.dictionary().d_sae, audit.groups().groups());
    if (audit.relations() != nullptr)
      record_.meaning =
          meaning_record{side_meanings(audit.dictionary().d_sae), moved_firings(audit.groups(), *audit.relations())};
  }

  /// Its activations on the next block's rows, all positions, and the block's tokens where meanings are gathered.
  void add(matrix_view<const float> x, matrix_view<const std::uint32_t> ids = {}) {
    audit_->check_block(block_, x);
    if (!audit_->dense()) return add(x, audit_->codes()[block_], {}, ids);
    const activations reference = (*audit_->dense())[block_];
    add(x, audit_->codes()[block_], reference.view(), ids);
  }
  /// The same beside the reference's block, of which an audit that goes over all sides at once keeps nothing.
  void add(matrix_view<const float> x, const reference_block& reference) {
    audit_->check_block(block_, x);
    add(x, reference.codes, reference.kept.view(), {});
  }

  /// The last block's kept tokens, where the record is to have the damage of tokens; without losses so far.
  const std::vector<token_damage>& measured_tokens() const noexcept { return measured_; }

  /// What the pass has left behind so far.
  const pass_record& record() const& noexcept { return record_; }
  pass_record& record() & noexcept { return record_; }
  pass_record record() && { return std::move(record_); }

 private:
  void add(matrix_view<const float> x, const sparse_codes& reference, matrix_view<const float> dense,
           matrix_view<const std::uint32_t> ids) {
    const kept_activations kept(x, audit_->layout());
    const sparse_codes codes = audit_->encode()(kept.view());
    const std::vector<std::uint32_t> rows = audit_->row_groups_of(block_);
    audit_->describe(record_.side, kept.view(), codes, block_);
    audit_->add_left_out(record_.side, x, block_);
    record_.table(reference, codes, audit_->groups_of(block_));
    (*record_.pair)(reference, codes, rows.size());
    record_.cosines(reference, codes, audit_->layout().first_row(block_), rows.size());
    if (record_.tokens) measured_ = measure_tokens(reference, codes, dense, kept.view());
    if (record_.shift) (*record_.shift)(audit_->dictionary(), {dense, &reference}, {kept.view(), &codes}, rows);
    if (record_.meaning) {
      audit_->add_meanings(record_.meaning->side, codes, ids, block_);
      (*record_.meaning->pair)(reference, codes, *audit_->relations(), rows);
    }
    ++block_;
  }

  const feature_audit* audit_;
  pass_record record_;
  std::size_t block_;
  std::vector<token_damage> measured_;
};

}  // namespace qfa

#endif
