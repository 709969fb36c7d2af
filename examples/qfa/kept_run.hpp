// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_KEPT_RUN_HPP
#define QFA_EXAMPLES_QFA_KEPT_RUN_HPP

#include <filesystem>
#include <string>

#include "audit_options_cli.hpp"
#include "progress_line.hpp"
#include "qfa/audit/audit_parts.hpp"
#include "qfa/audit/checkpoint_directory.hpp"
#include "qfa/core/error.hpp"
#include "qfa/locate/feature_weights.hpp"

namespace qfa_program {

/// Declares --resume and --checkpoint-seconds of a run ("an audit"), whose state lies in `where` ("OUT/resume") until
/// what it writes ("the report") is written.
void add_checkpoint_options(CLI::App& command, audit_arguments& arguments, const std::string& run,
                            const std::string& where, const std::string& written);

/// What decides which features count, as a checkpoint lists it: the option's word, and the features of a file.
qfa::audit_parts parts_of_weighting(const std::string& word, const qfa::chosen_weighting& weighting);

/// Says on standard error from where a run goes on, or that an earlier one's checkpoint is given up.
void tell_of_checkpoint(const qfa::checkpoint_directory& kept, bool resume);

/// Removes what writers of a file that were killed have left beside it.
void remove_partial_files(const std::filesystem::path& file);

/// Removes a checkpoint that nothing can go on from, and the directory that it lies in where the run made that.
void give_up_checkpoint(const qfa::checkpoint_directory& kept, bool parent_was_there);

/// When its state was saved last; the least time where there is none.
std::filesystem::file_time_type saved_at(const qfa::checkpoint_directory& kept);

/// Calls run(), which keeps its state there, and returns what it does.  Where it throws, nothing is left behind but a
/// state to go on from: a disk that was full may have room the next time.  An interruption and an error of this library
/// say so of a state that this run saved.  `written`: "report", of which an interruption says that none is written.
template <class Run>
auto run_kept(const qfa::checkpoint_directory& kept, bool resume, const std::string& written, Run run) {
  tell_of_checkpoint(kept, resume);
  const bool parent_was_there = qfa::path_exists(kept.path().parent_path());
  const auto before = saved_at(kept);
  try {
    return run();
  } catch (const interruption&) {
    if (kept.holds_state() && (resume || saved_at(kept) != before))
      throw interruption("interrupted, no " + written +
                         " is written; the same command with --resume goes on from what is kept in " +
                         kept.path().string());
    if (!kept.holds_state()) give_up_checkpoint(kept, parent_was_there);
    throw;
  } catch (const qfa::error& problem) {
    if (kept.holds_state() && saved_at(kept) != before)
      qfa::fail(std::string(problem.what()) + "; what was finished is kept in " + kept.path().string() +
                ", from which --resume goes on");
    if (!kept.holds_state()) give_up_checkpoint(kept, parent_was_there);
    throw;
  } catch (...) {
    if (!kept.holds_state()) give_up_checkpoint(kept, parent_was_there);
    throw;
  }
}

}  // namespace qfa_program

#endif
