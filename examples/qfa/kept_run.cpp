// SPDX-License-Identifier: Apache-2.0
#include "kept_run.hpp"

#include <iostream>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "qfa/io/checksum.hpp"

namespace qfa_program {

void add_checkpoint_options(CLI::App& command, audit_arguments& arguments, const std::string& run,
                            const std::string& where, const std::string& written) {
  command.add_flag(
      "--resume", arguments.resume,
      "go on from what " + run + " that was interrupted has left in " + where + "; it ends with the same bytes");
  command.add_option("--checkpoint-seconds", arguments.checkpoint_seconds,
                     "keep the state of one process in " + where + ", until " + written +
                         " is written, at least every so often (30); 0: after every block of tokens, below 0: never");
}

qfa::audit_parts parts_of_weighting(const std::string& word, const qfa::chosen_weighting& weighting) {
  return {{"the weighting of features", word},
          {"the checksum of features that a file lists",
           qfa::hexadecimal(qfa::crc32(std::as_bytes(std::span(weighting.listed))))}};
}

void tell_of_checkpoint(const qfa::checkpoint_directory& kept, bool resume) {
  const std::string where = "\"" + kept.path().string() + "\"";
  const bool there = kept.holds_state();
  if (resume)
    std::cerr << (there ? "qfa: going on from " + where
                        : "qfa: there is no checkpoint in " + where + ", starting from the beginning")
              << "\n";
  else if (there)
    std::cerr << "qfa: starting from the beginning, without the checkpoint in " << where << "\n";
}

void remove_partial_files(const std::filesystem::path& file) {
  std::error_code ignored;
  const std::filesystem::path directory = file.has_parent_path() ? file.parent_path() : ".";
  std::vector<std::filesystem::path> left;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
    if (entry.path().filename().string().starts_with(file.filename().string() + ".partial-"))
      left.push_back(entry.path());
  for (const auto& partial : left)
    std::filesystem::remove(partial, ignored);
}

std::filesystem::file_time_type saved_at(const qfa::checkpoint_directory& kept) {
  std::error_code problem;  // where there is none the time is the least
  return std::filesystem::last_write_time(kept.state(), problem);
}

void give_up_checkpoint(const qfa::checkpoint_directory& kept, bool parent_was_there) {
  kept.remove();
  std::error_code ignored;
  if (!parent_was_there) std::filesystem::remove(kept.path().parent_path(), ignored);  // where it is empty
}

}  // namespace qfa_program
