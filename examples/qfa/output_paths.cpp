// SPDX-License-Identifier: Apache-2.0
#include "output_paths.hpp"

#include <string>
#include <system_error>

#include <unistd.h>

#include "qfa/core/error.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa_program {
namespace {

[[noreturn]] void cannot(const std::filesystem::path& path, const std::string& why) {
  qfa::fail("--out " + qfa::in_quotes(path) + " cannot be made: " + why);
}

void check_parent(const std::filesystem::path& path) {
  const auto parent = std::filesystem::absolute(path).lexically_normal().parent_path();
  std::error_code problem;
  if (!std::filesystem::is_directory(parent, problem)) cannot(path, qfa::in_quotes(parent) + " is not a directory");
  if (::access(parent.c_str(), W_OK | X_OK) != 0) cannot(path, qfa::in_quotes(parent) + " may not be written to");
}

/// Whether there is something; throws where not even that can be said, of a name too long for instance.
bool is_there(const std::filesystem::path& path) {
  std::error_code problem;
  const std::filesystem::file_status status = std::filesystem::status(path, problem);
  if (status.type() == std::filesystem::file_type::none && problem) cannot(path, problem.message());
  return std::filesystem::exists(status);
}

}  // namespace

void check_output_directory(const std::filesystem::path& directory) {
  if (!is_there(directory)) return check_parent(directory);
  std::error_code problem;
  if (!std::filesystem::is_directory(directory, problem))
    qfa::fail("--out " + qfa::in_quotes(directory) + " is a file, expected a directory");
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    qfa::fail("--out " + qfa::in_quotes(directory) + " may not be written to");
}

void check_output_file(const std::filesystem::path& file) {
  std::error_code problem;
  if (is_there(file) && std::filesystem::is_directory(file, problem))
    qfa::fail("--out " + qfa::in_quotes(file) + " is a directory, expected a file");
  qfa::require_replaceable(file);
  check_parent(file);
}

bool make_output_directory(const std::filesystem::path& directory) {
  std::error_code problem;
  const bool made = std::filesystem::create_directory(directory, problem);
  if (problem) cannot(directory, problem.message());
  return made;
}

}  // namespace qfa_program
