// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_AUDIT_RUN_HPP
#define QFA_EXAMPLES_QFA_AUDIT_RUN_HPP

#include <cstddef>
#include <filesystem>
#include <string>

#include "audit_options_cli.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/language_model.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa_program {

/// Notes a file, or every weight and configuration file of a directory, with its checksum and what it is: "model",
/// "sae", "tokens", "calibration", "compressed model", "activations" or "compressed activations".
void add_inputs(qfa::audit_protocol& made, const std::filesystem::path& path, const std::string& role);

struct split_tokens {
  qfa::token_rows reported, matching, calibration;
  std::size_t first_calibration_row = 0;  ///< in the file
};

/// The reported rows, and others for matching and for calibration, `wanted` of each: those behind the reported ones, or
/// else the last of them, which are then not reported.  Matching and calibration share no row: what was calibrated on
/// the rows where it is matched looks better there than it is.
split_tokens split(qfa::token_rows all, std::size_t max_tokens, std::size_t matching_wanted,
                   std::size_t calibration_wanted);

/// Whether rows lack the BOS that the model wants (model/tokenizer_files.hpp).  Where none does, the model's tokenizer,
/// of megabytes, is not read.
bool expects_bos_before(const qfa::token_rows& rows, const std::filesystem::path& directory,
                        const qfa::model_config& config);

/// How the weights are stored: what packed them, or their type as config.json names it (transformers 5: `dtype`).
std::string stored_dtype(const std::filesystem::path& directory, const qfa::language_model& model);

/// Audits a model directory as the arguments say, and runs the controls that they ask for.
finished_audit run_on_model(const audit_arguments& arguments);

}  // namespace qfa_program

#endif
