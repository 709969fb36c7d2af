// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_EXAMPLES_QFA_TEXT_INPUT_HPP
#define QFA_EXAMPLES_QFA_TEXT_INPUT_HPP

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "qfa/audit/result.hpp"
#include "qfa/model/config.hpp"
#include "qfa/model/tokens.hpp"

namespace qfa_program {

/// What the options say that make tokens of text.
struct text_arguments {
  std::vector<std::string> files;
  std::vector<std::string> calibration;  ///< text in place of --calibration's tokens, cut and separated in the same way
  std::string documents = "files", separator, tokenizer, invalid = "refuse";

  /// The same for the text of the calibration.
  text_arguments of_calibration() const;
};

/// Declares --text and the options that belong to it, behind --tokens where the command has that.
void add_text_options(CLI::App& command, text_arguments& arguments);

/// Declares --calibration-text.
void add_calibration_text(CLI::App& command, text_arguments& arguments);

/// Refuses tokens and text for the same thing, and options of text without text.
void check_text_options(const CLI::App& command, const std::string& tokens, const std::string& calibration,
                        const text_arguments& text);

/// Refuses neither of --tokens and --text as well.
void check_token_source(const CLI::App& command, const std::string& tokens, const std::string& calibration,
                        const text_arguments& text);

/// The tokens of the text as one stream, and how they were made.
struct token_stream {
  std::vector<std::uint32_t> ids;
  std::vector<std::size_t> begins;  ///< where each document begins
  qfa::audited_text made;
  std::string where;  ///< for sentences
};

/// Makes tokens of the text, by the tokenizer that the arguments name or else the model's.  `vocabulary`: every token
/// must be below, 0 where that is not known; `bos`: as the model's configuration has it.
token_stream read_text_stream(const text_arguments& text, const std::filesystem::path& model, std::size_t vocabulary,
                              const std::optional<std::uint32_t>& bos);

/// A model's tokenizer for texts by themselves.
struct single_texts {
  std::string file, kind, checksum;  ///< of the tokenizer
  std::function<std::vector<std::uint32_t>(std::string_view)> encode{};
  std::function<std::string(std::span<const std::uint32_t>)> read{};  ///< in UTF-8, without blanks at its ends
  std::function<std::uint32_t(const std::string&)> token{};           ///< "bos", "eos", or a token by its text
  std::optional<std::uint32_t> bos{};                                 ///< where it is known
  std::function<std::vector<std::string>(std::string_view)> marks_read_as_text{};
};

/// Opens the tokenizer that the arguments name or else the model's; throws in a build without ICU.
single_texts open_single_texts(const text_arguments& text, const std::filesystem::path& model,
                               const std::optional<std::uint32_t>& bos);

/// Whether there is a tokenizer to open.
bool names_tokenizer(const text_arguments& text, const std::filesystem::path& model);

/// The lines of a file that hold more than blanks.  Throws where there is none, and for what is not UTF-8.
std::vector<std::string> read_lines(const std::string& file);

/// A command's rows: of the file of tokens, or of the text where none is named.
struct token_input {
  qfa::token_rows rows;
  std::optional<qfa::audited_text> text{};
  std::vector<std::string> files{};  ///< that were read
  std::string where{};               ///< for sentences
};
token_input read_token_input(const std::string& tokens, const text_arguments& text, const std::string& model,
                             const qfa::model_config& config, const qfa::token_options& options);

}  // namespace qfa_program

#endif
