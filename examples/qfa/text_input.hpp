// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_TEXT_INPUT_HPP
#define QFA_EXAMPLES_QFA_TEXT_INPUT_HPP

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "qfa/audit/result.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa_program {

/// What the options say that make tokens of text.
struct text_arguments {
  std::vector<std::string> files;
  std::string documents = "files", separator, tokenizer, invalid = "refuse";
};

/// Declares --text and the options that belong to it.
void add_text_options(CLI::App& command, text_arguments& arguments);

/// Refuses neither and both of --tokens and --text, and options of text without text.
void check_token_source(const CLI::App& command, const std::string& tokens, const text_arguments& text);

/// The tokens of the text as one stream, and how they were made.
struct token_stream {
  std::vector<std::uint32_t> ids;
  qfa::audited_text made;
  std::string where;  ///< for sentences
};

/// Makes tokens of the text, by the tokenizer that the arguments name or else the model's.  `vocabulary`: every token
/// must be below, 0 where that is not known; `bos`: as the model's configuration has it.
token_stream read_text_stream(const text_arguments& text, const std::filesystem::path& model, std::size_t vocabulary,
                              const std::optional<std::uint32_t>& bos);

/// A command's rows: of the file of tokens, or of the text where none is named.
struct token_input {
  qfa::token_rows rows;
  std::optional<qfa::audited_text> text{};
  std::vector<std::string> files{};  ///< that were read
};
token_input read_token_input(const std::string& tokens, const text_arguments& text, const std::string& model,
                             const qfa::model_config& config, const qfa::token_options& options);

}  // namespace qfa_program

#endif
