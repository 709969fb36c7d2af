// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_COMMANDS_HPP
#define QFA_EXAMPLES_QFA_COMMANDS_HPP

#include <CLI/CLI.hpp>

namespace qfa_program {

/// Each adds one subcommand to the program; its work runs when the command line has been parsed, and throws
/// `qfa::error` where the input is at fault.
void add_demo(CLI::App& app);
void add_audit(CLI::App& app);
void add_align(CLI::App& app);
void add_activations(CLI::App& app);
void add_compare(CLI::App& app);
void add_compress(CLI::App& app);
void add_allocate(CLI::App& app);
void add_law(CLI::App& app);
void add_predict(CLI::App& app);
void add_render(CLI::App& app);
void add_list(CLI::App& app);
void add_locate(CLI::App& app);
void add_tokens(CLI::App& app);

}  // namespace qfa_program

#endif
