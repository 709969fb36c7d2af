// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_OUTPUT_PATHS_HPP
#define QFA_EXAMPLES_QFA_OUTPUT_PATHS_HPP

#include <filesystem>

namespace qfa_program {

/// Throws unless a report can be written to `directory`: it is there or can be made, and may be written to.  What takes
/// hours should not find that out at its end.
void check_output_directory(const std::filesystem::path& directory);

/// The same of one file.
void check_output_file(const std::filesystem::path& file);

/// Makes the directory, unless it is there; says whether it was made.  Throws where that is not possible.
bool make_output_directory(const std::filesystem::path& directory);

}  // namespace qfa_program

#endif
