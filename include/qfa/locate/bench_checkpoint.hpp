// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_BENCH_CHECKPOINT_HPP
#define QFA_LOCATE_BENCH_CHECKPOINT_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/checkpoint_directory.hpp"
#include "qfa/audit/feature_audit.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/locate/branch_record.hpp"
#include "qfa/locate/branches.hpp"
#include "qfa/locate/unit_effect.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa {

/// The state on disk of one or several benches (locate/unit_bench.hpp), one after the other: the effects of each
/// finished call of unit_bench::effects_of, and the records of the call that is under way, with how many blocks of rows
/// they have seen.  Calls follow from what a run is made of, so that a resumed run makes the same ones in the same
/// order, and those that are finished pass over no rows.  A bench's pass of the reference, what policies learn and the
/// passes that decide about groups of rows (locate/lengthen_groups.hpp) are done again.
///
/// Files of the directory, all archives with a checksum, written under another name and renamed:
///   qfa-bench-state       what belongs together: the parts, checksums of the calls' files, the running records
///   qfa-bench-call-0...   the effects of a finished call each, written once: 8 (3 + 2 groups) bytes for each feature
///                         and model that reaches the hook
/// Whenever a process is killed, the last state that was renamed into place finds all that it speaks of.
class bench_checkpoint {
 public:
  /// Keeps nothing, and has nothing.
  bench_checkpoint() = default;

  /// Takes up what the directory holds, if it is asked to, or forgets it.  `options.made_of` is whatever decides which
  /// calls there are and what they measure, beside what a bench knows of itself: policies, units, targets, rows that
  /// policies learn from.  Throws where the state is damaged or of a run made of other parts.
  explicit bench_checkpoint(const checkpoint_options& options)
      : files_(options.directory, "bench"), clock_(options.seconds), made_of_(options.made_of) {
    files_.take_up(options.resume, state_kind, version, [&](archive_reader& in) {
      audit_parts found;
      in(found);
      check_same(found, made_of_);
      in(benches_, finished_, running_call_, running_, blocks_);
    });
    on_disk_ = finished_.size();
  }

  /// Whether it was made to keep anything.
  bool keeps() const noexcept { return files_.keeps(); }
  const checkpoint_directory& files() const noexcept { return files_; }

  /// Another bench begins, made of these parts.  Throws where the run that is taken up had one of others.
  void enter(const audit_parts& bench) {
    if (entered_ < benches_.size()) check_same(benches_[entered_], bench);
    if (entered_++ == benches_.size()) benches_.push_back(bench);
  }

  /// A call begins, of this description.  Its effects, if it is finished already; throws where their file is damaged or
  /// of another call.
  std::optional<std::vector<unit_effect>> finished(const std::string& call) {
    const std::size_t number = begun_++;
    if (number >= on_disk_) return std::nullopt;
    const std::string where = "the checkpoint " + in_quotes(path_of(number));
    const file_bytes file(path_of(number), file_access::read);
    auto [found, effects] = effects_from(file.bytes(), where);
    if (checksum_of_archive(file.bytes()) != finished_[number])
      fail(where + " is not the one that was saved: it has another checksum");
    check_same({{part_of_call(number), found}}, {{part_of_call(number), call}});
    return std::move(effects);
  }

  /// A call's description and its effects, from the bytes of its file.  Throws where they are damaged.
  static std::pair<std::string, std::vector<unit_effect>> effects_from(std::span<const std::byte> bytes,
                                                                       const std::string& where) {
    archive_reader in(bytes, call_kind, version, where);
    std::pair<std::string, std::vector<unit_effect>> out;
    in(out.first);
    archive_effects(out.second, in);
    in.finish();
    return out;
  }

  /// Puts in place of the records of the call that has begun those that were saved of it, if it was under way.  Returns
  /// the first block that they have not seen.  Throws where they are of another call, or of another number of branches.
  std::size_t restore(const std::string& call, std::vector<branch_record>& records) {
    if (running_.empty()) return 0;
    check_same({{part_of_call(begun_ - 1), running_call_}}, {{part_of_call(begun_ - 1), call}});
    require(running_.size() == records.size(),
            "a checkpoint holds a record of each branch of a call, and of its trunk");
    records = std::exchange(running_, {});
    return std::exchange(blocks_, 0);
  }

  /// Saves, if it is time to, the records of the call that has begun, which have seen `blocks` blocks.  Throws where a
  /// file cannot be written.
  void offer(const std::string& call, std::span<const branch_record> records, std::size_t blocks) {
    if (keeps() && clock_.due()) save([] {}, call, records, blocks);
  }

  /// The call that has begun has ended.  Until a saving is due its effects wait in memory, if they are not too many, so
  /// that short runs write nothing.  Throws where a file cannot be written.
  void finish(const std::string& call, const std::vector<unit_effect>& effects) {
    if (!keeps()) return;
    const auto fill = [&](archive_writer& out) {
      out(call);
      archive_effects(effects, out);
    };
    if (!clock_.due() && bytes_waiting_ + bytes_of(effects) <= most_waiting) {
      archive_writer out(call_kind, version);
      fill(out);
      waiting_.push_back(std::move(out).finish());
      bytes_waiting_ += waiting_.back().size();
      finished_.push_back(checksum_of_archive(waiting_.back()));
      return;
    }
    const auto write_call = [&] {
      finished_.push_back(write_archive_file(path_of(on_disk_), call_kind, version, fill));
      ++on_disk_;
    };
    save(write_call, "", {}, 0);
  }

 private:
  static constexpr std::string_view state_kind = "state of a bench", call_kind = "effects of a bench";
  static constexpr std::uint32_t version = 1;
  static constexpr std::size_t most_waiting = std::size_t{1} << 26U;  // bytes

  std::filesystem::path path_of(std::size_t call) const { return files_.file("call-" + std::to_string(call)); }
  static std::string part_of_call(std::size_t call) { return "call " + std::to_string(call + 1) + " of its benches"; }
  void check_same(const audit_parts& there, const audit_parts& here) const {
    check_same_parts(there, here, files_.path(), "run");
  }

  /// Of a call, the trunk's last.  Models that do not reach the hook have the trunk's noise, which stands there once.
  template <class Effects, class Archive>
  static void archive_effects(Effects& effects, Archive& archive) {
    std::vector<std::uint8_t> reaches;  // the hook, of each
    for (const unit_effect& effect : effects)
      reaches.push_back(effect.reaches_hook ? 1 : 0);
    archive(reaches);
    if constexpr (Archive::reads) effects.resize(reaches.size());
    for (std::size_t i = 0; i < effects.size(); ++i) {
      archive(effects[i].losses, effects[i].fvu);
      if (reaches[i] != 0) archive(effects[i].noise);
    }
    if constexpr (Archive::reads)
      for (std::size_t i = 0; i < effects.size(); ++i) {
        effects[i].reaches_hook = reaches[i] != 0;
        if (reaches[i] == 0) effects[i].noise = effects.back().noise;
      }
  }
  static std::size_t bytes_of(std::span<const unit_effect> effects) {
    std::size_t numbers = 0;
    for (const unit_effect& effect : effects)
      if (effect.reaches_hook)
        numbers += effect.noise.features() * (3 + effect.noise.groups + effect.noise.half_groups());
    return numbers * sizeof(double);
  }

  /// Calls that wait come first, then what `before` writes, and at last the state that speaks of them.
  template <class Before>
  void save(Before before, const std::string& call, std::span<const branch_record> records, std::size_t blocks) {
    clock_([&] {
      files_.make();
      for (const std::vector<std::byte>& bytes : waiting_)
        write_whole_file(path_of(on_disk_++), bytes);
      waiting_.clear();
      bytes_waiting_ = 0;
      before();
      write_archive_file(files_.state(), state_kind, version, [&](archive_writer& out) {
        out(made_of_, benches_, finished_, call, static_cast<std::uint64_t>(records.size()));
        for (const branch_record& record : records)
          out(record);
        out(blocks);
      });
    });
  }

  checkpoint_directory files_;
  saving_clock clock_;
  audit_parts made_of_;
  std::vector<audit_parts> benches_;
  std::size_t entered_ = 0;                      // of them, by this process
  std::vector<std::uint32_t> finished_;          // checksums of finished calls
  std::size_t begun_ = 0;                        // calls, by this process
  std::size_t on_disk_ = 0;                      // of the finished ones
  std::vector<std::vector<std::byte>> waiting_;  // the bytes of the others
  std::size_t bytes_waiting_ = 0;
  std::string running_call_;            // as it was found
  std::vector<branch_record> running_;  // its records
  std::size_t blocks_ = 0;              // that they have seen
};

/// What a bench is made of: what decides its calls and their numbers, beside what is compressed and how.  `options` are
/// bench_options (locate/unit_bench.hpp).  Throws where several ranks share the rows: no checkpoint is kept of those.
template <class Options>
audit_parts parts_of_bench(const feature_audit& reference, const language_model& model, const token_rows& tokens,
                           const audit_settings& settings, const Options& options) {
  require(options.ranks.alone(), "a bench whose rows are shared among ranks keeps no checkpoint");
  const audit_options as_audit{.fused = options.fused, .losses = options.losses};
  audit_parts out =
      parts_of_audit(reference.dictionary(), reference.layout(), settings, as_audit, reference.encode().runs_on().fma);
  for (auto& part : parts_of_model_audit(model, tokens, settings, as_audit))
    out.push_back(std::move(part));
  out.emplace_back("the protocol", std::string(settings.rules.name));
  out.emplace_back("the SAE's fit of each model", options.fits ? "measured" : "not measured");
  out.emplace_back("the memory for models at a time", std::to_string(options.memory));
  return out;
}

/// One call of a bench, of which a checkpoint may keep the state; there need not be one.
class kept_call {
 public:
  /// Of these branches, with losses or without, concluded by so many groups of rows.
  kept_call(bench_checkpoint* kept, std::string_view stage, std::span<const branch> branches, bool losses,
            std::size_t groups)
      : kept_(kept != nullptr && kept->keeps() ? kept : nullptr) {
    if (kept_ == nullptr) return;
    call_ = std::string(stage) + ", by " + std::to_string(groups) + " groups" +
            (losses ? ", with losses, branches" : ", without losses, branches");
    for (const branch& b : branches)
      call_ += " " + std::to_string(b.trunk) + ":" + (b.layer ? std::to_string(*b.layer) : "embedding") +
               (b.hook ? "h" : "") + (b.end ? "e" : "");
  }

  /// What `bench_checkpoint` does under these names for this call, and as it throws; without one nothing is finished or
  /// saved, and a call begins at block 0.
  std::optional<std::vector<unit_effect>> finished() const {
    return kept_ == nullptr ? std::nullopt : kept_->finished(call_);
  }
  std::size_t restore(std::vector<branch_record>& records) const {
    return kept_ == nullptr ? 0 : kept_->restore(call_, records);
  }
  void offer(std::span<const branch_record> records, std::size_t blocks) const {
    if (kept_ != nullptr) kept_->offer(call_, records, blocks);
  }
  void finish(const std::vector<unit_effect>& effects) const {
    if (kept_ != nullptr) kept_->finish(call_, effects);
  }

 private:
  bench_checkpoint* kept_;
  std::string call_;
};

}  // namespace qfa

#endif
