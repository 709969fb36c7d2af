// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_AUDIT_RUN_HPP
#define QFA_EXAMPLES_QFA_AUDIT_RUN_HPP

#include <filesystem>

#include "audit_options_cli.hpp"
#include "qfa/audit/result.hpp"

namespace qfa_program {

/// Notes a file, or every weight and configuration file of a directory, with its checksum.
void add_inputs(qfa::audit_protocol& made, const std::filesystem::path& path);

/// Audits a model directory as the arguments say, and runs the controls that they ask for.
finished_audit run_on_model(const audit_arguments& arguments);

}  // namespace qfa_program

#endif
