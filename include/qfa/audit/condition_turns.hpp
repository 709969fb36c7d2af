// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_CONDITION_TURNS_HPP
#define QFA_AUDIT_CONDITION_TURNS_HPP

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/layout.hpp"
#include "qfa/audit/pass_record.hpp"
#include "qfa/audit/settings.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Refuses to keep the state of an audit on disk where several processes share it out: each would need the others to
/// have saved the same passes.
inline void require_one_process(const audit_options& options) {
  if (options.share.parts > 1 && !options.checkpoint.directory.empty())
    fail("the state of an audit that " + std::to_string(options.share.parts) +
         " processes share out cannot be kept on disk, expected one process or no checkpoint");
}

/// What of an audit's passes is this process's work, and the records of conditions that still wait for the others'.
///
/// Where processes share out the tokens, all work on every condition and complete it together.  Where they share out
/// the conditions, each takes its turn, and they complete a round of them when each has had one, so that none waits for
/// another's condition before it has run its own; a process holds one record at a time.
class condition_turns {
 public:
  explicit condition_turns(audit_share share) : share_(std::move(share)) {}

  /// The rows that this process runs models over.
  token_layout rows_of(const token_layout& whole) const { return by_tokens() ? share_of(whole, share_) : whole; }

  /// Of the reference, each process that shares out the conditions has the whole.
  void complete_reference(pass_record& record) const {
    if (by_tokens()) complete(record);
  }

  /// Whether this process is to run the condition of that number, from 0; or the next.
  bool mine(std::size_t turn) const noexcept { return by_tokens() || turn % share_.parts == share_.part; }
  bool mine() const noexcept { return mine(taken_); }

  /// Ends the next condition's turn: with what this process has of it, or nothing but what is known before it is run.
  /// Returns whether the round is over.
  bool take(pass_record record) {
    waiting_.push_back(std::move(record));
    ++taken_;
    return by_tokens() || taken_ % share_.parts == 0;
  }

  /// Completes the conditions that wait, in their order, and shows each.  All processes call it at the same place.
  template <class Show>
  void settle(Show show) {
    for (pass_record& record : std::exchange(waiting_, {})) {
      complete(record);
      show(std::as_const(record));
      record = {};
    }
  }

 private:
  bool by_tokens() const noexcept { return share_.by == audit_split::tokens; }
  void complete(pass_record& record) const {
    if (share_.complete) share_.complete(record);
  }

  audit_share share_;
  std::size_t taken_ = 0;
  std::vector<pass_record> waiting_;
};

}  // namespace qfa

#endif
